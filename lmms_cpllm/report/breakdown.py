"""Where the error comes from: mean absolute residual by MOS, size, length, codec and known distortion."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from lmms_cpllm.report.scores import ScoreTask
from lmms_cpllm.video import VideoInfo

UNKNOWN = "unknown"
_MOS_RANGES = 5

# Upper ends (excluded) of the shorter side in pixels, and of the length in seconds.
_SIDES = ((360, "below 360"), (540, "360 to 539"), (720, "540 to 719"), (1080, "720 to 1079"), (2160, "1080 to 2159"))
_LENGTHS = ((2, "below 2 s"), (5, "2 to 5 s"), (10, "5 to 10 s"), (20, "10 to 20 s"))


@dataclass(frozen=True)
class Line:
    """One class of videos."""

    label: str
    n: int
    errors: tuple[float, ...]
    """(models,) mean absolute residual in units of MOS, in the order of `ScoreTask.runs`; nan where there is none."""


@dataclass(frozen=True)
class Breakdown:
    """The videos of a task in classes; every video is in one."""

    title: str
    lines: tuple[Line, ...]


def breakdowns(task: ScoreTask, infos: Mapping[str, VideoInfo], families: Mapping[str, str]) -> tuple[Breakdown, ...]:
    """Every way to class the videos of a task. Without a single probed video only that by MOS.

    Args:
        task: residuals and MOS.
        infos: name of a video to what its file says; those that are missing are `unknown`.
        families: name of a video to its known distortion; {} where nothing is known.
    """
    found = [Breakdown("MOS", _lines(task, *_by_mos(task.mos)))]
    if families:
        found.append(_classed(task, "distortion", lambda name: families.get(name, UNKNOWN)))
    if infos:
        side = [*(label for _, label in _SIDES), "2160 and more"]
        length = [*(label for _, label in _LENGTHS), "20 s and more"]
        found += [
            _classed(task, "shorter side in pixels", _told(infos, _side), side),
            _classed(task, "length", _told(infos, _length), length),
            _classed(task, "codec", _told(infos, lambda info: info.codec)),
        ]
    return tuple(found)


def _by_mos(mos: np.ndarray) -> tuple[list[str], list[str]]:
    """Five equally wide ranges between the lowest and the highest MOS, the lower end included."""
    low, high = float(mos.min()), float(mos.max())
    if low == high:
        return [f"{low:.4g}"] * mos.size, [f"{low:.4g}"]
    edges = np.linspace(low, high, _MOS_RANGES + 1)
    labels = [f"{start:.4g} to {end:.4g}" for start, end in pairwise(edges)]
    places = np.clip(np.searchsorted(edges, mos, side="right") - 1, 0, _MOS_RANGES - 1)
    return [labels[place] for place in places], labels


def _told(infos: Mapping[str, VideoInfo], tell: Callable[[VideoInfo], str]) -> Callable[[str], str]:
    return lambda name: tell(infos[name]) if name in infos else UNKNOWN


def _side(info: VideoInfo) -> str:
    return _range(min(info.width, info.height), _SIDES, "2160 and more")


def _length(info: VideoInfo) -> str:
    return _range(info.duration_s, _LENGTHS, "20 s and more")


def _range(number: float, ends: Sequence[tuple[float, str]], beyond: str) -> str:
    return next((label for end, label in ends if number < end), beyond)


def _classed(
    task: ScoreTask, title: str, class_of: Callable[[str], str], order: Sequence[str] | None = None
) -> Breakdown:
    classes = [class_of(name) for name in task.names]
    known = order if order is not None else sorted(set(classes) - {UNKNOWN})
    return Breakdown(title, _lines(task, classes, [*known, UNKNOWN]))


def _lines(task: ScoreTask, classes: Sequence[str], order: Sequence[str]) -> tuple[Line, ...]:
    array = np.array(classes)
    lines = []
    for label in order:
        inside = array == label
        n = int(inside.sum())
        if n:
            lines.append(Line(label, n, tuple(float(np.mean(np.abs(run.residuals[inside]))) for run in task.runs)))
    return tuple(lines)
