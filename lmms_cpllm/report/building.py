"""From gathered runs to everything that the page and the tables show, in order and with bars."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lmms_cpllm.report.breakdown import Breakdown, breakdowns
from lmms_cpllm.report.descriptions import Description, Failure, descriptions, failures
from lmms_cpllm.report.gather import Gathered
from lmms_cpllm.report.ladders import LadderTask, ladder_task
from lmms_cpllm.report.leaderboard import Leaderboard, leaderboard
from lmms_cpllm.report.resampling import resample
from lmms_cpllm.report.runs import RunFacts, run_facts
from lmms_cpllm.report.scores import ScoreTask, score_task
from lmms_cpllm.report.significance import Difference, differences
from lmms_cpllm.report.videos import families_of, locate, probe_all, thumbnails
from lmms_cpllm.video import VideoInfo

EXTREMES = 6
"""So many of the best and so many of the worst videos of each model are shown."""


@dataclass(frozen=True)
class Options:
    """What is looked at beside the results."""

    folders: tuple[Path, ...] = ()
    """With video files of the tasks' names."""
    open_videos: bool = True
    pictures: int = 240
    """At most so many on the page."""


@dataclass(frozen=True)
class TaskReport:
    """Everything about one task; what it has none of is None or empty."""

    task: str
    differences: Mapping[tuple[str, str], Difference]
    scores: ScoreTask | None
    breakdowns: tuple[Breakdown, ...]
    thumbnails: Mapping[str, str]
    """Name of a video -> `data:` address."""
    found: int
    """Video files that are there."""
    ladders: LadderTask | None
    descriptions: tuple[Description, ...]


@dataclass(frozen=True)
class Report:
    """Everything."""

    gathered: Gathered
    board: Leaderboard
    tasks: tuple[TaskReport, ...]
    failures: tuple[Failure, ...]
    runs: tuple[RunFacts, ...]


def build(gathered: Gathered, options: Options) -> Report:
    """Compute everything; minutes for many models and large tasks, shown by bars on standard error."""
    resamples = resample(gathered)
    board = leaderboard(gathered, resamples)
    scored = {task: score_task(gathered, task, board.models) for task in gathered.tasks}
    paths = {
        task: locate(task, scores.names, options.folders) if scores and options.open_videos else {}
        for task, scores in scored.items()
    }
    # A file that several tasks ask about is opened once.
    workers, files = os.cpu_count() or 1, {str(path): path for found in paths.values() for path in found.values()}
    infos = probe_all(files, workers)
    shown = _shared(options.pictures, {task: _extremes(scores) for task, scores in scored.items() if scores}, paths)
    wanted = {str(paths[task][name]): paths[task][name] for task, names in shown.items() for name in names}
    pictures = thumbnails(wanted, infos, workers)
    tasks = tuple(
        _task(
            gathered,
            board,
            task,
            scored[task],
            differences(gathered, resamples, task, board.models),
            {name: infos[str(path)] for name, path in paths[task].items() if str(path) in infos},
            {name: pictures[str(path)] for name, path in paths[task].items() if str(path) in pictures},
            len(paths[task]),
        )
        for task in gathered.tasks
    )
    return Report(
        gathered, board, tasks, tuple(failures(gathered, board.models)), tuple(run_facts(gathered, board.models))
    )


def _task(
    gathered: Gathered,
    board: Leaderboard,
    task: str,
    scores: ScoreTask | None,
    found: Mapping[tuple[str, str], Difference],
    infos: Mapping[str, VideoInfo],
    pictures: Mapping[str, str],
    files: int,
) -> TaskReport:
    return TaskReport(
        task=task,
        differences=found,
        scores=scores,
        breakdowns=breakdowns(scores, infos, families_of(task, scores.names)) if scores else (),
        thumbnails=pictures,
        found=files,
        ladders=ladder_task(gathered, task, board.models),
        descriptions=tuple(descriptions(gathered, task, board.models)),
    )


def _extremes(scores: ScoreTask) -> list[str]:
    """Names of the videos that deserve a picture, the most deserving first: worst and best of each model in turn."""
    orders = [np.argsort(-np.abs(run.residuals), kind="stable") for run in scores.runs]
    most = min(EXTREMES, len(scores.names))
    places = [place for rank in range(most) for order in orders for place in (int(order[rank]), int(order[-1 - rank]))]
    return [scores.names[place] for place in dict.fromkeys(places)]


def _shared(
    most: int, wanted: Mapping[str, Sequence[str]], paths: Mapping[str, Mapping[str, Path]]
) -> dict[str, list[str]]:
    """At most so many names in all, taken from the tasks in turn, of videos that are there."""
    queues = {task: [name for name in names if name in paths[task]] for task, names in wanted.items()}
    shares: dict[str, list[str]] = {task: [] for task in queues}
    for rank in range(max(map(len, queues.values()), default=0)):
        for task, queue in queues.items():
            if rank < len(queue) and sum(map(len, shares.values())) < most:
                shares[task].append(queue[rank])
    return shares
