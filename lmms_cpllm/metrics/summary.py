"""The metrics of a scoring task, and the one rule for items without an answer.

The rule: an item without an answer (quality None) counts as the middle of the scale, quality 50, in every metric, so
that n never shrinks and a model gains nothing by keeping silent about the hard videos. `answered` says how many answers
there were.
(Leaving out the 63 hardest of 200 synthetic items lifts SRCC from .670 to .859.)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from lmms_cpllm.metrics import correlation
from lmms_cpllm.metrics.intervals import bootstrap_srcc_interval
from lmms_cpllm.ratings import MIDDLE_QUALITY


def fill_unanswered(qualities: Sequence[float | None]) -> np.ndarray:
    """(n,) float64 qualities, with None turned into the middle of the scale, 50."""
    return np.array([MIDDLE_QUALITY if quality is None else quality for quality in qualities], dtype=np.float64)


def answered_share(answers: Sequence[object | None]) -> float:
    """The share of answers that are not None, 0..1; nan for none at all."""
    if len(answers) == 0:
        return float("nan")
    return sum(answer is not None for answer in answers) / len(answers)


def score_summary(qualities: Sequence[float | None], mos: Sequence[float], seed: int = 0) -> dict[str, float]:
    """Every metric of a scoring task, by the name it is reported under.

    Args:
        qualities: (n,) predictions on any scale on which higher is better, None where there is no answer (counts as 50,
            so the scale should be 0..100 where that can happen).
        mos: (n,) mean opinion scores of the same videos, in the same order. Sort both by document first: the interval
            depends on the order.
        seed: of the bootstrap.

    Returns:
        srcc, krcc, plcc: on the raw predictions.
        fit_lcc: PLCC after the 4-parameter logistic. (The name avoids "plcc", because lmms-eval's group means match
            names by substring.)
        rmse: in units of MOS, after the same logistic.
        answered: share, 0..1.
        ci95_low, ci95_high: 95 % bootstrap interval of SRCC.
        nan where a metric is not defined (fewer than 3 items, constants, NaN).

    Raises:
        ValueError: unequal lengths.
    """
    x, y = correlation.paired(fill_unanswered(qualities), mos)
    fitted = correlation.fit_logistic4(x, y).fitted
    low, high = bootstrap_srcc_interval(x, y, seed=seed)
    return {
        "srcc": correlation.srcc(x, y),
        "plcc": correlation.plcc(x, y),
        "krcc": correlation.krcc(x, y),
        "rmse": correlation.rmse(fitted, y),
        "fit_lcc": correlation.plcc(fitted, y) if correlation.has_correlation(x, y) else float("nan"),
        "answered": answered_share(qualities),
        "ci95_low": low,
        "ci95_high": high,
    }


def _filled(metric: Callable[..., float]) -> Callable[[Sequence[float | None], Sequence[float]], float]:
    def compute(qualities: Sequence[float | None], mos: Sequence[float]) -> float:
        return metric(fill_unanswered(qualities), mos)

    return compute


def _answered(qualities: Sequence[float | None], mos: Sequence[float]) -> float:
    correlation.paired(fill_unanswered(qualities), mos)
    return answered_share(qualities)


SCORE_METRICS: dict[str, Callable[[Sequence[float | None], Sequence[float]], float]] = {
    "srcc": _filled(correlation.srcc),
    "plcc": _filled(correlation.plcc),
    "krcc": _filled(correlation.krcc),
    "rmse": _filled(correlation.rmse_fit),
    "fit_lcc": _filled(correlation.plcc_fit),
    "answered": _answered,
    "ci95_low": _filled(lambda x, y: bootstrap_srcc_interval(x, y)[0]),
    "ci95_high": _filled(lambda x, y: bootstrap_srcc_interval(x, y)[1]),
}
"""Each metric of `score_summary` on its own: `SCORE_METRICS[name](qualities, mos) -> float`."""
