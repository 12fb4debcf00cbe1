from __future__ import annotations

import json
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from evaluation import environment
from fake_konvid import labels_file

from lmms_cpllm import releases
from lmms_cpllm.harness import hooks, running
from lmms_cpllm.harness.describe import split_answer
from lmms_cpllm.plugin import tasks_path

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "prompts.json"
DOC = {"video": "/v/7.mp4", "name": "7", "mos": 3.0, "mos_quality": 50.0}
PAIR = {
    "name": "a | b",
    "first": "/v/a.mp4",
    "second": "/v/b.mp4",
    "first_name": "a",
    "second_name": "b",
    "first_mos": 70.0,
    "second_mos": 20.0,
}


def test_importing_the_hooks_imports_no_torch() -> None:
    heavy = {"torch", "transformers", "datasets", "av"}
    code = f"import sys, lmms_cpllm.harness.hooks; print(sorted({heavy} & set(sys.modules)))"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment(), timeout=60
    )
    assert result.stdout.strip() == "[]"


def test_release_documents(konvid: Path) -> None:
    documents = hooks.release_documents([{"release": "konvid"}])
    assert len(documents) == 8
    assert documents[0] == {
        "video": str(
            next(path for path in (konvid / "KoNViD_1k_videos").iterdir() if path.stem == documents[0]["name"])
        ),
        "name": documents[0]["name"],
        "mos": documents[0]["mos"],
        "release": "konvid",
        "mos_quality": pytest.approx((documents[0]["mos"] - 1) * 25),
    }
    assert Path(documents[0]["video"]).is_absolute()
    assert list(documents["name"]) == sorted(documents["name"])


def test_pair_documents(mini: list) -> None:
    documents = hooks.pair_documents([{"release": "mini"}])
    assert documents[0]["name"] == f"{mini[0].name} | {mini[5].name}"
    assert documents[1]["first"] == mini[5].video
    assert documents[1]["better"] == ("first" if mini[5].mos > mini[1].mos else "second")


