"""Metrics and their changes from the items of sample logs."""

from __future__ import annotations

import math

import numpy as np
import pytest
from fake_results import pair_items, score_items
from scipy import stats

from lmms_cpllm.results import recompute


def test_values_are_those_of_the_harness():
    items = score_items(noise=20)
    expected = stats.spearmanr([item["quality"] for item in items], [item["mos"] for item in items]).statistic
    assert recompute.value("score_metric:srcc", items) == pytest.approx(expected, abs=1e-12)
    assert recompute.value("pair_metric:accuracy", pair_items(right=7)) == 0.7


@pytest.mark.parametrize(("function", "known"), [("score_metric:srcc", True), ("mean", False), ("", False)])
def test_what_is_known(function, known):
    assert recompute.is_known(function) is known


@pytest.mark.parametrize(
    ("reported", "computed", "same"),
    [(0.5, 0.50001, True), (0.5, 0.501, False), (math.nan, math.nan, True), (math.nan, 0.5, False)],
)
def test_agreement(reported, computed, same):
    assert recompute.agrees(reported, computed) is same


@pytest.mark.parametrize("metric", ["srcc", "plcc"])
def test_the_quick_way_is_the_slow_way(metric, monkeypatch):
    before, after = score_items(noise=10), score_items(noise=30, seed=1, unanswered=3)
    quick = recompute.difference_interval(f"score_metric:{metric}", before, after)
    monkeypatch.setattr(recompute, "_AT_ONCE", {})
    assert recompute.difference_interval(f"score_metric:{metric}", before, after) == pytest.approx(quick, abs=1e-12)


def test_the_same_videos_are_drawn_for_both():
    items = score_items(noise=30)
    shifted = [{**item, "quality": item["quality"] + 7} for item in items]
    assert recompute.difference_interval("score_metric:srcc", items, shifted) == (0, 0)


def test_the_interval_is_that_of_the_difference():
    draws = np.random.default_rng(0).integers(0, 10, size=(1000, 10))
    right = np.arange(10)
    differences = (right[draws] < 5).mean(axis=1) - (right[draws] < 8).mean(axis=1)
    low, high = recompute.difference_interval("pair_metric:accuracy", pair_items(right=8), pair_items(right=5))
    assert (low, high) == pytest.approx(tuple(np.percentile(differences, [2.5, 97.5])), abs=1e-12)


def test_nothing_has_no_interval():
    assert all(math.isnan(end) for end in recompute.difference_interval("pair_metric:accuracy", [], []))
