"""Values, intervals, means and marks."""

from __future__ import annotations

import math

import numpy as np
import pytest
from fake_reports import LIMITED, NIQE, PIXEL, TINY, gathered, three_models
from fake_results import log_of, score_items, write_run

from lmms_cpllm.report.leaderboard import leaderboard
from lmms_cpllm.report.resampling import resample
from lmms_cpllm.report.significance import BETTER, NOISE, UNKNOWN, WORSE, differences

TASK, OTHER = "vqa_konvid", "vqa_live_vqc"


@pytest.fixture(scope="module")
def three(tmp_path_factory):
    found = gathered(three_models(tmp_path_factory.mktemp("results")))
    resamples = resample(found)
    return found, resamples, leaderboard(found, resamples)


def test_intervals_are_those_of_the_results_file(three):
    found, _, board = three
    for model in (TINY, PIXEL, NIQE):
        cell, metrics = board.cells[model, TASK], found.runs[model, TASK].metrics
        assert (cell.value, cell.low, cell.high) == (metrics["srcc"], metrics["ci95_low"], metrics["ci95_high"])
        assert (cell.n, cell.complete) == (60, True)
    accuracy = board.cells[TINY, "vqa_mini_pairs"]
    assert accuracy.low < accuracy.value < accuracy.high


def test_order_best_and_marks(three):
    _, _, board = three
    assert board.models == (TINY, PIXEL, NIQE, LIMITED)
    assert [board.cells[model, TASK].best for model in board.models] == [True, False, False, False]
    assert board.cells[TINY, TASK].notes == ()
    assert board.cells[PIXEL, TASK].notes == (
        "95.0 % answered; what is missing counts as the middle of the scale, or as wrong",
    )
    limited = board.cells[LIMITED, TASK]
    assert (limited.complete, limited.n) == (False, 20)
    assert limited.notes == ("not complete, so no comparison counts it: run with --limit 20",)
    assert math.isnan(limited.low)
    assert (LIMITED, "vqa_ladder") not in board.cells
    assert board.means == {}, "no metric stands for two tasks"


def test_means_are_weighted_by_n(tmp_path):
    write_run(tmp_path / "a", {TASK: score_items(), OTHER: score_items(20, seed=1, count=20)}, model="a")
    write_run(tmp_path / "b", {TASK: score_items(30)}, model="b")
    found = gathered(tmp_path)
    resamples = resample(found)
    board = leaderboard(found, resamples)
    assert board.mean_tasks == {"srcc": (TASK, OTHER)}
    mean = board.means["srcc"]["a"]
    first, second = (found.runs["a", task].metrics["srcc"] for task in (TASK, OTHER))
    assert mean.value == pytest.approx((60 * first + 20 * second) / 80)
    drawn = (60 * resamples["a", TASK] + 20 * resamples["a", OTHER]) / 80
    assert (mean.low, mean.high) == pytest.approx(tuple(np.percentile(drawn, [2.5, 97.5])))
    assert (mean.n, mean.tasks) == (80, 2)
    part = board.means["srcc"]["b"]
    assert (part.n, part.tasks, part.best) == (60, 1, False)
    assert board.models == ("a", "b"), "a mean over fewer tasks stands behind"


def test_a_model_that_was_asked_something_else_is_not_ranked_among_the_others(tmp_path):
    for name, noise, version in (("a", 10, "1"), ("b", 20, "1"), ("c", 0, "9")):
        items = {TASK: score_items(noise), OTHER: score_items(noise)}
        write_run(tmp_path / name, items, model=name, version=version)
    found = gathered(tmp_path)
    board = leaderboard(found, resample(found))
    other = board.cells["c", TASK]
    assert other.value > board.cells["a", TASK].value
    assert "not compared with them" in other.notes[0]
    assert (other.counts, other.best, board.cells["a", TASK].best) == (False, False, True)
    assert set(board.means["srcc"]) == {"a", "b"}
    assert board.models == ("a", "b", "c")


def test_without_a_sample_log(tmp_path):
    write_run(tmp_path / "a", {TASK: score_items()}, log_samples=False)
    found = gathered(tmp_path)
    cell = leaderboard(found, resample(found)).cells["cpllm", TASK]
    assert cell.low == found.runs["cpllm", TASK].metrics["ci95_low"], "the results file knows it"
    assert cell.notes[0].startswith("no sample log (--log_samples)")


def test_a_log_that_does_not_bear_out_the_figure_is_noted(tmp_path):
    path = write_run(tmp_path, {TASK: score_items()})
    wrong = write_run(tmp_path / "other", {TASK: score_items(60, seed=5)})
    log_of(path, TASK).write_text(log_of(wrong, TASK).read_text())
    found = gathered(path)
    (note,) = leaderboard(found, resample(found)).cells["cpllm", TASK].notes
    assert note.startswith("the results file says 0.9")
    assert "its sample log gives 0." in note


def test_a_newer_run_that_broke_off_is_noted(tmp_path):
    write_run(tmp_path, {TASK: score_items()}, date="20260101_000000")
    log_of(write_run(tmp_path, {TASK: score_items()}, date="20260201_000000"), TASK).unlink()
    found = gathered(tmp_path)
    (note,) = leaderboard(found, resample(found)).cells["cpllm", TASK].notes
    assert note == (
        "a newer run of 20260201_000000 does not count: unfinished: 20260201_000000_samples_vqa_konvid.jsonl is missing"
    )


def test_differences_are_paired(three):
    found, resamples, board = three
    made = differences(found, resamples, TASK, board.models)
    assert len(made) == 6, "the limited run is compared with nothing"
    up, down = made[TINY, NIQE], made[NIQE, TINY]
    assert (up.verdict, down.verdict) == (BETTER, WORSE)
    assert (up.low, up.high) == pytest.approx((-down.high, -down.low))
    drawn = resamples[TINY, TASK] - resamples[NIQE, TASK]
    assert (up.low, up.high) == pytest.approx(tuple(np.percentile(drawn, [2.5, 97.5])))
    assert up.value == pytest.approx(found.runs[TINY, TASK].metrics["srcc"] - found.runs[NIQE, TASK].metrics["srcc"])
    assert up.fisher.p < 0.001
    assert up.fisher.p == down.fisher.p


def test_within_noise_and_not_comparable(tmp_path):
    write_run(tmp_path / "a", {TASK: score_items(30)}, model="a")
    write_run(tmp_path / "b", {TASK: score_items(30, seed=7)}, model="b")
    write_run(tmp_path / "c", {TASK: score_items(30)}, model="c", version="9")
    found = gathered(tmp_path)
    made = differences(found, resample(found), TASK, found.models)
    assert made["a", "b"].verdict == NOISE
    assert made["a", "c"].verdict == UNKNOWN
    assert math.isnan(made["a", "c"].low)
    assert made["a", "c"].fisher.p == 1.0, "equal correlations"


def test_lower_is_better_for_an_error(three):
    found, resamples, _ = three
    runs = {
        key: type(run)(**{**run.__dict__, "higher_is_better": {**run.higher_is_better, "srcc": False}})
        for key, run in found.runs.items()
    }
    turned = type(found)(**{**found.__dict__, "runs": runs})
    assert differences(turned, resamples, TASK, found.models)[TINY, NIQE].verdict == WORSE


def test_accuracy_has_no_fisher_z(three):
    found, resamples, board = three
    assert differences(found, resamples, "vqa_mini_pairs", board.models)[TINY, NIQE].fisher is None
