"""How sure an SRCC is, or a difference between two models: a percentile bootstrap over videos."""

from __future__ import annotations

from collections.abc import Callable

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
    _check(n_resamples, confidence)
    x, y = paired(x, y)
    if not has_correlation(x, y):
        return float("nan"), float("nan")
    return _percentiles(resampled_srcc(x, y, seed, n_resamples), confidence)


def bootstrap_difference_interval(
    before: Callable[[np.ndarray], float],
    after: Callable[[np.ndarray], float],
    n: int,
    seed: int = 0,
    n_resamples: int = 1000,
    confidence: float = 0.95,
) -> tuple[float, float]:
    """The percentile bootstrap interval of `after` less `before`, two statistics of the same n videos.

    Each resample draws videos once and hands both statistics the same ones: what makes a video hard for both cancels
    out, so that the interval is narrower than those of the two statistics suggest.

    Written rules: a resample in which a statistic is not finite is dropped; where that leaves fewer than half of them,
    or there are no videos, the interval is (nan, nan). The same input and seed give the same interval to the bit.

    Args:
        before: of (n,) positions, each in 0..n-1 and drawn with replacement.
        after: the same, of the same positions.
        n: videos.
        seed: of numpy's default generator.
        n_resamples: >= 1.
        confidence: share of the resamples inside, in 0..1, ends excluded.

    Returns:
        (low, high), in units of the statistics.

    Raises:
        ValueError: n_resamples or confidence outside their range.
    """
    _check(n_resamples, confidence)
    if n == 0:
        return float("nan"), float("nan")
    generator = np.random.default_rng(seed)
    draws = (generator.integers(0, n, size=n) for _ in range(n_resamples))
    return _percentiles(np.array([after(drawn) - before(drawn) for drawn in draws]), confidence)


def _check(n_resamples: int, confidence: float) -> None:
    if n_resamples < 1:
        raise ValueError(f"n_resamples is {n_resamples}, expected at least 1")
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"confidence is {confidence}, expected a number between 0 and 1")


def _percentiles(values: np.ndarray, confidence: float) -> tuple[float, float]:
    """What `confidence` of the (r,) values lie between; nan where fewer than half of them are finite."""
    finite = values[np.isfinite(values)]
    if finite.size * 2 < values.size:
        return float("nan"), float("nan")
    outside = 50.0 * (1.0 - confidence)
    low, high = np.percentile(finite, [outside, 100.0 - outside])
    return float(low), float(high)


def resampled_srcc(x: np.ndarray, y: np.ndarray, seed: int, n_resamples: int) -> np.ndarray:
    """(n_resamples,) SRCC of each resample, nan where one side of it is constant."""
    generator = np.random.default_rng(seed)
    # Ranks of the whole set order every resample as the raw values do, and sort faster as small integers.
    x, y = (np.unique(values, return_inverse=True)[1].astype(np.int32) for values in (x, y))
    rows = max(1, _CHUNK_VALUES // x.size)
    parts = []
    for start in range(0, n_resamples, rows):
        drawn = generator.integers(0, x.size, size=(min(rows, n_resamples - start), x.size))
        parts.append(_row_pearson(scipy.stats.rankdata(x[drawn], axis=1), scipy.stats.rankdata(y[drawn], axis=1)))
    return np.concatenate(parts)


def _row_pearson(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Pearson's correlation of each row of two (r, n) arrays of ranks -> (r,)."""
    x = x - x.mean(axis=1, keepdims=True)
    y = y - y.mean(axis=1, keepdims=True)
    scale = np.sqrt((x * x).sum(axis=1) * (y * y).sum(axis=1))
    # Ranks are multiples of a half, so the centred ranks of a constant row are exactly zero.
    return np.divide((x * y).sum(axis=1), scale, out=np.full(scale.shape, np.nan), where=scale > 0)
