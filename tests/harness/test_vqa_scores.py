"""`--model vqa_scores` inside lmms-eval: what a file says is what is measured."""

from __future__ import annotations

import json
import math
from pathlib import Path
from types import SimpleNamespace

import lmms_eval.evaluator  # noqa: F401 - sets loguru up anew, so before the fixture below
import numpy as np
import pytest
from evaluation import evaluate, items_of, metrics_of
from fake_konvid import konvid_ids, konvid_scores
from scipy import stats

from lmms_cpllm.errors import ArgumentError, UserError
from lmms_cpllm.harness import hooks, replay, running, vqa_scores
from lmms_cpllm.harness.vqa_scores import parse

IDS, MOS = konvid_ids(8), konvid_scores(8)


@pytest.fixture(autouse=True)
def _nothing_left_behind():
    """A run that fails does not let go of its model: in a process that is to end, nobody minds."""
    yield
    running.stopped()


def scores_of(kind: str) -> list[float]:
    """Eight scores that agree with the MOS in part."""
    noise = np.random.default_rng(7).normal(size=8)
    rough = np.array(MOS) + noise
    return {
        "logits": (rough / 3 - 2).tolist(),
        "tiny": (1e-9 * rough - 1e-7).tolist(),
        "huge": (1e12 * rough).tolist(),
        "ties": np.round(rough).tolist(),
        "psnr": (30 + 5 * rough).tolist(),
        "close": (97 + 1e-7 * rough).tolist(),
    }[kind]


def write_scores(folder: Path, names: list[str], scores: list, name: str = "dover.csv") -> Path:
    path = folder / name
    path.write_text("\n".join(["video,score", *(f"{n},{s!r}" for n, s in zip(names, scores, strict=True))]) + "\n")
    return path


@pytest.mark.parametrize("kind", ["logits", "tiny", "huge", "ties", "psnr", "close"])
def test_a_replay_is_what_scipy_says(kind: str, konvid: Path, tmp_path: Path, warnings: list[str]) -> None:
    scores = scores_of(kind)
    path = write_scores(tmp_path, IDS, scores)
    results = evaluate("vqa_scores", ["vqa_konvid"], f"path={path}")
    metrics = metrics_of(results, "vqa_konvid")
    assert metrics["srcc"] == pytest.approx(stats.spearmanr(scores, MOS).statistic, abs=1e-12)
    assert metrics["plcc"] == pytest.approx(stats.pearsonr(scores, MOS).statistic, abs=1e-12)
    assert metrics["krcc"] == pytest.approx(stats.kendalltau(scores, MOS).statistic, abs=1e-12)
    assert metrics["answered"] == 1
    assert 0 < metrics["rmse"] < np.std(MOS) + 1e-9, "the logistic is no worse than the mean"
    assert {name: item["quality"] for name, item in items_of(results, "vqa_konvid").items()} == dict(
        zip(IDS, scores, strict=True)
    )
    assert warnings == []
    checkpoint = results["configs"]["vqa_konvid"]["metadata"]["checkpoint"]
    assert len(checkpoint.pop("fingerprint")) == 16
    assert checkpoint == {
        "scores": "dover.csv",
        "name_column": "video",
        "score_column": "score",
        "higher_is_better": True,
    }
    assert running.checkpoint() is None, "the model has gone"


def test_lower_is_better_turns_the_sign_and_nothing_else(konvid: Path, mini: list, tmp_path: Path) -> None:
    scores = [score for score in scores_of("psnr")]
    path = write_scores(tmp_path, IDS, scores, "brisque.csv")
    metrics = metrics_of(evaluate("vqa_scores", ["vqa_konvid"], f"path={path},higher_is_better=false"), "vqa_konvid")
    assert metrics["srcc"] == pytest.approx(-stats.spearmanr(scores, MOS).statistic, abs=1e-12)
    assert metrics["plcc"] == pytest.approx(-stats.pearsonr(scores, MOS).statistic, abs=1e-12)
    path = write_scores(tmp_path, [row.name for row in mini], [-row.mos for row in mini], "niqe.csv")
    results = evaluate("vqa_scores", ["vqa_mini_pairs"], f"path={path},higher_is_better=False")
    assert metrics_of(results, "vqa_mini_pairs")["accuracy"] == 1


