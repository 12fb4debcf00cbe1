"""How a run was made, and what was said in it, word by word."""

from __future__ import annotations

import json

import pytest
from fake_results import log_of, score_items, write_run

from lmms_cpllm.results import read
from lmms_cpllm.results.answers import read_answers
from lmms_cpllm.results.provenance import provenance_of
from lmms_cpllm.results.runs import ResultsError

TASK = "vqa_mini"


def test_a_command_line_is_put_together():
    told = provenance_of(
        {
            "config": {
                "device": "cuda:0",
                "batch_size": 8,
                "resolved_cli_args": {
                    "model": "cpllm",
                    "model_args": "pretrained=my model,ablate=pixel",
                    "tasks": "vqa_mini,vqa_ladder",
                    "batch_size": "8",
                    "limit": None,
                    "offset": 0,
                    "use_cache": "",
                    "log_samples": True,
                    "apply_chat_template": False,
                    "verbosity": "INFO",
                },
            },
            "lmms_eval_version": "0.7.3",
            "git_hash": None,
            "total_evaluation_time_seconds": "61.5",
            "throughput": {"avg_speed": 12.5, "total_gen_tokens": "many", "flag": True},
        }
    )
    assert told.command == (
        "lmms-eval --model cpllm --model_args 'pretrained=my model,ablate=pixel' --tasks vqa_mini,vqa_ladder "
        "--batch_size 8 --log_samples"
    )
    assert (told.host_version, told.git_hash, told.device, told.batch_size) == ("0.7.3", "", "cuda:0", "8")
    assert told.seconds == 61.5
    assert told.throughput == {"avg_speed": 12.5}


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"config": None},
        {"config": {"resolved_cli_args": "text"}, "throughput": [1], "total_evaluation_time_seconds": "x"},
    ],
)
def test_nothing_is_required(document):
    told = provenance_of(document)
    assert (told.command, told.seconds, told.throughput) == ("", None, {})


def test_answers_by_video(tmp_path):
    path = write_run(tmp_path, {TASK: score_items(count=5)}, answers={"clip00": "One.", "clip03": "Zwei\nDrei"})
    (run,) = read(path).runs
    answers = read_answers(run)
    assert list(answers) == [f"clip0{place}" for place in range(5)]
    assert (answers["clip00"], answers["clip01"], answers["clip03"]) == ("One.", "", "Zwei\nDrei")


@pytest.mark.parametrize(("said", "text"), [("plain", "plain"), ([["deep"]], "deep"), ([], ""), ({"a": 1}, "")])
def test_forms_of_an_answer(tmp_path, said, text):
    path = write_run(tmp_path, {TASK: score_items(count=5)})
    (run,) = read(path).runs
    lines = [json.loads(line) for line in log_of(path, TASK).read_text().splitlines()]
    log_of(path, TASK).write_text("".join(json.dumps({**line, "filtered_resps": said}) + "\n" for line in lines))
    assert set(read_answers(run).values()) == {text}


def test_without_a_log_there_are_no_answers(tmp_path):
    path = write_run(tmp_path, {TASK: score_items()})
    (run,) = read(path).runs
    log_of(path, TASK).write_text("{")
    with pytest.raises(ResultsError, match="line 1: not JSON, or ends too early"):
        read_answers(run)
    log_of(path, TASK).unlink()
    assert read_answers(run) == {}
