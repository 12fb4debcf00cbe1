"""The bootstrap of each run's headline metric, once: intervals, means and differences are all made of it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from tqdm import tqdm

from lmms_cpllm.report.gather import Gathered, Key, items_of
from lmms_cpllm.results.recompute import is_known, resampled_values

BAR_DELAY_S = 2.0
"""Bars of the report show themselves after so many seconds."""


def resample(gathered: Gathered) -> Mapping[Key, np.ndarray]:
    """(model, task) to the (1000,) bootstrap values of its headline metric, for runs whose items are there.

    Runs on the same videos are drawn alike: the difference of two arrays is a paired bootstrap.
    """
    todo = []
    for key, run in gathered.runs.items():
        metric = gathered.headlines[run.task]
        function, items = run.functions.get(metric, ""), items_of(run, metric)
        if function and items and is_known(function):
            todo.append((key, function, items))
    bar = tqdm(todo, desc="intervals", unit="run", delay=BAR_DELAY_S, dynamic_ncols=True)
    return {key: resampled_values(function, items) for key, function, items in bar}
