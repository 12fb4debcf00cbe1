"""What a run has to hold by itself: enough answers, the required values, and figures that its own log bears out."""

from __future__ import annotations

import math
from collections.abc import Iterator

from lmms_cpllm.compare.check import ANSWERED, COMPLETE, Check, Questions
from lmms_cpllm.compare.thresholds import Requirement
from lmms_cpllm.results import recompute
from lmms_cpllm.results.runs import TaskRun

NO_DIRECTION = "neither side of it is better"


def run_checks(run: TaskRun, questions: Questions) -> Iterator[Check]:
    """The checks of a complete run that need no baseline."""
    yield Check(run.model, run.task, COMPLETE, True, value=run.count)
    yield _answered(run, questions.min_answered)
    for requirement in questions.require:
        if requirement.metric in run.metrics:
            yield _required(run, requirement)


def contradiction(run: TaskRun, metric: str) -> str:
    """How the sample log contradicts a figure of the results file: mixed up, edited or damaged. Empty if it does not."""
    function = run.functions.get(metric, "")
    if metric not in run.metrics or run.items is None or not recompute.is_known(function):
        return ""
    try:
        computed = recompute.value(function, run.items[metric])
    except (KeyError, TypeError, ValueError) as error:
        return f"{run.source.name}: the sample log is damaged ({type(error).__name__}: {error})"
    if recompute.agrees(run.metrics[metric], computed):
        return ""
    return f"{run.source.name} says {metric} {run.metrics[metric]:.4f}, its sample log gives {computed:.4f}"


def _answered(run: TaskRun, least: float) -> Check:
    share = run.metrics.get(ANSWERED)
    reason = contradiction(run, ANSWERED)
    if share is None:
        reason = "" if least == 0 else "the task does not report it; --min-answered 0 does without"
    elif not reason and not share >= least:  # so that nan is too little
        unanswered = "" if math.isnan(share) else f"{run.count - round(share * run.count)} of {run.count} "
        reason = f"{unanswered}without an answer that can be read"
    return Check(run.model, run.task, ANSWERED, not reason, reason, share, f">= {least:g}")


def _required(run: TaskRun, requirement: Requirement) -> Check:
    value, higher = run.metrics[requirement.metric], run.higher_is_better.get(requirement.metric)
    reason = contradiction(run, requirement.metric)
    limit = f"{'>=' if higher else '<='} {requirement.value:g}"
    holds = value >= requirement.value if higher else value <= requirement.value
    if not reason and higher is None:
        reason = NO_DIRECTION
    elif not reason and not holds:
        reason = "not defined" if math.isnan(value) else f"{value:.4f}, required is {limit}"
    return Check(run.model, run.task, requirement.metric, not reason, reason, value, limit)
