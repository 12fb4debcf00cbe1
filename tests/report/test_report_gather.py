"""Which runs stand in a report, and what they are called."""

from __future__ import annotations

from fake_reports import LIMITED, NIQE, PIXEL, TASKS, TINY, gathered, three_models
from fake_results import score_items, write_run

from lmms_cpllm.report.gather import gather, labels_of, same_data
from lmms_cpllm.results import frozen, read

TASK = "vqa_konvid"


def test_three_models(tmp_path):
    found = gathered(three_models(tmp_path))
    assert found.models == (TINY, PIXEL, LIMITED, NIQE)
    assert found.tasks == TASKS
    assert len(found.runs) == 12
    assert [(*key, one.reason) for key, one in found.partial.items()] == [(LIMITED, TASK, "run with --limit 20")]
    assert found.partial[LIMITED, TASK].run.count == 20
    assert found.headlines == dict(zip(TASKS, ("srcc", "all_steps", "level_agreement", "accuracy"), strict=True))
    assert found.labels[NIQE] == "vqa_scores niqe.csv"


def test_of_two_folders_the_newer_run_counts_and_the_other_is_named(tmp_path):
    old = write_run(tmp_path / "a", {TASK: score_items()}, date="20260101_000000")
    new = write_run(tmp_path / "b", {TASK: score_items(seed=1)}, date="20260201_000000")
    found = gathered(tmp_path / "a", tmp_path / "b")
    assert found.runs["cpllm", TASK].source == new
    assert [(one.source, one.reason) for one in found.left_out] == [(old, f"older than {new}")]
    assert found.partial == {}


def test_a_frozen_run_and_its_folder_are_one(tmp_path):
    write_run(tmp_path / "a", {TASK: score_items()})
    frozen.save(read(tmp_path / "a").runs, tmp_path / "base.json")
    found = gathered(tmp_path / "base.json", tmp_path / "a")
    assert len(found.runs) == 1
    assert len(found.left_out) == 1
    assert found.left_out[0].reason.startswith("the same run as in")


def test_an_older_limited_run_is_named_and_marks_nothing(tmp_path):
    write_run(tmp_path, {TASK: score_items(count=5)}, date="20260101_000000", limit=5)
    write_run(tmp_path, {TASK: score_items()}, date="20260201_000000")
    found = gathered(tmp_path)
    assert found.partial == {}
    assert [one.reason for one in found.left_out] == ["older than 20260201_000000_results.json"]


def test_a_selection_leaves_nothing_else(tmp_path):
    results = read(three_models(tmp_path))
    found = gather([results], lambda model, task, groups: model == TINY and task == TASK)
    assert set(found.runs) == {(TINY, TASK)}
    assert found.left_out == ()


def test_damaged_files_are_named_whatever_is_selected(tmp_path):
    (tmp_path / "20260101_000000_results.json").write_text("{")
    found = gather([read(tmp_path)], lambda model, task, groups: False)
    assert [one.source.name for one in found.left_out] == ["20260101_000000_results.json"]


def test_labels_are_short_and_unique():
    long = "m " + "x" * 100
    assert labels_of(["a pretrained=x/model", "a pretrained=y/model", "b path=/d/s.csv,k=1", long]) == {
        "a pretrained=x/model": "a pretrained=x/model",
        "a pretrained=y/model": "a pretrained=y/model",
        "b path=/d/s.csv,k=1": "b s.csv k=1",
        long: f"m {'x' * 45}\u2026",
    }


def test_other_data_or_another_version_is_not_the_same(tmp_path):
    other = score_items()
    other[0]["mos"] += 1
    write_run(tmp_path / "a", {TASK: score_items()}, model="a")
    write_run(tmp_path / "b", {TASK: score_items(seed=1)}, model="b")
    write_run(tmp_path / "c", {TASK: score_items(seed=1)}, model="c", version="3.0")
    write_run(tmp_path / "d", {TASK: score_items(seed=1)}, model="d", fingerprint="f" * 16)
    write_run(tmp_path / "e", {TASK: other}, model="e")
    write_run(tmp_path / "f", {TASK: score_items(seed=1)}, model="f", log_samples=False)
    assert same_data(gathered(tmp_path).of_task(TASK), "srcc") == {"a", "b"}
