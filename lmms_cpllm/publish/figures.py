"""From results of lmms-eval to the figures on a card: metrics with intervals, of runs of this very checkpoint alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lmms_cpllm.errors import DataError
from lmms_cpllm.metrics.intervals import percentile_interval
from lmms_cpllm.results import read
from lmms_cpllm.results.recompute import is_known, resampled_values
from lmms_cpllm.results.runs import TaskRun

SCORES = ("srcc", "plcc", "krcc")
_OTHERS = ("accuracy", "level_agreement", "all_steps", "judge_score")
"""What stands for a task that asks for no score."""
_PLACES = ("pretrained", "device", "device_map", "failures")
"""Model arguments that say where something is, and change no answer."""
_VIEWS = ("context_frames", "pixel_moments", "pixel_crops")


@dataclass(frozen=True)
class Figure:
    """One metric of one run."""

    task: str
    version: str
    """Of the task."""
    metric: str
    value: float
    low: float
    """Lower end of the 95 % interval (bootstrap over videos); nan without a sample log."""
    high: float
    n: int
    """Videos or questions, unanswered ones among them."""
    answered: float
    """Share; nan where it is not told."""
    views: str
    """Which frames and crops were looked at."""
    arguments: str
    """Model arguments of the run that may change answers; empty without any."""
    date: str
    """`YYYY-MM-DD`"""

    @property
    def is_plain(self) -> bool:
        """Whether it is of the model as it is."""
        return not self.arguments


def figures(places: Sequence[Path], fingerprint: str, processor: dict[str, Any], verify: bool = True) -> list[Figure]:
    """The figures of all runs, by task.

    Args:
        places: output folders, results files and frozen baselines.
        fingerprint: of the checkpoint.
        processor: the content of its processor_config.json.
        verify: False takes results of other weights too.

    Raises:
        DataError: a place holds no complete run of the checkpoint; what was found is named.
    """
    found: dict[tuple[str, str], TaskRun] = {}
    for place in places:
        results = read(place)
        runs = [run for run in results.runs if not verify or _fingerprint(run) == fingerprint]
        if not runs:
            raise DataError(_nothing_of(place, results, fingerprint))
        for run in runs:
            key = (run.task, _arguments(run))
            if key not in found or run.date > found[key].date:
                found[key] = run
    runs = [run for _, run in sorted(found.items())]
    return [figure for run in runs for figure in _of_run(run, processor)]


def _fingerprint(run: TaskRun) -> str:
    return str((run.checkpoint or {}).get("fingerprint", ""))


def _nothing_of(place: Path, results: Any, fingerprint: str) -> str:
    others = [f"{run.task} of {run.model} (weights {_fingerprint(run) or 'not told'})" for run in results.runs] + [
        f"{one.source.name}: {one.reason}" for one in results.left_out
    ]
    return (
        f"{place}: complete results of this checkpoint ({fingerprint}) expected, found "
        f"{'; '.join(others[:8]) or 'none'}\n  what to do: evaluate this folder with --output_path and --log_samples; "
        "--unverified takes results whose weights are others, or were copied since"
    )


def _of_run(run: TaskRun, processor: dict[str, Any]) -> list[Figure]:
    names = [name for name in SCORES if name in run.metrics]
    names = names or [name for name in _OTHERS if name in run.metrics][:1]
    names = names or [name for name in run.metrics if run.higher_is_better.get(name) is not None][:1]
    return [
        Figure(
            run.task,
            run.version,
            name,
            run.metrics[name],
            *_interval(run, name),
            run.count or (run.rows.count if run.rows else 0),
            run.metrics.get("answered", math.nan),
            views_text(processor, _given(run)),
            _arguments(run),
            f"{run.date[:4]}-{run.date[4:6]}-{run.date[6:8]}",
        )
        for name in names
    ]


def _interval(run: TaskRun, metric: str) -> tuple[float, float]:
    if metric == "srcc" and {"ci95_low", "ci95_high"} <= set(run.metrics):
        return run.metrics["ci95_low"], run.metrics["ci95_high"]
    function, items = run.functions.get(metric, ""), (run.items or {}).get(metric)
    if items and is_known(function):
        return percentile_interval(resampled_values(function, items))
    return math.nan, math.nan


def _given(run: TaskRun) -> dict[str, str]:
    """The model arguments of a run."""
    _, _, text = run.model.partition(" ")
    return dict(part.split("=", 1) for part in text.split(",") if "=" in part)


def _arguments(run: TaskRun) -> str:
    return ",".join(f"{name}={value}" for name, value in _given(run).items() if name not in _PLACES)


def views_text(processor: dict[str, Any], given: dict[str, str]) -> str:
    """Frames and crops of a video in words, "" where the processor does not tell.

    Example:
        >>> views_text({"video_processor": {"context_frames": 4, "context_size": {"height": 224, "width": 224},
        ...   "pixel_moments": 4, "pixel_crops": 2, "pixel_frames": 2, "pixel_size": 160}}, {"context_frames": "8"})
        '8 frames of 224x224, 4x2 crops of 160x160x2'
    """
    told = processor.get("video_processor") or {}
    told = told | {name: given[name] for name in _VIEWS if name in given}
    try:
        size = told["context_size"]
        return (
            f"{told['context_frames']} frames of {size['width']}x{size['height']}, {told['pixel_moments']}x"
            f"{told['pixel_crops']} crops of {told['pixel_size']}x{told['pixel_size']}x{told['pixel_frames']}"
        )
    except KeyError:
        return ""
