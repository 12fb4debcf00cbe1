"""`--model cpllm` inside lmms-eval: a real evaluation of a tiny random CP-LLM, in this process."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path

import pytest
from evaluation import evaluate, items_of, metrics_of
from fake_konvid import labels_file
from scipy import stats

from lmms_cpllm.errors import CheckpointError, DataError, UserError, VideoError
from lmms_cpllm.harness import answers, running
from lmms_cpllm.ratings import LEVELS, parse_answer
from lmms_cpllm.video import isolated

SCORE_METRICS = {"srcc", "plcc", "krcc", "rmse", "fit_lcc", "answered", "ci95_low", "ci95_high"}


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of the batches that reach the model."""
    sizes: list[int] = []
    original = answers.answer_batch

    def count(model, processor, batch):
        sizes.append(len(batch))
        return original(model, processor, batch)

    monkeypatch.setattr(answers, "answer_batch", count)
    return sizes


def test_scores(konvid: Path, checkpoint: Path) -> None:
    results = evaluate("cpllm", ["vqa_konvid"], f"pretrained={checkpoint}")
    metrics = metrics_of(results, "vqa_konvid")
    assert set(metrics) == SCORE_METRICS
    items = items_of(results, "vqa_konvid")
    labels = dict(line.split(",") for line in labels_file(konvid).read_text().split()[1:])
    assert {name: item["mos"] for name, item in items.items()} == {name: float(mos) for name, mos in labels.items()}
    pairs = [(item["quality"], item["mos"]) for item in items.values()]
    assert len({quality for quality, _ in pairs}) > 3, "a model that gives every video one score tests nothing"
    assert metrics["srcc"] == pytest.approx(stats.spearmanr(*zip(*pairs, strict=True)).statistic, abs=1e-12)
    assert metrics["plcc"] == pytest.approx(stats.pearsonr(*zip(*pairs, strict=True)).statistic, abs=1e-12)
    assert metrics["answered"] == 1
    assert metrics["ci95_low"] <= metrics["srcc"] <= metrics["ci95_high"]
    for sample in results["samples"]["vqa_konvid"]:
        item = sample["srcc"]
        assert set(item) == {"video", "mos", "quality", "acr", "level", "distribution", "reason"}
        assert item["reason"] == ""
        assert set(item["distribution"]) == set(LEVELS)
        assert sum(item["distribution"].values()) == pytest.approx(1, abs=1e-5)
        assert sample["krcc"] == {name: item[name] for name in ("video", "mos", "quality")}
        assert parse_answer(sample["filtered_resps"][0]).rating.quality == item["quality"]
        assert sample["token_counts"][0]["input_tokens"] > 10
        assert sample["token_counts"][0]["output_tokens"] == 0
    assert results["throughput"]["avg_videos_per_second"] > 0


def test_what_stands_in_the_results(konvid: Path, checkpoint: Path) -> None:
    results = evaluate("cpllm", ["vqa_konvid"], f"pretrained={checkpoint}", log_samples=False)
    config = results["configs"]["vqa_konvid"]
    assert results["versions"]["vqa_konvid"] == "1.0"
    assert results["higher_is_better"]["vqa_konvid"] == {name: name != "rmse" for name in SCORE_METRICS}
    assert config["metadata"]["rows"]["count"] == 8
    assert len(config["metadata"]["rows"]["fingerprint"]) == 16
    assert len(config["metadata"]["checkpoint"]["fingerprint"]) == 16
    assert config["generation_kwargs"] == {
        "max_new_tokens": 128,
        "temperature": 0.0,
        "do_sample": False,
        "num_beams": 1,
        "until": [],
        "cpllm_mode": "score",
    }
    assert running.checkpoint() is None, "the model has gone"


def test_descriptions_hold_score_and_text(konvid: Path, checkpoint: Path) -> None:
    results = evaluate("cpllm", ["vqa_konvid_describe", "vqa_konvid"], f"pretrained={checkpoint}")
    assert set(metrics_of(results, "vqa_konvid_describe")) == {
        "level_agreement",
        "level_within_one",
        "level_rho",
        "srcc",
        "answered",
    }
    assert metrics_of(results, "vqa_konvid_describe")["answered"] == 1
    for sample in results["samples"]["vqa_konvid_describe"]:
        line, text = sample["filtered_resps"][0].split("\n", 1)
        item = sample["level_agreement"]
        assert json.loads(line)["quality"] == item["quality"]
        assert text.startswith(f"The quality of this video is {item['level']}")
        assert sample["token_counts"][0]["output_tokens"] >= 1
        assert item["mos_quality"] == pytest.approx((item["mos"] - 1) * 25)


