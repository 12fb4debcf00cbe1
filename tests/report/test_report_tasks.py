"""One task by video, by class of videos, by ladder and in words."""

from __future__ import annotations

import numpy as np
import pytest
from fake_reports import EVIL_WORDS, NIQE, PIXEL, TINY, gathered, three_models
from fake_results import edit, ladder_items, log_of, score_items, write_run

from lmms_cpllm.metrics.correlation import fit_logistic4
from lmms_cpllm.report.breakdown import breakdowns
from lmms_cpllm.report.descriptions import descriptions, failures
from lmms_cpllm.report.ladders import families_of, ladder_task
from lmms_cpllm.report.runs import readable, run_facts
from lmms_cpllm.report.scores import score_task
from lmms_cpllm.video import VideoInfo

TASK, MODELS = "vqa_konvid", (TINY, PIXEL, NIQE)


@pytest.fixture(scope="module")
def three(tmp_path_factory):
    return gathered(three_models(tmp_path_factory.mktemp("results")))


def info(width: int, height: int, seconds: float, codec: str) -> VideoInfo:
    return VideoInfo("", width, height, 25.0, seconds, 100, codec, "yuv420p", 8, 0, 1000.0, False)


def test_a_task_by_video(three):
    task = score_task(three, TASK, MODELS)
    assert [run.model for run in task.runs] == list(MODELS)
    assert task.apart == ()
    second = task.runs[1]
    silent = [place for place, quality in enumerate(second.qualities) if quality is None]
    assert len(silent) == 3
    assert set(second.filled[silent]) == {50.0}
    fit = fit_logistic4(second.filled, task.mos)
    assert second.fit.kind == fit.kind == "logistic"
    assert second.residuals == pytest.approx(task.mos - fit.fitted)


def test_pairs_and_ladders_are_no_scores(three):
    assert score_task(three, "vqa_mini_pairs", MODELS) is None
    assert score_task(three, "vqa_ladder", MODELS) is None
    assert score_task(three, "vqa_mini_describe", MODELS) is not None


def test_models_with_other_labels_stand_apart(tmp_path):
    other = score_items()
    other[3]["mos"] += 5
    for model, items in {"a": score_items(), "b": score_items(seed=1), "c": other}.items():
        write_run(tmp_path / model, {TASK: items}, model=model)
    task = score_task(gathered(tmp_path), TASK, ("a", "b", "c"))
    assert ([run.model for run in task.runs], task.apart) == (["a", "b"], ("c",))


def test_ratings_are_counted_where_there_is_a_scale(tmp_path):
    items = [{**item, "quality": min(max(item["quality"], 0.0), 100.0)} for item in score_items()]
    raw = [{**item, "raw": True} for item in items]
    spread = {"excellent": 0.5, "good": 0.5, "fair": 0.0, "poor": 0.0, "bad": 0.0}
    items[0] |= {"quality": 87.5, "level": "excellent", "distribution": spread}
    write_run(tmp_path / "a", {TASK: items}, model="a")
    write_run(tmp_path / "b", {TASK: raw}, model="b")
    first, second = score_task(gathered(tmp_path), TASK, ("a", "b")).runs
    assert sum(first.ratings) == 60
    assert first.distribution == (0.5, 0.5, 0.0, 0.0, 0.0)
    assert (second.ratings, second.distribution) == (None, None)


def test_error_by_class(three):
    task = score_task(three, TASK, MODELS)
    infos = {name: info(1920, 1080, 8.0, "h264") for name in task.names[:10]}
    infos |= {name: info(360, 640, 1.0, "vp9") for name in task.names[10:15]}
    by = {one.title: one.lines for one in breakdowns(task, infos, {})}
    assert list(by) == ["MOS", "shorter side in pixels", "length", "codec"]
    assert [line.n for line in by["MOS"]] == [12] * 5
    assert [(line.label, line.n) for line in by["codec"]] == [("h264", 10), ("vp9", 5), ("unknown", 45)]
    assert [line.label for line in by["shorter side in pixels"]] == ["360 to 539", "1080 to 2159", "unknown"]
    assert [line.label for line in by["length"]] == ["below 2 s", "5 to 10 s", "unknown"]
    for run, error in zip(task.runs, by["codec"][0].errors, strict=True):
        assert error == pytest.approx(np.mean(np.abs(run.residuals[:10])))
    assert [one.title for one in breakdowns(task, {}, {})] == ["MOS"], "nothing is known of any file"
    assert breakdowns(task, {}, {task.names[0]: "blur"})[1].lines[0].n == 1


def test_one_mos_for_all(tmp_path):
    write_run(tmp_path, {TASK: [{**item, "mos": 3.0} for item in score_items()]})
    task = score_task(gathered(tmp_path), TASK, ("cpllm",))
    (line,) = breakdowns(task, {}, {})[0].lines
    assert (line.label, line.n) == ("3", 60)


