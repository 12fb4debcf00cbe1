"""Which differences between models are significant: a paired bootstrap on the same videos, and Fisher's z."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lmms_cpllm.metrics.intervals import percentile_interval
from lmms_cpllm.metrics.significance import FisherZ, fisher_z
from lmms_cpllm.report.gather import Gathered, Key, same_data

BETTER, WORSE, NOISE, UNKNOWN = "better", "worse", "noise", "unknown"

# Headline metrics that are correlations, which alone have Fisher's z.
_CORRELATIONS = {"srcc", "plcc", "fit_lcc", "level_rho"}


@dataclass(frozen=True)
class Difference:
    """What one model is worth beside another on a task."""

    value: float
    """Of the headline metric: the model's less the other's."""
    low: float
    """95 % interval of the paired bootstrap; nan where the two were not asked the same."""
    high: float
    verdict: str
    """BETTER, WORSE, NOISE, or UNKNOWN where there is no interval; "better" minds the direction of the metric."""
    fisher: FisherZ | None
    """None where the metric is no correlation."""


def differences(
    gathered: Gathered, resamples: Mapping[Key, np.ndarray], task: str, models: Sequence[str]
) -> dict[tuple[str, str], Difference]:
    """Both directions of every pair of models with a complete run on the task.

    Args:
        gathered: the runs.
        resamples: of `resampling.resample`.
        task: one of them.
        models: in any order.
    """
    runs, metric = gathered.of_task(task), gathered.headlines[task]
    alike = same_data(runs, metric)
    found = {}
    for first, second in itertools.permutations([model for model in models if model in runs], 2):
        values = [runs[model].metrics.get(metric, math.nan) for model in (first, second)]
        low = high = math.nan
        arrays = [resamples.get((model, task)) for model in (first, second)]
        if {first, second} <= alike and all(array is not None for array in arrays):
            with np.errstate(invalid="ignore"):
                low, high = percentile_interval(arrays[0] - arrays[1])
        fisher = fisher_z(*values, runs[first].count, runs[second].count) if metric in _CORRELATIONS else None
        better = runs[first].higher_is_better.get(metric)
        found[first, second] = Difference(values[0] - values[1], low, high, _verdict(low, high, better), fisher)
    return found


def _verdict(low: float, high: float, higher_is_better: bool | None) -> str:
    if math.isnan(low) or math.isnan(high) or higher_is_better is None:
        return UNKNOWN
    if low <= 0 <= high:
        return NOISE
    return BETTER if (low > 0) == higher_is_better else WORSE
