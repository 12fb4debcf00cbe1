"""Score files as people have them: columns of any name, any of the formats, with their traps."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lmms_cpllm.errors import ArgumentError
from lmms_cpllm.harness.score_table import read_scores


def write(folder: Path, text: str, name: str = "scores.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def pairs(path: Path, **columns: str) -> list[tuple[str, float]]:
    return [(row.name, row.score) for row in read_scores(path, **columns).rows]


@pytest.mark.parametrize(
    "text",
    [
        "name,score\n0042,-0.125\nb.mp4,3e-7\n",
        "\ufeffVideo Name;Predicted MOS\n0042;-0,125\nb.mp4;3e-7\n",
        "path\tquality\n\n0042\t-0.125\n\t\nb.mp4\t0.0000003\n",
        "path, aesthetic score, technical score, overall/final score\n0042, 1, 2, -0.125\nb.mp4, 3, 4, 3e-7\n",
        "0042,-0.125\nb.mp4,3e-7\n",
        "which,mos,dover\n0042,1.5,-0.125\nb.mp4,4.5,3e-7\n",
        ",vid,mos,pred\n0,0042,1.5,-0.125\n1,b.mp4,4.5,3e-7\n",
    ],
)
def test_text_tables(tmp_path: Path, text: str) -> None:
    assert pairs(write(tmp_path, text)) == [("0042", -0.125), ("b.mp4", 3e-7)]


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (
            [{"img_path": "a/1.mp4", "gt_score": 3.0, "score": 0.1}, {"img_path": "a/2.mp4", "score": "62.400"}],
            "s.json",
        ),
        ({"annotations": [{"image_id": "a/1.mp4", "score": "0.1"}, {"image_id": "a/2.mp4", "score": 62.4}]}, "s.json"),
        ({"a/1.mp4": 0.1, "a/2.mp4": 62.4}, "s.json"),
        ({"a/1.mp4": {"pred": 0.1, "mos": 1}, "a/2.mp4": {"pred": 62.4, "mos": 2}}, "s.json"),
    ],
)
def test_json(tmp_path: Path, value: object, name: str) -> None:
    assert pairs(write(tmp_path, json.dumps(value), name)) == [("a/1.mp4", 0.1), ("a/2.mp4", 62.4)]


def test_json_lines(tmp_path: Path) -> None:
    text = '{"video": 7, "score": 1}\n\n{"video": 8.0, "score": -1.5}\n'
    assert pairs(write(tmp_path, text, "s.jsonl")) == [("7", 1.0), ("8", -1.5)]


def test_parquet(tmp_path: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    folder = tmp_path / "method=dover"
    folder.mkdir()
    table = pyarrow.table({"flickr_id": [11985618.0, 5.0], "mos": [1.0, 2.0], "vmaf": [93.07123456789012, -4.0]})
    parquet.write_table(table, folder / "s.parquet")
    assert pairs(folder / "s.parquet") == [("11985618", 93.07123456789012), ("5", -4.0)]


def test_columns_can_be_named(tmp_path: Path) -> None:
    path = write(tmp_path, "name,clip,score,Technical Score,mos\nx,a,1,2,3\ny,b,4,5,6\n")
    assert pairs(path) == [("x", 1.0), ("y", 4.0)]
    assert pairs(path, name_column="clip", score_column="Technical Score") == [("a", 2.0), ("b", 5.0)]
    assert pairs(path, score_column="technical_score") == [("x", 2.0), ("y", 5.0)]
    assert pairs(path, score_column="mos") == [("x", 3.0), ("y", 6.0)]


def test_rows_without_a_score_are_faults(tmp_path: Path) -> None:
    table = read_scores(write(tmp_path, "name,score\na,1\nb,nan\nc,\n,4\nd,inf\n"))
    assert [row.name for row in table.rows] == ["a"]
    assert table.faults == (
        "row 2 (b): score: a finite number expected, found 'nan'",
        "row 3 (c): score: a finite number expected, found ''",
        "row 4 (unnamed): score: a finite number expected, found no name",
        "row 5 (d): score: a finite number expected, found 'inf'",
    )


@pytest.mark.parametrize(
    ("text", "name", "columns", "message"),
    [
        ("name,mos\na,1\n", "s.csv", {}, "it cannot be guessed which column holds the scores: found name, mos\n"),
        ("name,x,y\na,1,2\n", "s.csv", {}, "it cannot be guessed which column holds the scores: found name, x, y\n"),
        ("p,q,score\na,b,2\n", "s.csv", {}, "it cannot be guessed which column names the videos: found p, q, score\n"),
        ("name,score\na,1\n", "s.csv", {"score_column": "vmaf"}, "score_column=vmaf: expected one of name, score"),
        ("name,score\n", "s.csv", {}, "expected rows of name and score, found none"),
        ("", "s.csv", {}, "expected rows of name and score, found none"),
        ("name,score\na,good\n", "s.csv", {}, "expected numbers in column score, found none in 1 rows\n  row 1 (a): "),
        ("[1, 2]", "s.json", {}, "expected a list of objects such as {'name': ..., 'score': ...}, or one object from "),
        ("{", "s.json", {}, "expected JSON, found: Expecting property name"),
        ("no parquet", "s.parquet", {}, "expected a parquet file, found: "),
        ("name,score\na,1\n", "s.xlsx", {}, "expected a file that ends in one of .csv, .tsv, .txt, .json, .jsonl, "),
    ],
)
def test_errors(tmp_path: Path, text: str, name: str, columns: dict, message: str) -> None:
    path = write(tmp_path, text, name)
    with pytest.raises(ArgumentError) as error:
        read_scores(path, **columns)
    assert str(error.value).startswith(f"{path}: {message}")


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError) as error:
        read_scores(tmp_path / "none.csv")
    assert str(error.value) == f"path={tmp_path / 'none.csv'}: expected a file with scores, found none"
