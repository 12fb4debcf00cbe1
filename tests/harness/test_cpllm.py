"""The model class on requests that are made by hand: other tasks, padding, and what it refuses."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path

import pytest
from lmms_eval.api.instance import GenerationResult, Instance
from PIL import Image

from lmms_cpllm.errors import ArgumentError, UserError
from lmms_cpllm.harness import answers
from lmms_cpllm.harness.cpllm import CPLLM
from lmms_cpllm.harness.requests import read_request
from lmms_cpllm.harness.stream import LazyAnswers

GREEDY = {"max_new_tokens": 6, "temperature": 0, "do_sample": False, "until": ["\n\n"]}


@pytest.fixture(scope="module")
def model(checkpoint: Path):
    model = CPLLM(pretrained=str(checkpoint), device="cpu", batch_size=2)
    model.task_dict = {"other": {"test": [{}] * 9}}
    yield model
    model.clean()


def ask(*content: dict, gen_kwargs: dict | None = None, **metadata) -> Instance:
    """A chat request as another task makes it."""
    messages = [{"role": "user", "content": list(content)}]
    return Instance(
        "generate_until",
        ("ctx", lambda doc: messages, dict(GREEDY if gen_kwargs is None else gen_kwargs), 0, "other", "test"),
        0,
        {"task": "other", "doc_id": 0, "repeats": 1, "split": "test", **metadata},
    )


def text(words: str) -> dict:
    return {"type": "text", "text": words}


def test_other_tasks_are_answered_with_what_the_decoder_says(model: CPLLM, clips: list[Path]) -> None:
    image = {"type": "image", "url": Image.new("L", (40, 30), 128)}
    video = {"type": "video", "url": str(clips[0])}
    requests = [
        ask(image, text("What is this?")),
        ask(image, video, text("Which is sharper?")),
        ask(video, text("What is this?"), gen_kwargs={}),
    ]
    before = [copy.deepcopy(request.args[2]) for request in requests]
    answers = model.generate_until(requests)
    assert isinstance(answers, LazyAnswers)
    assert all(isinstance(answer, GenerationResult) and isinstance(answer.text, str) for answer in answers)
    assert all(answer.token_counts.output_tokens <= 6 for answer in answers[:2])
    assert [request.args[2] for request in requests] == before, "the host computes the cache's key from them again"


def test_answers_are_computed_one_by_one(model: CPLLM, clips: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model, "arguments", replace(model.arguments, batch_size=1))
    computed: list[int] = []
    original = answers.answer_batch
    monkeypatch.setattr(
        answers, "answer_batch", lambda m, p, batch: computed.append(len(batch)) or original(m, p, batch)
    )
    request = ask({"type": "video", "url": str(clips[0])}, text("Rate."), gen_kwargs={"cpllm_mode": "score"})
    found = model.generate_until([request] * 3)
    assert computed == []
    first = found[0]
    assert computed == [1]
    assert [answer.text for answer in found] == [first.text] * 3
    assert computed == [1, 1, 1]


def test_padding_is_not_computed(model: CPLLM) -> None:
    nowhere = {"type": "video", "url": "/nowhere.mp4"}
    answers = list(model.generate_until([ask(nowhere, text("Rate."), __padding_only__=True)]))
    assert [answer.text for answer in answers] == [None]


def test_a_stop_word_ends_a_generated_answer(model: CPLLM, clips: list[Path]) -> None:
    video = {"type": "video", "url": str(clips[0])}
    [whole] = model.generate_until([ask(video, text("What?"), gen_kwargs={"max_new_tokens": 8})])
    assert len(whole.text) > 2
    stop = whole.text[2]
    [cut] = model.generate_until([ask(video, text("What?"), gen_kwargs={"max_new_tokens": 8, "until": stop})])
    assert cut.text == whole.text[: whole.text.find(stop, 0)].rstrip() or whole.text.startswith(stop)


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (
            ask(text("What is the capital of France?")),
            "task other, document 0: expected at least one video or image for mode generate, found 0; CP-LLM answers "
            "questions about what it sees, so leave this task out",
        ),
        (
            ask({"type": "video", "url": "a.mp4"}, text("?"), gen_kwargs={"cpllm_mode": "compare"}),
            "task other, document 0: expected 2 video or image for mode compare, found 1; CP-LLM answers questions about "
            "what it sees, so leave this task out",
        ),
        (
            ask({"type": "audio", "url": "a.wav"}, text("?")),
            "task other: CP-LLM takes text, images and videos, found audio",
        ),
        (
            ask({"type": "video", "url": {"url": "a.mp4", "video_start": 3}}, text("?")),
            "task other: expected the path of a whole video, or an image, found a dict with url, video_start",
        ),
        (
            ask({"type": "video", "url": "a.mp4"}, text("?"), gen_kwargs={"cpllm_mode": "rate"}),
            "task other: cpllm_mode: expected one of score, describe, compare, generate, found 'rate'",
        ),
    ],
)
def test_requests_that_cannot_be_answered(request_: Instance, message: str) -> None:
    with pytest.raises(ArgumentError) as error:
        read_request(request_, {"other": {"test": [{}]}})
    assert str(error.value) == message


def test_a_conversation_with_plain_text_turns() -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "image", "image": "a.png"}, text("What?")]},
    ]
    instance = ask()
    instance.arguments = ("ctx", lambda doc: messages, {}, 0, "other", "test")
    request = read_request(instance, {"other": {"test": [{}]}})
    assert request.media == ("a.png",)
    assert request.messages[0] == {"role": "system", "content": [text("Be brief.")]}
    assert request.messages[1]["content"] == [{"type": "image"}, text("What?")]


def test_likelihoods_and_rounds_are_refused(model: CPLLM) -> None:
    for name, kind in (("loglikelihood", "loglikelihood or multiple_choice"), ("generate_until_multi_round",) * 2):
        with pytest.raises(UserError) as error:
            getattr(model, name)([ask(text("?"))])
        assert str(error.value) == (
            f"cpllm cannot answer requests of kind {kind} (tasks: other): it scores, compares and describes videos\n"
            "  what to do: leave these tasks out, or use tasks with output_type generate_until"
        )


def test_a_device_that_is_not_there(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(ArgumentError) as error:
        CPLLM(pretrained=str(checkpoint), device="cuda:1")
    assert str(error.value) == "device=cuda:1: expected a device that PyTorch sees, found no CUDA; use --device cpu"


def test_device_map_does_not_go_with_ranks(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ArgumentError) as error:
        CPLLM(pretrained=str(checkpoint), device_map="auto")
    assert str(error.value) == "device_map=auto: expected none when torchrun starts one process per device"