def test_ladders_and_where_they_rise():
    items = ladder_items(noise=0)
    for item in items:
        if item["content"] == "grass" and item["family"] == "blur":
            item["quality"] = {1: 70.0, 2: 75.0, 3: None, 4: 80.0}[item["step"]]
    blur, codec = families_of(items)
    assert [(one.family, one.unit, one.steps, one.violations) for one in (blur, codec)] == [
        ("blur", "px sigma", 12, 2),
        ("h264", "CRF", 12, 0),
    ]
    grass = next(climb for climb in blur.climbs if climb.content == "grass")
    assert grass.strengths == (0.5, 1.0, 2.0, 4.0)
    assert grass.scores == (85.0, 70.0, 75.0, None, 80.0)
    assert grass.rises == (2, 4)
    assert codec.steps_right == 1.0
    assert codec.rho == pytest.approx(1.0)


def test_a_task_of_ladders(three):
    task = ladder_task(three, "vqa_ladder", MODELS)
    assert task.families == ("blur", "h264")
    assert list(task.runs) == list(MODELS)
    assert [len(family.climbs) for family in task.runs[TINY]] == [3, 3]
    assert ladder_task(three, "vqa_mini_describe", MODELS) is None
    assert ladder_task(three, TASK, MODELS) is None


def test_descriptions_beside_what_is_known(three):
    said = descriptions(three, "vqa_mini_describe", MODELS)
    assert len(said) == 36
    assert [one.model for one in said[:3]] == list(MODELS)
    assert said[0].known == "clean"
    blurred = next(one for one in said if one.video == "scene1-blur-2")
    assert (blurred.text, blurred.known, blurred.mos) == (EVIL_WORDS, "blur 2", 46.0)
    assert descriptions(three, TASK, MODELS) == []


def test_failures_are_counted_with_their_reasons(three):
    (failure,) = failures(three, MODELS)
    assert (failure.model, failure.task, failure.count, failure.n) == (PIXEL, TASK, 3, 60)
    assert failure.reason == "no rating found"
    assert failure.examples[1] == ("clip01", EVIL_WORDS)


def test_unreadable_files_are_one_reason(tmp_path):
    items = score_items(unanswered=4)
    for place in range(3):
        items[place]["reason"] = f"unreadable: /data/{place}.mp4: there is no such file"
    write_run(tmp_path, {TASK: items}, answers={"clip03": "x" * 400})
    first, second = failures(gathered(tmp_path), ("cpllm",))
    assert (first.reason, first.count) == ("unreadable: there is no such file", 3)
    assert second.examples[0][1] == f"{'x' * 300}\u2026 (100 more characters)"


def test_how_runs_were_made(three):
    first, second, _ = run_facts(three, MODELS)
    assert (
        first.command
        == "lmms-eval --model cpllm --tasks vqa_konvid,vqa_ladder,vqa_mini_describe,vqa_mini_pairs --log_samples"
    )
    assert dict(first.checkpoint) == {"pretrained": "cpllm-tiny", "fingerprint": "ab12cd34"}
    assert second.checkpoint == ()
    facts = dict(first.facts)
    assert facts["lmms-eval"] == "0.7.3"
    assert facts["time"] == "120 s for all tasks of the command, loading included"
    assert [task for task, *_ in first.tasks] == list(three.tasks)
    assert readable("20260102_030405") == "2026-01-02 03:04:05"
    assert readable("yesterday") == "yesterday"


def test_a_frozen_run_says_that_it_is_one(tmp_path):
    from lmms_cpllm.results import frozen, read

    write_run(tmp_path / "a", {TASK: score_items()}, seconds=5.0)
    frozen.save(read(tmp_path / "a").runs, tmp_path / "base.json")
    found = gathered(tmp_path / "base.json")
    (facts,) = run_facts(found, found.models)
    assert facts.facts[0][0] == "frozen"
    assert score_task(found, TASK, found.models).runs[0].model == "cpllm"


def test_a_log_that_is_gone_costs_the_words_only(tmp_path):
    path = write_run(tmp_path, {TASK: score_items(unanswered=1)})
    found = gathered(tmp_path)
    log_of(path, TASK).unlink()
    (failure,) = failures(found, ("cpllm",))
    assert failure.examples == (("clip00", ""),)


def test_speed_is_told_where_it_was_measured(tmp_path):
    path = write_run(tmp_path, {TASK: score_items()}, seconds=30.0)
    edit(path, throughput={"avg_videos_per_second": 0.3122, "avg_speed": 0.0}, lmms_eval_version="unknown@unknown")
    (facts,) = run_facts(gathered(tmp_path), ("cpllm",))
    told = dict(facts.facts)
    assert told["speed"] == "0.312 videos per second"
    assert not {"generation", "lmms-eval"} & set(told)
