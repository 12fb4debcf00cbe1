"""Q-Bench-Video and FineVD through the real harness, on fakes in their official layout."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from evaluation import evaluate, items_of, metrics_of
from fake_judge import FakeServer, use_judge
from fake_questions import ITEMS
from lmms_eval.llm_judge.providers import OpenAIProvider

from lmms_cpllm import releases
from lmms_cpllm.errors import DataError, UserError
from lmms_cpllm.harness import hooks, judging
from lmms_cpllm.harness.questions import choice_item, prompt
from lmms_cpllm.plugin import tasks_path

CHOICE = [f"vqa_qbench_video_dev_{part}" for part in ("yesno", "whathow", "pairs")]
OPEN = "vqa_qbench_video_dev_open"
FINEVD = ["vqa_finevd_yesno", "vqa_finevd_choice"]


def known(metrics: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in metrics.items() if not math.isnan(value)}


def test_dummy_says_a_everywhere(asked: Path, warnings: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OpenAIProvider, "evaluate", lambda *_: pytest.fail("no judge is configured"))
    results = evaluate("dummy", ["vqa_qbench_video_dev", *FINEVD], "response=A")
    yes_no, what_how, pairs = (metrics_of(results, task) for task in CHOICE)
    # A is right for the first and its repetition, wrong for the one whose options are No and Yes.
    assert known(yes_no) == pytest.approx(
        {
            **{"accuracy": 2 / 3, "answered": 1, "yes_no": 2 / 3, "technical": 1, "aesthetic": 0, "temporal": 0},
            **{"single_global": 1, "single_referring": 0},
        }
    )
    assert known(what_how) == {
        **{"accuracy": 0, "answered": 1, "what_how": 0, "other_type": 0, "aigc": 0, "temporal": 0},
        **{"single_global": 0, "other_context": 0},
    }
    assert known(pairs) == {
        **{"accuracy": 0, "answered": 1, "yes_no": 0, "what_how": 0, "technical": 0, "temporal": 0},
        **{"pair_coarse": 0, "pair_fine": 0},
    }
    whole = metrics_of(results, "vqa_qbench_video_dev")
    assert known(whole) == pytest.approx(
        {
            **{"accuracy": 2 / 7, "yes_no": 2 / 4, "what_how": 0, "other_type": 0, "answered": 1},
            **{"technical": 2 / 3, "aesthetic": 0, "temporal": 0, "aigc": 0},
            **{"single_global": 2 / 3, "single_referring": 0, "pair_coarse": 0, "pair_fine": 0, "other_context": 0},
        }
    )
    assert math.isnan(whole["judge_score"])
    assert known(metrics_of(results, OPEN)) == {"judged": 0, "failed_calls": 0, "answered": 1}
    assert [text for text in warnings if "judge" in text] == [
        "open questions: none of 2 answers is judged, because no judge is configured; the score is nan, not 0\n"
        f"  what to do: {judging.HOW_TO_CONFIGURE}"
    ]
    assert known(metrics_of(results, FINEVD[0])) == {
        **{"accuracy": 0.25, "answered": 1, "noise": 0.5, "temporal": 0, "color": 0},
    }
    assert known(metrics_of(results, FINEVD[1])) == {
        **{"accuracy": 0, "answered": 1, "noise": 0, "undistorted": 0, "other_dimension": 0},
    }
    json.dumps(results["results"])


def test_cpllm_answers_every_question(asked: Path, checkpoint: Path) -> None:
    results = evaluate("cpllm", ["vqa_qbench_video_dev", *FINEVD], f"pretrained={checkpoint}", batch_size=3)
    counts = {task: len(results["samples"][task]) for task in (*CHOICE, OPEN, *FINEVD)}
    assert list(counts.values()) == [3, 2, 2, 2, 4, 3]
    for task in (*CHOICE, *FINEVD):
        for item in items_of(results, task, "accuracy").values():
            assert (item["choice"] is None) == bool(item["reason"])
            assert item["right"] == (item["choice"] == item["answer"])
    assert results["group_subtasks"]["vqa_qbench_video_dev"] == [*CHOICE, OPEN]
    metadata = results["configs"][OPEN]["metadata"]
    rows = releases.rows("qbench_video_dev")
    assert metadata["rows"] == {"count": len(ITEMS), "fingerprint": releases.fingerprint(rows)}
    assert results["configs"][OPEN]["generation_kwargs"]["cpllm_mode"] == "generate"


def test_an_unreadable_video_is_a_wrong_answer_with_its_reason(asked: Path, checkpoint: Path) -> None:
    video = asked / "qbench_video" / "video" / "v1.mp4"
    video.write_bytes(b"this is no video")
    results = evaluate("cpllm", [*CHOICE, OPEN], f"pretrained={checkpoint}")
    item = items_of(results, CHOICE[2], "accuracy")["5 a_black_cat_runs_cat_v1.mp4"]
    assert (item["choice"], item["right"]) == (None, 0.0)
    assert item["reason"].startswith(f"unreadable: {video}: ")
    for item in items_of(results, OPEN, "judge_score").values():
        assert (item["answered"], item["points"]) == (False, None)
        assert item["reason"].startswith(f"unreadable: {video}: ")
    assert metrics_of(results, OPEN)["answered"] == 0


def test_the_judge_grades_open_answers(asked: Path, monkeypatch: pytest.MonkeyPatch, warnings: list[str]) -> None:
    server = use_judge(monkeypatch, FakeServer(*["Score: 2"] * 4, "Score: 1", "Score: 1"))
    results = evaluate("dummy", ["vqa_qbench_video_dev"], "response=Noise in the shadows")
    assert len(server.requests) == 10
    items = items_of(results, OPEN, "judge_score")
    assert set(items) == {"6 v1.mp4", "7 v1.mp4_cat_v0.mp4.mp4"}
    assert sum(sum(item["rounds"]) for item in items.values()) == 4 * 2 + 6
    assert metrics_of(results, OPEN) == {
        "judge_score": pytest.approx(14 / 20),
        "judged": 2,
        "failed_calls": 0,
        "answered": 1,
    }
    assert metrics_of(results, "vqa_qbench_video_dev")["judge_score"] == pytest.approx(14 / 20)
    assert items["6 v1.mp4"]["judge"] == "gpt-4o-2024-11-20"
    texts = [request.messages[1]["content"] for request in server.requests]
    assert sum("Slight noise in dark areas." in text for text in texts) == 5
    assert all("Noise in the shadows" in text for text in texts)
    assert not [text for text in warnings if "judge" in text]


def test_a_failing_judge_is_reported_and_no_zero(
    asked: Path, monkeypatch: pytest.MonkeyPatch, warnings: list[str]
) -> None:
    use_judge(monkeypatch, FakeServer(TimeoutError("no reply in 60 s")))
    metrics = metrics_of(evaluate("dummy", [OPEN], "response=noise"), OPEN)
    assert math.isnan(metrics.pop("judge_score"))
    assert metrics == {"judged": 0, "failed_calls": 10, "answered": 1}
    assert warnings[-1].startswith("open questions: 0 of 2 answers are judged, 10 calls of the judge failed; ")


def test_no_answer_is_judged_without_a_call(asked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = use_judge(monkeypatch, FakeServer("Score: 2"))
    results = evaluate("dummy", [OPEN], "response=[LMMS_EVAL_REQUEST_FAILED after 5 retries] 429")
    assert metrics_of(results, OPEN) == {"judge_score": 0, "judged": 2, "failed_calls": 0, "answered": 0}
    assert {item["reason"] for item in items_of(results, OPEN, "judge_score").values()} == {"failed request"}
    assert server.requests == []


def test_vqa_scores_refuses(asked: Path, tmp_path: Path) -> None:
    (tmp_path / "scores.csv").write_text("name,score\nv0,1\n")
    with pytest.raises(
        UserError, match="vqa_scores answers tasks that ask for a score or for the better of two videos"
    ):
        evaluate("vqa_scores", [CHOICE[0]], f"path={tmp_path}/scores.csv")


def test_a_part_without_questions(asked: Path) -> None:
    (asked / "qbench_video" / "Q_Bench_Video_dev.json").write_text(json.dumps(ITEMS[:1]))
    with pytest.raises(DataError) as error:
        hooks.question_documents([{"release": "qbench_video_dev", "part": "pairs"}])
    assert str(error.value).startswith(
        "Q-Bench-Video, development set: no question of the part pairs is there with its videos.\n  how to get it: "
    )


def test_documents(asked: Path) -> None:
    documents = hooks.question_documents([{"release": "finevd_choice"}])
    assert documents[1] == {
        "name": "3 0_00_2-yase.mp4",
        "question": "What is the main problem of this video?",
        "options": ["lagging", "flickering", "None"],
        "answer": "None",
        "facets": ["undistorted"],
        "part": "",
        "written": documents[1]["written"],
        "videos": [str(asked / "finevd" / "videos_all" / "0_00_2-yase.mp4")],
        "release": "finevd_choice",
    }


DOC = {"question": "Is it sharp?", "options": ["Yes", "No"], "written": "As written."}


class TestPrompts:
    def test_the_authors_own(self) -> None:
        assert prompt(DOC, {"as_written": True, "instruction": "Choose."}) == "As written."
        assert prompt({**DOC, "written": ""}, {"as_written": True, "instruction": "Choose."}) == (
            "Is it sharp?\nA. Yes\nB. No\nChoose."
        )

    def test_yes_and_no_plainly(self) -> None:
        settings = {"instruction": "Choose.", "yes_no_instruction": "Yes or no?"}
        assert prompt(DOC, settings) == "Is it sharp? Yes or no?"
        assert prompt({**DOC, "options": ["Yes", "Hardly"]}, settings) == "Is it sharp?\nA. Yes\nB. Hardly\nChoose."

    def test_an_open_question(self) -> None:
        assert prompt({**DOC, "options": [], "written": ""}, {"instruction": "Choose."}) == "Is it sharp?"


def test_a_choice() -> None:
    doc = {
        **{"name": "1 a.mp4", "question": "Is it sharp?", "options": ["Yes", "No"], "answer": "No"},
        **{"facets": ["yes_no"], "videos": ["/v/a.mp4"]},
    }
    assert choice_item(doc, "B. No") == {
        **{"video": "1 a.mp4", "question": "Is it sharp?", "options": ["Yes", "No"], "answer": "No"},
        **{"choice": "No", "right": 1.0, "facets": ["yes_no"], "reason": ""},
    }
    assert choice_item(doc, "Hm.") == {**choice_item(doc, "A"), "choice": None, "reason": "no choice found"}


def test_every_number_of_a_task_file_is_one_that_its_items_have(asked: Path) -> None:
    from lmms_eval.tasks import TaskManager

    manager = TaskManager(include_path=[str(tasks_path())], include_defaults=False)
    for name in (*CHOICE, OPEN, *FINEVD):
        task = manager.load_task_or_group([name])[name]
        assert set(task.process_results(task.eval_docs[0], ["A"])) == set(task.aggregation()), name
