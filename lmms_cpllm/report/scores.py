"""One task whose answers are scores of videos that have a MOS: predictions, fit, residuals, ratings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lmms_cpllm.harness.scoring import score_columns
from lmms_cpllm.metrics.correlation import LogisticFit, fit_logistic4
from lmms_cpllm.metrics.summary import fill_unanswered
from lmms_cpllm.ratings import LEVELS, level_of
from lmms_cpllm.report.gather import Gathered, same_data, whole_items


@dataclass(frozen=True)
class ScoreRun:
    """One model on the task; n videos."""

    model: str
    qualities: tuple[float | None, ...]
    """(n,) as said, on the model's scale; None where there is no answer."""
    filled: np.ndarray
    """(n,) with the middle of the scale where there is no answer."""
    fit: LogisticFit
    """Of `filled` to the MOS."""
    residuals: np.ndarray
    """(n,) MOS less fitted prediction, in units of MOS; nan where nothing could be fitted."""
    ratings: tuple[int, ...] | None
    """(5,) how often each of `LEVELS` was said; None for scores on a scale of their own."""
    distribution: tuple[float, ...] | None
    """(5,) mean of the distributions, in the order of `LEVELS`; None where there are none."""


@dataclass(frozen=True)
class ScoreTask:
    """A task and the models that were asked the same."""

    task: str
    names: tuple[str, ...]
    """(n,) of the videos, sorted."""
    mos: np.ndarray
    """(n,) in the release's unit."""
    runs: tuple[ScoreRun, ...]
    apart: tuple[str, ...]
    """Models with other videos, labels or another version, and those without a sample log: not in `runs`."""


def score_task(gathered: Gathered, task: str, models: Sequence[str]) -> ScoreTask | None:
    """A task by video; None where its items are no scores of videos with a MOS, or were not kept.

    Args:
        gathered: the runs.
        task: one of them.
        models: in the order in which they are to stand.
    """
    runs = gathered.of_task(task)
    metric = gathered.headlines[task]
    alike = [model for model in models if model in same_data(runs, metric)]
    items = {model: whole_items(runs[model]) for model in alike}
    if not alike or not all(_is_score(item) for item in items[alike[0]]):
        return None
    first = items[alike[0]]
    names, mos = tuple(item["video"] for item in first), np.array([item["mos"] for item in first], dtype=np.float64)
    apart = tuple(model for model in models if model in runs and model not in alike)
    return ScoreTask(task, names, mos, tuple(_score_run(model, items[model], mos) for model in alike), apart)


def _is_score(item: Mapping[str, Any]) -> bool:
    return isinstance(item.get("mos"), int | float) and "quality" in item


def _score_run(model: str, items: Sequence[Mapping[str, Any]], mos: np.ndarray) -> ScoreRun:
    filled = fill_unanswered(score_columns(items)[0])
    fit = fit_logistic4(filled, mos)
    qualities = tuple(item["quality"] for item in items)
    return ScoreRun(model, qualities, filled, fit, mos - fit.fitted, _ratings(items), _distribution(items))


def _ratings(items: Sequence[Mapping[str, Any]]) -> tuple[int, ...] | None:
    qualities = [item["quality"] for item in items if item["quality"] is not None]
    if any(item.get("raw") for item in items) or not all(0 <= quality <= 100 for quality in qualities):
        return None
    said = Counter(item.get("level") or level_of(item["quality"]) for item in items if item["quality"] is not None)
    return tuple(said[level] for level in LEVELS)


def _distribution(items: Sequence[Mapping[str, Any]]) -> tuple[float, ...] | None:
    known = [item["distribution"] for item in items if item.get("distribution")]
    if not known:
        return None
    return tuple(float(np.mean([shares[level] for shares in known])) for level in LEVELS)
