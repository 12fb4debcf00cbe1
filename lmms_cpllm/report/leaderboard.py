"""Models by tasks: values, 95 % intervals, means, and what has to be said of a cell."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lmms_cpllm.metrics.intervals import percentile_interval
from lmms_cpllm.report.gather import Gathered, Key, items_of, same_data
from lmms_cpllm.results.recompute import agrees, is_known, value
from lmms_cpllm.results.runs import TaskRun

_INTERVAL = ("ci95_low", "ci95_high")


@dataclass(frozen=True)
class Cell:
    """One model on one task."""

    value: float
    """Of the headline metric; nan where there is none."""
    low: float
    """Lower end of the 95 % interval; nan where there is none."""
    high: float
    n: int
    """Documents that were scored."""
    answered: float
    """Share, 0..1; nan where it is not told."""
    complete: bool
    alike: bool
    """Whether it was asked what most models here were, as far as a sample log tells."""
    best: bool
    """Whether no run on the task that counts has a better value."""
    notes: tuple[str, ...]
    """One sentence for everything that a reader has to know."""

    @property
    def counts(self) -> bool:
        """Whether it is ranked, and is part of means."""
        return self.complete and self.alike and not math.isnan(self.value)


@dataclass(frozen=True)
class Mean:
    """A metric over all tasks that it stands for, weighted by their n."""

    value: float
    low: float
    high: float
    n: int
    tasks: int
    """How many tasks are in it."""
    best: bool


@dataclass(frozen=True)
class Leaderboard:
    """All models by all tasks."""

    models: tuple[str, ...]
    """Best first: by the mean of the metric that most tasks have, then by the first task."""
    tasks: tuple[str, ...]
    headlines: Mapping[str, str]
    cells: Mapping[Key, Cell]
    """Also of runs that are not complete; a model that was not run on a task has none."""
    means: Mapping[str, Mapping[str, Mean]]
    """Metric to model to mean, for the metrics that stand for at least two tasks."""
    mean_tasks: Mapping[str, tuple[str, ...]]
    """Metric to the tasks in its means."""


def leaderboard(gathered: Gathered, resamples: Mapping[Key, np.ndarray]) -> Leaderboard:
    """Every cell and mean.

    Args:
        gathered: the runs.
        resamples: of `resampling.resample`.
    """
    cells: dict[Key, Cell] = {}
    for task in gathered.tasks:
        metric = gathered.headlines[task]
        alike = same_data(gathered.of_task(task), metric)
        for model in gathered.models:
            cell = _cell(gathered, (model, task), metric, resamples.get((model, task)), alike)
            if cell is not None:
                cells[model, task] = cell
        _mark_best(cells, task, gathered)
    mean_tasks = _mean_tasks(gathered)
    means = {metric: _means(gathered, cells, resamples, metric, tasks) for metric, tasks in mean_tasks.items()}
    models = _ranked(gathered, cells, means, mean_tasks)
    return Leaderboard(models, gathered.tasks, gathered.headlines, cells, means, mean_tasks)


def _cell(
    gathered: Gathered, key: Key, metric: str, resampled: np.ndarray | None, alike: frozenset[str]
) -> Cell | None:
    run, partial = gathered.runs.get(key), gathered.partial.get(key)
    if run is None and partial is None:
        return None
    if run is None:
        found = partial.run
        told = found.metrics.get(metric, math.nan) if found else math.nan
        share = found.metrics.get("answered", math.nan) if found else math.nan
        note = f"not complete, so no comparison counts it: {partial.reason}"
        return Cell(told, math.nan, math.nan, found.count if found else 0, share, False, True, False, (note,))
    low, high = _interval(run, metric, resampled)
    is_alike = key[0] in alike or not alike or not items_of(run, metric)
    notes = _notes(run, metric, is_alike)
    if partial is not None:
        notes.append(f"a newer run of {partial.date} does not count: {partial.reason}")
    answered = run.metrics.get("answered", math.nan)
    if answered < 1:
        notes.append(f"{100 * answered:.1f} % answered; what is missing counts as the middle of the scale, or as wrong")
    return Cell(run.metrics.get(metric, math.nan), low, high, run.count, answered, True, is_alike, False, tuple(notes))


def _interval(run: TaskRun, metric: str, resampled: np.ndarray | None) -> tuple[float, float]:
    if resampled is not None:
        with np.errstate(invalid="ignore"):
            return percentile_interval(resampled)
    if metric == "srcc":
        return tuple(run.metrics.get(name, math.nan) for name in _INTERVAL)
    return math.nan, math.nan


def _notes(run: TaskRun, metric: str, is_alike: bool) -> list[str]:
    items, function = items_of(run, metric), run.functions.get(metric, "")
    if not items:
        return ["no sample log (--log_samples), so there is no plot and no comparison video by video"]
    notes = []
    if is_known(function) and not agrees(run.metrics.get(metric, math.nan), computed := value(function, items)):
        notes.append(f"the results file says {run.metrics[metric]:.4f}, its sample log gives {computed:.4f}")
    if not is_alike:
        notes.append("other videos, labels or task version than most models here: not compared with them")
    return notes


def _mark_best(cells: dict[Key, Cell], task: str, gathered: Gathered) -> None:
    better = _direction(gathered, task)
    counting = {key: cell for key, cell in cells.items() if key[1] == task and cell.counts}
    if better is None or len(counting) < 2:
        return
    best = (max if better else min)(cell.value for cell in counting.values())
    for key, cell in counting.items():
        if cell.value == best:
            cells[key] = Cell(**{**cell.__dict__, "best": True})


def _direction(gathered: Gathered, task: str) -> bool | None:
    """Whether higher is better, by the first run that tells; None where no side is."""
    metric = gathered.headlines[task]
    runs = [run for (_, name), run in gathered.runs.items() if name == task]
    told = (run.higher_is_better.get(metric) for run in runs)
    return next((direction for direction in told if direction is not None), None)


def _mean_tasks(gathered: Gathered) -> dict[str, tuple[str, ...]]:
    """Metric to its tasks, for those that are a mean of anything; the metric of most tasks first."""
    by_metric: dict[str, list[str]] = {}
    for task in gathered.tasks:
        if gathered.headlines[task] and any(name == task for _, name in gathered.runs):
            by_metric.setdefault(gathered.headlines[task], []).append(task)
    ordered = sorted(by_metric.items(), key=lambda entry: -len(entry[1]))
    return {metric: tuple(tasks) for metric, tasks in ordered if len(tasks) > 1}


def _means(
    gathered: Gathered,
    cells: Mapping[Key, Cell],
    resamples: Mapping[Key, np.ndarray],
    metric: str,
    tasks: Sequence[str],
) -> dict[str, Mean]:
    found = {}
    for model in gathered.models:
        keys = [key for key in ((model, task) for task in tasks) if key in cells and cells[key].counts]
        if keys:
            found[model] = _mean([cells[key] for key in keys], [resamples.get(key) for key in keys])
    whole = [mean.value for mean in found.values() if mean.tasks == len(tasks)]
    better = _direction(gathered, tasks[0])
    if better is None or len(whole) < 2:
        return found
    best = (max if better else min)(whole)
    return {
        model: Mean(**{**mean.__dict__, "best": mean.tasks == len(tasks) and mean.value == best})
        for model, mean in found.items()
    }


def _mean(cells: Sequence[Cell], resampled: Sequence[np.ndarray | None]) -> Mean:
    """Weighted by n, as the group means of lmms-eval are; its interval only where every part has been resampled."""
    weights = np.array([cell.n for cell in cells], dtype=np.float64)
    mean = float(np.average([cell.value for cell in cells], weights=weights)) if weights.sum() else math.nan
    low = high = math.nan
    if all(part is not None for part in resampled) and weights.sum():
        low, high = percentile_interval(np.average(np.stack(resampled), axis=0, weights=weights))
    return Mean(mean, low, high, int(weights.sum()), len(cells), False)


def _ranked(
    gathered: Gathered,
    cells: Mapping[Key, Cell],
    means: Mapping[str, Mapping[str, Mean]],
    mean_tasks: Mapping[str, tuple[str, ...]],
) -> tuple[str, ...]:
    def place(model: str) -> tuple:
        keys = []
        for metric, of_model in means.items():
            mean = of_model.get(model)
            sign = -1 if _direction(gathered, mean_tasks[metric][0]) in (True, None) else 1
            keys.append((0, -mean.tasks, sign * mean.value) if mean else (1, 0, 0.0))
        for task in gathered.tasks:
            cell = cells.get((model, task))
            sign = -1 if _direction(gathered, task) in (True, None) else 1
            keys.append((0, 0, sign * cell.value) if cell and cell.counts else (1, 0, 0.0))
        return tuple(keys)

    return tuple(sorted(gathered.models, key=lambda model: (place(model), gathered.labels[model])))
