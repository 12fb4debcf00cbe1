"""What lmms-eval really writes is read, and the fake results of the other tests look like it."""

from __future__ import annotations

import json
from argparse import Namespace
from dataclasses import replace
from pathlib import Path

import pytest
from evaluation import evaluate, items_of, metrics_of
from fake_konvid import konvid_ids
from fake_results import DATE, log_of, write_run

from lmms_cpllm import cli
from lmms_cpllm.harness import hooks
from lmms_cpllm.results import read, recompute

GOLDEN = Path(__file__).parents[1] / "golden/prompts.json"


def evaluate_into(
    folder: Path, model: str, tasks: list[str], model_args: str = "", date: str = DATE, **options
) -> dict:
    """One run with `--output_path folder --log_samples`; gives its results."""
    from lmms_eval.loggers import EvaluationTracker

    tracker = EvaluationTracker(output_path=str(folder))
    tracker.general_config_tracker.log_experiment_args(model, model_args, "", "", False)
    arguments = Namespace(log_samples=True, output_path=str(folder), process_with_media=False)
    results = evaluate(model, tasks, model_args, datetime_str=date, cli_args=arguments, **options)
    samples = results.pop("samples")
    tracker.save_results_aggregated(results=results, samples=samples, datetime_str=date)
    for task in results["configs"]:
        tracker.save_results_samples(task_name=task, samples=samples[task])
    return {**results, "samples": samples}


@pytest.fixture
def scores(tmp_path: Path) -> Path:
    path = tmp_path / "method.csv"
    values = [3.1, 2.2, 4.0, 1.5, 3.3, 2.9, 1.1, 4.4]
    path.write_text("\n".join(["video,score", *(f"{n},{v}" for n, v in zip(konvid_ids(8), values, strict=True))]))
    return path


