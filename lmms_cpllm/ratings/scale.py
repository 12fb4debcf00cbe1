"""The rating scale: five levels of ITU-T P.910 (ACR), quality 0..100, and the line of JSON that carries both.

One owner of three facts: the words, their weights 5..1, and `quality = (acr - 1) * 25`. A level is the nearest whole
ACR number; a quality exactly between two levels (12.5, 37.5, 62.5, 87.5) belongs to the better one.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass, field

LEVELS = ("excellent", "good", "fair", "poor", "bad")
"""The words of the five-level scale, best first (ITU-T P.910, absolute category rating)."""

WEIGHTS = (5, 4, 3, 2, 1)
"""The ACR number of each of `LEVELS`."""

MIDDLE_QUALITY = 50.0
"""The middle of the quality scale, 0..100. What an item without an answer counts as (see `metrics.summary`)."""

_SUM_TOLERANCE = 1e-3  # a softmax in bfloat16 sums to 1 no better than this


@dataclass(frozen=True)
class Rating:
    """One judged video. `acr` and `level` follow from `quality` and are not passed in.

    Raises:
        ValueError: quality is not in 0..100, or the distribution is not five shares that sum to 1 (within 1e-3).
    """

    quality: float
    """0..100, higher is better"""
    acr: float = field(init=False)
    """1..5, ACR number, `1 + quality / 25`"""
    level: str = field(init=False)
    """one of `LEVELS`, the nearest whole ACR number"""
    distribution: tuple[float, float, float, float, float] | None = None
    """(5,) probabilities in the order of `LEVELS`, or None where the answer held none"""

    def __post_init__(self) -> None:
        level = level_of(self.quality)
        object.__setattr__(self, "acr", 1.0 + self.quality / 25.0)
        object.__setattr__(self, "level", level)
        if self.distribution is not None:
            _check_distribution(self.distribution)


def level_of(quality: float) -> str:
    """The level nearest to a quality.

    Args:
        quality: 0..100.

    Returns:
        One of `LEVELS`; exactly between two levels the better one.

    Raises:
        ValueError: quality is not a number in 0..100.

    Example:
        >>> level_of(61.8)
        'fair'
    """
    if not 0.0 <= quality <= 100.0:  # false for NaN as well
        raise ValueError(f"quality is {quality}, expected a number in 0..100")
    # Not round(): it sends 2.5 and 4.5 to the even neighbour, and so 62.5 up but 37.5 down.
    return LEVELS[4 - math.floor(quality / 25.0 + 0.5)]


def quality_of(level: str) -> float:
    """The quality of a level: 100, 75, 50, 25, 0 for excellent .. bad.

    Raises:
        ValueError: the word is none of `LEVELS` (lower case).

    Example:
        >>> quality_of("good")
        75.0
    """
    if level not in LEVELS:
        raise ValueError(f"level is {level!r}, expected one of {', '.join(LEVELS)}")
    return (WEIGHTS[LEVELS.index(level)] - 1) * 25.0


def from_quality(quality: float) -> Rating:
    """A rating from a quality in 0..100, without a distribution. ValueError outside."""
    return Rating(float(quality))


def from_distribution(probabilities: Iterable[float]) -> Rating:
    """A rating from the probabilities of the five levels: the expectation of `WEIGHTS` (Q-Align, arXiv 2312.17090).

    Args:
        probabilities: (5,) in the order of `LEVELS`, each >= 0, sum 1 within 1e-3. They are divided by their sum, so
            that the rounding of a low precision softmax does not shift the scale.

    Raises:
        ValueError: another number of values, a negative or non-finite one, or another sum.

    Example:
        >>> from_distribution([0.0, 0.5, 0.5, 0.0, 0.0]).quality
        62.5
    """
    shares = [float(share) for share in probabilities]
    _check_distribution(shares)
    total = sum(shares)
    distribution = tuple(share / total for share in shares)
    acr = sum(weight * share for weight, share in zip(WEIGHTS, distribution, strict=True))
    # The bounds only take off what rounding adds at the ends (5.000000000000001).
    return Rating(min(max((acr - 1.0) * 25.0, 0.0), 100.0), distribution)


def to_json(rating: Rating) -> str:
    """The one line of JSON that is a score answer: quality, acr, rating (the level), distribution (where there is one).

    Quality and acr have 4 decimals, the distribution 6. The level and acr are those of the rounded quality, so that
    what is read back from the line agrees with itself.

    Example:
        >>> to_json(from_quality(61.84031))
        '{"quality": 61.8403, "acr": 3.4736, "rating": "fair"}'
    """
    written = from_quality(round(rating.quality, 4))
    fields = {"quality": written.quality, "acr": round(written.acr, 4), "rating": written.level}
    if rating.distribution is not None:
        fields["distribution"] = {
            level: round(share, 6) for level, share in zip(LEVELS, rating.distribution, strict=True)
        }
    return json.dumps(fields)


def _check_distribution(shares: Iterable[float]) -> None:
    shares = list(shares)
    if len(shares) != len(LEVELS):
        raise ValueError(f"a distribution has {len(shares)} values, expected 5: {', '.join(LEVELS)}")
    if not all(math.isfinite(share) and share >= 0.0 for share in shares):
        raise ValueError(f"a distribution is {shares}, expected five finite values >= 0")
    if abs(sum(shares) - 1.0) > _SUM_TOLERANCE:
        raise ValueError(f"a distribution sums to {sum(shares)}, expected 1 within {_SUM_TOLERANCE}")
