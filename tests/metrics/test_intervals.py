"""The bootstrap interval of SRCC."""

import math
import time

import numpy as np
import pytest
import scipy.stats

from lmms_cpllm.metrics import intervals
from lmms_cpllm.metrics.correlation import srcc
from lmms_cpllm.metrics.intervals import (
    bootstrap_srcc_interval,
    percentile_interval,
    resampled,
    resampled_plcc,
    resampled_srcc,
)


def data(size, seed=0, noise=1.0):
    generator = np.random.default_rng(seed)
    x = generator.normal(size=size)
    return x, x + noise * generator.normal(size=size)


@pytest.mark.parametrize("ties", [False, True])
def test_every_resample_is_scipys(ties):
    x, y = data(40)
    if ties:
        x, y = np.round(x), np.round(y)
    generator = np.random.default_rng(3)
    drawn = generator.integers(0, 40, size=(50, 40))
    expected = [scipy.stats.spearmanr(x[row], y[row]).statistic for row in drawn]
    assert resampled_srcc(x, y, 3, 50) == pytest.approx(expected, abs=1e-12)


def test_interval_is_the_percentiles_of_the_resamples():
    x, y = data(60)
    low, high = bootstrap_srcc_interval(x, y, seed=4, n_resamples=500)
    assert (low, high) == pytest.approx(np.percentile(resampled_srcc(x, y, 4, 500), [2.5, 97.5]), abs=1e-12)
    assert low < srcc(x, y) < high
    narrow = bootstrap_srcc_interval(x, y, seed=4, n_resamples=500, confidence=0.5)
    assert low < narrow[0] < narrow[1] < high


def test_the_same_seed_gives_the_same_bits_and_another_does_not():
    x, y = data(50)
    assert bootstrap_srcc_interval(x, y, seed=1) == bootstrap_srcc_interval(list(x), list(y), seed=1)
    assert bootstrap_srcc_interval(x, y, seed=1) != bootstrap_srcc_interval(x, y, seed=2)


def test_chunks_do_not_show(monkeypatch):
    x, y = data(50)
    whole = bootstrap_srcc_interval(x, y, n_resamples=101)
    monkeypatch.setattr(intervals, "_CHUNK_VALUES", 7 * 50)
    assert bootstrap_srcc_interval(x, y, n_resamples=101) == whole


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    truth = 6 / math.pi * math.asin(math.sqrt(0.5) / 2)  # Spearman's of a normal pair of correlation sqrt(1/2)
    covered = 0
    for seed in range(200):
        low, high = bootstrap_srcc_interval(*data(60, seed), n_resamples=200)
        covered += low <= truth <= high
    assert 0.88 <= covered / 200 <= 0.99


def test_constant_resamples_are_dropped():
    # Of 4 items with one that differs, a third of the resamples misses it.
    x, y = [1, 1, 1, 2], [1, 2, 3, 4]
    values = resampled_srcc(np.array(x), np.array(y), 0, 1000)
    assert 0 < np.isnan(values).sum() < 500
    assert bootstrap_srcc_interval(x, y) == pytest.approx(np.nanpercentile(values, [2.5, 97.5]), abs=1e-12)


def test_too_many_constant_resamples_give_nan(monkeypatch):
    values = np.array([np.nan] * 6 + [0.5] * 4)
    monkeypatch.setattr(intervals, "resampled_srcc", lambda *args: values)
    assert all(math.isnan(end) for end in bootstrap_srcc_interval([1, 2, 3], [1, 2, 3], n_resamples=10))
    values = np.array([np.nan] * 5 + [0.5] * 5)
    assert bootstrap_srcc_interval([1, 2, 3], [1, 2, 3], n_resamples=10) == (0.5, 0.5)


@pytest.mark.parametrize(
    ("x", "y"), [([], []), ([1], [1]), ([1, 2], [1, 2]), ([5, 5, 5], [1, 2, 3]), ([1, 2, math.nan], [1, 2, 3])]
)
def test_where_srcc_is_nan_so_is_its_interval(x, y):
    assert all(math.isnan(end) for end in bootstrap_srcc_interval(x, y))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_resamples": 0}, "n_resamples is 0, expected at least 1"),
        ({"confidence": 1.0}, r"confidence is 1\.0, expected a number between 0 and 1"),
    ],
)
def test_arguments_are_checked(arguments, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        bootstrap_srcc_interval([1, 2, 3], [1, 2, 3], **arguments)


def test_unequal_lengths_are_refused():
    with pytest.raises(ValueError, match=r"\(3,\) and MOS \(2,\)"):
        bootstrap_srcc_interval([1, 2, 3], [1, 2])


def test_the_largest_common_release_is_quick():
    x, y = data(1200)
    bootstrap_srcc_interval(x, y, n_resamples=2)  # loads scipy
    start = time.process_time()
    bootstrap_srcc_interval(x, y)
    assert time.process_time() - start < 3  # 0.2 s on one core


def test_every_resample_of_plcc_is_scipys():
    x, y = data(40)
    drawn = np.random.default_rng(3).integers(0, 40, size=(50, 40))
    expected = [scipy.stats.pearsonr(x[row], y[row]).statistic for row in drawn]
    assert resampled_plcc(x, y, 3, 50) == pytest.approx(expected, abs=1e-12)


def test_a_constant_resample_has_no_correlation():
    x = np.array([0.1, 0.1, 0.1, 0.1, 0.7])  # the mean of the tenths is not a tenth to the last bit
    values = resampled_plcc(x, np.arange(5.0), 0, 200)
    drawn = np.random.default_rng(0).integers(0, 5, size=(200, 5))
    assert np.array_equal(np.isnan(values), [np.ptp(x[row]) == 0 for row in drawn])


def test_any_statistic_sees_the_same_draws(monkeypatch):
    x, y = data(50)
    by_hand = resampled(lambda drawn: scipy.stats.pearsonr(x[drawn], y[drawn]).statistic, 50, 5, 40)
    assert by_hand == pytest.approx(resampled_plcc(x, y, 5, 40), abs=1e-12)
    monkeypatch.setattr(intervals, "_CHUNK_VALUES", 7 * 50)
    assert np.array_equal(by_hand, resampled(lambda d: scipy.stats.pearsonr(x[d], y[d]).statistic, 50, 5, 40))


@pytest.mark.parametrize(
    ("values", "defined"), [([], False), ([np.nan, np.nan, 1.0], False), ([np.nan, 1.0, 1.0], True)]
)
def test_percentiles_of_what_is_finite(values, defined):
    low, high = percentile_interval(np.array(values))
    assert (low, high) == (1.0, 1.0) if defined else math.isnan(low) and math.isnan(high)
