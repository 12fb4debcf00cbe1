"""Is everything there? Results that were asked for and are missing, broken, unfinished or partial."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from lmms_cpllm.compare.check import COMPLETE, Check
from lmms_cpllm.compare.selecting import Selection, models_of
from lmms_cpllm.results import Results
from lmms_cpllm.results.folder import LeftOut
from lmms_cpllm.results.runs import TaskRun


def missing(results: Results, selection: Selection, runs: Sequence[TaskRun]) -> list[Check]:
    """A failed check for everything selected that has no complete run, or a newer one that went wrong."""
    spoilt = list(_spoilt(results, selection, runs))
    checks = [_failed(one.model, one.task, f"{one.source.name}: {one.reason}") for one in spoilt]
    if not runs and not spoilt:
        return [_failed("", "", _nothing(results))]
    for model in models_of([*runs, *(one for one in spoilt if one.model)]):
        there = [one for one in (*runs, *spoilt) if one.model == model]
        checks += [
            _failed(model, task, f"no results in {results.path}") for task in selection.tasks_without_members(there)
        ]
    return checks


def not_repeated(
    theirs: Sequence[TaskRun], ours: Mapping[str, str], runs: Sequence[TaskRun], checks: Sequence[Check]
) -> list[Check]:
    """A failed check for every run of the baseline without a counterpart, unless `checks` has one.

    Args:
        theirs: the baseline's.
        ours: a model of the baseline to its name in the results.
        runs: of the results.
        checks: those made so far.
    """
    there = {(one.model, one.task) for one in (*runs, *checks)}
    return [
        _failed(model, run.task, "no results; the baseline has some")
        for run in theirs
        if ((model := ours.get(run.model, run.model)), run.task) not in there
    ]


def _spoilt(results: Results, selection: Selection, runs: Sequence[TaskRun]) -> Iterator[LeftOut]:
    """Of each model and task the newest run that went wrong, or is all there is; and files that tell no model."""
    done = {(run.model, run.task): False for run in runs}
    for one in results.left_out:
        if (one.model and not selection.has_model(one.model)) or (
            one.task and not selection.has_task(one.task, one.groups)
        ):
            continue
        key = (one.model, one.task)
        if not one.model:
            if one.spoils:
                yield one
        elif not done.get(key, False) and (one.spoils or key not in done):
            done[key] = True
            yield one


def _nothing(results: Results) -> str:
    there = sorted({f"{one.task} of {one.model}" for one in (*results.runs, *results.left_out) if one.model})
    if there:
        return f"none of what is asked for is in {results.path}; it has {', '.join(there)}"
    return f"no results of lmms-eval in {results.path}; evaluate with --output_path"


def _failed(model: str, task: str, reason: str) -> Check:
    return Check(model, task, COMPLETE, False, reason)
