"""`--model vqa_levels` around bases whose first token is known; the real models are in `test_levels_models`."""

from __future__ import annotations

import json

import pytest
import torch
from lmms_eval import models
from lmms_eval.api.instance import Instance
from lmms_eval.models.registry_v2 import ModelManifest

from lmms_cpllm.errors import ArgumentError, UserError
from lmms_cpllm.harness import running
from lmms_cpllm.harness.vqa_levels import VQALevels
from lmms_cpllm.ratings import from_distribution, parse_answer

PROMPT = "Answer with one of these words: excellent, good, fair, poor, bad."
# In the order of `toy_base.VOCABULARY`: excellent, fair, good, poor, bad, anything else.
LOGITS = [[2.0, 0.0, 1.0, -1.0, -2.0, -4.0], [-1.0, 0.5, 0.0, 1.0, 2.0, -4.0], [0.0, 0.1, 0.2, 0.3, 0.4, -4.0]]


@pytest.fixture(autouse=True)
def _toys(monkeypatch: pytest.MonkeyPatch):
    """The names toy_* among the models of lmms-eval."""
    import toy_base

    classes = {"toy": "Toy", "toy_api": "NoModel", "toy_mute": "NoTokenizer", "toy_text": "TextOnly"}
    known = models.list_available_models
    monkeypatch.setattr(models, "list_available_models", lambda: [*known(), *classes])
    original = models.get_model
    monkeypatch.setattr(
        models,
        "get_model",
        lambda name, force_simple=False: getattr(toy_base, classes[name]) if name in classes else original(name),
    )


def requests_of(model: VQALevels, documents: list[dict], mode: str | None = "score", prompt: str = PROMPT) -> list:
    model.task_dict["vqa_toy"] = {"test": documents}
    options = {"max_new_tokens": 128, "temperature": 0}
    metadata = {"task": "vqa_toy", "repeats": 1, "cpllm_mode": mode}
    return [
        Instance(
            request_type="generate_until",
            arguments=(prompt, lambda document: [], options, index, "vqa_toy", "test"),
            idx=0,
            metadata={**metadata, "doc_id": index},
        )
        for index in range(len(documents))
    ]


def documents() -> list[dict]:
    return [{"logits": torch.tensor(values)} for values in LOGITS]


def test_scores_are_the_expectation_over_the_words() -> None:
    model = VQALevels(base="toy", device="cpu")
    requests = requests_of(model, documents())
    before = [dict(request.args[2]) for request in requests]
    answers = list(model.generate_until(requests))
    for values, answer in zip(LOGITS, answers, strict=True):
        excellent, fair, good, poor, bad = torch.softmax(torch.tensor(values[:5], dtype=torch.float64), 0).tolist()
        expected = from_distribution([excellent, good, fair, poor, bad])
        rating = parse_answer(answer.text).rating
        assert rating.quality == pytest.approx(expected.quality, abs=1e-4)
        assert rating.distribution == pytest.approx(expected.distribution, abs=1e-6)
        assert json.loads(answer.text)["rating"] == expected.level
        assert answer.token_counts.output_tokens == 1
    assert [request.args[2] for request in requests] == before, "the host computes the cache's key from them again"
    assert {options["max_new_tokens"] for options in model.base.model.options} == {1}
    assert running.checkpoint()["base"] == "toy"
    base = model.base
    model.clean()
    assert base.cleaned
    assert running.checkpoint() is None


def test_answers_come_one_by_one() -> None:
    model = VQALevels(base="toy")
    answers = model.generate_until(requests_of(model, documents()))
    assert len(answers) == 3
    assert model.base.model.options == []
    assert answers[0].text
    assert len(model.base.model.options) == 1


def test_other_tasks_are_answered_by_the_base() -> None:
    model = VQALevels(base="toy")
    answers = list(model.generate_until(requests_of(model, documents(), mode="compare", prompt="first or second?")))
    assert [answer.text for answer in answers] == ["e", "b", "b"]
    assert {options["max_new_tokens"] for options in model.base.model.options} == {128}


def test_a_video_that_the_base_could_not_read(warnings: list[str]) -> None:
    model = VQALevels(base="toy")
    shown = documents()
    shown[1]["broken"] = True
    answers = list(model.generate_until(requests_of(model, shown)))
    assert [bool(answer.text) for answer in answers] == [True, False, True]
    assert warnings == ["task vqa_toy, document 1: toy gave no answer; it counts as unanswered"]


