"""Agreement of the level word of a description with the MOS.

The MOS is brought onto 0..100 linearly between the ends of the release's scale (a release with a scale of 1..5 thereby
gets the ACR level nearest to its MOS) and turned into a level by `ratings.level_of`.

Written rules for items without a word: they agree with nothing, so they count as wrong in `level_agreement` and
`level_within_one`. (The middle of the scale would do here what it must not: "fair" is the most frequent level of most
releases, and silence would earn up to half of the points.) In `level_srcc`, which needs a number, they are the middle,
fair. No items: nan.
"""

from __future__ import annotations

from collections.abc import Sequence

from lmms_cpllm.metrics.correlation import srcc
from lmms_cpllm.metrics.summary import fill_unanswered
from lmms_cpllm.ratings import LEVELS, level_of, quality_of


def quality_of_mos(mos: float, mos_min: float, mos_max: float) -> float:
    """A MOS on 0..100, linear between the ends of the release's scale; beyond the ends it is the end.

    Args:
        mos: in units of the release.
        mos_min: the lower end of the release's scale (not the lowest MOS found in it).
        mos_max: the upper end.

    Raises:
        ValueError: mos_min is not below mos_max, or the MOS is not finite.
    """
    if not mos_min < mos_max:
        raise ValueError(f"the MOS scale is {mos_min}..{mos_max}, expected the lower end first")
    quality = (mos - mos_min) / (mos_max - mos_min) * 100.0
    if not float("-inf") < quality < float("inf"):
        raise ValueError(f"MOS is {mos}, expected a finite number")
    return min(max(quality, 0.0), 100.0)


def level_of_mos(mos: float, mos_min: float, mos_max: float) -> str:
    """The level of a MOS on the release's scale; one of `ratings.LEVELS`.

    Example:
        >>> level_of_mos(3.6, 1, 5)
        'good'
    """
    return level_of(quality_of_mos(mos, mos_min, mos_max))


def level_agreement(levels: Sequence[str | None], mos: Sequence[float], mos_min: float, mos_max: float) -> float:
    """Share of items whose level word is the level of their MOS, 0..1; None counts as wrong.

    Args:
        levels: (n,) words of `ratings.LEVELS`, None where there is no answer.
        mos: (n,) MOS of the same videos.
        mos_min: the lower end of the release's scale.
        mos_max: the upper end.

    Raises:
        ValueError: unequal lengths, another word, or a MOS that is not finite.
    """
    return _share_within(0, levels, mos, mos_min, mos_max)


def level_within_one(levels: Sequence[str | None], mos: Sequence[float], mos_min: float, mos_max: float) -> float:
    """Share of items whose level word is at most one level from that of their MOS; otherwise as `level_agreement`."""
    return _share_within(1, levels, mos, mos_min, mos_max)


def level_srcc(levels: Sequence[str | None], mos: Sequence[float]) -> float:
    """SRCC of the level words (as ACR numbers) against the MOS; None counts as fair. nan as in `correlation.srcc`.

    Raises:
        ValueError: unequal lengths, or a word that is none of `ratings.LEVELS`.
    """
    return srcc(fill_unanswered([None if level is None else quality_of(level) for level in levels]), mos)


def _share_within(
    distance: int, levels: Sequence[str | None], mos: Sequence[float], mos_min: float, mos_max: float
) -> float:
    if len(levels) != len(mos):
        raise ValueError(f"{len(levels)} levels and {len(mos)} MOS, expected equal numbers")
    for level in levels:
        if level is not None and level not in LEVELS:
            raise ValueError(f"level is {level!r}, expected one of {', '.join(LEVELS)}")
    if not levels:
        return float("nan")
    truths = [level_of_mos(value, mos_min, mos_max) for value in mos]
    hits = [
        level is not None and abs(LEVELS.index(level) - LEVELS.index(truth)) <= distance
        for level, truth in zip(levels, truths, strict=True)
    ]
    return sum(hits) / len(hits)
