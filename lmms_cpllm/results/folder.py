"""All runs of an output folder, and which of them count.

The newest complete run of each model and task counts. What does not count is named with its reason. A broken or unfinished
run that is newer than the one that counts is worse than an older one: somebody evaluated again and it went wrong, so
the old result does not speak for the model any more.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path

from tqdm import tqdm

from lmms_cpllm.errors import DataError
from lmms_cpllm.results.runs import UNFINISHED, ResultsError, TaskRun, read_file
from lmms_cpllm.results.samples import read_items

_RESULTS = re.compile(r"(\d{8}_\d{6})_results\.json")
_SAMPLES = re.compile(r"(\d{8}_\d{6})_samples_(.+)\.jsonl")


@dataclass(frozen=True)
class LeftOut:
    """A run that does not count."""

    source: Path
    date: str
    reason: str
    model: str = ""
    """Empty where the file does not tell any more."""
    task: str = ""
    """Empty where the file does not tell any more."""
    groups: tuple[str, ...] = ()
    """Groups that the task was run as a part of."""
    spoils: bool = False
    """Whether it is broken or unfinished, and newer than what counts."""
    run: TaskRun | None = None
    """The run without its items, where its results file could be read."""


@dataclass(frozen=True)
class Results:
    """What was found at a path."""

    path: Path
    runs: tuple[TaskRun, ...]
    """Complete, one for each model and task, with their items where there is a sample log."""
    left_out: tuple[LeftOut, ...]


def read(path: Path, progress: bool = False) -> Results:
    """The runs in a folder and the folders in it, or those of one results file; for `progress` see `results.read`.

    Raises:
        DataError: there is nothing at `path`.
    """
    if not path.exists():
        raise DataError(f"{path}: expected an output folder of lmms-eval (--output_path), found nothing")
    files = sorted(file for file in path.rglob("*") if _RESULTS.fullmatch(file.name)) if path.is_dir() else [path]
    entries: dict[tuple[str, str], list[TaskRun]] = defaultdict(list)
    broken = []
    for file in files:
        try:
            for run in read_file(file):
                entries[run.model, run.task].append(run)
        except ResultsError as error:
            broken.append(LeftOut(file, file.name[:15], str(error)))
    if path.is_dir():
        broken += _without_results(path, set(files))
    runs, left_out = [], []
    groups = sorted(entries.items())
    for _, group in tqdm(groups, desc="results", unit="run", delay=2.0, disable=not progress, dynamic_ncols=True):
        chosen, others = _choose(sorted(group, key=lambda run: (run.date, str(run.source)), reverse=True))
        runs += [chosen] if chosen else []
        left_out += others
    return Results(path, tuple(runs), tuple([*left_out, *(_judge(one, runs) for one in broken)]))


def _choose(newest_first: list[TaskRun]) -> tuple[TaskRun | None, list[LeftOut]]:
    """The newest complete run, with its items, and the others."""
    others = []
    for position, run in enumerate(newest_first):
        try:
            if not run.fault:
                older = [_left_out(one, f"older than {run.source.name}") for one in newest_first[position + 1 :]]
                return _with_items(run), others + older
            others.append(_left_out(run, run.fault, spoils=run.fault_kind == UNFINISHED))
        except ResultsError as error:
            others.append(_left_out(run, f"unfinished: {error}", spoils=True))
    return None, others


def _with_items(run: TaskRun) -> TaskRun:
    if run.samples is None:
        return run
    return replace(run, items=read_items(run.samples, run.functions, run.count))


def _left_out(run: TaskRun, reason: str, spoils: bool = False) -> LeftOut:
    return LeftOut(run.source, run.date, reason, run.model, run.task, run.groups, spoils, run)


def _without_results(path: Path, files: set[Path]) -> list[LeftOut]:
    """Sample logs of runs whose results were never written."""
    found = []
    for log in sorted(path.rglob("*.jsonl")):
        match = _SAMPLES.fullmatch(log.name)
        if match and log.with_name(f"{match[1]}_results.json") not in files:
            reason = f"unfinished: {match[1]}_results.json, which belongs beside it, is missing"
            found.append(LeftOut(log, match[1], reason, task=match[2]))
    return found


def _judge(broken: LeftOut, runs: list[TaskRun]) -> LeftOut:
    """A file that tells no model spoils the folder it lies in, unless everything that counts there is newer."""
    beside = [run.date for run in runs if run.source.parent == broken.source.parent]
    return replace(broken, spoils=not beside or broken.date >= min(beside))
