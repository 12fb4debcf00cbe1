"""What `vqa_mini_describe` counts beside the level word: named distortions and the order of their strengths."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from evaluation import evaluate, items_of, metrics_of

from lmms_cpllm.harness import hooks
from lmms_cpllm.metrics.lexicon import named
from lmms_cpllm.releases import mini as module
from lmms_cpllm.synthesis.facts import kind_of

TASK = "vqa_mini_describe"
LEVELS = {"level_agreement", "level_within_one", "level_rho", "srcc", "answered"}
KNOWN = {"precision", "recall", "f1", "silent_when_clean", "strength_order"}


def document(name: str) -> dict:
    row = next(row for row in module.table() if row.name == name)
    facts = {key: getattr(row, key) for key in ("name", "mos", "content", "family", "strength", "distortion")}
    return {**facts, "video": f"/v/{name}.mp4", "mos_quality": row.mos}


def item_of(name: str, answer: str) -> dict:
    return hooks.known_results(document(name), [answer])["level_agreement"]


def metric(name: str, items: list[dict]) -> float:
    return getattr(hooks, f"known_{name}")(items)


def test_the_lexicon_knows_the_words_of_the_benchmark() -> None:
    for row in module.table():
        assert named(row.distortion) == (set() if row.reference else {kind_of(row.family)}), row.name


def test_an_item() -> None:
    answer = '{"quality": 40.0}\nThe quality of this video is fair. It shows strong blocking, but no noise.'
    results = hooks.known_results(document("astronaut-h264-38"), [answer])
    assert set(results) == LEVELS | KNOWN
    item = results["level_agreement"]
    assert (item["known"], item["named"], item["stated_strength"]) == (["compression"], ["compression"], 3)
    assert (item["content"], item["family"], item["strength"]) == ("astronaut", "h264", 38.0)
    assert (item["quality"], item["level"], item["reason"]) == (40.0, "fair", "")
    assert set(results["f1"]) == {
        *("video", "mos", "mos_quality", "quality", "level", "known", "named", "stated_strength"),
        *("content", "family", "strength"),
    }


@pytest.mark.parametrize(
    "answer", ["", "  ", "[LMMS_EVAL_REQUEST_FAILED after 5 retries] noise", "<think>there is severe noise"]
)
def test_no_description_names_nothing(answer: str) -> None:
    item = item_of("astronaut-noise-48", answer)
    assert (item["named"], item["stated_strength"]) == (None, None)
    assert item["known"] == ["noise"]


def test_what_was_only_thought_is_not_said() -> None:
    item = item_of("astronaut-noise-48", "<think>blur?</think>The quality of this video is bad. Noise.")
    assert item["named"] == ["noise"]


def test_naming() -> None:
    items = [
        item_of("astronaut-clean", "The quality of this video is excellent. No noise can be seen."),
        item_of("coffee-clean", "The quality of this video is good. There is slight blur."),
        item_of("astronaut-noise-48", "The quality of this video is bad. It is grainy and blurry."),
        item_of("cameraman-drops-60", "The quality of this video is poor. The motion is choppy."),
        item_of("grass-scaling-4.2", "The quality of this video is bad. It is out of focus."),
        item_of("astronaut-h264-45", ""),
    ]
    # Named: blur (false), noise (hit), blur (false), stutter (hit), blur (false); missed: low resolution, compression.
    assert metric("precision", items) == pytest.approx(2 / 5)
    assert metric("recall", items[::-1]) == pytest.approx(2 / 4)
    assert metric("f1", items) == pytest.approx(4 / 9)
    assert metric("silent_when_clean", items) == 0.5


def test_strength_order_climbs_from_the_clean_clip_of_the_content() -> None:
    said = {
        "astronaut-clean": "The quality of this video is excellent. Nothing disturbs.",
        "astronaut-noise-7": "The quality of this video is good. There is slight noise.",
        "astronaut-noise-20": "The quality of this video is good. There is strong noise.",
        "astronaut-noise-48": "The quality of this video is bad. There is noise.",
        "astronaut-h264-30": "The quality of this video is excellent. No distortion can be seen.",
        "astronaut-vp9-63": "",
        "coffee-hevc-46": "The quality of this video is excellent.",
    }
    items = [item_of(name, answer) for name, answer in said.items()]
    # Noise: 6 right. H.264: tied with the clean clip. VP9: not answered, so tied. Coffee has nothing to compare with.
    assert metric("strength_order", items) == pytest.approx((6 + 0.5 + 0.5) / 8)
    assert metric("strength_order", items[::-1]) == metric("strength_order", items)
    assert math.isnan(metric("strength_order", items[-1:]))


def test_cpllm_and_dummy_through_the_harness(mini: list, konvid: Path, checkpoint: Path) -> None:
    results = evaluate("cpllm", [TASK, "vqa_konvid_describe"], f"pretrained={checkpoint}", batch_size=4)
    assert set(metrics_of(results, TASK)) == LEVELS | KNOWN
    assert set(metrics_of(results, "vqa_konvid_describe")) == LEVELS, "of a release no distortions are known"
    items = items_of(results, TASK, "level_agreement")
    assert {name: item["known"] for name, item in items.items()} == {
        row.name: [] if row.reference else [row.distortion] for row in mini
    }
    dummy = evaluate("dummy", [TASK], "response=The quality of this video is poor. There is strong noise.")
    metrics = metrics_of(dummy, TASK)
    noisy = [row for row in mini if row.distortion == "noise"]
    assert metrics["precision"] == len(noisy) / len(mini)
    assert metrics["recall"] == len(noisy) / (len(mini) - 1)
    assert metrics["silent_when_clean"] == 0
    assert metrics["strength_order"] == 0.5
    silent = metrics_of(evaluate("dummy", [TASK], "response=good"), TASK)
    assert math.isnan(silent["precision"])
    assert (silent["recall"], silent["f1"], silent["silent_when_clean"]) == (0, 0, 1)