class TestLazyNames:
    def test_rows_follow_the_disk(self, konvid: Path) -> None:
        first = hooks.rows_konvid
        assert first == {"count": 8, "fingerprint": releases.fingerprint(releases.rows("konvid"))}
        labels = labels_file(konvid)
        labels.write_text(labels.read_text().replace("1.22", "1.23"))
        assert hooks.rows_konvid["fingerprint"] != first["fingerprint"]

    def test_pairs_follow_their_videos_and_their_order(self, mini: list, monkeypatch: pytest.MonkeyPatch) -> None:
        from lmms_cpllm.releases import mini as module

        first = hooks.pairs_mini
        assert first["count"] == 4
        pairs = module.pairs()
        monkeypatch.setattr(module, "pairs", lambda: pairs[::-1])
        turned = hooks.pairs_mini
        assert turned["fingerprint"] != first["fingerprint"]
        monkeypatch.setattr(module, "rows", lambda: [replace(mini[0], mos=mini[0].mos + 1), *mini[1:]])
        other = hooks.pairs_mini
        assert other["fingerprint"] not in (first["fingerprint"], turned["fingerprint"])
        assert len({told["recipe"] for told in (first, turned, other)}) == 3

    def test_the_recipe_of_rendered_clips_leaves_file_sizes_out(
        self, mini: list, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from lmms_cpllm.releases import mini as module

        first = hooks.rows_mini
        monkeypatch.setattr(module, "rows", lambda: [replace(mini[0], video=mini[1].video), *mini[1:]])
        assert hooks.rows_mini["fingerprint"] != first["fingerprint"]
        assert hooks.rows_mini["recipe"] == first["recipe"]

    def test_clips_of_ladders_follow_their_files_and_what_is_left_out(
        self, ladder: list, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from lmms_cpllm.releases import ladder as module

        first = hooks.rows_ladder
        assert first["count"] == 7
        assert first["missing_codecs"] == ["av1"]
        assert first["unusable"] == ["notes.txt: no video"]
        found = module.ladders()
        others = (
            replace(found, rows=found.rows[::-1]),
            replace(found, rows=(replace(found.rows[0], video=found.rows[1].video), *found.rows[1:])),
            replace(found, missing_codecs=()),
            replace(found, unusable=()),
        )
        for other in others:
            monkeypatch.setattr(module, "ladders", lambda other=other: other)
            assert hooks.rows_ladder["fingerprint"] != first["fingerprint"]

    def test_metrics_of_ladders_follow_the_families_asked_for(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("LMMS_CPLLM_LADDER_FAMILIES", "blur h264")
        better = {metric["metric"]: metric["higher_is_better"] for metric in hooks.ladder_metrics}
        assert better == {
            "all_detected_step": False,
            "all_fall_back": False,
            "all_rho": True,
            "all_steps": True,
            "all_violated": False,
            "all_violations": False,
            "answered": True,
            "detected_h264": False,
            "detected_blur": False,
            "rho_h264": True,
            "rho_blur": True,
            "steps_h264": True,
            "steps_blur": True,
            "violated_h264": False,
            "violated_blur": False,
        }
        monkeypatch.delenv("LMMS_CPLLM_LADDER_FAMILIES")
        assert len(hooks.ladder_metrics) == 7 + 4 * 27

    def test_checkpoint_of_the_running_model(self) -> None:
        assert hooks.checkpoint is None
        running.started({"fingerprint": "0123"})
        try:
            assert hooks.checkpoint == {"fingerprint": "0123"}
        finally:
            running.stopped()
        assert hooks.checkpoint is None

    def test_other_names(self) -> None:
        for name in ("rows_nothing", "pairs_nothing", "rows", "columns_konvid"):
            with pytest.raises(AttributeError, match=f"has no attribute '{name}'"):
                getattr(hooks, name)


class TestScoreResults:
    def test_an_answer(self) -> None:
        results = hooks.score_results(DOC, ["72"])
        assert list(results) == ["srcc", "plcc", "krcc", "rmse", "fit_lcc", "answered", "ci95_low", "ci95_high"]
        assert results["srcc"] == {
            "video": "7",
            "mos": 3.0,
            "quality": 72.0,
            "acr": pytest.approx(3.88),
            "level": "good",
            "distribution": None,
            "reason": "",
        }
        assert results["answered"] == {"video": "7", "mos": 3.0, "quality": 72.0}

    @pytest.mark.parametrize(
        ("answer", "reason"),
        [
            ("", "empty"),
            ("  \n", "empty"),
            ("[LMMS_EVAL_REQUEST_FAILED after 5 retries] Error code: 400", "failed request"),
            ("I cannot see a video.", "no rating found"),
        ],
    )
    def test_no_answer_has_a_reason(self, answer: str, reason: str) -> None:
        item = hooks.score_results(DOC, [answer])["srcc"]
        assert (item["quality"], item["reason"]) == (None, reason)

    def test_the_reason_of_an_unreadable_video(self) -> None:
        running.started({})
        running.failed("/v/7.mp4", "no frame can be decoded")
        try:
            assert hooks.score_results(DOC, [""])["srcc"]["reason"] == "unreadable: /v/7.mp4: no frame can be decoded"
            assert hooks.score_results(DOC, ["72"])["srcc"]["reason"] == ""
        finally:
            running.started({})
            running.stopped()

    def test_aggregates_do_not_depend_on_the_order(self) -> None:
        qualities = [10, None, 35, 80, 20, 55, 90]
        items = [
            {"video": str(n), "mos": float(mos), "quality": quality}
            for n, (mos, quality) in enumerate(zip([1, 2, 3, 4, 1.5, 2.5, 5], qualities, strict=True))
        ]
        for name in ("srcc", "plcc", "krcc", "rmse", "fit_lcc", "answered", "ci95_low", "ci95_high"):
            aggregate = getattr(hooks, f"score_{name}")
            value = aggregate(items)
            assert isinstance(value, float)
            assert math.isfinite(value)
            assert aggregate(items[::-1]) == value
            assert aggregate(items[3:] + items[:3]) == value
        assert hooks.score_answered(items) == pytest.approx(6 / 7)
        assert hooks.score_srcc.__name__ == "score_metric:srcc"


class TestDescribeResults:
    def test_ours_has_a_number_and_a_word(self) -> None:
        line = '{"quality": 61.0, "acr": 3.44, "rating": "fair"}'
        item = hooks.describe_results(DOC, [f"{line}\nThe quality of this video is fair. It is sharp in good light."])[
            "level_agreement"
        ]
        assert (item["quality"], item["level"], item["reason"]) == (61.0, "fair", "")

    def test_others_have_a_word_only(self) -> None:
        item = hooks.describe_results(DOC, ["The quality of this video is poor. Blocks everywhere."])["level_agreement"]
        assert (item["quality"], item["level"]) == (25.0, "poor")

    def test_split_answer(self) -> None:
        assert split_answer('{"quality": 1}\nText\nmore') == ('{"quality": 1}', "Text\nmore")
        assert split_answer("61\nText") == ("", "61\nText")
        assert split_answer("") == ("", "")

    def test_aggregates(self) -> None:
        words = ["fair", "good", None, "bad"]
        mos = [50.0, 30.0, 60.0, 5.0]
        items = [
            {"video": str(n), "mos": m, "mos_quality": m, "level": word, "quality": None if word is None else m}
            for n, (word, m) in enumerate(zip(words, mos, strict=True))
        ]
        assert hooks.describe_level_agreement(items) == 0.5
        assert hooks.describe_level_within_one(items) == 0.5
        assert hooks.describe_answered(items) == 0.75
        assert hooks.describe_level_rho(items[::-1]) == hooks.describe_level_rho(items)
        # Qualities 50, 30, none (50), 5 against 50, 30, 60, 5: one tie.
        assert hooks.describe_srcc(items) == pytest.approx(0.9486832980505138)


class TestPairResults:
    @pytest.mark.parametrize(
        ("answer", "choice", "reason"),
        [
            ('{"choice": "second", "probability": 0.83}', "second", ""),
            ("first", "first", ""),
            ("", None, "empty"),
        ],
    )
    def test_an_answer(self, answer: str, choice: str | None, reason: str) -> None:
        item = hooks.pair_results(PAIR, [answer])["accuracy"]
        assert item == {
            "video": "a | b",
            "first": "a",
            "second": "b",
            "first_mos": 70.0,
            "second_mos": 20.0,
            "better": "first",
            "choice": choice,
            "reason": reason,
        }

    def test_aggregates(self) -> None:
        items = [
            {"video": str(n), "choice": choice, "better": "first"}
            for n, choice in enumerate(["first", "second", None, "first"])
        ]
        assert hooks.pair_accuracy(items) == 0.625
        assert hooks.pair_answered(items) == 0.75
        assert hooks.pair_first_share(items) == pytest.approx(2 / 3)
        assert math.isnan(hooks.pair_first_share(items[2:3]))


def test_prompts_are_those_of_the_golden_file(fakes: dict, asked: Path, mini: list, ladder: list) -> None:
    """A changed prompt is a new version of the task: raise `metadata.version` and write down why in its README.

    To write the file anew, delete it and run this test.
    """
    from lmms_eval.tasks import TaskManager

    prompts: dict[str, dict] = {}
    for model in ("default", "cpllm", "vqa_levels"):
        manager = TaskManager(include_path=[str(tasks_path())], include_defaults=False, model_name=model)
        for name in manager.all_subtasks:
            task = manager.load_task_or_group([name], "chat")[name]
            document = task.eval_docs[0]
            content = [
                dict(item) if item["type"] == "text" else {"type": item["type"]}
                for item in task.doc_to_messages(document)[0]["content"]
            ]
            prompts.setdefault(name, {"version": task.VERSION})[model] = {
                "simple": task.doc_to_text(document),
                "chat": content,
                "generation_kwargs": task.config.generation_kwargs,
            }
            assert len(task.doc_to_visual(document)) == sum(item["type"] == "video" for item in content)
    if not GOLDEN.exists():
        GOLDEN.parent.mkdir(exist_ok=True)
        GOLDEN.write_text(json.dumps(prompts, indent=2, sort_keys=True) + "\n")
        pytest.fail(f"{GOLDEN} was missing and has been written: look at it, then run again")
    assert prompts == json.loads(GOLDEN.read_text())


def test_task_files_share_only_what_every_model_takes() -> None:
    from lmms_eval import utils

    for path in tasks_path().rglob("*.yaml"):
        config = utils.load_yaml_config(str(path), mode="simple")
        if "group" in config:
            continue
        assert set(config["generation_kwargs"]) == {"max_new_tokens", "temperature", "do_sample", "num_beams", "until"}
        assert config["metadata"]["version"]
        # Group means of the host match metrics by substring.
        metrics = config["metric_list"]
        if not isinstance(metrics, list):  # a name of the hooks, which is not looked up when a file is only read
            metrics = getattr(hooks, metrics.value.rpartition(".")[2])
        names = [metric["metric"] for metric in metrics]
        assert not [(a, b) for a in names for b in names if a != b and a in b]
