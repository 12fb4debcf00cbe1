"""A run as a small JSON that can be committed: what a model said about each video, and what it was asked.

Each video is a line, so that a diff of two baselines is readable. A file holds one or several runs.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lmms_cpllm import __version__
from lmms_cpllm.errors import DataError
from lmms_cpllm.results.folder import Results
from lmms_cpllm.results.recompute import agrees, is_known, value
from lmms_cpllm.results.runs import ResultsError, Rows, TaskRun, load_json

FORMAT = "lmms-cpllm baseline 1"

_MARK = re.compile(r'"format"\s*:\s*"lmms-cpllm baseline ')

# What is copied as it is.
_PLAIN = ("model", "task", "groups", "date", "version", "checkpoint", "metrics", "higher_is_better", "functions")


def save(runs: Sequence[TaskRun], path: Path) -> None:
    """Write complete runs with items as a baseline.

    Raises:
        DataError: a run has no items, or they do not give the metrics that its results file reports.
    """
    written = ",\n".join(_dump_run(run) for run in runs)
    text = f'{{\n"format": "{FORMAT}",\n"package": "{__version__}",\n"runs": [\n{written}\n]\n}}\n'
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def is_frozen(path: Path) -> bool:
    """Whether a path is a file that was written by `save`, whole or not."""
    if not path.is_file():
        return False
    with path.open(encoding="utf-8", errors="replace") as file:
        return _MARK.search(file.read(200)) is not None


def load(path: Path) -> Results:
    """The runs of a baseline.

    Raises:
        DataError: the file is damaged, or of another version.
    """
    try:
        document = load_json(path)
        if document["format"] != FORMAT:
            raise ResultsError(f"its format is {document['format']!r}, this version reads {FORMAT!r}")
        runs = tuple(_load_run(path, told) for told in document["runs"])
    except (ResultsError, KeyError, TypeError, ValueError, AttributeError) as error:
        reason = error if isinstance(error, ResultsError) else f"it was edited or cut ({type(error).__name__}: {error})"
        raise DataError(
            f"{path}: {reason}\n  what to do: write it again with `lmms-cpllm baseline save RESULTS --out {path}`"
        ) from error
    return Results(path, runs, ())


def _dump_run(run: TaskRun) -> str:
    items = _smallest(run)
    columns = list(dict.fromkeys(name for item in items for name in item))
    head = {
        **{name: _as_json(getattr(run, name)) for name in _PLAIN},
        "rows": asdict(run.rows) if run.rows else None,
        "columns": columns,
    }
    lines = [f'"{name}": {json.dumps(part, ensure_ascii=False)}' for name, part in head.items()]
    videos = ",\n".join(json.dumps([item.get(name) for name in columns], ensure_ascii=False) for item in items)
    return "{\n" + ",\n".join([*lines, f'"videos": [\n{videos}\n]']) + "\n}"


def _smallest(run: TaskRun) -> Sequence[Mapping[str, Any]]:
    """The shortest items that give every metric; those of the first metric are whole, and longer than they need be."""
    if not run.functions:
        raise DataError(f"{run.source}: {run.task} is no task of lmms-cpllm: only those can be frozen (see --tasks)")
    if run.items is None:
        raise DataError(
            f"{run.source}: {run.task} of {run.model} has no sample log, so there is nothing to freeze.\n"
            "  what to do: evaluate again with --output_path DIR --log_samples"
        )
    wrong = ""
    for items in sorted(run.items.values(), key=lambda items: len(items[0]) if items else 0):
        wrong = _first_disagreement(run, items)
        if not wrong:
            return items
    raise DataError(f"{run.source}: {run.task} of {run.model}: the sample log and the results file differ: {wrong}")


def _first_disagreement(run: TaskRun, items: Sequence[Mapping[str, Any]]) -> str:
    for metric, function in run.functions.items():
        if metric not in run.metrics or not is_known(function):
            continue
        try:
            computed = value(function, items)
        except KeyError as error:
            return f"{metric} needs {error}"
        if not agrees(run.metrics[metric], computed):
            return f"{metric} is {computed:.4f} by the log and {run.metrics[metric]:.4f} by the results file"
    return ""


def _load_run(path: Path, told: Mapping[str, Any]) -> TaskRun:
    videos = (dict(zip(told["columns"], video, strict=True)) for video in told["videos"])
    items = tuple(sorted(videos, key=lambda item: item["video"]))
    metrics = {name: float("nan") if number is None else float(number) for name, number in told["metrics"].items()}
    return TaskRun(
        **{name: told[name] for name in _PLAIN if name not in ("groups", "metrics")},
        groups=tuple(told["groups"]),
        metrics=metrics,
        source=path,
        rows=Rows(**told["rows"]) if told["rows"] else None,
        count=len(items),
        items={metric: items for metric in told["functions"]},
    )


def _as_json(part: Any) -> Any:
    """`nan` and infinity are no JSON; only metrics can be one. `float` reads "inf" back."""
    if isinstance(part, Mapping):
        return {name: _as_json(inner) for name, inner in part.items()}
    if not isinstance(part, float) or math.isfinite(part):
        return part
    return None if math.isnan(part) else str(part)
