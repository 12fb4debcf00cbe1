"""A question about results, and its answer."""

from __future__ import annotations

from dataclasses import dataclass

from lmms_cpllm.compare.thresholds import Drop, Requirement

REGRESSED, NOISE, IMPROVED = "regressed", "within noise", "improved"
COMPLETE, ANSWERED, SAME_DATA = "complete", "answered", "same data"


@dataclass(frozen=True)
class Questions:
    """What is asked of every run."""

    min_answered: float = 1.0
    """Share, 0..1."""
    require: tuple[Requirement, ...] = ()
    drops: tuple[Drop, ...] | None = None
    """None: the first metric of each task must not drop at all."""
    strict: bool = False
    """Whether a drop that is too large fails even where it may be noise."""


@dataclass(frozen=True)
class Change:
    """A metric on the same videos in two runs."""

    before: float
    """Of the baseline."""
    after: float
    low: float
    """95 % interval of after less before; nan where it is not defined."""
    high: float
    verdict: str
    """`REGRESSED` or `IMPROVED` where all of the interval is on one side of zero, else `NOISE`; empty without one."""


@dataclass(frozen=True)
class Check:
    """What cannot be answered has failed."""

    model: str
    """Empty where it is about no single model."""
    task: str
    """Empty where it is about no single task."""
    name: str
    """`COMPLETE`, `ANSWERED`, `SAME_DATA`, a metric, or a metric and "drop"."""
    passed: bool
    reason: str = ""
    """Why it failed; empty if it did not."""
    value: float | None = None
    """What was found: rows, a share, a metric."""
    limit: str = ""
    """What was asked for, `>= 0.85`; empty where there is nothing to choose."""
    change: Change | None = None
    """Of a drop that could be judged."""
