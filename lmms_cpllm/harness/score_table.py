"""A file with the scores of any method -> rows of name and score, whatever its format and its columns are called.

Names stay text and scores stay what the file says: nothing is rounded, clamped or scaled.
"""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lmms_cpllm.errors import ArgumentError

# What people call the column, likeliest first; compared in lower case with spaces and hyphens as `_`.
NAME_COLUMNS = (
    *("video", "video_name", "video_path", "video_id", "name", "path", "filename", "file_name", "file", "vid"),
    *("image", "image_name", "image_path", "image_id", "img_path", "img", "flickr_id", "stem", "id", "key"),
)
SCORE_COLUMNS = (
    *("score", "quality", "pred_score", "predicted_score", "prediction", "predicted", "pred", "pred_mos", "mos_pred"),
    *("predicted_mos", "quality_score", "overall_score", "overall", "overall/final_score", "final_score", "fused"),
    *("fused_score", "fused_overall"),
)
# Opinions that lists carry beside the prediction. Never taken for it unless asked: they correlate with themselves.
TRUTH_COLUMNS = frozenset(
    ("mos", "gt", "gt_score", "gt_mos", "dmos", "label", "target", "truth", "sd", "std", "mos_quality")
)
SUFFIXES = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".json": "json",
    ".jsonl": "json lines",
    ".ndjson": "json lines",
    ".parquet": "parquet",
}
_NO_NUMBER = ("nan", "inf", "-inf")
_DELIMITERS = "\t;,|"


@dataclass(frozen=True)
class ScoreRow:
    """One line of a score file."""

    name: str
    """the video's name or path, as the file has it"""
    score: float
    """finite, on the method's own scale"""


@dataclass(frozen=True)
class ScoreTable:
    """A score file as it was read."""

    path: Path
    name_column: str
    score_column: str
    rows: tuple[ScoreRow, ...]
    """in the order of the file"""
    faults: tuple[str, ...]
    """one sentence for each row that has no name or no finite score"""


def read_scores(path: str | Path, name_column: str | None = None, score_column: str | None = None) -> ScoreTable:
    """Reads a score file.

    Args:
        path: .csv, .tsv, .txt (one of tab ; , | between the cells, with or without a head line), .json (a list of
            objects, a list inside an object, or an object from name to score), .jsonl or .parquet.
        name_column: the column that names the videos; None: guessed.
        score_column: the column with the scores; None: guessed, and never one that is named after an opinion.

    Raises:
        ArgumentError: the file is not there or of no such format, a column is not there or cannot be guessed, or no row
            has a score.
    """
    file = Path(path).expanduser()
    if not file.is_file():
        raise ArgumentError(
            f"path={path}: expected a file with scores, found {'a folder' if file.is_dir() else 'none'}"
        )
    kind = SUFFIXES.get(file.suffix.lower())
    if kind is None:
        raise ArgumentError(
            f"{file}: expected a file that ends in one of {', '.join(SUFFIXES)}, found {file.suffix or 'no ending'}"
        )
    columns, records = _READERS[kind](file)
    if not records:
        raise ArgumentError(f"{file}: expected rows of name and score, found none")
    name_column = _name_column(file, columns, records, name_column, score_column)
    score_column = _score_column(file, columns, records, name_column, score_column)
    rows, faults = [], []
    for number, record in enumerate(records, start=1):
        name, score = _text(record.get(name_column)), _number(record.get(score_column))
        if name and score is not None:
            rows.append(ScoreRow(name, score))
        else:
            found = repr(record.get(score_column)) if name else "no name"
            faults.append(
                f"row {number} ({name or 'unnamed'}): {score_column}: a finite number expected, found {found}"
            )
    if not rows:
        raise ArgumentError(
            f"{file}: expected numbers in column {score_column}, found none in {len(records)} rows\n  {faults[0]}\n"
            f"  what to do: name another column with score_column=..., there are: {', '.join(columns)}"
        )
    return ScoreTable(file, name_column, score_column, tuple(rows), tuple(faults))


def _read_csv(file: Path) -> tuple[list[str], list[dict]]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            text = stream.read()
    except (OSError, UnicodeDecodeError) as error:
        raise ArgumentError(f"{file}: expected a text table in UTF-8, found: {error}") from error
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(_DELIMITERS, key=lambda mark: (first.count(mark), -_DELIMITERS.index(mark)))
    try:
        lines = [[cell.strip() for cell in row] for row in csv.reader(text.splitlines(), delimiter=delimiter)]
    except csv.Error as error:
        raise ArgumentError(f"{file}: expected a text table, found: {error}") from error
    lines = [cells for cells in lines if any(cells)]
    if delimiter != ",":
        lines = [[_with_point(cell) for cell in cells] for cells in lines]
    if not lines:
        return [], []
    has_head = all(_number(cell) is None for cell in lines[0][1:]) and _number(lines[0][0]) is None
    columns = lines[0] if has_head else [f"column{n}" for n in range(1, len(lines[0]) + 1)]
    return columns, [dict(zip(columns, cells, strict=False)) for cells in lines[has_head:]]


