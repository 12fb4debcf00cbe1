"""All checks of some results, in order. Whatever cannot be checked has failed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lmms_cpllm.compare.check import Check, Questions
from lmms_cpllm.compare.drops import drop_checks, no_baseline
from lmms_cpllm.compare.holding import NO_DIRECTION, run_checks
from lmms_cpllm.compare.presence import missing, not_repeated
from lmms_cpllm.compare.selecting import Selection, models_of, pair_models
from lmms_cpllm.results import Results
from lmms_cpllm.results.runs import TaskRun


class ThresholdError(ValueError):
    """A threshold that no result can meet or miss. The text is the whole message."""


def judge(results: Results, baseline: Results | None, selection: Selection, questions: Questions) -> list[Check]:
    """Every check of the selected models and tasks, those of one model and task together; never none.

    Args:
        results: what is judged.
        baseline: what it is compared with; None for nothing.
        selection: of models and tasks.
        questions: thresholds.

    Raises:
        ThresholdError: no selected task reports a metric that a threshold names, or neither side of it is better.
    """
    runs = selection.runs(results)
    checks = missing(results, selection, runs)
    _check_thresholds(runs, questions, all_there=not checks)
    for run in runs:
        checks += run_checks(run, questions)
    if baseline is not None:
        checks += _against(baseline, runs, selection, questions, checks)
    return sorted(checks, key=lambda one: (one.model, one.task))


def _against(
    baseline: Results, runs: Sequence[TaskRun], selection: Selection, questions: Questions, checks: Sequence[Check]
) -> Iterator[Check]:
    """What is there against what was there. `checks` are those made so far."""
    theirs = [run for run in baseline.runs if selection.has_task(run.task, run.groups)]
    named = [run for run in theirs if selection.has_model(run.model)]
    # Also a model that failed to evaluate is one of those that are there.
    names = pair_models(sorted({one.model for one in checks if one.model}), models_of(named or theirs))
    expected = [run for run in theirs if run in named or run.model in names.values()]
    yield from not_repeated(expected, {name: model for model, name in names.items()}, runs, checks)
    known = {(run.model, run.task): run for run in theirs}
    for run in runs:
        before = known.get((names.get(run.model, ""), run.task))
        if before:
            yield from drop_checks(run, before, questions)
        else:
            yield no_baseline(run, baseline)


def _check_thresholds(runs: Sequence[TaskRun], questions: Questions, all_there: bool) -> None:
    for threshold in (*questions.require, *(questions.drops or ())):
        directions = [run.higher_is_better.get(threshold.metric) for run in runs if threshold.metric in run.metrics]
        if not directions and all_there:
            reported = ", ".join(dict.fromkeys(metric for run in runs for metric in run.metrics))
            raise ThresholdError(f"no task reports {threshold.metric}; reported are {reported}")
        if None in directions:
            raise ThresholdError(f"{threshold.metric}: {NO_DIRECTION}")
