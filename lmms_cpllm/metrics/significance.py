"""Do two correlations differ? Fisher's z, as ITU-T P.1401 compares the correlations of two models."""

from __future__ import annotations

import math
from dataclasses import dataclass

import scipy

MIN_ITEMS = 4
"""The variance of z is 1 / (n - 3)."""


@dataclass(frozen=True)
class FisherZ:
    """The test of one difference."""

    statistic: float
    """Difference of the two z over its standard deviation; standard normal if the correlations are equal. nan where it
    is not defined"""
    p: float
    """Two-sided probability of so large a difference between equal correlations, 0..1; nan where it is not defined"""


def fisher_z(first: float, second: float, n_first: int, n_second: int) -> FisherZ:
    """Test whether two correlations differ.

    ITU-T P.1401 (2020), 7.6.1: z = artanh(R), of variance 1 / (n - 3), and the difference of two is judged by the sum of
    their variances. The Recommendation takes the two for independent; on the same videos they rarely are, and a
    real difference is then found less often than by a paired test. For SRCC, too, the variance is that of PLCC.

    Written rules: fewer than 4 items or nan on either side give nan; a correlation of 1 or -1 has an infinite z, so two
    equal ones do not differ and any other two do.

    Args:
        first: -1..1, a correlation.
        second: the same.
        n_first: items behind `first`.
        n_second: items behind `second`.

    Example:
        >>> round(fisher_z(0.9, 0.8, 100, 100).statistic, 3)
        2.602
    """
    if min(n_first, n_second) < MIN_ITEMS or math.isnan(first) or math.isnan(second):
        return FisherZ(math.nan, math.nan)
    if first == second:
        return FisherZ(0.0, 1.0)
    deviation = math.sqrt(1 / (n_first - 3) + 1 / (n_second - 3))
    statistic = (_artanh(first) - _artanh(second)) / deviation
    return FisherZ(statistic, float(2 * scipy.stats.norm.sf(abs(statistic))))


def _artanh(correlation: float) -> float:
    return math.copysign(math.inf, correlation) if abs(correlation) >= 1 else math.atanh(correlation)
