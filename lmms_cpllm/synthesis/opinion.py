"""What people would say of a clip on the ACR scale: from full-reference metrics, or from the strength of a distortion.

Everything here rests on the mean opinions of KADID-10k (Lin, Hosu, Saupe, QoMEX 2019: 25 distortions at 5 strengths,
81 images, 30 observers an image) by way of the constants in `opinion.json`; how they are fitted, and how well they do
on distortions that the fit has not seen, stands in `synthesis.calibration` and in that file.

Two scales:
- DMOS, KADID-10k's: the distorted image was judged beside the original, 5 imperceptible .. 1 very annoying. An image
  that differs in nothing got 4.6, because people avoid the ends of a scale (ITU-R BT.500, scale boundary effect).
- ACR, what this package calls quality: 5 excellent .. 1 bad, nothing to compare with. A clean clip gets `CLEAN_ACR`.

`dmos_of` alone returns DMOS. `acr_of_dmos` is the way over; `opinion`, `severity` and `combine` are ACR throughout.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from lmms_cpllm.synthesis.labels import PERFECT_VMAF, slices_of

CONSTANTS = Path(__file__).with_name("opinion.json")

CLEAN_ACR = 4.6
"""ACR of a clean clip. Of 3,415 photographs with ACR scores of 30 people (BIQ2021) one in a thousand is above 4.66 and
none above 4.72; an image beside itself got 4.60 in KADID-10k."""
WORST_ACR = 1.0

SEVERITY_FAMILIES = (
    *("underexposure", "overexposure", "colour_cast", "low_contrast", "oversaturation", "desaturation", "shake"),
)
"""Families of `synthesis.distortions` whose harm no full-reference metric knows: `severity` labels them, not `opinion`.
Metrics take a darker or paler picture for a loss of detail, and every frame that shook for a wrong one."""

# Impairments of the frames of one clip are pooled by a power mean with this exponent: a fault that comes at once weighs
# more than its share of the time. With 1.5 a freeze of 0.36 s in a moving scene of 2 s is worth 3.5, which is what people
# gave it (van Kester et al., SPIE 7865, 2011).
_POOLING = 1.5
# Impairments of different kinds add up as vectors do (de Ridder 1992, Minkowski metric with an exponent of 2) as long as
# they are small; large ones hide each other and the worse dominates. 3 agrees best with `opinion` of chains that were
# measured as a whole: see `synthesis.calibration`.
_COMBINATION = 3.0


@dataclass(frozen=True)
class Opinion:
    """A mean opinion that was not asked for but computed."""

    acr: float
    """1..`CLEAN_ACR`, higher is better."""
    sd: float
    """Standard deviation of its error in ACR categories."""


@dataclass(frozen=True)
class Term:
    """One feature's part in the impairment."""

    feature: str
    """A name in `labels.SLICED`."""
    half: float
    """Harm that takes half of the scale when it is alone: points of VMAF lost, AIM, 8-bit steps of `chroma_error`."""
    exponent: float


@dataclass(frozen=True)
class Curve:
    """ACR over the strength of one family."""

    neutral: float
    """Strength that changes nothing."""
    half: float
    """Strength beyond `neutral` that takes half of what the family can take."""
    slope: float
    floor: float
    """Share of the scale that is left however strong it is."""
    sd: float
    """Standard deviation of its error in ACR categories."""

    def share(self, strength: float | np.ndarray) -> float | np.ndarray:
        """Share of the scale that is left, 1 at and below the neutral strength."""
        beyond = np.maximum(0.0, np.asarray(strength, np.float64) - self.neutral)
        return self.floor + (1 - self.floor) / (1 + (beyond / self.half) ** self.slope)


@dataclass(frozen=True)
class Constants:
    """What `opinion.json` holds."""

    top_dmos: float
    """DMOS of an image that differs in nothing."""
    terms: tuple[Term, ...]
    sd: float
    """Cross-validated error of the terms."""
    curves: Mapping[str, Curve]


