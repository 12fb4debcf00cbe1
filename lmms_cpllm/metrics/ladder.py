"""Does a score fall as a distortion rises? Metrics of ladders: one content, clean and at rising strength of one distortion.

Scores are on any scale on which higher is better; only `fall_back` is in their unit. Written rules:

- Two clips are compared as in a forced choice: 1 where the less distorted one has the higher score, 0 where it has the
  lower, and one half where both are equal or one has no score. So a model that gives every clip one score, or is silent,
  has what tossing a coin has, and n never shrinks.
- Detected is a strength at which the score lies below the clean clip's in at least 75 % of the ladders, and so at every
  greater strength: the usual threshold of a forced choice between two, half-way between chance and certainty. That the
  stronger ones must be detected too keeps a lucky hit on few contents from counting.
- SRCC of a ladder is that of score and weakness, so 1 is right; 0 where it is not defined (equal scores, fewer than 3
  scores). It is multiplied by the share of the ladder's clips that have a score.
- A fall back is a clip with a higher score than the one before it on the ladder; clips without a score are passed over.
  Equal scores are none. A ladder with a clip without a score counts as violated: silence shows no monotony.
- Every ladder has the same weight, every comparison in `steps_right` and `detected_shares` too. No ladders: nan.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from lmms_cpllm.metrics.correlation import MIN_ITEMS, srcc

THRESHOLD = 0.75
"""Share of ladders; the point of a psychometric function half-way between chance (0.5) and certainty."""


@dataclass(frozen=True)
class Ladder:
    """The scores of one content at rising strength of one distortion."""

    strengths: tuple[float, ...]
    """(k,) rising, in the distortion's unit; without the clean clip."""
    scores: tuple[float | None, ...]
    """(k + 1,) of the clean clip and then at each strength; None where there is none."""

    def __post_init__(self) -> None:
        if len(self.scores) != len(self.strengths) + 1:
            raise ValueError(
                f"{len(self.strengths)} strengths and {len(self.scores)} scores, expected one score more, the clean clip's"
            )
        if any(a >= b for a, b in itertools.pairwise(self.strengths)):
            raise ValueError(f"strengths are {self.strengths}, expected them to rise")


def steps_right(ladders: Sequence[Ladder]) -> float:
    """Share of adjacent steps that are ordered right, 0..1; the first step is from the clean clip to the weakest.

    Example:
        >>> steps_right([Ladder((1.0, 2.0, 3.0), (90.0, 80.0, 80.0, 85.0))])
        0.5
    """
    points = [_falls(weaker, stronger) for ladder in ladders for weaker, stronger in itertools.pairwise(ladder.scores)]
    return _mean(points)


def mean_srcc(ladders: Sequence[Ladder]) -> float:
    """Mean over the ladders of the SRCC of score and weakness, -1..1; 1 where every score falls with the strength."""
    return _mean([_srcc(ladder.scores) for ladder in ladders])


def detected_shares(ladders: Sequence[Ladder]) -> tuple[float, ...]:
    """Of each step, the weakest first, the share of ladders in which it scores below the clean clip; half for equal.

    A step that some ladders lack is judged on those that have it.
    """
    longest = max((len(ladder.strengths) for ladder in ladders), default=0)
    return tuple(
        _mean([_falls(ladder.scores[0], ladder.scores[step]) for ladder in ladders if step < len(ladder.scores)])
        for step in range(1, longest + 1)
    )


def detected_step(ladders: Sequence[Ladder]) -> float:
    """The smallest step that is detected, from 1; infinity where not even the last is, nan for no ladders."""
    shares = detected_shares(ladders)
    if not shares:
        return math.nan
    first = len(shares) + 1
    while first > 1 and shares[first - 2] >= THRESHOLD:
        first -= 1
    return float(first) if first <= len(shares) else math.inf


def detected_strength(ladders: Sequence[Ladder]) -> float:
    """The smallest strength that is detected; infinity where not even the greatest is, nan for no ladders.

    Raises:
        ValueError: the ladders have other strengths at the same steps.
    """
    longest = max((ladder.strengths for ladder in ladders), key=len, default=())
    if any(ladder.strengths != longest[: len(ladder.strengths)] for ladder in ladders):
        raise ValueError("the ladders have different strengths, expected those of one distortion")
    step = detected_step(ladders)
    return float(longest[int(step) - 1]) if math.isfinite(step) else step


def violated_share(ladders: Sequence[Ladder]) -> float:
    """Share of ladders in which a clip scores higher than the one before it, or has no score, 0..1."""
    return _mean([float(None in ladder.scores or bool(_rises(ladder.scores))) for ladder in ladders])


def violations(ladders: Sequence[Ladder]) -> float:
    """How many clips score higher than the one before them on their ladder; nan for no ladders."""
    return float(sum(len(_rises(ladder.scores)) for ladder in ladders)) if ladders else math.nan


def fall_back(ladders: Sequence[Ladder]) -> float:
    """By how much the scores of a ladder rise where they should fall, in sum, mean over the ladders; unit of the scores."""
    return _mean([sum(_rises(ladder.scores)) for ladder in ladders])


def _falls(weaker: float | None, stronger: float | None) -> float:
    if weaker is None or stronger is None or weaker == stronger:
        return 0.5
    return float(weaker > stronger)


def _srcc(scores: Sequence[float | None]) -> float:
    known = [(score, -place) for place, score in enumerate(scores) if score is not None]
    if len(known) < MIN_ITEMS:
        return 0.0
    value = srcc(*zip(*known, strict=True))
    return value * len(known) / len(scores) if math.isfinite(value) else 0.0


def _rises(scores: Sequence[float | None]) -> list[float]:
    known = [score for score in scores if score is not None]
    return [after - before for before, after in itertools.pairwise(known) if after > before]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else math.nan