def test_pairs(mini: list, checkpoint: Path) -> None:
    results = evaluate("cpllm", ["vqa_mini_pairs"], f"pretrained={checkpoint}")
    metrics = metrics_of(results, "vqa_mini_pairs")
    samples = results["samples"]["vqa_mini_pairs"]
    items = [sample["accuracy"] for sample in samples]
    assert metrics["answered"] == 1
    assert metrics["accuracy"] == sum(item["choice"] == item["better"] for item in items) / 4
    assert metrics["first_share"] == sum(item["choice"] == "first" for item in items) / 4
    assert items[0]["video"] == f"{mini[0].name} | {mini[5].name}"
    assert items[0]["better"] == ("first" if mini[0].mos > mini[5].mos else "second")
    answer = json.loads(samples[0]["filtered_resps"][0])
    assert answer["choice"] == items[0]["choice"]
    assert 0.5 <= answer["probability"] <= 1


def test_all_modes_at_once_and_in_batches_give_the_same(
    konvid: Path, mini: list, checkpoint: Path, calls: list
) -> None:
    tasks = ["vqa_konvid", "vqa_mini", "vqa_mini_pairs"]
    single = evaluate("cpllm", tasks, f"pretrained={checkpoint}")
    assert set(calls) == {1}
    calls.clear()
    batched = evaluate("cpllm", tasks, f"pretrained={checkpoint},prefetch=2,decode_workers=1", batch_size=3)
    assert sorted(calls) == [1, 2, 3, 3, 3, 3, 3], "14 scores and 4 pairs"
    for task in ("vqa_konvid", "vqa_mini"):
        one, three = items_of(single, task), items_of(batched, task)
        assert one.keys() == three.keys()
        for name in one:
            assert one[name]["quality"] == pytest.approx(three[name]["quality"], abs=1e-3)
    again = evaluate("cpllm", tasks, f"pretrained={checkpoint}")
    assert items_of(again, "vqa_konvid") == items_of(single, "vqa_konvid"), "the same to the bit"


def test_model_arguments_reach_the_model(konvid: Path, checkpoint: Path) -> None:
    plain = items_of(evaluate("cpllm", ["vqa_konvid"], f"pretrained={checkpoint}"), "vqa_konvid")
    for arguments in ("ablate=pixel", "ablate=context", "pixel_crops=1", "context_frames=1", "dtype=bfloat16"):
        other = items_of(evaluate("cpllm", ["vqa_konvid"], f"pretrained={checkpoint},{arguments}"), "vqa_konvid")
        assert [item["quality"] for item in other.values()] != [item["quality"] for item in plain.values()], arguments


