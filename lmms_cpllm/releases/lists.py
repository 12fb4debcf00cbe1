"""The formats in which lists of videos and scores circulate, recognised by what is in them.

- csv, tsv or txt with a head line: a column for the video (`vid`, `name`, `video`, `filename`, `flickr_id`, `path`, ...)
  and one for the score (`mos`, `MOS full`, `score`, `overall`, ...); separated by comma, semicolon, tab or `|`; with
  semicolons or tabs the scores may have decimal commas.
- txt or csv without a head line: the video first, the score last, as in the lists of FAST-VQA and DOVER
  (`path, duration, fps, mos`), of MaxWell (`name, aesthetic, technical, overall`) and of T2VQA-DB (`name|prompt|mos`); or
  `name mos` with blanks between.
- json: a list of objects as of Q-Align (`img_path` or `image`, `gt_score`) and VQA2 (`img_path`, `mos`), or such a list
  inside an object as of VQAThinker (`annotations`: `image_id`, `score`, where the score is text).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from lmms_cpllm.errors import DataError
from lmms_cpllm.releases.base import Label, Labels
from lmms_cpllm.releases.places import shorten
from lmms_cpllm.releases.tables import deviation, parse_decimal_comma, parse_number, read_rows, table_labels, table_of

NAMES = (
    "vid",
    "name",
    "video",
    "video_name",
    "videoname",
    "file_name",
    "filename",
    "file",
    "flickr_id",
    "path",
    "video_path",
    "img_path",
    "image",
    "image_id",
    "image_path",
)
"""Columns and keys of the video, the most telling first; in lower case."""
SCORES = ("mos", "mos full", "gt_score", "score", "overall", "realignment mos", "mos_overall", "quality")
"""Columns and keys of the score, the most telling first; in lower case."""

_DELIMITERS = ("|", ";", "\t", ",")


def read_list(path: Path) -> Labels:
    """Every video of a list and its score; names as they stand there.

    Raises:
        DataError: the file cannot be read, or is in none of the formats; says what was found and what is recognised.
    """
    return _read_json(path) if path.suffix.lower() == ".json" else _read_text(path)


def _read_json(path: Path) -> Labels:
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise DataError(f"{path}: not a JSON file: {error}") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    items = _items(content)
    if not items:
        raise DataError(
            f"{path}: a list of objects, or an object with one such list, expected, found {type(content).__name__}"
            + (f" with {shorten(list(map(str, content)))}" if isinstance(content, Mapping) else "")
        )
    items = [{str(key).lower(): value for key, value in item.items()} for item in items]
    name, score = _pick(path, tuple(items[0]))
    labels, faults = [], []
    for number, item in enumerate(items, start=1):
        text, value = str(item.get(name, "")).strip(), item.get(score)
        mos = None if isinstance(value, bool) else parse_number(str(value))
        if not text:
            faults.append(f"item {number}: {name} is empty")
        elif mos is None:
            faults.append(f"item {number}: {score} {value!r} of {text} is not a number")
        else:
            labels.append(Label(text, mos, f"item {number}", deviation(item)))
    return Labels(path, tuple(labels), tuple(faults))


def _items(content: object) -> list[Mapping]:
    """The list of objects in a JSON document; empty where there is none, or several."""
    lists = [content] if isinstance(content, list) else list(content.values()) if isinstance(content, Mapping) else []
    fitting = [items for items in lists if isinstance(items, list) and items and isinstance(items[0], Mapping)]
    if len(fitting) != 1 or not all(isinstance(item, Mapping) for item in fitting[0]):
        return []
    return fitting[0]


def _read_text(path: Path) -> Labels:
    lines = [(number, cells[0]) for number, cells in read_rows(path, delimiter="\x1f", quoted=False) if any(cells)]
    if not lines:
        raise DataError(f"{path}: the file is empty, a list of videos and scores expected")
    delimiter = next((sign for sign in _DELIMITERS if sign in lines[0][1]), None)
    parse = parse_decimal_comma if delimiter in (";", "\t", None) else parse_number
    if delimiter is None:
        rows = [(number, line.rsplit(maxsplit=1)) for number, line in lines]
    else:
        rows = [(n, cells) for n, cells in read_rows(path, delimiter=delimiter, quoted=delimiter != "|") if any(cells)]
    if parse(rows[0][1][-1]) is not None and not set(map(str.lower, rows[0][1])) & {*NAMES, *SCORES}:
        return _headless(path, rows, parse)
    table = table_of(path, rows)
    return table_labels(table, *_pick(path, table.columns), parse=parse)


def _headless(path: Path, rows: Sequence[tuple[int, Sequence[str]]], parse) -> Labels:
    """The first cell is the video, the last the score."""
    labels, faults = [], []
    for line, cells in rows:
        mos = parse(cells[-1])
        if len(cells) < 2 or not cells[0]:
            faults.append(f"line {line}: a video and a score expected, found {' '.join(cells)!r}")
        elif mos is None:
            faults.append(f"line {line}: score {cells[-1]!r} of {cells[0]} is not a number")
        else:
            labels.append(Label(cells[0], mos, f"line {line}"))
    return Labels(path, tuple(labels), tuple(faults))


def _pick(path: Path, columns: Sequence[str]) -> tuple[str, str]:
    """The columns of the video and of the score. Raises DataError with what is there and what is known."""
    name = next((column for column in NAMES if column in columns), None)
    score = next((column for column in SCORES if column in columns), None)
    if name is None or score is None:
        raise DataError(
            f"{path}: one column of the video ({', '.join(NAMES)}) and one of the score ({', '.join(SCORES)}) expected, "
            f"found {', '.join(columns)}. Rename the columns, or leave the head line out: then the first is the video and "
            "the last the score."
        )
    return name, score
