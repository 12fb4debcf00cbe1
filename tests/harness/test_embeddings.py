"""Videos that several requests show are read once, and never forgotten too early."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from evaluation import evaluate

from lmms_cpllm.errors import VideoError
from lmms_cpllm.harness.embeddings import Embeddings, most_videos
from lmms_cpllm.model import CPLLMForConditionalGeneration, load


def reader(read: list[str], path: str):
    return lambda: read.append(path) or {"of": path}


def test_what_is_asked_for_again_is_read_once_and_then_let_go():
    read: list[str] = []
    asked = ["a", "b", "a", "c", "b", "a"]
    embeddings = Embeddings(Counter(asked), most=10)
    found = [embeddings.of(path, reader(read, path)) for path in asked]
    assert [one["of"] for one in found] == asked
    assert read == ["a", "b", "c"]
    assert found[0] is found[2] is found[5]
    assert (embeddings.asked, embeddings.reused) == (6, 3)
    assert embeddings._known == {}, "each was asked for the last time"


def test_what_has_no_name_or_was_not_counted_is_read_each_time():
    read: list[str] = []
    embeddings = Embeddings({"a": 1}, most=10)
    for path in (None, None, "a", "other", "other"):
        embeddings.of(path, reader(read, str(path)))
    assert read == ["None", "None", "a", "other", "other"]


def test_no_more_than_there_is_room_for():
    read: list[str] = []
    asked = ["a", "b", "a", "b", "c", "c"]
    embeddings = Embeddings(Counter(asked), most=1)
    for path in asked:
        embeddings.of(path, reader(read, path))
        assert len(embeddings._known) <= 1
    assert read == ["a", "b", "b", "c"], "what is let go leaves room"


def test_several_threads_read_a_video_once():
    read, started = [], threading.Event()

    def slow():
        read.append(1)
        assert started.wait(10)
        return {}

    embeddings = Embeddings({"a": 4}, most=1)
    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(embeddings.of, "a", slow) for _ in range(4)]
        started.set()
        found = [one.result() for one in waiting]
    assert read == [1]
    assert all(one is found[0] for one in found)


def test_a_video_that_cannot_be_read_is_tried_once():
    tried = []

    def fail():
        tried.append(1)
        raise VideoError("a", "it is empty")

    embeddings = Embeddings({"a": 3}, most=1)
    for _ in range(3):
        with pytest.raises(VideoError, match="it is empty"):
            embeddings.of("a", fail)
    assert tried == [1]


def test_how_many_have_room(checkpoint: Path):
    model, processor = load(checkpoint)
    plan = processor.video_processor.plan
    tokens = plan.context_frames * processor.context_tokens
    crops = plan.pixel_moments * plan.pixel_crops * processor.pixel_tokens
    size = 4 * tokens * model.model.context_projector.linear_1.in_features
    size += 4 * crops * model.model.pixel_projector.linear_1.in_features
    assert most_videos(model, processor, 0) == 0
    assert most_videos(model, processor, 64) == 64 * 2**20 // size > 1


@pytest.mark.parametrize("on_cpu", [True, False], ids=["threads", "device"])
def test_a_score_and_pairs_encode_each_video_once(
    konvid: Path, checkpoint: Path, monkeypatch: pytest.MonkeyPatch, on_cpu: bool
):
    encoded: list[int] = []  # moments: threads encode a video moment by moment
    moments = load(checkpoint)[1].video_processor.pixel_moments
    original = CPLLMForConditionalGeneration.__init__

    def count(model, *arguments, **options):
        original(model, *arguments, **options)
        encode = model.model.encode_pixels
        model.model.encode_pixels = lambda values: encoded.append(values.shape[1]) or encode(values)

    monkeypatch.setattr(CPLLMForConditionalGeneration, "__init__", count)
    # What a device other than a CPU gets: the views, which the main thread encodes.
    monkeypatch.setattr("lmms_cpllm.harness.cpllm.is_on_cpu", lambda model, arguments: on_cpu)
    tasks = ["vqa_konvid", "vqa_pairs_konvid"]
    # One thread reads: where there is a device, two neighbours could be read before the first is encoded.
    shared = evaluate("cpllm", tasks, f"pretrained={checkpoint},decode_workers=1,prefetch=1")
    assert sum(encoded) == 8 * moments
    throughput = shared["throughput"]
    encoded.clear()
    alone = evaluate("cpllm", tasks, f"pretrained={checkpoint},embedding_cache=0")
    assert sum(encoded) > 16 * moments
    for task in tasks:
        assert answers_of(shared, task) == answers_of(alone, task), "the same to the bit"
    assert throughput["avg_encoded_before"] == pytest.approx(1 - 8 * moments / sum(encoded))


def answers_of(results: dict, task: str) -> list:
    return [sample["filtered_resps"] for sample in results["samples"][task]]
