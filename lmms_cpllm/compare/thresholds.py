"""What `--require` and `--max-drop` say: a metric and a number."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

_METRIC = re.compile(r"[A-Za-z_]\w*")
_BOUNDS = ("ci95_low", "ci95_high")


@dataclass(frozen=True)
class Requirement:
    """A value that a metric has to reach."""

    metric: str
    value: float
    """The worst that holds: the least, or the most for a metric that is better when lower."""


@dataclass(frozen=True)
class Drop:
    """How much worse than the baseline a metric may be."""

    metric: str
    amount: float
    """>= 0, in units of the metric, or in per cent of the baseline's value."""
    relative: bool = False

    def allowed(self, baseline: float) -> float:
        """The largest drop that holds, in units of the metric."""
        return abs(baseline) * self.amount / 100 if self.relative else self.amount

    def __str__(self) -> str:
        return f"{self.amount:g}%" if self.relative else f"{self.amount:g}"


def parse_requirement(text: str) -> Requirement:
    """`srcc:0.85`. Raises ValueError, whose text says what was expected."""
    metric, number = _split(text, "METRIC:NUMBER such as srcc:0.85")
    if number.endswith("%"):
        raise ValueError(f"{text!r}: a requirement is a number, a share of the baseline is for --max-drop")
    return Requirement(metric, _number(text, number))


def parse_drop(text: str) -> Drop:
    """`srcc:0.01`, or `plcc:2%` of the baseline. Raises ValueError, whose text says what was expected."""
    metric, number = _split(text, "METRIC:NUMBER or METRIC:NUMBER% such as srcc:0.01 or plcc:2%")
    if metric in _BOUNDS:
        raise ValueError(f"{text!r}: {metric} is an end of the interval of srcc; name srcc")
    amount = _number(text, number.removesuffix("%"))
    if amount < 0:
        raise ValueError(f"{text!r}: a drop is 0 or more")
    return Drop(metric, amount, number.endswith("%"))


def _split(text: str, expected: str) -> tuple[str, str]:
    metric, colon, number = (part.strip() for part in text.partition(":"))
    if not colon or not _METRIC.fullmatch(metric):
        raise ValueError(f"{text!r}: expected {expected}")
    return metric, number


def _number(text: str, number: str) -> float:
    try:
        value = float(number)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"{text!r}: {number!r} is no number")
    return value
