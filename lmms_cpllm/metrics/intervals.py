"""How sure a metric is: a percentile bootstrap over videos.

What is resampled with the same number of videos, seed and number of resamples is resampled with the same videos: the
difference of two such arrays is a paired bootstrap of two models.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import scipy

from lmms_cpllm.metrics.correlation import Values, has_correlation, paired

_CHUNK_VALUES = 1 << 20  # values ranked at once: 8 MiB an array, whatever the number of videos


def bootstrap_srcc_interval(
    x: Values,
    y: Values,
    seed: int = 0,
    n_resamples: int = 1000,
    confidence: float = 0.95,
) -> tuple[float, float]:
    """The percentile bootstrap interval of SRCC; whole videos (pairs of x and y) are drawn with replacement.

    Written rules: a resample in which x or y is constant has no SRCC and is dropped; where that leaves fewer than half
    of them, or where SRCC itself is nan (fewer than 3 items, a NaN, a constant), the interval is (nan, nan).

    The same input and seed give the same interval to the bit. Another order of the same videos gives a slightly
    different one, because positions are drawn: the caller sorts by document, so that the number of ranks (processes)
    does not matter.

    Args:
        x: (n,) predictions.
        y: (n,) MOS.
        seed: of numpy's default generator.
        n_resamples: >= 1.
        confidence: share of the resamples inside, in 0..1, ends excluded.

    Returns:
        (low, high), each in -1..1.

    Raises:
        ValueError: unequal lengths, or n_resamples or confidence outside their range.
    """
    if n_resamples < 1:
        raise ValueError(f"n_resamples is {n_resamples}, expected at least 1")
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"confidence is {confidence}, expected a number between 0 and 1")
    x, y = paired(x, y)
    if not has_correlation(x, y):
        return float("nan"), float("nan")
    return percentile_interval(resampled_srcc(x, y, seed, n_resamples), confidence)


def percentile_interval(values: np.ndarray, confidence: float = 0.95) -> tuple[float, float]:
    """What `confidence` of the (r,) resampled values lie between.

    Written rule: values that are not finite are dropped; where that leaves fewer than half of them the interval is
    (nan, nan).
    """
    finite = values[np.isfinite(values)]
    if finite.size == 0 or finite.size * 2 < values.size:
        return float("nan"), float("nan")
    outside = 50.0 * (1.0 - confidence)
    low, high = np.percentile(finite, [outside, 100.0 - outside])
    return float(low), float(high)


def resampled(statistic: Callable[[np.ndarray], float], n: int, seed: int, n_resamples: int) -> np.ndarray:
    """(n_resamples,) values of any statistic.

    Args:
        statistic: of (n,) positions, each in 0..n-1, drawn with replacement.
        n: videos, >= 1.
        seed: of numpy's default generator.
        n_resamples: >= 1.
    """
    return np.array([statistic(row) for drawn in _draws(n, seed, n_resamples) for row in drawn], dtype=np.float64)


def resampled_srcc(x: np.ndarray, y: np.ndarray, seed: int, n_resamples: int) -> np.ndarray:
    """(n_resamples,) SRCC of each resample, nan where one side of it is constant."""
    # Ranks of the whole set order every resample as the raw values do, and sort faster as small integers.
    x, y = (np.unique(values, return_inverse=True)[1].astype(np.int32) for values in (x, y))
    parts = [
        _row_pearson(scipy.stats.rankdata(x[drawn], axis=1), scipy.stats.rankdata(y[drawn], axis=1))
        for drawn in _draws(x.size, seed, n_resamples)
    ]
    return np.concatenate(parts)


def resampled_plcc(x: np.ndarray, y: np.ndarray, seed: int, n_resamples: int) -> np.ndarray:
    """(n_resamples,) PLCC of each resample, nan where one side of it is constant."""
    return np.concatenate([_row_pearson(x[drawn], y[drawn]) for drawn in _draws(x.size, seed, n_resamples)])


def _draws(n: int, seed: int, n_resamples: int) -> Iterator[np.ndarray]:
    """Positions in 0..n-1 as arrays of (some, n) rows, `n_resamples` rows in all."""
    generator = np.random.default_rng(seed)
    rows = max(1, _CHUNK_VALUES // n)
    for start in range(0, n_resamples, rows):
        yield generator.integers(0, n, size=(min(rows, n_resamples - start), n))


def _row_pearson(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Pearson's correlation of each row of two (r, n) arrays -> (r,); nan where a row is constant."""
    varies = (np.ptp(x, axis=1) > 0) & (np.ptp(y, axis=1) > 0)
    x = x - x.mean(axis=1, keepdims=True)
    y = y - y.mean(axis=1, keepdims=True)
    scale = np.sqrt((x * x).sum(axis=1) * (y * y).sum(axis=1))
    return np.divide((x * y).sum(axis=1), scale, out=np.full(scale.shape, np.nan), where=varies & (scale > 0))