def test_a_rest_of_videos_that_the_base_could_not_read(warnings: list[str]) -> None:
    """What the host asks again with `--use_cache`: an answer that is none is not in the cache."""
    model = VQALevels(base="toy")
    shown = documents()
    shown[1]["broken"] = True
    answers = list(model.generate_until([requests_of(model, shown)[1]]))
    assert [answer.text for answer in answers] == [None]
    assert warnings == [
        "task vqa_toy, document 1: toy gave no answer; it counts as unanswered",
        "vqa_levels: toy answered none of 1 questions; the lines above say why, and they count as unanswered",
    ]


def test_a_model_that_says_something_else(warnings: list[str]) -> None:
    model = VQALevels(base="toy")
    shown = [{"logits": torch.tensor([0.0, 0.0, 0.0, 0.0, 0.0, 10.0])}]
    list(model.generate_until(requests_of(model, shown)))
    assert warnings == [
        "the five words had 0.0% of the first token's probability on average of 1 videos: toy does not answer with one of "
        "them, so its scores may mean little"
    ]


class TestErrors:
    @pytest.mark.parametrize(
        ("base", "found"),
        [("", "'none'."), ("qwen2_5_vll", "'qwen2_5_vll'. Did you mean qwen2_5_vl?"), ("cpllm", "'cpllm'.")],
    )
    def test_an_unknown_base(self, base: str, found: str) -> None:
        with pytest.raises(ArgumentError) as error:
            VQALevels(base=base)
        assert str(error.value).startswith(
            f"base: expected the name of a Hugging Face model of lmms-eval, such as qwen2_5_vl, found {found}"
        )

    def test_a_base_without_a_model(self) -> None:
        with pytest.raises(UserError) as error:
            VQALevels(base="toy_api")
        assert str(error.value) == (
            "vqa_levels: base toy_api: expected an attribute model with generate, as transformers has it, found no model; "
            "the probabilities of words cannot be read there\n"
            "  what to do: run --model toy_api itself, whose answers are then read as text, or take another base"
        )

    def test_a_base_without_a_tokenizer(self) -> None:
        with pytest.raises(UserError, match=r"^vqa_levels: base toy_mute: expected a tokenizer, found none; the "):
            VQALevels(base="toy_mute")

    def test_a_base_that_does_not_use_its_model(self) -> None:
        model = VQALevels(base="toy_text")
        with pytest.raises(UserError, match=r"toy_text: expected an answer by model\.generate, found one without; the"):
            list(model.generate_until(requests_of(model, documents())))

    def test_a_base_that_cannot_be_built(self) -> None:
        with pytest.raises(UserError) as error:
            VQALevels(base="toy", colour="red", device="cpu")
        assert str(error.value).startswith("vqa_levels: base toy could not be set up: TypeError: ")
        assert str(error.value).endswith(
            "`lmms-eval --model toy` work with these arguments first: colour=red, device=cpu"
        )

    def test_a_base_that_stops(self) -> None:
        model = VQALevels(base="toy", fails="raise")
        with pytest.raises(UserError) as error:
            list(model.generate_until(requests_of(model, documents())))
        assert str(error.value).startswith(
            "vqa_levels: toy stopped at task vqa_toy, document 0: OSError: cannot be decoded\n"
        )

    def test_a_base_that_never_answers(self) -> None:
        model = VQALevels(base="toy", fails="silent")
        with pytest.raises(
            UserError, match=r"^vqa_levels: toy answered none of 3 questions; the lines above say why\n"
        ):
            list(model.generate_until(requests_of(model, documents())))

    def test_a_prompt_for_a_number(self) -> None:
        model = VQALevels(base="toy")
        with pytest.raises(UserError) as error:
            list(model.generate_until(requests_of(model, documents(), prompt="A number from 0 to 100.")))
        assert str(error.value) == (
            "task vqa_toy: expected a prompt that asks for one of excellent, good, fair, poor, bad, found 'A number from "
            "0 to 100.'\n"
            '  what to do: load the tasks for this model, TaskManager(model_name="vqa_levels"); the command line does'
        )

    def test_other_kinds_of_requests(self) -> None:
        model = VQALevels(base="toy")
        with pytest.raises(
            UserError, match=r"cannot answer requests of kind generate_until_multi_round \(tasks: vqa_toy\)"
        ):
            model.generate_until_multi_round(requests_of(model, documents()))


def test_the_plugin_registers_it() -> None:
    from lmms_cpllm.plugin import register

    manifests = {manifest.model_id: manifest for manifest in register()}
    assert manifests["vqa_levels"] == ModelManifest(
        model_id="vqa_levels", chat_class_path="lmms_cpllm.harness.vqa_levels.VQALevels"
    )
    assert manifests["vqa_scores"].chat_class_path == "lmms_cpllm.harness.vqa_scores.VQAScores"
