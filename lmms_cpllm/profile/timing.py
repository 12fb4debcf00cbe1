"""Wall times of repeats."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import TypeVar

Result = TypeVar("Result")


@dataclass(frozen=True)
class Timing:
    """The same thing measured several times."""

    seconds: tuple[float, ...]
    """Wall time of each repeat, at least one."""

    @property
    def median(self) -> float:
        return median(self.seconds)

    @property
    def lowest(self) -> float:
        return min(self.seconds)

    @property
    def spread(self) -> float:
        """The slowest repeat minus the fastest."""
        return max(self.seconds) - min(self.seconds)

    def as_json(self) -> dict[str, float]:
        return {"median_s": self.median, "min_s": self.lowest, "spread_s": self.spread}


def clocked(function: Callable[[], Result]) -> tuple[Result, float]:
    """What a function returns, and the seconds that it took."""
    started = time.perf_counter()
    result = function()
    return result, time.perf_counter() - started