def opinion(features: Mapping[str, float]) -> Opinion:
    """The ACR opinion of a clip from `labels.full_reference`.

    Every tenth of the frames is judged for itself, and the impairments are pooled over time. A clip that equals its
    reference gets `CLEAN_ACR`.
    """
    constants = shipped()
    acrs = acr_of_dmos(dmos_of(slices_of(features), constants.terms, constants.top_dmos), constants.top_dmos)
    return Opinion(pooled(acrs), constants.sd)


def severity(family: str, strength: float) -> Opinion:
    """The ACR opinion of a clean clip to which one of `SEVERITY_FAMILIES` was done at a strength in the family's unit.

    Raises:
        ValueError: another family; `opinion` of its features labels it.
    """
    if family not in SEVERITY_FAMILIES:
        raise ValueError(f"no curve for {family!r}; there is one for: {', '.join(SEVERITY_FAMILIES)}")
    curve = shipped().curves[family]
    return Opinion(WORST_ACR + (CLEAN_ACR - WORST_ACR) * float(curve.share(strength)), curve.sd)


def combine(acrs: Iterable[float]) -> float:
    """ACR of a clip with several impairments from the ACR that each would have alone: the worse dominates.

    The impairments, `CLEAN_ACR` minus ACR, are added as a Minkowski sum with an exponent of 3. Nothing is worse than 1,
    and what is better than a clean clip counts as clean. Without any impairment the result is `CLEAN_ACR`.
    """
    impairments = [max(0.0, CLEAN_ACR - acr) for acr in acrs]
    total = sum(impairment**_COMBINATION for impairment in impairments) ** (1 / _COMBINATION)
    return max(WORST_ACR, CLEAN_ACR - total)


def pooled(acrs: Sequence[float] | np.ndarray) -> float:
    """ACR of a clip from the ACR of equal parts of it."""
    impairments = np.maximum(0.0, CLEAN_ACR - np.asarray(acrs, np.float64))
    return float(CLEAN_ACR - np.mean(impairments**_POOLING) ** (1 / _POOLING))


def acr_of_dmos(dmos: float | np.ndarray, top: float | None = None) -> float | np.ndarray:
    """The straight line from DMOS to ACR: the best (`top`, default the fit's 4.6) becomes `CLEAN_ACR`, 1 stays 1.

    KADID-10k's observers left as much room at the top as the observers of single images did, so the line is nearly the
    identity.
    """
    top = shipped().top_dmos if top is None else top
    return WORST_ACR + (dmos - 1) * (CLEAN_ACR - WORST_ACR) / (top - 1)


def dmos_of(features: Mapping[str, np.ndarray], terms: Iterable[Term], top: float) -> np.ndarray:
    """DMOS 1..`top` of pictures from their features, arrays of one shape: 1 + (top - 1) / (1 + sum of the impairments).

    The impairment of a term is (harm / half) ** exponent. Impairments in this unit add up (the "imp" of ITU-R BT.500),
    and the scale is left as they grow, but never quite.
    """
    impairment = sum((harm(features, term.feature) / term.half) ** term.exponent for term in terms)
    return 1 + (top - 1) / (1 + impairment)


def harm(features: Mapping[str, np.ndarray], feature: str) -> np.ndarray:
    """A feature as harm: 0 where nothing differs, and it rises."""
    value = np.asarray(features[feature], np.float64)
    return np.maximum(0.0, PERFECT_VMAF - value if feature == "vmaf" else value)


@cache
def shipped() -> Constants:
    """The constants of `opinion.json`."""
    return read(CONSTANTS)


def read(path: Path) -> Constants:
    """The constants of a file that `synthesis.calibration` wrote."""
    found = json.loads(path.read_text(encoding="utf-8"))
    fidelity = found["fidelity"]
    return Constants(
        top_dmos=fidelity["top_dmos"],
        terms=tuple(Term(**term) for term in fidelity["terms"]),
        sd=fidelity["sd"],
        curves={family: Curve(**curve) for family, curve in found["severity"].items()},
    )