def test_a_real_folder(konvid: Path, mini: list, scores: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    replayed = evaluate_into(out, "vqa_scores", ["vqa_konvid"], f"path={scores}")
    constant = evaluate_into(out, "dummy", ["vqa_konvid", "vqa_mini", "vqa_mini_pairs"], "response=73")
    found = read(out)
    assert found.left_out == ()
    assert [(run.model, run.task) for run in found.runs] == [
        ("dummy response=73", "vqa_konvid"),
        ("dummy response=73", "vqa_mini"),
        ("dummy response=73", "vqa_mini_pairs"),
        (f"vqa_scores path={scores}", "vqa_konvid"),
    ]
    for run in found.runs:
        results = replayed if run.model.startswith("vqa_scores") else constant
        assert run.metrics == pytest.approx(metrics_of(results, run.task), nan_ok=True)
        assert run.version == results["versions"][run.task]
        assert (run.rows.count, run.count, run.rows.expected) == (len(run.items["answered"]),) * 2 + ("",)
        assert run.date == DATE
        for metric, function in run.functions.items():
            assert recompute.agrees(run.metrics[metric], recompute.value(function, run.items[metric])), metric
    assert {item["video"]: item for item in found.runs[-1].items["srcc"]} == items_of(replayed, "vqa_konvid")
    assert found.runs[-1].checkpoint["scores"] == "method.csv"
    assert found.runs[0].checkpoint is None
    assert found.runs[2].higher_is_better == {"accuracy": True, "answered": True, "first_share": None}


def test_the_runs_of_every_task_are_read_frozen_and_compared(
    fakes: dict, asked: Path, mini: list, ladder: list, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    tasks = sorted(json.loads(GOLDEN.read_text()))
    evaluate_into(tmp_path / "out", "dummy", tasks, "response=73")
    found = read(tmp_path / "out")
    assert found.left_out == ()
    assert [run.task for run in found.runs] == tasks
    for run in found.runs:
        for metric, function in run.functions.items():
            if recompute.is_known(function):
                computed = recompute.value(function, run.items[metric])
                assert recompute.agrees(run.metrics[metric], computed), (run.task, metric)
    frozen = tmp_path / "base.json"
    assert cli.main(["baseline", "save", str(tmp_path / "out"), "--out", str(frozen)]) == 0
    json.loads(frozen.read_text(), parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    given = ("--min-answered", "0", "--max-drop", "rmse:0", "all_detected_step:0", "all_steps:0", "accuracy:0")
    assert cli.main(["compare", str(tmp_path / "out"), "--baseline", str(frozen), *given]) == 0
    assert "all_detected_step drop" in capsys.readouterr().out


def test_the_fake_results_are_read_as_the_real_ones(konvid: Path, mini: list, tmp_path: Path) -> None:
    real = evaluate_into(tmp_path / "real", "dummy", ["vqa_mini", "vqa_mini_pairs"], "response=73")
    runs = read(tmp_path / "real").runs
    items = {"vqa_mini": "srcc", "vqa_mini_pairs": "accuracy"}
    for run in runs:
        fake = write_run(
            tmp_path / "fake" / run.task,
            {run.task: list(items_of(real, run.task, items[run.task]).values())},
            model="dummy",
            model_args="response=73",
            fingerprint=run.rows.fingerprint,
            recipe=run.rows.recipe,
        )
        (read_back,) = read(fake).runs
        same = {"source": run.source, "samples": run.samples, "provenance": run.provenance}
        assert repr(replace(read_back, **same)) == repr(run)  # nan is not equal to nan
        real_lines, fake_lines = (
            [json.loads(line) for line in path.read_text().splitlines()]
            for path in (run.samples, log_of(fake, run.task))
        )
        keys = set(fake_lines[0]) - {"filtered_resps"}
        assert [{key: line[key] for key in keys} for line in fake_lines] == [
            {key: line[key] for key in keys} for line in real_lines
        ]
        assert all(line["filtered_resps"] == "73" for line in real_lines)


def test_a_limited_run_and_a_part_of_a_release_do_not_count(
    konvid: Path, scores: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    evaluate_into(tmp_path / "limited", "vqa_scores", ["vqa_konvid"], f"path={scores}", limit=3)
    (limited,) = read(tmp_path / "limited").left_out
    assert (limited.reason, limited.spoils) == ("run with --limit 3", False)
    sorted((konvid / "KoNViD_1k_videos").iterdir())[0].unlink()
    monkeypatch.setenv("LMMS_CPLLM_ALLOW_PARTIAL", "1")
    evaluate_into(tmp_path / "part", "vqa_scores", ["vqa_konvid"], f"path={scores}")
    (part,) = read(tmp_path / "part").left_out
    assert part.reason == "7 videos were there, the release has 8"
    assert cli.main(["compare", str(tmp_path / "part")]) == 1
    assert "7 videos were there, the release has 8" in capsys.readouterr().out


def test_a_group_is_its_tasks(fakes: dict, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    evaluate_into(tmp_path, "dummy", ["vqa_ugc"], "response=73")
    runs = read(tmp_path).runs
    assert len(runs) == 5
    assert {run.groups for run in runs} == {("vqa_ugc", "vqa_ugc_mean")}
    assert cli.main(["compare", str(tmp_path), "--tasks", "vqa_ugc"]) == 0
    assert "all 10 checks hold" in capsys.readouterr().out


def test_a_run_against_its_own_frozen_self(konvid: Path, scores: Path, tmp_path: Path, capsys) -> None:
    evaluate_into(tmp_path / "out", "vqa_scores", ["vqa_konvid"], f"path={scores}")
    frozen = str(tmp_path / "base.json")
    assert cli.main(["baseline", "save", str(tmp_path / "out"), "--out", frozen]) == 0
    assert cli.main(["compare", str(tmp_path / "out"), "--baseline", frozen, "--max-drop", "srcc:0", "plcc:0%"]) == 0
    assert capsys.readouterr().out.count("within noise") == 2


def test_every_metric_of_the_tasks_can_be_computed_again() -> None:
    names = {f.__name__ for f in vars(hooks).values() if ":" in getattr(f, "__name__", "")}
    assert {"score_metric:srcc", "pair_metric:accuracy"} <= names
    # What a judge said is not asked for again, and counts of its calls are no metric of a model.
    assert {name.partition(":")[0] for name in names if not recompute.is_known(name)} == {"open_metric"}
