"""The judge of open answers, with a fake in the place of lmms-eval's clients."""

from __future__ import annotations

import pytest
from fake_judge import FakeServer, use_judge
from lmms_eval import llm_judge
from lmms_eval.llm_judge.providers import AzureOpenAIProvider

from lmms_cpllm.harness import judging
from lmms_cpllm.harness.judging import GIVE_UP_AFTER, ROUNDS, Grades, find_judge, grading_prompt, parse_grade


@pytest.mark.parametrize(
    ("reply", "grade"),
    [
        ("Score: 2", 2),
        ("score:0", 0),
        ("**Score:** 1", 1),
        ("1", 1),
        ("2.", 2),
        ("The answer names the noise, but not where it is.\nScore: 1", 1),
        ("<think>Score: 0?</think>Score: 2", 2),
        ("Score: 0, no, Score: 2", None),
        ("Score: 3", None),
        ("Score: 1.5", None),
        ("Score: 10", None),
        ("dummy", None),
        ("", None),
    ],
)
def test_grades_in_replies(reply: str, grade: int | None) -> None:
    assert parse_grade(reply) == grade


def test_points_are_the_mean_of_the_rounds_that_gave_a_grade() -> None:
    assert Grades((2, 1, 1, 2, 0), 0).points == pytest.approx(0.6)
    assert Grades((2, 2), 3).points == 1.0
    assert Grades((), 5).points is None


def test_five_rounds_with_everything_in_the_prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    server = use_judge(monkeypatch, FakeServer("Score: 1"))
    grades = find_judge().grade("What is wrong?", "It is noisy.", "There is {grain}.")
    assert grades == Grades((1,) * ROUNDS, 0)
    assert len(server.requests) == ROUNDS
    system, user = server.requests[0].messages
    assert (system["role"], user["role"]) == ("system", "user")
    for text in ("What is wrong?", "It is noisy.", "There is {grain}.", "Score: 0, Score: 1 or Score: 2"):
        assert text in user["content"]
    assert user["content"] == grading_prompt("What is wrong?", "It is noisy.", "There is {grain}.")


def test_no_answer_is_worth_nothing_and_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    server = use_judge(monkeypatch, FakeServer("Score: 2"))
    assert find_judge().grade("What is wrong?", "It is noisy.", "").points == 0.0
    assert server.requests == []


def test_the_configuration_is_that_of_lmms_eval(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def get_server(name, config):
        asked.append((name, config.model_name, config.temperature))
        return FakeServer("Score: 1")

    monkeypatch.setattr(llm_judge, "get_server", get_server)
    monkeypatch.setenv("OPENAI_API_KEY", "a key that nobody has")
    assert find_judge() is find_judge()
    monkeypatch.setenv("API_TYPE", "async_openai")
    monkeypatch.setenv("MODEL_VERSION", "judge-7b")
    assert find_judge().model == "judge-7b"
    assert asked == [("openai", "gpt-4o-2024-11-20", 1.0), ("openai", "judge-7b", 1.0)]


def test_with_nothing_configured_no_client_is_made(monkeypatch: pytest.MonkeyPatch, warnings: list[str]) -> None:
    monkeypatch.setattr(llm_judge, "get_server", lambda *_: pytest.fail("a client"))
    assert find_judge() is None
    assert warnings == []


def test_a_client_without_its_key_is_no_judge(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AzureOpenAIProvider, "evaluate", lambda *_: pytest.fail("a call"))
    monkeypatch.setenv("API_TYPE", "azure")
    assert find_judge() is None


def test_a_client_that_cannot_be_set_up_is_no_judge(monkeypatch: pytest.MonkeyPatch, warnings: list[str]) -> None:
    monkeypatch.setenv("API_TYPE", "nonsense")
    assert find_judge() is None
    assert warnings[0].startswith(
        "judge gpt-4o-2024-11-20 (API_TYPE=nonsense): cannot be set up: Unknown API type: nonsense. Supported types: "
    )


def test_failed_calls_are_counted_and_no_zero(monkeypatch: pytest.MonkeyPatch, warnings: list[str]) -> None:
    use_judge(monkeypatch, FakeServer(RuntimeError("rate limit"), "Score: 2", "Score: 2", "", "who knows"))
    judge = find_judge()
    assert judge.grade("q", "e", "a") == Grades((2, 2), 3)
    assert set(warnings) == {
        "judge gpt-4o-2024-11-20: a call failed: rate limit",
        "judge gpt-4o-2024-11-20: a call failed: an empty reply",
        "judge gpt-4o-2024-11-20: no grade of 0, 1 or 2 in its reply 'who knows'",
    }


def test_a_judge_that_is_gone_is_not_asked_for_ever(monkeypatch: pytest.MonkeyPatch, warnings: list[str]) -> None:
    server = use_judge(monkeypatch, FakeServer(ConnectionError("no route")))
    judge = find_judge()
    for _ in range(20):
        assert judge.grade("q", "e", "a") == Grades((), ROUNDS)
    assert GIVE_UP_AFTER <= len(server.requests) < GIVE_UP_AFTER + ROUNDS
    assert warnings.count(f"judge gpt-4o-2024-11-20: {GIVE_UP_AFTER} calls failed in a row; it is not asked again") == 1
    judging.forget()
    assert find_judge().grade("q", "e", "a") == Grades((), ROUNDS)
    assert len(server.requests) > GIVE_UP_AFTER + ROUNDS - 1, "the next run tries again"
