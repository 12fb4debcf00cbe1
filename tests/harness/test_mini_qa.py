"""`vqa_mini_qa` through the real harness, and what an answer counts."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from evaluation import evaluate, items_of, metrics_of

from lmms_cpllm.errors import UserError
from lmms_cpllm.harness import hooks
from lmms_cpllm.harness.requests import read_request
from lmms_cpllm.releases import mini_questions

TASK = "vqa_mini_qa"
METRICS = (
    *("accuracy", "acc_yes_no", "acc_present", "acc_clean", "acc_which", "acc_strength"),
    *("answered", "yes_share"),
)
YES_NO = {"name": "q", "video": "/v/a.mp4", "clip": "a", "kind": "present", "options": ["yes", "no"], "lettered": False}
CHOICE = {**YES_NO, "kind": "which", "options": ["blur", "noise", "nothing", "stutter"], "lettered": True}


@pytest.fixture
def own(mini: list) -> list:
    """The questions on the clips of the fixture."""
    return mini_questions.questions()


def test_documents(mini: list, own: list) -> None:
    documents = hooks.mini_question_documents([{"release": "mini"}])
    assert list(documents["name"]) == [question.name for question in own]
    first = own[0]
    assert documents[0] == {
        "name": first.name,
        "release": "mini",
        "video": next(row.video for row in mini if row.name == first.clip),
        "clip": first.clip,
        "kind": first.kind,
        "prompt": first.prompt,
        "options": list(first.options),
        "lettered": first.lettered,
        "answer": first.answer,
    }


def test_cpllm_answers_freely(mini: list, own: list, checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from lmms_cpllm.harness import cpllm

    modes, prompts = Counter(), set()

    def read(instance, task_dict):
        request = read_request(instance, task_dict)
        modes[request.mode] += 1
        prompts.add(request.messages[0]["content"][-1]["text"])
        return request

    monkeypatch.setattr(cpllm, "read_request", read)
    results = evaluate("cpllm", [TASK], f"pretrained={checkpoint}", batch_size=4, gen_kwargs="max_new_tokens=4")
    assert modes == {"generate": len(own)}
    assert prompts == {question.prompt for question in own}
    assert set(metrics_of(results, TASK)) == set(METRICS)
    items = items_of(results, TASK, "accuracy")
    assert {name: item["right"] for name, item in items.items()} == {question.name: question.answer for question in own}
    for item in items.values():
        assert (item["choice"] is None) == bool(item["reason"])
    assert results["configs"][TASK]["metadata"]["rows"] == hooks.questions_mini
    assert results["versions"][TASK] == "2.0"


def test_what_stands_in_the_metadata(own: list, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = hooks.questions_mini
    assert len(rows["fingerprint"]) == 16
    assert rows["count"] == len(own)
    assert rows["counts"] == Counter(question.kind for question in own)
    assert rows["chance"] == pytest.approx(sum(1 / len(question.options) for question in own) / len(own), abs=1e-4)
    changed = [replace(own[0], prompt="Is it clean?"), *own[1:]]
    monkeypatch.setattr(mini_questions, "questions", lambda: changed)
    assert hooks.questions_mini["fingerprint"] != rows["fingerprint"]


def test_dummy_says_yes(mini: list, own: list) -> None:
    metrics = metrics_of(evaluate("dummy", [TASK], "response=Yes."), TASK)
    polar = [question for question in own if question.options == ("yes", "no")]
    right = sum(question.answer == "yes" for question in polar)
    assert metrics["yes_share"] == 1
    assert metrics["accuracy"] == pytest.approx(right / len(own))
    assert metrics["acc_yes_no"] == pytest.approx(right / len(polar))
    assert metrics["answered"] == pytest.approx(len(polar) / len(own))
    assert metrics["acc_which"] == metrics["acc_strength"] == 0


def test_dummy_with_a_letter(mini: list, own: list) -> None:
    metrics = metrics_of(evaluate("dummy", [TASK], "response=B"), TASK)
    which = [question for question in own if question.kind == "which"]
    assert metrics["acc_which"] == sum(question.options[1] == question.answer for question in which) / len(which)
    assert metrics["answered"] == pytest.approx(len(which) / len(own))
    assert math.isnan(metrics["yes_share"])


def test_scores_answer_no_questions(mini: list, tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    path.write_text("\n".join(["video,score", *(f"{row.name},{row.mos}" for row in mini)]))
    with pytest.raises(UserError) as error:
        evaluate("vqa_scores", [TASK], f"path={path}")
    assert str(error.value) == (
        "task vqa_mini_qa: vqa_scores answers tasks that ask for a score or for the better of two videos, found generate\n"
        "  what to do: leave this task out"
    )


class TestResults:
    def test_the_whole_item_stands_under_the_first_metric(self) -> None:
        results = hooks.mini_question_results({**CHOICE, "answer": "noise"}, ["B. noise"])
        assert tuple(results) == METRICS
        assert results["accuracy"] == {
            "video": "q",
            "clip": "a",
            "kind": "which",
            "polar": False,
            "choice": "noise",
            "right": "noise",
            "reason": "",
        }
        assert set(results["answered"]) == {"video", "kind", "polar", "choice", "right"}

    @pytest.mark.parametrize(("answer", "reason"), [("", "empty"), ("Maybe.", "no choice found")])
    def test_no_answer_has_a_reason(self, answer: str, reason: str) -> None:
        item = hooks.mini_question_results({**YES_NO, "answer": "yes"}, [answer])["accuracy"]
        assert (item["choice"], item["reason"]) == (None, reason)

    def test_aggregates(self) -> None:
        answers = [
            (YES_NO, "yes", "Yes."),
            (YES_NO, "no", "Yes."),
            ({**YES_NO, "kind": "clean"}, "no", "No."),
            ({**YES_NO, "kind": "clean"}, "no", "I do not know."),
            (CHOICE, "blur", "A"),
            (CHOICE, "noise", "noise or blur"),
        ]
        items = [
            hooks.mini_question_results({**doc, "name": str(n), "answer": right}, [said])["accuracy"]
            for n, (doc, right, said) in enumerate(answers)
        ]
        expected = {
            "accuracy": 3 / 6,
            "acc_yes_no": 2 / 4,
            "acc_present": 1 / 2,
            "acc_clean": 1 / 2,
            "acc_which": 1 / 2,
            "answered": 4 / 6,
            "yes_share": 2 / 3,
        }
        for name, value in expected.items():
            assert getattr(hooks, f"mini_question_{name}")(items[::-1]) == pytest.approx(value), name
        assert math.isnan(hooks.mini_question_acc_strength(items))