def test_scores_and_pairs_from_one_file_by_path(mini: list, tmp_path: Path) -> None:
    scores = [3.0, -1.0, 0.5, 0.5, 0.5, 2.0]
    path = tmp_path / "scores.json"
    path.write_text(json.dumps({row.video: score for row, score in zip(mini, scores, strict=True)}))
    results = evaluate("vqa_scores", ["vqa_mini", "vqa_mini_pairs"], f"path={path}")
    mos = [row.mos for row in mini]
    assert metrics_of(results, "vqa_mini")["srcc"] == pytest.approx(stats.spearmanr(scores, mos).statistic, abs=1e-12)
    items = items_of(results, "vqa_mini_pairs", "accuracy")
    expected = {(0, 5): "first", (5, 1): "first", (2, 4): None, (4, 3): None}
    assert {name: item["choice"] for name, item in items.items()} == {
        f"{mini[a].name} | {mini[b].name}": choice for (a, b), choice in expected.items()
    }
    assert items[f"{mini[2].name} | {mini[4].name}"]["reason"] == "equal scores in the replayed file"
    assert metrics_of(results, "vqa_mini_pairs")["answered"] == 0.5


def test_what_is_left_over_is_reported(konvid: Path, tmp_path: Path, warnings: list[str]) -> None:
    scores = scores_of("logits")
    path = write_scores(tmp_path, [f"x/{name}.mp4" for name in IDS[:6]] + ["other", "broken"], [*scores[:7], math.nan])
    results = evaluate("vqa_scores", ["vqa_konvid"], f"path={path}")
    missing = sorted(IDS[6:])
    assert warnings == [
        f"{path}: 1 rows are left out: row 8 (broken): score: a finite number expected, found 'nan'",
        f"vqa_konvid: 2 of 8 videos have no score in {path} and count as unanswered: {', '.join(missing)}",
        f"{path}: 1 of 7 rows match no video of vqa_konvid: other",
    ]
    metrics = metrics_of(results, "vqa_konvid")
    filled = [*scores[:6], *[float(np.median(scores[:6]))] * 2]
    assert metrics["answered"] == 0.75
    assert metrics["srcc"] == pytest.approx(stats.spearmanr(filled, MOS).statistic, abs=1e-12)
    assert metrics["plcc"] == pytest.approx(stats.pearsonr(filled, MOS).statistic, abs=1e-12)
    item = items_of(results, "vqa_konvid")[missing[0]]
    assert (item["quality"], item["reason"]) == (None, "no score in the replayed file")


def test_a_limit_is_no_reason_for_surplus_rows(konvid: Path, tmp_path: Path, warnings: list[str]) -> None:
    path = write_scores(tmp_path, IDS, scores_of("logits"))
    results = evaluate("vqa_scores", ["vqa_konvid"], f"path={path}", limit=3)
    assert len(results["samples"]["vqa_konvid"]) == 3
    assert not [text for text in warnings if str(path) in text]


@pytest.mark.parametrize("ending", ["csv", "json", "parquet"])
@pytest.mark.parametrize("by", ["name", "path"])
def test_every_format_with_columns_that_have_to_be_named(ending: str, by: str, konvid: Path, tmp_path: Path) -> None:
    scores = scores_of("logits")
    names = IDS if by == "name" else [f"/elsewhere/KoNViD_1k_videos/{name}.mp4" for name in IDS]
    columns = {"key": ["x"] * 8, "which one": names, "mos": MOS, "a": scores, "b": [-score for score in scores]}
    records = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    path = tmp_path / f"scores.{ending}"
    if ending == "csv":
        lines = [",".join(columns), *(",".join(map(str, record.values())) for record in records)]
        path.write_text("\n".join(lines))
    elif ending == "json":
        path.write_text(json.dumps(records))
    else:
        import pyarrow
        from pyarrow import parquet

        parquet.write_table(pyarrow.table(columns), path)
    given = f"path={path},name_column=which_one,score_column=a"
    results = evaluate("vqa_scores", ["vqa_konvid"], given)
    assert metrics_of(results, "vqa_konvid")["srcc"] == pytest.approx(stats.spearmanr(scores, MOS).statistic, abs=1e-12)
    with pytest.raises(ArgumentError, match="it cannot be guessed which column holds the scores: found key, which one"):
        evaluate("vqa_scores", ["vqa_konvid"], f"path={path}")


