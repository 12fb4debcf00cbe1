"""What is worth saying of a clip's impairments: which are seen, how strongly, and which kinds look alike."""

from __future__ import annotations

from dataclasses import dataclass

from lmms_cpllm.metrics.lexicon import KINDS
from lmms_cpllm.ratings import LEVELS, level_of
from lmms_cpllm.synthesis.distortions import FAMILIES
from lmms_cpllm.synthesis.facts import Facts, kind_of
from lmms_cpllm.synthesis.opinion import CLEAN_ACR, WORST_ACR

# Impairment words by the level of a clip that has nothing else; steps of the impairment scale of ITU-R BT.500 and
# ITU-T P.910 (imperceptible, perceptible but not annoying, slightly annoying, annoying, very annoying).
SEVERITIES = ("barely visible", "slight", "visible", "strong", "severe")

# From this ACR on, a quarter of a category below a clean clip's, a distortion is not seen and not mentioned.
INVISIBLE = CLEAN_ACR - 0.25
# Between this ACR and INVISIBLE a distortion may or may not be noticed: nothing is asked about it.
CERTAIN = CLEAN_ACR - 0.6
# Nearer than this to a step of the scale, or to each other, two ACR numbers are not told apart.
STEP_MARGIN, WORST_MARGIN = 0.1, 0.3

# Kinds that viewers take for one another. Where one of a group is there, whether another is cannot be said.
_ALIKE = (
    ("blur", "motion blur", "low resolution", "smearing", "compression"),
    ("compression", "pixelation", "transmission errors"),
    ("compression", "banding", "oversharpening"),
    ("compression", "noise", "smearing"),
    ("low resolution", "pixelation"),
    ("stutter", "freezing", "transmission errors"),
    ("stutter", "camera shake"),
    ("motion blur", "interlacing"),
    ("noise", "smearing", "oversharpening"),
    ("noise", "underexposure"),
    ("underexposure", "low contrast"),
    ("overexposure", "low contrast"),
    ("low contrast", "unnatural colours"),
    ("overexposure", "unnatural colours"),
    ("colour cast", "unnatural colours"),
)


@dataclass(frozen=True)
class Finding:
    """A kind of distortion that can be seen."""

    kind: str
    """one of `metrics.lexicon.KINDS`"""
    family: str
    """the family that did most of it"""
    acr: float
    """1..5, below `INVISIBLE`"""
    when: str
    """one of `facts.TIMES`"""
    where: str
    """one of `facts.PLACES`"""

    @property
    def severity(self) -> str:
        """One of `SEVERITIES`."""
        return severity(self.acr)

    @property
    def stage(self) -> str:
        """`capture`, `production` or `delivery`, where codecs belong."""
        return FAMILIES[self.family].stage if self.family in FAMILIES else "delivery"


def severity(acr: float) -> str:
    """The word for a distortion that leaves this ACR number, 1..5: the impairment scale has its top where a clean clip is.

    Example:
        >>> severity(3.1)
        'visible'
    """
    return SEVERITIES[LEVELS.index(level_of(25.0 * _steps(acr)))]


def _steps(acr: float) -> float:
    """Steps of the impairment scale from the worst, 0, to what is not seen, 4."""
    return min(4.0, 4.0 * (acr - WORST_ACR) / (CLEAN_ACR - WORST_ACR))


def findings(facts: Facts) -> tuple[Finding, ...]:
    """What can be seen, the worst first, each kind once, as its worst impairment; () also where nothing is known."""
    worst: dict[str, Finding] = {}
    for done in sorted(facts.impairments or (), key=lambda done: done.acr):
        if done.acr < INVISIBLE:
            found = Finding(kind_of(done.family), done.family, done.acr, done.when, done.where)
            worst.setdefault(found.kind, found)
    return tuple(worst.values())


def is_clear_step(acr: float) -> bool:
    """Whether the severity word of an ACR number is beyond doubt: no step of the scale is near."""
    distance = abs(_steps(acr) % 1.0 - 0.5)
    return distance >= STEP_MARGIN and acr < INVISIBLE


def has_clear_worst(found: tuple[Finding, ...]) -> bool:
    """Whether the worst finding is certainly seen and certainly worse than the next."""
    return bool(found) and found[0].acr < CERTAIN and (len(found) == 1 or found[1].acr - found[0].acr >= WORST_MARGIN)


def certainly_absent(facts: Facts) -> tuple[str, ...]:
    """The kinds of which it is certain that nobody sees them.

    Left out are kinds that are there however little (an impairment that is not seen is still borderline), kinds that look
    like one that is there, and what the scene itself may look like: a dark scene underexposed, a moving camera shaky.
    """
    if facts.impairments is None:
        return ()
    there = {kind_of(done.family) for done in facts.impairments}
    doubtful = there | {kind for group in _ALIKE if there & set(group) for kind in group}
    if facts.light != "normal":
        doubtful |= {"underexposure"} if facts.light == "dark" else {"overexposure"}
    if facts.texture == "flat":
        doubtful |= {"blur", "low contrast", "smearing", "low resolution"}
    if facts.motion == "still":
        doubtful |= {"stutter", "freezing", "interlacing"}
    else:
        doubtful |= {"camera shake"}
    if facts.motion in ("moderate", "fast"):
        doubtful |= {"motion blur"}
    return tuple(kind for kind in KINDS if kind not in doubtful)
