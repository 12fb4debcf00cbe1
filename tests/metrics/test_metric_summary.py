"""The metrics of a scoring task and the rule for unanswered items."""

import math

import numpy as np
import pytest

from lmms_cpllm.metrics import correlation
from lmms_cpllm.metrics.intervals import bootstrap_srcc_interval
from lmms_cpllm.metrics.summary import SCORE_METRICS, answered_share, fill_unanswered, score_summary

NAMES = ["srcc", "plcc", "krcc", "rmse", "fit_lcc", "answered", "ci95_low", "ci95_high"]


def data(size=80):
    generator = np.random.default_rng(2)
    mos = generator.uniform(1, 5, size)
    return list(20 * mos + generator.normal(0, 8, size)), list(mos)


def test_each_metric_is_its_function():
    quality, mos = data()
    low, high = bootstrap_srcc_interval(quality, mos)
    expected = {
        "srcc": correlation.srcc(quality, mos),
        "plcc": correlation.plcc(quality, mos),
        "krcc": correlation.krcc(quality, mos),
        "rmse": correlation.rmse_fit(quality, mos),
        "fit_lcc": correlation.plcc_fit(quality, mos),
        "answered": 1.0,
        "ci95_low": low,
        "ci95_high": high,
    }
    assert score_summary(quality, mos) == expected
    assert list(expected) == NAMES == list(SCORE_METRICS)
    assert {name: metric(quality, mos) for name, metric in SCORE_METRICS.items()} == expected


def test_an_unanswered_item_is_the_middle_and_stays_in():
    quality, mos = data()
    silent = [None if place % 4 == 0 else value for place, value in enumerate(quality)]
    middle = [50.0 if value is None else value for value in silent]
    summary = score_summary(silent, mos)
    assert summary == {**score_summary(middle, mos), "answered": 0.75}
    assert summary["srcc"] < score_summary(quality, mos)["srcc"]
    for name, metric in SCORE_METRICS.items():
        assert metric(silent, mos) == summary[name]


def test_silence_gains_nothing():
    quality, mos = data()
    # The predictions are swapped where the model would be silent: leaving those out would give a better SRCC.
    wrong = [100 - value if place % 3 == 0 else value for place, value in enumerate(quality)]
    silent = [None if place % 3 == 0 else value for place, value in enumerate(quality)]
    kept = [(value, truth) for value, truth in zip(silent, mos, strict=True) if value is not None]
    dropped = correlation.srcc(*zip(*kept, strict=True))
    assert score_summary(wrong, mos)["srcc"] < score_summary(silent, mos)["srcc"] < dropped


def test_all_unanswered():
    summary = score_summary([None] * 4, [1, 2, 3, 4])
    assert summary["answered"] == 0.0
    assert summary["rmse"] == pytest.approx(np.std([1, 2, 3, 4]))
    assert all(math.isnan(summary[name]) for name in ("srcc", "plcc", "krcc", "fit_lcc", "ci95_low", "ci95_high"))


@pytest.mark.parametrize("size", [0, 1, 2])
def test_too_few_items_give_nan_and_do_not_raise(size):
    summary = score_summary([50.0, None][:size], [1.0, 2.0][:size])
    assert list(summary) == NAMES
    assert all(math.isnan(value) for name, value in summary.items() if name != "answered")


def test_a_nan_is_seen_and_not_filled():
    summary = score_summary([1.0, math.nan, 3.0, 4.0], [1, 2, 3, 4])
    assert math.isnan(summary["srcc"])
    assert summary["answered"] == 1.0


def test_answered_share():
    assert answered_share([1.0, None, 0.0, "first"]) == 0.75
    assert math.isnan(answered_share([]))
    assert fill_unanswered([None, 0.0]).tolist() == [50.0, 0.0]


@pytest.mark.parametrize("metric", [score_summary, *SCORE_METRICS.values()])
def test_unequal_lengths_are_refused(metric):
    with pytest.raises(ValueError, match=r"\(3,\) and MOS \(2,\)"):
        metric([1, 2, 3], [1, 2])
