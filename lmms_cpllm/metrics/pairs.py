"""Which of two videos is better: accuracy of the choices, over all pairs and by difference of MOS.

Written rules: a pair without a choice counts as a guess, half right, so that silence is worth no more than tossing a
coin and n never shrinks. A pair whose two MOS are equal has no truth and is left out for every model alike. No
pairs: nan.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lmms_cpllm.metrics.summary import answered_share

FIRST, SECOND = "first", "second"

_MOS_ROUNDING = 1e-9  # 3.5 - 3.2 is 0.2999999999999998 and belongs to the pairs that differ by 0.3


@dataclass(frozen=True)
class PairAccuracy:
    """The accuracy over the pairs whose MOS differ by at least `threshold`."""

    threshold: float
    """units of MOS"""
    accuracy: float
    """0..1; nan where count is 0"""
    answered: float
    """share of these pairs with a choice, 0..1; nan where count is 0"""
    count: int
    """pairs"""


def choose(first: float | None, second: float | None) -> str | None:
    """The choice that two predictions imply: "first", "second", or None where one is missing or both are equal or NaN.

    Args:
        first: prediction for the first video, any scale on which higher is better, None where there is no answer.
        second: the same for the second.
    """
    if first is None or second is None:
        return None
    if first > second:
        return FIRST
    return SECOND if second > first else None


def pair_accuracy(choices: Sequence[str | None], truths: Sequence[str | None]) -> float:
    """Share of right choices, 0..1.

    Args:
        choices: (n,) "first", "second" or None (no answer; counts 0.5).
        truths: (n,) "first", "second" or None (equal MOS; the pair is left out), as `choose(mos_first, mos_second)`
            makes it.

    Raises:
        ValueError: unequal lengths, or another word.

    Example:
        >>> pair_accuracy(["first", None, "first", "second"], ["first", "first", "second", "second"])
        0.625
    """
    _check(choices, truths)
    points = [
        0.5 if choice is None else float(choice == truth)
        for choice, truth in zip(choices, truths, strict=True)
        if truth is not None
    ]
    return sum(points) / len(points) if points else float("nan")


def accuracy_by_difference(
    choices: Sequence[str | None],
    mos_first: Sequence[float],
    mos_second: Sequence[float],
    thresholds: Sequence[float] = (0.0, 0.3, 0.5, 1.0),
) -> list[PairAccuracy]:
    """`pair_accuracy` over the pairs whose MOS differ by at least each threshold (0: every pair but the equal ones).

    Args:
        choices: (n,) "first", "second" or None.
        mos_first: (n,) MOS of each pair's first video.
        mos_second: (n,) MOS of each pair's second video.
        thresholds: units of MOS; the default suits a scale of 1..5.

    Returns:
        One `PairAccuracy` a threshold, in the order given.

    Raises:
        ValueError: unequal lengths, or another word.
    """
    if not len(choices) == len(mos_first) == len(mos_second):
        raise ValueError(f"{len(choices)} choices, {len(mos_first)} first MOS and {len(mos_second)} second MOS")
    truths = [choose(first, second) for first, second in zip(mos_first, mos_second, strict=True)]
    _check(choices, truths)
    results = []
    for threshold in thresholds:
        kept = [
            index
            for index, truth in enumerate(truths)
            if truth is not None and abs(mos_first[index] - mos_second[index]) >= threshold - _MOS_ROUNDING
        ]
        some_choices, some_truths = [choices[index] for index in kept], [truths[index] for index in kept]
        accuracy = pair_accuracy(some_choices, some_truths)
        results.append(PairAccuracy(threshold, accuracy, answered_share(some_choices), len(kept)))
    return results


def _check(choices: Sequence[str | None], truths: Sequence[str | None]) -> None:
    if len(choices) != len(truths):
        raise ValueError(f"{len(choices)} choices and {len(truths)} truths, expected equal numbers")
    for word in (*choices, *truths):
        if word not in (FIRST, SECOND, None):
            raise ValueError(f"a choice is {word!r}, expected {FIRST!r}, {SECOND!r} or None")
