"""A metric from the items of a sample log, by the very function that the harness computed it with; and a change of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from lmms_cpllm.harness.describe import describe_metric
from lmms_cpllm.harness.describe_known import known_metric
from lmms_cpllm.harness.ladder import ladder_metric
from lmms_cpllm.harness.mini_questions import mini_question_metric
from lmms_cpllm.harness.pairs import pair_metric
from lmms_cpllm.harness.questions import choice_metric
from lmms_cpllm.harness.scoring import score_columns, score_metric
from lmms_cpllm.metrics.intervals import percentile_interval, resampled, resampled_plcc, resampled_srcc
from lmms_cpllm.metrics.summary import fill_unanswered

Items = Sequence[Mapping[str, Any]]

FUNCTIONS: dict[str, Callable[[str, Items], float]] = {
    function.__name__: function
    for function in (
        *(score_metric, describe_metric, known_metric, pair_metric),
        *(ladder_metric, mini_question_metric, choice_metric),
    )
}
"""What computes the metrics of this package, by the name that stands in the results file before the colon."""

# A fit ends a little elsewhere with another version of scipy; an edited or mixed-up file is farther off.
TOLERANCE = 1e-4

_SEED, _RESAMPLES = 0, 1000

# All resamples at once: a thousand calls of scipy take a hundred times as long.
_AT_ONCE = {"score_metric:srcc": resampled_srcc, "score_metric:plcc": resampled_plcc}


def is_known(function: str) -> bool:
    """Whether `value` can compute it: not for a task of lmms-eval itself, or of a newer version of this package."""
    return function.partition(":")[0] in FUNCTIONS


def is_of_all_documents(function: str) -> bool:
    """Whether every document has an item for it: one of a ladder has none for the metrics of other families."""
    return not _is_of_ladders(function)


def _is_of_ladders(function: str) -> bool:
    return function.partition(":")[0] == ladder_metric.__name__


def value(function: str, items: Items) -> float:
    """One metric over items.

    Args:
        function: as in a results file, `score_metric:srcc`.
        items: of that metric.
    """
    name, _, metric = function.partition(":")
    return float(FUNCTIONS[name](metric, items))


def agrees(reported: float, computed: float) -> bool:
    """Whether a results file and a sample log say the same; nan is nan."""
    if math.isnan(reported) or math.isnan(computed):
        return math.isnan(reported) and math.isnan(computed)
    return math.isclose(reported, computed, rel_tol=TOLERANCE, abs_tol=TOLERANCE)


def difference_interval(function: str, before: Items, after: Items) -> tuple[float, float]:
    """95 % bootstrap interval of `after` less `before`; whole videos are drawn, whole contents of ladders, the same ones
    for both.

    Args:
        function: as in a results file.
        before: (n,) items of one run.
        after: (n,) items of the other, of the same videos in the same order.
    """
    with np.errstate(invalid="ignore"):  # infinity less infinity is not defined, and no part of the interval
        return percentile_interval(resampled_values(function, after) - resampled_values(function, before))


def resampled_values(function: str, items: Items) -> np.ndarray:
    """(1000,) bootstrap values of a metric; whole videos are drawn, whole contents of ladders.

    Runs on the same videos are drawn alike: the difference of two such arrays is a paired bootstrap. (0,) for no items.
    """
    if not items:
        return np.array([])
    if function in _AT_ONCE:
        qualities, mos = score_columns(items)
        return _AT_ONCE[function](fill_unanswered(qualities), np.array(mos), _SEED, _RESAMPLES)

    if _is_of_ladders(function):
        return _resampled_contents(function, items)

    def statistic(drawn: np.ndarray) -> float:
        return value(function, [items[position] for position in drawn])

    return resampled(statistic, len(items), _SEED, _RESAMPLES)


def _resampled_contents(function: str, items: Items) -> np.ndarray:
    """Single clips of a ladder are no ladder. A content that is drawn twice stands there as two."""
    contents = sorted({item["content"] for item in items})
    of = {content: [item for item in items if item["content"] == content] for content in contents}

    def statistic(drawn: np.ndarray) -> float:
        return value(
            function,
            [
                {**item, "content": f"{copy} {item['content']}"}
                for copy, position in enumerate(drawn)
                for item in of[contents[position]]
            ],
        )

    return resampled(statistic, len(contents), _SEED, _RESAMPLES)