def _with_point(cell: str) -> str:
    return cell.replace(",", ".") if re.fullmatch(r"[-+]?\d*,\d+(?:[eE][-+]?\d+)?", cell) else cell


def _read_json(file: Path) -> tuple[list[str], list[dict]]:
    try:
        value = json.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise ArgumentError(f"{file}: expected JSON, found: {error}") from error
    return _from_json(file, value)


def _from_json(file: Path, value: object) -> tuple[list[str], list[dict]]:
    if isinstance(value, Mapping):
        lists = [item for item in value.values() if isinstance(item, list)]
        if len(lists) == 1 and lists[0] and all(isinstance(item, Mapping) for item in lists[0]):
            value = lists[0]
        elif value and all(isinstance(item, Mapping) for item in value.values()):
            value = [{"name": name, **item} for name, item in value.items()]
        elif value and not lists:
            value = [{"name": name, "score": score} for name, score in value.items()]
    if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
        raise ArgumentError(
            f"{file}: expected a list of objects such as {{'name': ..., 'score': ...}}, or one object from name to score; "
            f"found another {type(value).__name__}"
        )
    columns = list(dict.fromkeys(str(key) for item in value for key in item))
    return columns, [dict(item) for item in value]


def _read_json_lines(file: Path) -> tuple[list[str], list[dict]]:
    try:
        lines = [line for line in file.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
        return _from_json(file, [json.loads(line) for line in lines])
    except (OSError, ValueError) as error:
        raise ArgumentError(f"{file}: expected one JSON object a line, found: {error}") from error


def _read_parquet(file: Path) -> tuple[list[str], list[dict]]:
    import pyarrow  # a third of a second that other formats need not pay
    from pyarrow import parquet

    try:
        # Not read_table: it takes folders named a=b above the file for columns.
        table = parquet.ParquetFile(file).read()
    except (OSError, pyarrow.ArrowException) as error:
        raise ArgumentError(f"{file}: expected a parquet file, found: {error}") from error
    return list(table.column_names), table.to_pylist()


_READERS = {"csv": _read_csv, "json": _read_json, "json lines": _read_json_lines, "parquet": _read_parquet}


def _name_column(
    file: Path, columns: Sequence[str], records: Sequence[Mapping], asked: str | None, score_column: str | None
) -> str:
    if asked is not None:
        return _asked(file, columns, "name_column", asked)
    guess = _first_of(NAME_COLUMNS, columns)
    others = [column for column in columns if column != score_column]
    texts = [column for column in others if not _is_numeric(column, records)]
    found = guess or (texts[0] if len(texts) == 1 else None) or (others[0] if len(columns) == 2 and others else None)
    return found or _cannot_guess(file, columns, "name_column", "names the videos")


def _score_column(
    file: Path, columns: Sequence[str], records: Sequence[Mapping], name_column: str, asked: str | None
) -> str:
    if asked is not None:
        return _asked(file, columns, "score_column", asked)
    others = [column for column in columns if column != name_column]
    guess = _first_of(SCORE_COLUMNS, others)
    numeric = [column for column in others if _is_numeric(column, records) and _plain(column) not in TRUTH_COLUMNS]
    found = guess or (numeric[0] if len(numeric) == 1 else None)
    return found or _cannot_guess(file, columns, "score_column", "holds the scores")


def _asked(file: Path, columns: Sequence[str], option: str, asked: str) -> str:
    for column in columns:
        if asked in (column, _plain(column)):
            return column
    raise ArgumentError(f"{file}: {option}={asked}: expected one of {', '.join(columns)}")


def _first_of(names: Iterable[str], columns: Sequence[str]) -> str | None:
    plain = {_plain(column): column for column in reversed(columns)}
    return next((plain[name] for name in names if name in plain), None)


def _cannot_guess(file: Path, columns: Sequence[str], option: str, role: str) -> str:
    raise ArgumentError(
        f"{file}: it cannot be guessed which column {role}: found {', '.join(columns)}\n"
        f"  what to do: name it with {option}=..."
    )


def _plain(column: str) -> str:
    return re.sub(r"[\s_-]+", "_", str(column).strip().lower())


def _is_numeric(column: str, records: Sequence[Mapping]) -> bool:
    values = [record.get(column) for record in records]
    given = [value for value in values if _text(value)]
    return bool(given) and all(_number(value) is not None or str(value).lower() in _NO_NUMBER for value in given)


def _text(value: object) -> str:
    """A name as text: ids that a program has read as numbers get their digits back (123.0 is 123)."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def _number(value: object) -> float | None:
    """A finite number, also where it is written as text; else None."""
    if value is None or isinstance(value, bool):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
