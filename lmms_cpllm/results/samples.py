"""One sample log of lmms-eval (`<date>_samples_<task>.jsonl`): a line of JSON for each document."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

from lmms_cpllm.results.recompute import is_of_all_documents
from lmms_cpllm.results.runs import ResultsError

Items = dict[str, tuple[Mapping[str, Any], ...]]


def read_items(path: Path, functions: Mapping[str, str], count: int) -> Items:
    """What each metric was computed from: metric to its items, one of each document, in the order of the videos' names.

    Args:
        path: the log.
        functions: metric to what computes it, for those of this package, whose items name their video.
        count: documents that were scored.

    Raises:
        ResultsError: the log is missing, was cut off, holds other documents than were scored, or names a video twice.
    """
    lines = list(lines_of(path))
    if len(lines) != count:
        raise ResultsError(f"{path.name} holds {len(lines)} documents, {count} were scored")
    items = sorted((_items_of_line(line, functions) for line in lines), key=_video) if functions else []
    names = [_video(item) for item in items]
    twice = next((name for name, after in pairwise(names) if name == after), None)
    if twice is not None:
        raise ResultsError(f"{path.name} names {twice} twice")
    return {metric: tuple(item[metric] for item in items if metric in item) for metric in functions}


def lines_of(path: Path) -> Iterator[dict]:
    """The documents of a log. Raises ResultsError as `read_items`."""
    try:
        with path.open(encoding="utf-8") as file:
            for number, text in enumerate(file, 1):
                try:
                    line = json.loads(text)
                except ValueError as error:
                    raise ResultsError(f"{path.name}, line {number}: not JSON, or ends too early: {error}") from error
                if not isinstance(line, dict):
                    raise ResultsError(f"{path.name}, line {number}: expected a JSON object")
                yield line
    except FileNotFoundError as error:
        raise ResultsError(f"{path.name} is missing") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ResultsError(f"{path.name} cannot be read: {error}") from error


def name_of(line: Mapping[str, Any], functions: Mapping[str, str]) -> str | None:
    """The video that a document is about, by the first of its items; None where it has none."""
    items = (line.get(metric) for metric in functions)
    return next((item["video"] for item in items if isinstance(item, dict) and "video" in item), None)


def _items_of_line(line: dict, functions: Mapping[str, str]) -> dict[str, Mapping[str, Any]]:
    """The items of a document; equal ones are one object, for the host writes most of them several times."""
    items: dict[str, Mapping[str, Any]] = {}
    for metric, function in functions.items():
        item = line.get(metric)
        if item is None and not is_of_all_documents(function):
            continue
        if not isinstance(item, dict) or not isinstance(item.get("video"), str):
            raise ResultsError(f"document {line.get('doc_id')}: no item of {metric} that names its video")
        items[metric] = next((known for known in items.values() if known == item), item)
    if not items:
        raise ResultsError(f"document {line.get('doc_id')}: no item of any metric")
    return items


def _video(items: Mapping[str, Mapping[str, Any]]) -> str:
    return next(iter(items.values()))["video"]
