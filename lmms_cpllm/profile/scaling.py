"""What length and size of a video cost: 10 minutes of 1080p against 8 seconds of 540p."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lmms_cpllm.profile.alone import QUIET, measure_alone, render_alone
from lmms_cpllm.profile.machine import Memory
from lmms_cpllm.profile.rendering import SHORT, Film
from lmms_cpllm.profile.timing import Timing

COST_BOUND = 3.0
MEMORY_BOUND = 1.2


@dataclass(frozen=True)
class Cost:
    """Of one video in a process that does nothing else."""

    film: Film
    end_to_end: Timing
    memory: Memory


@dataclass(frozen=True)
class Scaling:
    """A short video and a long one."""

    short: Cost
    long: Cost

    @property
    def cost_ratio(self) -> float:
        """Of the medians, long over short; at most `COST_BOUND` is wanted."""
        return self.long.end_to_end.median / self.short.end_to_end.median

    @property
    def memory_ratio(self) -> float:
        """Of the peaks, decoding processes included; at most `MEMORY_BOUND` is wanted."""
        return self.long.memory.total_bytes / self.short.memory.total_bytes


def measure_scaling(
    arguments: Mapping[str, object], describe: bool, repeats: int, folder: Path, long: Film, short: Film = SHORT
) -> Scaling:
    """Renders both videos into a folder and measures each in a process of its own.

    Raises:
        UserError: a process failed.
    """
    costs = []
    for name, film in (("short", short), ("long", long)):
        path = render_alone(film, folder / f"{name}.mp4")
        request = {"task": "cost", "arguments": dict(arguments), "describe": describe, "repeats": repeats}
        [found] = measure_alone([request | {"videos": [str(path)]}], QUIET)
        costs.append(Cost(film, Timing(tuple(found["seconds"])), Memory(**found["memory"])))
    return Scaling(*costs)
