"""Why a distortion is seen as much as it is, and what several of them do to each other: one sentence of a description."""

from __future__ import annotations

import numpy as np

from lmms_cpllm.synthesis.encode import CODECS
from lmms_cpllm.synthesis.facts import Facts, kind_of
from lmms_cpllm.synthesis.language.findings import INVISIBLE, Finding
from lmms_cpllm.synthesis.language.masking import about, scene_effects
from lmms_cpllm.synthesis.language.wording import pick

_STAGES = {
    "capture": "recording",
    "production": "processing",
    "delivery": "delivery",
}
# How often only the scene is looked at for a reason, where it has one.
_SCENE_SHARE = 0.6
_OVERLAYS = {
    "letterbox": ("The black bars belong to the format and are no fault.", "The black bars do not count as a fault."),
    "caption": ("The caption was added on purpose and is no fault.", "The caption does not count as a fault."),
}
_CLEAN = (
    (lambda facts: facts.motion == "fast", ("Even fast motion is shown clearly.",)),
    (lambda facts: facts.motion in ("slow", "moderate"), ("Motion is shown clearly.",)),
    (lambda facts: facts.light == "dark", ("Even the dark areas are clean.", "The dark scene is no fault.")),
    (lambda facts: facts.light == "bright", ("The bright areas keep their detail.",)),
    (lambda facts: facts.texture == "busy", ("Fine detail is kept.", "Even fine texture is clear.")),
    (lambda facts: facts.texture == "flat", ("Smooth areas are clean.",)),
)


def reason(facts: Facts, found: tuple[Finding, ...], rng: np.random.Generator) -> str:
    """One sentence on why what is found is seen so much or so little; "" where there is nothing to say."""
    overlays = [_OVERLAYS[facts.overlay]] if facts.overlay else []
    if not found:
        groups = [texts for applies, texts in _CLEAN if applies(facts)] + overlays
    else:
        groups = scene_effects(facts, found)
        if not groups or rng.random() >= _SCENE_SHARE:
            groups = groups + _together(facts, found) + _weight(found) + overlays
    return pick(rng, groups[int(rng.integers(len(groups)))]) if groups else ""


def _together(facts: Facts, found: tuple[Finding, ...]) -> list[tuple[str, ...]]:
    """What one distortion does to the next, in the order in which they were done."""
    done = [(kind_of(one.family), one) for one in facts.impairments or () if one.acr < INVISIBLE]
    kinds = [kind for kind, _ in done]
    last_codec = max((index for index, kind in enumerate(kinds) if kind == "compression"), default=-1)
    before = set(kinds[: max(last_codec, 0)])
    groups = []
    if "noise" in before:
        groups.append(("Noise is costly to encode and makes the compression artifacts worse.",))
    if "camera shake" in before:
        groups.append(("Camera shake is hard to encode and makes the compression artifacts worse.",))
    for kind in ("blur", "low resolution"):
        if kind in before:
            groups.append((about(kind, "{The} leave{s} less detail for compression to damage."),))
    if sum(one.family in CODECS for _, one in done) > 1:
        groups.append(("It was compressed more than once.", "Compression was applied more than once."))
    if {"smearing", "compression"} <= set(kinds):
        groups.append(("Smearing and compression both cost fine detail.",))
    stages = {one.stage for one in found}
    if len(stages) == 1:
        fault = "The fault lies" if len(found) == 1 else "The faults lie"
        stage = _STAGES[stages.pop()]
        groups.append((f"{fault} in the {stage}.", f"The quality was lost in {stage}."))
    elif stages == {"capture", "delivery"}:
        groups.append(("Recording and delivery both have their share.",))
    return groups


def _weight(found: tuple[Finding, ...]) -> list[tuple[str, ...]]:
    """How much the findings matter, and against each other."""
    first = found[0]
    if len(found) == 1:
        groups = []
        if first.where != "everywhere":
            groups.append(("The rest of the picture is better.", "Elsewhere the picture is better."))
        if first.when != "throughout":
            groups.append(("The rest of the clip is better.",))
        if first.acr >= 3.5:
            texts = ("{The} {is} there but disturb{s} little.", "One notices {the} without being annoyed.")
        else:
            texts = ("{The} limit{s} the quality.", "{The} cannot be overlooked.")
        return [*groups, tuple(about(first.kind, text) for text in texts)]
    gap = found[1].acr - first.acr
    if gap >= 1.0:
        return [(about(first.kind, "{The} dominate{s} the impression."), about(first.kind, "{The} matter{s} most."))]
    if gap < 0.3 and len(found) == 2 and first.acr < 3.5:
        return [("Both disturb about equally.",)]
    return []
