"""From what is known of a clip to its label on the ACR scale, how certain it is, and the facts that language is made of.

One scale, three sources (see `synthesis.opinion` for the fits):
- a photograph that people have scored carries their mean opinion;
- a distortion that full-reference metrics know is labelled by the opinion fitted to them, a chain of such measured as
  a whole;
- a distortion that they do not know (exposure, colour, shake) is labelled by the curve of its strength; a chain with
  such a link by the rule that the worse dominates (`opinion.combine`). The same rule joins a photograph's own score and
  what was done to it afterwards.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lmms_cpllm.synthesis.facts import Facts, Impairment
from lmms_cpllm.synthesis.labels import PERFECT_VMAF, quality_of_acr
from lmms_cpllm.synthesis.language import INVISIBLE
from lmms_cpllm.synthesis.opinion import CLEAN_ACR, SEVERITY_FAMILIES, Opinion, combine, opinion, severity
from lmms_cpllm.training.human import Scored

# Standard deviation of a label, in ACR categories: 30 observers with a spread of about 0.8 each (Hossfeld et al., SOS
# hypothesis) leave 0.15; what remains is the difference between rooms, screens and scales of two studies.
_HUMAN_SD = 0.2
_CLEAN_SD = 0.2
# Of labels by plain VMAF, for comparison.
_VMAF_SD = 0.4
# A chain's rule is a guess on top of its links.
_RULE_SD = 0.25
# A strength says nothing where there are no colours: what metrics, which are too hard on these families, do not see either
# has not changed.
_OF_COLOURS = ("oversaturation", "desaturation")
# From this score on a photograph has no fault that is worth a sentence: what was done to it afterwards is all there is
# to say.
_FAULTLESS_ACR = 4.0
# By so much a later distortion must be worse than the photograph's own state to be the thing to say.
_DOMINATES = 0.7


@dataclass(frozen=True)
class Example:
    """One labelled video or photograph."""

    path: Path
    quality: float
    """0..100."""
    sd: float
    """Standard deviation of the label in ACR categories: how soft the target is."""
    source: str
    """`synthetic`, `still` (a scored photograph) or `human` (a clip made of one)."""
    content: str
    scene: str
    """Clips of one scene differ in their distortions only."""
    split: str
    """`train`, `validation` or `test`."""
    facts: Facts
    """For descriptions; `impairments` is None where the faults are not known."""
    families: tuple[str, ...] = ()
    """Of the chain, in its order."""
    strengths: tuple[float, ...] = ()
    bits_per_pixel: float = 0.0
    closed: bool = True
    """Whether a fault that is not among the impairments is known to be absent."""

    @property
    def asked(self) -> Facts:
        """The facts that questions may be about."""
        return self.facts if self.closed else replace(self.facts, impairments=None)


def example_of_clip(row: Mapping, *, by_vmaf: bool = False) -> Example:
    """A row of `training.corpus` with its label.

    `by_vmaf` is for comparison: the label is plain VMAF, and clips with a distortion that it does not know are left out.
    """
    opinions = link_opinions(row)
    done = _delivered(row, opinions)
    human, split = row["acr"], row["split"]
    if by_vmaf:
        done = Opinion(_acr_of_vmaf(row["whole"].get("vmaf", PERFECT_VMAF)), _VMAF_SD)
        split = "left out" if split == "train" and _has_unmeasured(row) else split
    label = done if human is None else Opinion(combine((human, done.acr)), math.hypot(_HUMAN_SD, done.sd))
    known = human is None or human >= _FAULTLESS_ACR or done.acr < human - _DOMINATES
    impairments = tuple(
        Impairment(link["family"], link["strength"], found.acr)
        for link, found in zip(row["chain"], opinions, strict=True)
    )
    return Example(
        path=Path(row["path"]),
        quality=quality_of_acr(label.acr),
        sd=label.sd,
        source="synthetic" if human is None else "human",
        content=row["content"],
        scene=row["scene"],
        split=split,
        facts=Facts(quality=quality_of_acr(label.acr), **row["facts"], impairments=impairments if known else None),
        families=tuple(link["family"] for link in row["chain"]),
        strengths=tuple(link["strength"] for link in row["chain"]),
        bits_per_pixel=row["bits_per_pixel"],
        closed=human is None or human >= _FAULTLESS_ACR,
    )


def example_of_photograph(photograph: Scored, facts: Mapping[str, str]) -> Example:
    """A scored photograph as a video of one frame."""
    quality = quality_of_acr(photograph.acr)
    return Example(
        path=photograph.path,
        quality=quality,
        sd=_HUMAN_SD,
        source="still",
        content=photograph.content,
        scene=photograph.name,
        split=photograph.split,
        facts=Facts(quality=quality, **facts, impairments=None),
        closed=False,
    )


def link_opinions(row: Mapping) -> list[Opinion]:
    """What each link of a chain would be worth were it alone."""
    return [_opinion_of_link(link, features) for link, features in zip(row["chain"], row["links"], strict=True)]


def _opinion_of_link(link: Mapping, features: Mapping[str, float]) -> Opinion:
    family, measured = link["family"], opinion(features)
    is_unseen = family in _OF_COLOURS and measured.acr >= INVISIBLE
    return measured if is_unseen or family not in SEVERITY_FAMILIES else severity(family, link["strength"])


def _delivered(row: Mapping, opinions: Sequence[Opinion]) -> Opinion:
    """The opinion of all that was done to a clean scene, or to a photograph."""
    if not row["chain"]:
        return Opinion(CLEAN_ACR, _CLEAN_SD)
    if not _has_unmeasured(row):
        return opinion(row["whole"])
    worst = min(opinions, key=lambda found: found.acr)
    return Opinion(
        combine([found.acr for found in opinions]), math.hypot(worst.sd, _RULE_SD if len(opinions) > 1 else 0)
    )


def _has_unmeasured(row: Mapping) -> bool:
    return any(link["family"] in SEVERITY_FAMILIES for link in row["chain"])


def _acr_of_vmaf(vmaf: float) -> float:
    """VMAF's own scale, on which 20 is bad and the top excellent (Netflix, "VMAF: The Journey Continues", 2018)."""
    return CLEAN_ACR - (CLEAN_ACR - 1) * min(1.0, max(0.0, (PERFECT_VMAF - vmaf) / (PERFECT_VMAF - 20)))
