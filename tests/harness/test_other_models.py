"""Our tasks with models of lmms-eval: those without weights, and a tiny random Qwen2.5-VL."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from evaluation import evaluate, items_of, metrics_of

TASKS = ["vqa_mini", "vqa_mini_describe", "vqa_mini_pairs"]


def test_dummy_gives_every_video_one_score(konvid: Path, mini: list) -> None:
    results = evaluate("dummy", ["vqa_konvid", "vqa_mini"], "response=73")
    for task in ("vqa_konvid", "vqa_mini"):
        metrics = metrics_of(results, task)
        assert {item["quality"] for item in items_of(results, task).values()} == {73.0}
        assert metrics["answered"] == 1
        assert math.isnan(metrics["srcc"]), "no correlation with a constant"
    assert results["configs"]["vqa_mini"]["metadata"]["checkpoint"] is None


def test_dummy_with_a_word(mini: list) -> None:
    results = evaluate("dummy", TASKS, "response=good")
    assert {item["quality"] for item in items_of(results, "vqa_mini").values()} == {75.0}
    assert metrics_of(results, "vqa_mini_describe")["answered"] == 1
    pairs = metrics_of(results, "vqa_mini_pairs")
    assert (pairs["answered"], pairs["accuracy"]) == (0, 0.5)


def test_dummy_choices(mini: list) -> None:
    results = evaluate("dummy", ["vqa_mini_pairs"], "response=first")
    metrics = metrics_of(results, "vqa_mini_pairs")
    assert metrics["first_share"] == 1
    firsts = [item["better"] == "first" for item in items_of(results, "vqa_mini_pairs", "accuracy").values()]
    assert metrics["accuracy"] == sum(firsts) / 4


def test_dummy_video_reader_opens_the_videos(konvid: Path, mini: list) -> None:
    results = evaluate(
        "dummy_video_reader", ["vqa_konvid", *TASKS], "response=40,decode_num_frames=2,fail_on_missing=True"
    )
    assert {item["quality"] for item in items_of(results, "vqa_mini").values()} == {40.0}
    next((konvid / "KoNViD_1k_videos").iterdir()).write_bytes(b"")
    with pytest.raises(Exception, match=r"Invalid data|moov|end of file"):
        evaluate("dummy_video_reader", ["vqa_konvid"], "response=40,decode_num_frames=2")


def test_a_random_qwen2_5_vl(mini: list, tmp_path: Path) -> None:
    pytest.importorskip("decord", reason="lmms-eval's qwen2_5_vl needs decord: pip install 'lmms-cpllm[test]'")
    from tiny_qwen import tiny_qwen

    folder = tiny_qwen(tmp_path / "qwen")
    arguments = f"pretrained={folder},device_map=cpu,max_num_frames=4,min_pixels=3136,max_pixels=12544"
    results = evaluate("qwen2_5_vl", TASKS, arguments, gen_kwargs="max_new_tokens=4")
    for task, count in (("vqa_mini", 6), ("vqa_mini_describe", 6), ("vqa_mini_pairs", 4)):
        samples = results["samples"][task]
        assert len(samples) == count
        assert all(sample["token_counts"][0]["output_tokens"] >= 1 for sample in samples)
    # Random weights say nothing that can be read: counted, with the reason.
    items = items_of(results, "vqa_mini").values()
    assert {item["quality"] for item in items} == {None}
    assert all(item["reason"] for item in items)
    assert metrics_of(results, "vqa_mini")["answered"] == 0
