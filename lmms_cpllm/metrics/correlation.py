"""Agreement of predictions with mean opinion scores: SRCC, KRCC, PLCC, RMSE, and the logistic fit before the last two.

Rules that hold for every function here, so that an aggregate never raises over its data:

- x are predictions, y are MOS; both are (n,) in the same order. Unequal lengths are a ValueError: a caller's error.
- Fewer than 3 items give nan (two points correlate perfectly whatever they are).
- A NaN or an infinity anywhere in x or y gives nan. Items without an answer are filled in before (`metrics.summary`).
- A correlation with a constant (max equals min) gives nan.
- Ties get the mean of their ranks (SRCC) and count in the tau-b correction (KRCC).
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy  # its submodules load on first use, so importing this file stays cheap

MIN_ITEMS = 3
"""Below this number of items nothing is computed."""

MIN_LOGISTIC_ITEMS = 5
"""Four parameters pass through four points whatever they are; below this number a line is fitted instead."""

_MAX_EVALUATIONS = 20_000  # scipy's default for four parameters is 1000, which a steep fit exceeds

Values = Sequence[float] | np.ndarray


@dataclass(frozen=True)
class LogisticFit:
    """A mapping of predictions onto the MOS scale, fitted on the set it is judged on."""

    parameters: tuple[float, ...]
    """(b1, b2, b3, b4) of `logistic4`; (slope, intercept) where a line stands in; () where nothing could be fitted"""
    fitted: np.ndarray
    """(n,) predictions on the MOS scale; nan where nothing could be fitted"""
    kind: str
    """"logistic", "line" or "none" """


def srcc(x: Values, y: Values) -> float:
    """Spearman's rank correlation, -1..1, on the raw predictions; ties get average ranks.

    Example:
        >>> srcc([1, 2, 3, 4], [10, 20, 40, 30])
        0.8
    """
    x, y = paired(x, y)
    if not has_correlation(x, y):
        return float("nan")
    return float(scipy.stats.spearmanr(x, y).statistic)


def krcc(x: Values, y: Values) -> float:
    """Kendall's rank correlation tau-b, -1..1, on the raw predictions."""
    x, y = paired(x, y)
    if not has_correlation(x, y):
        return float("nan")
    return float(scipy.stats.kendalltau(x, y, variant="b").statistic)


def plcc(x: Values, y: Values) -> float:
    """Pearson's linear correlation, -1..1, on the raw predictions (as Q-Align, VSFA and VQAThinker report it)."""
    x, y = paired(x, y)
    if not has_correlation(x, y):
        return float("nan")
    return float(scipy.stats.pearsonr(x, y).statistic)


def plcc_fit(x: Values, y: Values) -> float:
    """Pearson's correlation after `fit_logistic4`; the tasks' metric `fit_lcc`.

    The fit may fall as well as rise, so a prediction that runs against the MOS gets a positive value: the sign is in
    `srcc`.
    """
    x, y = paired(x, y)
    if not has_correlation(x, y):
        return float("nan")
    return plcc(fit_logistic4(x, y).fitted, y)


def rmse(x: Values, y: Values) -> float:
    """Root of the mean squared difference, in units of MOS. Only meaningful where x is on the scale of y."""
    x, y = paired(x, y)
    if not is_usable(x, y):
        return float("nan")
    return float(np.sqrt(np.mean((x - y) ** 2)))


def rmse_fit(x: Values, y: Values) -> float:
    """RMSE in units of MOS after `fit_logistic4`; the tasks' metric `rmse`.

    ITU-T P.1401 maps predictions onto the MOS scale before it takes the RMSE, which makes it independent of the scale a
    model answers on. The sum is divided by n, as the papers of this field do, and not by n less the parameters.
    """
    x, y = paired(x, y)
    return rmse(fit_logistic4(x, y).fitted, y)


def logistic4(x: np.ndarray, b1: float, b2: float, b3: float, b4: float) -> np.ndarray:
    """`b2 + (b1 - b2) / (1 + exp(-(x - b3) / |b4|))`, without overflow (VQEG; used by ModularBVQA and others)."""
    return b2 + (b1 - b2) * scipy.special.expit((x - b3) / abs(b4))


def fit_logistic4(x: Values, y: Values) -> LogisticFit:
    """Fit `logistic4` by least squares from the start `[max y, min y, mean x, std x / 4]`.

    Written rule for what cannot be fitted: with fewer than 5 items, where the search does not converge, or where it
    ends worse than a straight line (a logistic can come as near to a line as one likes, so that is a failed search),
    the least-squares line is used and `kind` says "line". A constant x is mapped onto the mean of y, also a "line".
    Fewer than 3 items, NaN or infinity: "none", all nan.

    Args:
        x: (n,) predictions, any scale.
        y: (n,) MOS.
    """
    x, y = paired(x, y)
    if not is_usable(x, y):
        return LogisticFit((), np.full(x.shape, np.nan), "none")
    line = _fit_line(x, y)
    if np.ptp(x) == 0 or np.ptp(y) == 0 or x.size < MIN_LOGISTIC_ITEMS:
        return line
    start = [y.max(), y.min(), x.mean(), x.std() / 4]
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            # The covariance of the parameters, which the warning is about, is not used.
            warnings.simplefilter("ignore", scipy.optimize.OptimizeWarning)
            parameters, _ = scipy.optimize.curve_fit(logistic4, x, y, p0=start, maxfev=_MAX_EVALUATIONS)
            fitted = logistic4(x, *parameters)
    except RuntimeError:  # scipy's word for a search that did not converge
        return line
    if not np.all(np.isfinite(fitted)) or np.sum((fitted - y) ** 2) > np.sum((line.fitted - y) ** 2):
        return line
    return LogisticFit(tuple(float(parameter) for parameter in parameters), fitted, "logistic")


def paired(x: Values, y: Values) -> tuple[np.ndarray, np.ndarray]:
    """Both as float64 (n,). ValueError where they are not two lists of one length."""
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if x.ndim != 1 or x.shape != y.shape:
        raise ValueError(f"predictions have shape {x.shape} and MOS {y.shape}, expected two lists of equal length")
    return x, y


def is_usable(x: np.ndarray, y: np.ndarray) -> bool:
    """True where there are enough items and every number is finite."""
    return x.size >= MIN_ITEMS and bool(np.all(np.isfinite(x)) and np.all(np.isfinite(y)))


def has_correlation(x: np.ndarray, y: np.ndarray) -> bool:
    """True where a correlation is defined: usable, and neither side constant."""
    return is_usable(x, y) and np.ptp(x) > 0 and np.ptp(y) > 0


def _fit_line(x: np.ndarray, y: np.ndarray) -> LogisticFit:
    centred = x - x.mean()
    spread = float(centred @ centred)
    slope = float(centred @ (y - y.mean())) / spread if np.ptp(x) > 0 and spread > 0 else 0.0
    # Written around the means: the intercept of a far-off x would lose digits.
    return LogisticFit((slope, float(y.mean() - slope * x.mean())), y.mean() + slope * centred, "line")
