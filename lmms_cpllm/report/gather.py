"""Which runs stand in the report, how they are called, and which of them saw the same."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from lmms_cpllm.results import Results
from lmms_cpllm.results.folder import LeftOut
from lmms_cpllm.results.recompute import Items
from lmms_cpllm.results.runs import TaskRun

Key = tuple[str, str]
"""(model, task)"""

# What computes a task's metrics -> the one that stands for the task. Others: the first that has a better side.
_HEADLINES = {
    "score_metric": "srcc",
    "describe_metric": "level_agreement",
    "known_metric": "level_agreement",
    "pair_metric": "accuracy",
    "choice_metric": "accuracy",
    "mini_question_metric": "accuracy",
    "ladder_metric": "all_steps",
    "open_metric": "judge_score",
}
_LONGEST_LABEL = 48


@dataclass(frozen=True)
class Gathered:
    """All that the report is made of."""

    models: tuple[str, ...]
    """Full names, sorted."""
    labels: Mapping[str, str]
    """Full name of a model to a short one; both are unique."""
    tasks: tuple[str, ...]
    """Sorted."""
    runs: Mapping[Key, TaskRun]
    """Complete ones, one for each model and task."""
    partial: Mapping[Key, LeftOut]
    """The newest limited or unfinished run of a model and task that is newer than the complete one, or stands alone."""
    left_out: tuple[LeftOut, ...]
    """Every run that was found and is not in `runs`, with its reason."""
    headlines: Mapping[str, str]
    """Task to the metric that stands for it."""

    def of_task(self, task: str) -> dict[str, TaskRun]:
        """Model to its complete run on a task, in the order of the models."""
        return {model: self.runs[model, task] for model in self.models if (model, task) in self.runs}


def gather(found: Sequence[Results], wanted: Callable[[str, str, Sequence[str]], bool]) -> Gathered:
    """The runs of several folders: the newest of each model and task counts, the others are left out with a reason.

    Args:
        found: what was read.
        wanted: of (model, task, groups of the task). What a damaged file was about is not known: it is always named.
    """
    runs: dict[Key, TaskRun] = {}
    left_out = [one for results in found for one in results.left_out]
    left_out = [one for one in left_out if not (one.model and one.task) or wanted(one.model, one.task, one.groups)]
    every = [run for results in found for run in results.runs if wanted(run.model, run.task, run.groups)]
    for run in sorted(every, key=lambda run: (run.date, run.items is not None, str(run.source)), reverse=True):
        chosen = runs.setdefault((run.model, run.task), run)
        if chosen is run:
            continue
        word = "the same run as in" if chosen.date == run.date else "older than"
        left_out.append(LeftOut(run.source, run.date, f"{word} {chosen.source}", run.model, run.task, run=run))
    partial = _partial(runs, left_out)
    known = [*runs, *partial]
    models = tuple(sorted({model for model, _ in known}))
    tasks = tuple(sorted({task for _, task in known}))
    told = [*runs.values(), *(one.run for one in partial.values() if one.run)]
    headlines = {task: _headline([run for run in told if run.task == task]) for task in tasks}
    return Gathered(models, labels_of(models), tasks, runs, partial, _without_repeats(left_out), headlines)


def _partial(runs: Mapping[Key, TaskRun], left_out: Sequence[LeftOut]) -> dict[Key, LeftOut]:
    newest: dict[Key, LeftOut] = {}
    for one in sorted(left_out, key=lambda one: one.date):
        if one.run is not None and (one.run.fault or one.spoils):
            newest[one.model, one.task] = one
    return {key: one for key, one in newest.items() if key not in runs or one.date > runs[key].date}


def _without_repeats(left_out: Sequence[LeftOut]) -> tuple[LeftOut, ...]:
    """Folders that lie in one another name a run twice."""
    return tuple({(one.source.resolve(), one.task, one.reason): one for one in left_out}.values())


def _headline(runs: Sequence[TaskRun]) -> str:
    for run in runs:
        names = {function.partition(":")[0] for function in run.functions.values()}
        for name in names & set(_HEADLINES):
            if _HEADLINES[name] in run.metrics:
                return _HEADLINES[name]
    for run in runs:
        directed = [name for name in run.metrics if run.higher_is_better.get(name) is not None]
        if directed or run.metrics:
            return [*directed, *run.metrics][0]
    return ""


def labels_of(models: Sequence[str]) -> dict[str, str]:
    """Short names: of a path the last part. Where two would be called alike, both keep their whole name."""
    short = {model: _label(model) for model in models}
    times = Counter(short.values())
    return {model: label if times[label] == 1 else model for model, label in short.items()}


def _label(model: str) -> str:
    name, _, arguments = model.partition(" ")
    parts = []
    for argument in arguments.split(",") if arguments else ():
        key, _, value = argument.partition("=")
        if key in ("pretrained", "path", "model", "adapter", "base"):
            parts.append(PurePath(value).name or value)
        else:
            parts.append(argument)
    label = " ".join([name, *parts])
    return label if len(label) <= _LONGEST_LABEL else f"{label[: _LONGEST_LABEL - 1]}…"


def items_of(run: TaskRun, metric: str) -> Items | None:
    """The items behind one metric; None where they were not kept."""
    return None if run.items is None else run.items.get(metric)


def whole_items(run: TaskRun) -> Sequence[Mapping[str, Any]]:
    """The items with everything that is known of each answer; () where they were not kept.

    The harness writes a whole one under the first metric. (Of ladders it does so, too.)
    """
    if not run.items:
        return ()
    return max(run.items.values(), key=lambda items: (len(items), len(items[0]) if items else 0))


def seen(run: TaskRun, metric: str) -> str:
    """What tells whether two runs of a task were asked the same: version, data, videos in order and their MOS."""
    digest = hashlib.sha256(f"{run.version}\n{run.rows.identity if run.rows else ''}\n".encode())
    for item in items_of(run, metric) or ():
        digest.update(f"{item['video']}\t{item.get('mos', '')}\n".encode())
    return digest.hexdigest()


def same_data(runs: Mapping[str, TaskRun], metric: str) -> frozenset[str]:
    """The models, of those with items on one task, that were asked what most were; of two equal halves the newer one."""
    groups: dict[str, list[str]] = {}
    for model, run in runs.items():
        if items_of(run, metric):
            groups.setdefault(seen(run, metric), []).append(model)
    if not groups:
        return frozenset()
    best = max(groups.values(), key=lambda models: (len(models), max(runs[model].date for model in models)))
    return frozenset(best)