class TestUnreadableVideos:
    @pytest.fixture
    def broken(self, konvid: Path) -> Path:
        video = sorted((konvid / "KoNViD_1k_videos").iterdir())[2]
        video.unlink()
        video.write_bytes(b"this is no video")
        return video

    def test_counts_as_unanswered_with_its_reason(self, broken: Path, checkpoint: Path, warnings: list[str]) -> None:
        results = evaluate("cpllm", ["vqa_konvid", "vqa_konvid_describe"], f"pretrained={checkpoint}", batch_size=2)
        item = items_of(results, "vqa_konvid")[broken.stem]
        assert metrics_of(results, "vqa_konvid")["answered"] == pytest.approx(7 / 8)
        assert (item["quality"], item["distribution"]) == (None, None)
        assert item["reason"].startswith(f"unreadable: {broken}: ")
        assert items_of(results, "vqa_konvid_describe", "level_agreement")[broken.stem]["reason"] == item["reason"]
        own = [text for text in warnings if str(broken) in text]
        assert len(own) == 1, "one warning for a file, however many requests show it"
        assert own[0].startswith(f"{broken}: ")
        assert own[0].endswith("; it counts as unanswered")
        assert (
            "rank 0: 2 of 16 requests are unanswered, because 1 files could not be read; they are scored as the middle of "
            "the scale"
        ) in warnings

    def test_on_error_raise_ends_the_run(self, broken: Path, checkpoint: Path) -> None:
        with pytest.raises(UserError) as error:
            evaluate("cpllm", ["vqa_konvid"], f"pretrained={checkpoint},on_error=raise")
        assert str(error.value).startswith(f"{broken}: ")
        assert str(error.value).endswith(
            "\n  what to do: replace the file, or count such videos as unanswered with on_error=count"
        )

    def test_one_video_of_a_pair(self, mini: list, checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        original = isolated.decode

        def read(path, *plan, **options):
            if path == mini[0].video:
                raise VideoError(path, "made to fail")
            return original(path, *plan, **options)

        monkeypatch.setattr(isolated, "decode", read)
        results = evaluate("cpllm", ["vqa_mini_pairs"], f"pretrained={checkpoint}")
        assert metrics_of(results, "vqa_mini_pairs")["answered"] == 0.75
        item = items_of(results, "vqa_mini_pairs", "accuracy")[f"{mini[0].name} | {mini[5].name}"]
        assert (item["choice"], item["reason"]) == (None, f"unreadable: {mini[0].video}: made to fail")


class TestResponseCache:
    def test_answers_are_found_again(self, konvid: Path, checkpoint: Path, tmp_path: Path, calls: list) -> None:
        cache = str(tmp_path / "cache")
        first = evaluate("cpllm", ["vqa_konvid"], f"pretrained={checkpoint}", use_cache=cache)
        assert len(calls) == 8
        assert "LMMS_CACHE_RUN_ID" not in os.environ, "the name of the run is taken back with the model"
        second = evaluate("cpllm", ["vqa_konvid"], f"pretrained={checkpoint}", use_cache=cache)
        assert len(calls) == 8
        assert metrics_of(first, "vqa_konvid") == metrics_of(second, "vqa_konvid")

    def test_other_rows_or_another_checkpoint_are_computed(
        self, konvid: Path, checkpoint: Path, tmp_path: Path, calls: list
    ) -> None:
        cache = str(tmp_path / "cache")
        evaluate("cpllm", ["vqa_konvid"], f"pretrained={checkpoint}", use_cache=cache)
        calls.clear()
        labels = labels_file(konvid)
        labels.write_text(labels.read_text().replace("1.22", "1.23"))
        evaluate("cpllm", ["vqa_konvid"], f"pretrained={checkpoint}", use_cache=cache)
        assert len(calls) == 8, "one MOS has changed"
        (checkpoint / "note.txt").write_text("a file that the fingerprint sees")
        try:
            evaluate("cpllm", ["vqa_konvid"], f"pretrained={checkpoint}", use_cache=cache)
        finally:
            (checkpoint / "note.txt").unlink()
        assert len(calls) == 16, "the same path holds another checkpoint"

    def test_an_unreadable_video_is_tried_again(
        self, konvid: Path, checkpoint: Path, tmp_path: Path, calls: list, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        original = isolated.decode

        def read(path, *plan, **options):
            raise VideoError(path, "the disk was away")

        monkeypatch.setattr(isolated, "decode", read)
        cache = str(tmp_path / "cache")
        results = evaluate("cpllm", ["vqa_konvid"], f"pretrained={checkpoint}", use_cache=cache)
        assert metrics_of(results, "vqa_konvid")["answered"] == 0
        assert math.isnan(metrics_of(results, "vqa_konvid")["srcc"])
        monkeypatch.setattr(isolated, "decode", original)
        results = evaluate("cpllm", ["vqa_konvid"], f"pretrained={checkpoint}", use_cache=cache)
        assert metrics_of(results, "vqa_konvid")["answered"] == 1
        assert len(calls) == 8


class TestErrors:
    def test_missing_data(self, tmp_path: Path, checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("LMMS_CPLLM_DATA", str(tmp_path))
        with pytest.raises(DataError, match="KoNViD-1k was not found") as error:
            evaluate("cpllm", ["vqa_konvid"], f"pretrained={checkpoint}")
        assert f"{tmp_path} is empty" in str(error.value)

    def test_missing_checkpoint(self, konvid: Path, tmp_path: Path) -> None:
        with pytest.raises(CheckpointError) as error:
            evaluate("cpllm", ["vqa_konvid"], f"pretrained={tmp_path}/nowhere")
        assert str(error.value) == f"{tmp_path}/nowhere: expected a checkpoint folder, found nothing"

    def test_anything_else_ends_the_process(
        self, konvid: Path, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_):
            raise RuntimeError("shapes differ")

        monkeypatch.setattr(answers, "answer_batch", fail)
        with pytest.raises(UserError) as error:
            evaluate("cpllm", ["vqa_konvid"], f"pretrained={checkpoint}")
        assert str(error.value) == "cpllm stopped: RuntimeError: shapes differ\n  the lines above say where"
        assert isinstance(error.value, SystemExit)

    def test_without_the_models_name_the_prompt_is_that_of_others(
        self, konvid: Path, checkpoint: Path, warnings: list[str]
    ) -> None:
        results = evaluate("cpllm", ["vqa_konvid"], f"pretrained={checkpoint}", model_name=None)
        assert metrics_of(results, "vqa_konvid")["answered"] == 1, "still a score, in one line of JSON"
        assert items_of(results, "vqa_konvid")[next(iter(items_of(results, "vqa_konvid")))]["distribution"]
        assert (
            "vqa_konvid: loaded without the model's name, so cpllm gets the prompts meant for other models and not those "
            'it was trained with; pass task_manager=TaskManager(model_name="cpllm")'
        ) in warnings
