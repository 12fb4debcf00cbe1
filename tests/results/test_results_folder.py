"""Which runs of an output folder count, and what is said of the others."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fake_results import COUNT, edit, log_of, pair_items, score_items, write_run

from lmms_cpllm.errors import DataError
from lmms_cpllm.results import read

TASK = "vqa_mini"
EARLY, LATE = "20260101_000000", "20260202_000000"


def reasons(path: Path) -> list[tuple[str, bool]]:
    """(reason, whether it spoils what counts) of all that does not count."""
    return [(one.reason, one.spoils) for one in read(path).left_out]


def test_a_run_as_it_was_written(tmp_path):
    items = score_items()
    path = write_run(
        tmp_path / "org" / "model", {TASK: items}, model_args="pretrained=org/model", checkpoint={"a": "b"}
    )
    results = read(tmp_path)
    (run,) = results.runs
    assert results.left_out == ()
    assert (run.model, run.task, run.version, run.count) == ("cpllm pretrained=org/model", TASK, "2.0", COUNT)
    assert (run.source, run.samples) == (path, log_of(path, TASK))
    assert (run.rows.count, run.rows.fingerprint, run.checkpoint) == (COUNT, "0123456789abcdef", {"a": "b"})
    assert run.functions["rmse"] == "score_metric:rmse"
    assert run.higher_is_better["rmse"] is False
    assert list(run.items["srcc"]) == items
    assert set(run.items["plcc"][0]) == {"video", "mos", "quality"}
    assert run.items["plcc"][0] is run.items["krcc"][0], "equal items are kept once"


def test_nothing_there(tmp_path):
    with pytest.raises(DataError) as error:
        read(tmp_path / "out")
    assert str(error.value) == (
        f"{tmp_path}/out: expected an output folder of lmms-eval (--output_path), found nothing"
    )
    assert read(tmp_path).runs == ()


def test_the_newest_complete_run_counts(tmp_path):
    write_run(tmp_path, {TASK: score_items(seed=1), "vqa_mini_pairs": pair_items()}, date=EARLY)
    new = write_run(tmp_path, {TASK: score_items(seed=2)}, date=LATE)
    write_run(tmp_path, {TASK: score_items(seed=3)}, model="dummy", date="20251231_000000")
    results = read(tmp_path)
    assert [(run.model, run.task, run.date) for run in results.runs] == [
        ("cpllm", TASK, LATE),
        ("cpllm", "vqa_mini_pairs", EARLY),
        ("dummy", TASK, "20251231_000000"),
    ]
    assert reasons(tmp_path) == [(f"older than {new.name}", False)]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"limit": 10.0}, "run with --limit 10"),
        ({"limit": 0.5}, "run with --limit 0.5"),
        ({"offset": 7}, "run with --offset 7"),
        ({"expected": "1200"}, f"{COUNT} videos were there, the release has 1200"),
    ],
)
def test_a_part_of_the_rows_does_not_count(tmp_path, options, reason):
    write_run(tmp_path, {TASK: score_items()}, **options)
    assert read(tmp_path).runs == ()
    assert reasons(tmp_path) == [(reason, False)]


def test_no_limit_is_no_limit(tmp_path):
    write_run(tmp_path, {TASK: score_items()}, limit=-1)
    assert len(read(tmp_path).runs) == 1


def test_fewer_documents_than_rows(tmp_path):
    edit(write_run(tmp_path, {TASK: score_items()}), **{"n-samples": {TASK: {"original": 99, "effective": COUNT}}})
    assert reasons(tmp_path) == [(f"{COUNT} of 99 documents were scored", False)]


def test_a_run_that_ran_out_of_tokens(tmp_path):
    edit(write_run(tmp_path, {TASK: score_items()}), usage={"budget_exceeded": True})
    assert reasons(tmp_path) == [("the run stopped when its --max_tokens were spent", True)]


def test_a_task_without_metrics(tmp_path):
    edit(write_run(tmp_path, {TASK: score_items()}), results={TASK: {"alias": TASK, "srcc,none": "N/A"}})
    assert reasons(tmp_path) == [("the results file reports no metric of this task", True)]


class TestSampleLogs:
    @pytest.fixture
    def log(self, tmp_path) -> Path:
        return log_of(write_run(tmp_path, {TASK: score_items()}), TASK)

    def test_missing(self, tmp_path, log):
        log.unlink()
        assert reasons(tmp_path) == [(f"unfinished: {log.name} is missing", True)]

    def test_cut_off_between_two_lines(self, tmp_path, log):
        log.write_text("".join(log.read_text().splitlines(keepends=True)[:-1]))
        assert reasons(tmp_path) == [(f"unfinished: {log.name} holds 59 documents, 60 were scored", True)]

    def test_cut_off_within_a_line(self, tmp_path, log):
        log.write_text(log.read_text()[:-20])
        ((reason, spoils),) = reasons(tmp_path)
        assert spoils
        assert reason.startswith(f"unfinished: {log.name}, line 60: not JSON, or ends too early: ")

    def test_a_video_twice(self, tmp_path, log):
        lines = log.read_text().splitlines(keepends=True)
        log.write_text("".join([lines[0], *lines[:-1]]))
        assert reasons(tmp_path) == [(f"unfinished: {log.name} names clip00 twice", True)]

    def test_without_items(self, tmp_path, log):
        log.write_text("".join(json.dumps({"doc_id": place}) + "\n" for place in range(COUNT)))
        assert reasons(tmp_path) == [("unfinished: document 0: no item of srcc that names its video", True)]

    def test_of_a_run_without_results(self, tmp_path, log):
        (tmp_path / log.name.replace(f"_samples_{TASK}.jsonl", "_results.json")).unlink()
        (one,) = read(tmp_path).left_out
        assert (one.model, one.task, one.spoils) == ("", TASK, True)
        assert one.reason == "unfinished: 20260102_030405_results.json, which belongs beside it, is missing"

    def test_not_asked_for(self, tmp_path, log):
        write_run(tmp_path, {TASK: score_items()}, date=LATE, log_samples=False)
        (run,) = read(tmp_path).runs
        assert (run.date, run.items) == (LATE, None)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it is not JSON, or ends too early: "),
        ('{"results": {', "it is not JSON, or ends too early: "),
        ("[]", "it holds no JSON object"),
        (
            '{"results": {}, "configs": {"a": 1}, "config": {"limit": "5"}}',
            "it is not as lmms-eval writes it (TypeError",
        ),
        ('{"results": {}, "configs": {}}', "it has no 'config', which every results file of lmms-eval has"),
    ],
)
def test_a_corrupt_results_file(tmp_path, text, reason):
    path = write_run(tmp_path, {TASK: score_items()})
    path.write_text(text)
    (one,) = read(tmp_path).left_out
    assert (one.source, one.model, one.spoils) == (path, "", True)
    assert one.reason.startswith(reason)


def test_what_went_wrong_spoils_only_what_is_older(tmp_path):
    good = write_run(tmp_path, {TASK: score_items()}, date="20260115_000000")
    write_run(tmp_path, {TASK: score_items()}, date=EARLY).write_text("{")
    log_of(write_run(tmp_path, {TASK: score_items()}, date="20260102_000000"), TASK).unlink()
    assert [one.spoils for one in read(tmp_path).left_out] == [False, False]
    write_run(tmp_path, {TASK: score_items()}, date=LATE).write_text("{")
    assert [one.spoils for one in read(tmp_path).left_out] == [False, False, True]
    assert [run.source for run in read(tmp_path).runs] == [good]


def test_a_task_of_lmms_eval_itself(tmp_path):
    path = write_run(tmp_path, {TASK: score_items()}, log_samples=False)
    document = json.loads(path.read_text())
    document["configs"][TASK] = {"metric_list": [{"metric": "acc", "aggregation": "mean"}]}
    path.write_text(json.dumps(document))
    log_of(path, TASK).write_text("".join(f'{{"doc_id": {place}, "acc": 1.0}}\n' for place in range(COUNT)))
    (run,) = read(tmp_path).runs
    assert (run.functions, run.items, run.rows) == ({}, {}, None)
