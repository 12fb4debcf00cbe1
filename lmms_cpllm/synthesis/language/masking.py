"""How light, texture, motion and subject of a scene hide a distortion or bring it out.

Sources: Girod, "What's wrong with mean-squared error?" (1993) and Wang et al., "Image quality assessment: from error
visibility to structural similarity" (2004) on masking by texture; Yuen and Wu, "A survey of hybrid MC/DPCM/DCT video
coding distortions" (1998) on where artifacts of codecs show; Huynh-Thu and Ghanbari, "Temporal aspect of perceived quality
in mobile video broadcasting" (2008) on lost frames in fast and slow motion.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lmms_cpllm.synthesis.facts import Facts
from lmms_cpllm.synthesis.language.findings import Finding
from lmms_cpllm.synthesis.language.wording import capital, name_of


@dataclass(frozen=True)
class _Rule:
    """What is said of a finding of these kinds where the scene is so."""

    kinds: frozenset[str]
    applies: Callable[[Facts, Finding], bool]
    texts: tuple[str, ...]
    """{the}: "the blur", {it}, {is}, {s}: the endings of a singular or plural"""


def _rule(kinds: str, applies: Callable[[Facts, Finding], bool], *texts: str) -> _Rule:
    return _Rule(frozenset(kinds.split(", ")), applies, texts)


# From this ACR on a distortion may escape the eye, or leave the picture readable.
_MILD = 3.0
_RULES = (
    _rule(
        "noise, banding, compression, pixelation",
        lambda facts, _: facts.texture == "flat",
        "There is little texture to hide {the}.",
        "{The} show{s} most in the smooth areas.",
        "Smooth areas make {the} easy to see.",
        "Because much of the picture is smooth, nothing hides {the}.",
    ),
    _rule(
        "noise, compression, banding",
        lambda facts, _: facts.texture == "busy",
        "Busy texture masks part of {the}.",
        "Part of {the} {is} hidden by the fine texture.",
        "The fine detail of the scene makes {the} harder to see.",
        "Because the scene is so busy, {the} disturb{s} less.",
    ),
    _rule(
        "compression",
        lambda facts, _: facts.texture == "busy" and facts.motion in ("moderate", "fast"),
        "Moving fine detail is hard to encode, which adds to {the}.",
        "A busy scene in motion needs many bits, hence {the}.",
    ),
    _rule(
        "blur, motion blur, smearing, low resolution",
        lambda facts, _: facts.texture == "busy",
        "A scene so full of detail suffers much from {the}.",
        "The fine texture of the scene suffers most.",
        "With so much fine detail, {the} cost{s} more than usual.",
    ),
    _rule(
        "blur, smearing, low resolution",
        lambda facts, _: facts.texture == "flat",
        "The scene has little fine detail to lose.",
        "As there is little texture, {the} cost{s} less than usual.",
    ),
    _rule(
        "noise",
        lambda facts, _: facts.light == "dark",
        "{The} show{s} more than usual in the dark.",
        "Dark scenes bring out {the}.",
        "As the scene is dark, {the} {is} strong against the weak light.",
    ),
    _rule(
        "compression, banding",
        lambda facts, _: facts.light == "dark" and facts.texture != "busy",
        "{The} show{s} most in the dark areas.",
        "The dark areas make {the} easier to see.",
    ),
    _rule(
        "underexposure",
        lambda facts, _: facts.light == "dark",
        "The scene is dark by itself, so the shadows lose most.",
        "In a scene so dark, {the} hide{s} much.",
    ),
    _rule(
        "underexposure",
        lambda facts, one: facts.light == "bright" and one.acr >= _MILD,
        "The bright scene keeps most shadows readable.",
    ),
    _rule(
        "overexposure",
        lambda facts, _: facts.light == "bright",
        "The scene is bright by itself, so the brightest parts lose most.",
        "In a scene so bright, {the} cost{s} much detail.",
    ),
    _rule(
        "noise",
        lambda facts, _: facts.light == "bright",
        "The bright parts hide some of {the}.",
        "In bright light {the} {is} less visible.",
    ),
    _rule(
        "blur, compression, low resolution, smearing, pixelation",
        lambda facts, _: facts.motion == "fast",
        "Fast motion hides part of {the}.",
        "The eye cannot follow the fast motion, which hides part of {the}.",
    ),
    _rule(
        "blur, low resolution, smearing, pixelation, compression, banding",
        lambda facts, one: facts.motion == "still" and one.acr >= _MILD,
        "In a still scene the eye has time to find {the}.",
    ),
    _rule(
        "motion blur",
        lambda facts, _: facts.motion == "fast",
        "In fast motion some of {the} looks natural.",
    ),
    _rule(
        "motion blur",
        lambda facts, _: facts.motion == "still",
        "As nothing moves, {the} {is} easy to see.",
    ),
    _rule(
        "stutter, freezing, interlacing",
        lambda facts, _: facts.motion == "fast",
        "Fast motion makes {the} easy to see.",
        "The faster the motion, the more {the} disturb{s}.",
    ),
    _rule(
        "stutter, freezing, interlacing",
        lambda facts, _: facts.motion == "moderate",
        "The motion is fast enough to show {the}.",
    ),
    _rule(
        "stutter, freezing",
        lambda facts, _: facts.motion == "still",
        "With so little motion, {the} {is} hard to notice.",
        "In a still scene {the} disturb{s} less.",
    ),
    _rule(
        "stutter, freezing, interlacing",
        lambda facts, _: facts.motion == "slow",
        "The slow motion makes {the} less disturbing.",
        "As the motion is slow, {the} {is} less visible.",
    ),
    _rule(
        "transmission errors",
        lambda facts, _: facts.motion in ("moderate", "fast"),
        "Motion carries {the} from frame to frame.",
        "Motion makes {the} harder to conceal.",
    ),
    _rule(
        "transmission errors",
        lambda facts, _: facts.motion == "still",
        "In a still scene the decoder can hide part of {the}.",
    ),
    _rule(
        "camera shake",
        lambda facts, _: facts.motion == "still",
        "Nothing else moves, so {the} {is} easy to see.",
        "The scene is still, and {the} draw{s} the eye.",
    ),
    _rule(
        "noise",
        lambda facts, _: facts.motion == "still",
        "In a still scene the flicker of {the} draws the eye.",
    ),
    _rule(
        "colour cast, unnatural colours",
        lambda facts, _: facts.subject in _FAMILIAR,
        "The eye knows the colours of {familiar} well, so {the} {is} easy to notice.",
        "On {familiar}, {the} {is} easy to notice.",
    ),
    _rule(
        "pixelation, interlacing, oversharpening, camera shake",
        lambda facts, _: facts.subject in ("buildings", "vehicles", "rooms"),
        "Straight edges make {the} easy to see.",
    ),
)
# Memory colours: what everybody knows the right colour of.
_FAMILIAR = {"people": "skin", "plants": "plants", "food": "food"}


def scene_effects(facts: Facts, found: tuple[Finding, ...]) -> list[tuple[str, ...]]:
    """What the scene does to the two worst findings: one tuple of wordings for each effect."""
    return [
        tuple(about(one.kind, text, facts.subject) for text in rule.texts)
        for one in found[:2]
        for rule in _RULES
        if one.kind in rule.kinds and rule.applies(facts, one)
    ]


def about(kind: str, text: str, subject: str = "") -> str:
    """A text with the words for a kind put in."""
    name, plural = name_of(kind)
    return text.format(
        the=f"the {name}",
        The=capital(f"the {name}"),
        it="them" if plural else "it",
        familiar=_FAMILIAR.get(subject, ""),
        s="" if plural else "s",
        **{"is": "are" if plural else "is"},
    )
