"""`lmms-cpllm report` as people use it: literal help, what it writes, what it says, and the exit status.

A golden file is written anew where it is missing: delete it after a change, run the test, read the difference.
"""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest
from fake_reports import TASKS, three_models
from fake_results import score_items, write_run

from lmms_cpllm import cli
from lmms_cpllm.errors import UserError

GOLDEN = Path(__file__).parent / "golden" / "report"
TASK = "vqa_konvid"


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LMMS_CPLLM_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("LMMS_CPLLM_DATA", raising=False)


def usage(capsys: pytest.CaptureFixture, *arguments: str) -> str:
    """What is said of wrong usage, after the usage itself."""
    with pytest.raises(SystemExit) as error:
        cli.main(["report", *arguments])
    assert error.value.code == 2
    return capsys.readouterr().err.split("lmms-cpllm report: error: ")[1]


def test_help(capsys):
    with pytest.raises(SystemExit) as error:
        cli.main(["report", "--help"])
    assert error.value.code == 0
    path = GOLDEN / "help_report.txt"
    text = capsys.readouterr().out
    if not path.exists():
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def test_everything_is_written(capsys):
    three_models(Path("out"))
    write_run(Path("more"), {TASK: score_items(seed=8)}, model="another")
    exports = ("--markdown", "tables/a.md", "--latex", "tables/a.tex", "--csv", "tables/a.csv")
    assert cli.main(["report", "out", "more", "--out", "pages/report.html", *exports, "--title", "Mine"]) == 0
    said = capsys.readouterr()
    assert re.fullmatch(r"pages/report.html: \d\.\d MB\ntables/a.md\ntables/a.tex\ntables/a.csv\n", said.out)
    assert said.err.splitlines()[-1] == (
        "left out: out/limited/20260102_030405_results.json (vqa_konvid of dummy response=73): run with --limit 20"
    )
    html = Path("pages/report.html").read_text(encoding="utf-8")
    assert "<h1>Mine</h1>" in html
    assert html.count('class="task"') == len(TASKS)
    lines = list(csv.DictReader(Path("tables/a.csv").read_text().splitlines()))
    assert {line["model"] for line in lines} == {
        *("cpllm", "cpllm ablate=pixel", "vqa_scores path=/data/niqe.csv", "dummy response=73", "another")
    }
    assert Path("tables/a.md").read_text().startswith("| model |")
    assert "\\begin{tabular}" in Path("tables/a.tex").read_text()


def test_a_selection(capsys):
    three_models(Path("out"))
    assert cli.main(["report", "out", "--out", "a.html", "--tasks", TASK, "--models", "cpllm*", "--csv", "a.csv"]) == 0
    assert "left out" not in capsys.readouterr().err
    lines = list(csv.DictReader(Path("a.csv").read_text().splitlines()))
    assert {(line["model"], line["task"]) for line in lines} == {("cpllm", TASK), ("cpllm ablate=pixel", TASK)}


def test_frozen_runs_are_results_too():
    write_run(Path("out"), {TASK: score_items()})
    assert cli.main(["baseline", "save", "out", "--out", "base.json"]) == 0
    assert cli.main(["report", "base.json", "--out", "a.html"]) == 0
    html = Path("a.html").read_text(encoding="utf-8")
    assert "a baseline: lmms-eval&#39;s version, time and command are not kept" in html
    assert 'id="data-scores-0"' in html


def test_only_incomplete_runs_are_a_page_that_says_so():
    write_run(Path("out"), {TASK: score_items(count=5)}, limit=5)
    assert cli.main(["report", "out", "--out", "a.html"]) == 0
    html = Path("a.html").read_text(encoding="utf-8")
    assert "No complete run: see the notes of the leaderboard." in html
    assert "not complete, so no comparison counts it: run with --limit 5" in html


def test_a_task_of_another_package(capsys):
    path = write_run(Path("out"), {"mmbench": score_items()})
    path.write_text(path.read_text().replace("<function score_metric:", "<function other_"))
    assert cli.main(["report", "out", "--out", "a.html"]) == 0
    assert 'id="data-scores-0"' not in Path("a.html").read_text(encoding="utf-8"), "its items are not known"


def test_nothing_to_read(capsys):
    assert usage(capsys, "nowhere", "--out", "a.html") == (
        "nowhere: expected an output folder of lmms-eval (--output_path), found nothing\n"
    )
    Path("empty").mkdir()
    assert usage(capsys, "empty", "--out", "a.html") == "nothing to read in empty\n"
    Path("empty/20260101_000000_results.json").write_text("{")
    assert usage(capsys, "empty", "--out", "a.html").startswith(
        "nothing to read in empty\n  empty/20260101_000000_results.json: it is not JSON, or ends too early"
    )
    write_run(Path("out"), {TASK: score_items()})
    assert usage(capsys, "out", "--out", "a.html", "--tasks", "vqa_kvq") == "nothing to read in out\n"
    assert not Path("a.html").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["out"], "the following arguments are required: --out\n"),
        (["--out", "a.html"], "the following arguments are required: RESULTS\n"),
        (
            ["out", "--out", "a.html", "--thumbnails", "few"],
            "argument --thumbnails: 'few': expected 0 or more pictures\n",
        ),
        (
            ["out", "--out", "a.html", "--videos", "nowhere"],
            "argument --videos: nowhere: expected a folder with videos, found none\n",
        ),
    ],
)
def test_wrong_usage(arguments, said, capsys):
    write_run(Path("out"), {TASK: score_items()})
    assert usage(capsys, *arguments) == said


def test_a_file_that_cannot_be_written():
    write_run(Path("out"), {TASK: score_items()})
    Path("taken").write_text("a file")
    with pytest.raises(UserError) as error:
        cli.main(["report", "out", "--out", "taken/a.html"])
    assert str(error.value) == "taken/a.html: cannot be written: File exists"
