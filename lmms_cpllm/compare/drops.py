"""A run against its baseline: the same task on the same data, and no metric that dropped.

A drop is judged on the same videos, by a paired bootstrap: `regressed` where all of the 95 % interval of the change is on
the worse side of zero, `improved` where it is on the better side, else `within noise`. A drop that is larger than
allowed fails unless it is within noise; a strict judgement lets it fail in any case.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from lmms_cpllm.compare.check import IMPROVED, NOISE, REGRESSED, SAME_DATA, Change, Check, Questions
from lmms_cpllm.compare.holding import NO_DIRECTION, contradiction
from lmms_cpllm.compare.thresholds import Drop
from lmms_cpllm.results import Results, recompute
from lmms_cpllm.results.runs import Rows, TaskRun

_NAMED = 3  # videos that a message names


def drop_checks(run: TaskRun, before: TaskRun, questions: Questions) -> Iterator[Check]:
    """The checks of a complete run against that of the baseline."""
    reason = difference(run, before)
    yield Check(run.model, run.task, SAME_DATA, not reason, reason)
    if reason:
        return
    drops = (Drop(next(iter(run.metrics)), 0.0),) if questions.drops is None else questions.drops
    for drop in drops:
        if drop.metric in run.metrics:
            yield _drop_check(run, before, drop, questions.strict)


def no_baseline(run: TaskRun, baseline: Results) -> Check:
    """The check of a run that the baseline has nothing for."""
    same = [one for one in baseline.left_out if not one.model or (one.model, one.task) == (run.model, run.task)]
    there = sorted({f"{one.task} of {one.model}" for one in baseline.runs})
    told = f"{same[0].source.name}: {same[0].reason}" if same else f"it has {', '.join(there) or 'nothing'}"
    return Check(run.model, run.task, SAME_DATA, False, f"no complete run of it in {baseline.path}; {told}")


def difference(run: TaskRun, before: TaskRun) -> str:
    """Why the figures of two runs cannot be compared; empty if they can."""
    if run.version != before.version:
        return f"task version {run.version}, that of the baseline is {before.version}"
    if run.items is not None and before.items is not None:
        ours, theirs = _videos(run), _videos(before)
        parts = [
            f"{len(names)} {where} ({_some(names)})"
            for names, where in ((ours - theirs, "not in the baseline"), (theirs - ours, "in the baseline only"))
            if names
        ]
        if parts:
            return f"other videos: {', '.join(parts)}"
    if not _same_rows(run.rows, before.rows):
        return f"other data: {_told(run)}, that of the baseline is {_told(before)} (names, MOS, order or file sizes differ)"
    return ""


def _same_rows(ours: Rows | None, theirs: Rows | None) -> bool:
    return ours.is_same(theirs) if ours and theirs else ours is theirs


def _videos(run: TaskRun) -> set[str]:
    return {item["video"] for items in (run.items or {}).values() for item in items}


def _some(names: set[str]) -> str:
    return ", ".join(sorted(names)[:_NAMED]) + (", ..." if len(names) > _NAMED else "")


def _told(run: TaskRun) -> str:
    return f"{run.rows.count} rows {run.rows.identity}" if run.rows else "unknown"


def _drop_check(run: TaskRun, before: TaskRun, drop: Drop, strict: bool) -> Check:
    def answer(reason: str, change: Change | None = None) -> Check:
        return Check(run.model, run.task, f"{drop.metric} drop", not reason, reason, None, f"<= {drop}", change)

    reason = _cannot_be_judged(run, before, drop.metric)
    if reason:
        return answer(reason)
    change = _change(run, before, drop.metric)
    loss = change.before - change.after if run.higher_is_better[drop.metric] else change.after - change.before
    if change.before == change.after:
        loss = 0.0  # also of what is infinite, as a strength that is never detected
    if math.isnan(loss):
        return answer("not defined", change)
    allowed = drop.allowed(change.before)
    if loss > allowed and (strict or change.verdict != NOISE):
        return answer(f"worse by {loss:.4f}, allowed are {allowed:.4f}", change)
    return answer("", change)


def _cannot_be_judged(run: TaskRun, before: TaskRun, metric: str) -> str:
    function = run.functions.get(metric, "")
    if not recompute.is_known(function) or before.functions.get(metric) != function:
        return "it cannot be computed again from the answers"
    if run.higher_is_better.get(metric) is None:
        return NO_DIRECTION
    for one in (run, before):
        if one.items is None:
            return f"{one.source.name} has no sample log; evaluate with --log_samples"
    return contradiction(run, metric) or contradiction(before, metric)


def _change(run: TaskRun, before: TaskRun, metric: str) -> Change:
    low, high = recompute.difference_interval(run.functions[metric], before.items[metric], run.items[metric])
    worse, better = (high < 0, low > 0) if run.higher_is_better[metric] else (low > 0, high < 0)
    verdict = REGRESSED if worse else IMPROVED if better else "" if math.isnan(low) else NOISE
    return Change(before.metrics[metric], run.metrics[metric], low, high, verdict)