def test_answers_from_the_cache_are_replays_too(konvid: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, scores = write_scores(tmp_path, IDS, scores_of("logits")), scores_of("logits")
    asked: list[int] = []
    original = vqa_scores.VQAScores.generate_until

    def counted(self, requests):
        asked.append(len(requests))
        return original(self, requests)

    monkeypatch.setattr(vqa_scores.VQAScores, "generate_until", counted)
    monkeypatch.setenv("LMMS_CACHE_RUN_ID", "one")
    for _ in range(2):
        results = evaluate("vqa_scores", ["vqa_konvid"], f"path={path}", use_cache=str(tmp_path / "cache"))
        assert {name: item["quality"] for name, item in items_of(results, "vqa_konvid").items()} == dict(
            zip(IDS, scores, strict=True)
        )
    assert asked == [8], "the second time all answers come from the cache"
    write_scores(tmp_path, IDS, [-score for score in scores])
    results = evaluate("vqa_scores", ["vqa_konvid"], f"path={path}", use_cache=str(tmp_path / "cache"))
    assert items_of(results, "vqa_konvid")[IDS[0]]["quality"] == -scores[0]
    assert asked == [8, 8], "another file, other answers"


@pytest.mark.parametrize("left_behind", [False, True])
def test_a_model_that_speaks_like_a_replay_is_not_taken_for_one(
    left_behind: bool, konvid: Path, mini: list, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lmms_eval.models.simple.dummy import Dummy

    def speak(self, requests):
        lines = {"score": replay.score_line(said, 99.0), "compare": replay.pair_line(said, 2.0, 1.0)}
        return [lines[request.metadata["cpllm_mode"]] for request in requests]

    monkeypatch.setattr(Dummy, "generate_until", speak)
    path = write_scores(tmp_path, IDS, scores_of("logits"))
    # A model that was built and never evaluated leaves its note behind; who then guesses a file is not believed either.
    model = vqa_scores.VQAScores(path=str(path))
    said = "0" * 64 if left_behind else model._digest
    if not left_behind:
        model.clean()
    results = evaluate("dummy", ["vqa_konvid", "vqa_mini_pairs"])
    model.clean()
    assert metrics_of(results, "vqa_konvid")["answered"] == metrics_of(results, "vqa_mini_pairs")["answered"] == 0
    item = items_of(results, "vqa_konvid")[IDS[0]]
    assert (item["quality"], "raw" in item) == (None, False)


class TestErrors:
    def test_a_task_that_was_loaded_first(self, konvid: Path, tmp_path: Path) -> None:
        path = write_scores(tmp_path, IDS, MOS)
        running.stopped()
        documents = hooks.release_documents([{"release": "konvid"}])
        model = vqa_scores.VQAScores(path=str(path))
        model.task_dict = {"vqa_konvid": {"test": documents}}
        request = SimpleNamespace(args=("", None, {}, 0, "vqa_konvid", "test"), metadata={"cpllm_mode": "score"})
        with pytest.raises(UserError) as error:
            model.generate_until([request])
        model.clean()
        assert str(error.value) == (
            "task vqa_konvid: it was loaded before this model, and its documents do not know the scores\n"
            "  what to do: build the model first, then load the tasks, as lmms-eval does"
        )

    def test_nothing_matches(self, konvid: Path, mini: list, tmp_path: Path) -> None:
        path = write_scores(tmp_path, ["a.mp4", "b.mp4"], [1.0, 2.0])
        with pytest.raises(SystemExit) as error:
            evaluate("vqa_scores", ["vqa_konvid"], f"path={path}")
        assert isinstance(error.value, ArgumentError), "so the exit status is 1"
        assert str(error.value) == (
            f"{path}: no row matches a video of vqa_konvid\n"
            f"  expected in column video: {', '.join(sorted(IDS)[:5])} and 3 more (or the files' paths or stems)\n"
            "  found: a.mp4, b.mp4\n"
            "  what to do: name the right column with name_column=..., or run the task that the scores belong to"
        )

    def test_two_scores_for_one_video(self, konvid: Path, tmp_path: Path) -> None:
        path = write_scores(tmp_path, [*IDS, f"{IDS[0]}.mp4"], [*scores_of("psnr"), 1.0])
        with pytest.raises(ArgumentError) as error:
            evaluate("vqa_scores", ["vqa_konvid"], f"path={path}")
        assert f"{path}: expected one score for each video\n  found: {IDS[0]} has several scores (" in str(error.value)

    def test_a_task_that_asks_for_words(self, konvid: Path, tmp_path: Path) -> None:
        path = write_scores(tmp_path, IDS, MOS)
        with pytest.raises(UserError) as error:
            evaluate("vqa_scores", ["vqa_konvid_describe"], f"path={path}")
        assert str(error.value) == (
            "task vqa_konvid_describe: vqa_scores answers tasks that ask for a score or for the better of two videos, "
            "found describe\n  what to do: leave this task out"
        )

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ({}, "path: expected a file with scores, found none\n  what to do: --model_args path=scores.csv"),
            ({"path": "a", "higher_is_better": "maybe"}, "higher_is_better: expected true or false, found 'maybe'"),
            (
                {"path": "a", "score_colum": "x"},
                "model argument 'score_colum' is not known. Did you mean score_column?\n"
                "  allowed: path, name_column, score_column, higher_is_better",
            ),
        ],
    )
    def test_arguments(self, given: dict, message: str) -> None:
        with pytest.raises(ArgumentError) as error:
            parse(given)
        assert str(error.value) == message

    def test_flags_of_the_host_are_no_arguments_of_ours(self) -> None:
        assert parse({"path": "a", "batch_size": 4, "device": "cuda", "score_column": 3}).score_column == "3"
