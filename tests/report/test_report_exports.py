"""Tables for papers and programs, literally. A golden file is written anew where it is missing."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from fake_reports import built, three_models
from fake_results import score_items, write_run

from lmms_cpllm.report import exports

GOLDEN = Path(__file__).parents[1] / "golden" / "report"


def is_golden(name: str, text: str) -> None:
    path = GOLDEN / name
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    root = three_models(tmp_path_factory.mktemp("results"))
    write_run(
        root / "more", {"vqa_live_vqc": score_items(20, seed=4)}, model="evil_model", model_args="a=$x_1%|<b>&~^\\{}"
    )
    return built(root)


def test_markdown(report):
    is_golden("leaderboard.md", exports.markdown(report.board, report.gathered.labels))


def test_latex(report):
    is_golden("leaderboard.tex", exports.latex(report.board, report.gathered.labels))


def test_csv(report):
    text = exports.csv_text(report.gathered, report.board)
    lines = list(csv.DictReader(io.StringIO(text)))
    keys = [(line["model"], line["task"], line["metric"]) for line in lines]
    assert len(set(keys)) == len(keys) == sum(len(run.metrics) for run in report.gathered.runs.values()) + 8
    for line in lines:
        key = (line["model"], line["task"])
        if key in report.gathered.runs:
            assert float(line["value"]) == report.gathered.runs[key].metrics[line["metric"]]
        else:
            assert (line["complete"], line["n"]) == ("false", "20")
    srcc = next(line for line in lines if line["metric"] == "srcc" and line["model"] == "cpllm")
    assert float(srcc["ci95_low"]) < float(srcc["value"]) < float(srcc["ci95_high"])
    assert next(line for line in lines if line["metric"] == "rmse")["higher_is_better"] == "false"


def test_a_formula_of_a_spreadsheet_is_text(tmp_path):
    write_run(tmp_path, {"vqa_konvid": score_items()}, model="=cmd()")
    report = built(tmp_path)
    assert "'=cmd()" in exports.csv_text(report.gathered, report.board)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.5, ".500"),
        (-0.25, "-.250"),
        (1.0, "1.000"),
        (12.3456, "12.346"),
        (-10.5, "-10.500"),
        (float("inf"), "\u221e"),
    ],
)
def test_numbers(value, text):
    assert exports.number(value) == text


def test_no_number():
    assert exports.number(float("nan")) == "\u2013"
    assert exports.interval(float("nan"), 1.0) == ""
