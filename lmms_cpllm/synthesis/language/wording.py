"""The words for findings: nouns and clauses of every family of distortion, with strength, place and time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lmms_cpllm.synthesis.language.findings import SEVERITIES, Finding

# Nouns: a leading "a " is an article, a trailing "+" marks a plural. Clauses: {how} and {very} are adverbs of verbs and of
# adjectives, {strength} is an adjective.
_BLOCK_NOUNS = ("compression artifacts+", "blocking", "blocking from compression", "compression blocks+")
_BLOCK_CLAUSES = ("the picture is {very} blocky", "the picture is {how} compressed", "there is {strength} blocking")
_DETAIL_NOUNS = ("compression artifacts+", "a loss of detail from compression", "a loss of fine detail to compression")
_DETAIL_CLAUSES = (
    "the picture is {how} compressed",
    "compression {how} reduces fine detail",
    "fine detail is {how} reduced by compression",
)

_NOUNS: dict[str, tuple[str, ...]] = {
    "h264": _BLOCK_NOUNS,
    "mpeg4": _BLOCK_NOUNS,
    "mpeg2": _BLOCK_NOUNS,
    "mjpeg": _BLOCK_NOUNS,
    "vp8": _BLOCK_NOUNS,
    "hevc": _DETAIL_NOUNS,
    "av1": _DETAIL_NOUNS,
    "vp9": _DETAIL_NOUNS,
    "jpeg2000": ("compression artifacts+", "compression with ringing along edges", "a loss of detail from compression"),
    "blur": ("blur", "softness"),
    "defocus": ("blur", "defocus blur", "blur from a lens out of focus"),
    "motion_blur": ("motion blur", "blur from motion"),
    "shake": ("camera shake", "shaking of the camera"),
    "noise": ("noise", "grain"),
    "chroma_noise": ("colour noise", "noise in the colours"),
    "impulse": ("impulse noise", "specks of noise+"),
    "low_light": ("noise", "noise from low light", "sensor noise"),
    "denoising": ("smearing", "smearing of fine texture", "smearing from noise reduction"),
    "underexposure": ("underexposure",),
    "overexposure": ("overexposure",),
    "colour_cast": ("a colour cast", "a colour tint"),
    "low_contrast": ("a loss of contrast", "a lack of contrast"),
    "sharpening": ("oversharpening", "halos around edges+", "sharpening halos+"),
    "oversaturation": ("oversaturation", "oversaturation of the colours"),
    "desaturation": ("desaturation", "fading of the colours"),
    "scaling": ("a loss of resolution", "softness from upscaling", "a loss of detail from low resolution"),
    "pixelation": ("pixelation", "pixelation with jagged edges"),
    "banding": ("banding", "false contours+"),
    "interlacing": ("interlacing artifacts+", "combing from interlacing"),
    "drops": ("stutter", "stutter from dropped frames", "judder"),
    "freezes": ("freezing", "freezing of the picture"),
    "packet_loss": ("transmission errors+", "damage from lost packets"),
}
_CLAUSES: dict[str, tuple[str, ...]] = {
    "h264": _BLOCK_CLAUSES,
    "mpeg4": _BLOCK_CLAUSES,
    "mpeg2": _BLOCK_CLAUSES,
    "mjpeg": _BLOCK_CLAUSES,
    "vp8": _BLOCK_CLAUSES,
    "hevc": _DETAIL_CLAUSES,
    "av1": _DETAIL_CLAUSES,
    "vp9": _DETAIL_CLAUSES,
    "jpeg2000": _DETAIL_CLAUSES,
    "blur": ("the picture is {how} blurred", "details are {how} blurred"),
    "defocus": ("the picture is {how} out of focus", "the picture is {how} blurred"),
    "motion_blur": ("the picture is {how} blurred by motion",),
    "shake": ("the camera shakes {how}", "the camera is {very} unsteady"),
    "noise": ("the picture is {very} noisy", "the picture is {very} grainy"),
    "chroma_noise": ("the colours are {very} noisy",),
    "impulse": ("the picture is {how} speckled with noise",),
    "low_light": ("the picture is {very} noisy",),
    "denoising": ("fine texture is {how} smeared", "the picture is {how} smeared"),
    "underexposure": ("the picture is {how} underexposed",),
    "overexposure": ("the picture is {how} overexposed",),
    "colour_cast": ("the picture is {how} tinted",),
    "low_contrast": ("the picture is {how} washed out",),
    "sharpening": ("the picture is {how} oversharpened", "edges are {how} oversharpened"),
    "oversaturation": ("the colours are {how} oversaturated",),
    "desaturation": ("the colours are {how} faded", "the colours are {how} desaturated"),
    "scaling": ("upscaling {how} softens the picture",),
    "pixelation": ("the picture is {how} pixelated",),
    "banding": ("smooth areas show {strength} banding",),
    "interlacing": ("moving edges show {strength} combing",),
    "drops": ("the motion is {very} jerky", "the motion stutters {how}"),
    "freezes": ("the motion shows {strength} freezing",),
    "packet_loss": ("the picture is {how} corrupted by lost packets",),
}
_HOW = dict(zip(SEVERITIES, ("very slightly", "slightly", "visibly", "strongly", "severely"), strict=True))
_VERY = dict(zip(SEVERITIES, ("very slightly", "slightly", "visibly", "very", "extremely"), strict=True))
_WHERE = {
    "everywhere": "",
    "left": " on the left",
    "right": " on the right",
    "top": " at the top",
    "bottom": " at the bottom",
    "centre": " in the centre",
}
_WHEN = {
    "throughout": "",
    "beginning": " at the beginning",
    "middle": " in the middle of the clip",
    "end": " at the end",
}
# What questions and reasons call a kind, marked as above.
_NAMES = {
    "compression": "compression artifacts+",
    "colour cast": "a colour cast",
    "low contrast": "a loss of contrast",
    "low resolution": "a loss of resolution",
    "unnatural colours": "unnatural colours+",
    "transmission errors": "transmission errors+",
}


def pick(rng: np.random.Generator, choices: Sequence[str]) -> str:
    """One of several texts, each as likely."""
    return choices[int(rng.integers(len(choices)))]


def capital(text: str) -> str:
    """The text with a capital letter in front; the rest stays."""
    return text[:1].upper() + text[1:]


def listed(parts: Sequence[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def name_of(kind: str, article: bool = False) -> tuple[str, bool]:
    """What a kind is called in a sentence ("compression artifacts"), and whether that is a plural; with "a" if asked."""
    name = _NAMES.get(kind, kind)
    words = name.rstrip("+")
    return words if article else words.removeprefix("a "), name.endswith("+")


def place(found: Finding) -> str:
    """Where and when, with a space in front; "" for everywhere and throughout."""
    return _WHERE[found.where] + _WHEN[found.when]


def noun(found: Finding, rng: np.random.Generator, strength: bool = True) -> tuple[str, bool]:
    """A finding as a noun phrase ("a slight colour cast on the left"), and whether it is a plural."""
    chosen = pick(rng, _NOUNS[found.family])
    words, plural = chosen.rstrip("+"), chosen.endswith("+")
    article = "a " if words.startswith("a ") else ""
    words = words.removeprefix("a ")
    return f"{article}{found.severity + ' ' if strength else ''}{words}{place(found)}", plural


def clause(found: Finding, rng: np.random.Generator) -> str:
    """A finding as a clause ("the picture is slightly blurred on the left"), in lower case without a full stop."""
    chosen = pick(rng, _CLAUSES[found.family])
    words = {"how": _HOW[found.severity], "very": _VERY[found.severity], "strength": found.severity}
    return chosen.format(**words) + place(found)
