"""How the runs were made: one entry for each results file, with its tasks, versions, time, weights and command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lmms_cpllm.report.gather import Gathered
from lmms_cpllm.results.provenance import Provenance
from lmms_cpllm.results.runs import TaskRun

# By lmms-eval's names, loading left out; `avg_videos_per_second` is what the models of this package measure.
_SPEEDS = {
    "avg_videos_per_second": ("speed", "videos per second"),
    "avg_speed": ("generation", "tokens per second"),
}


@dataclass(frozen=True)
class RunFacts:
    """One results file, or one model in a frozen baseline."""

    model: str
    """Full name."""
    source: str
    date: str
    """`YYYY-MM-DD hh:mm:ss`, in the time zone of the run."""
    tasks: tuple[tuple[str, str, int, str], ...]
    """(task, its version, documents, fingerprint of its data)."""
    checkpoint: tuple[tuple[str, str], ...]
    """What the model says of its weights, `fingerprint` among it; () for a model that says nothing."""
    facts: tuple[tuple[str, str], ...]
    """Further names and values for people: versions, device, time, speed."""
    command: str
    """Empty where it is not known."""


def run_facts(gathered: Gathered, models: Sequence[str]) -> list[RunFacts]:
    """In the order of the models, then by date."""
    groups: dict[tuple[str, str], list[TaskRun]] = {}
    for model in models:
        for task in gathered.tasks:
            run = gathered.runs.get((model, task))
            if run:
                groups.setdefault((model, str(run.source)), []).append(run)
    return [_facts(runs) for runs in groups.values()]


def _facts(runs: Sequence[TaskRun]) -> RunFacts:
    first = runs[0]
    return RunFacts(
        model=first.model,
        source=str(first.source),
        date=readable(first.date),
        tasks=tuple((run.task, run.version, run.count, run.rows.fingerprint if run.rows else "") for run in runs),
        checkpoint=_checkpoint(first.checkpoint),
        facts=tuple(_told(first.provenance)),
        command=first.provenance.command if first.provenance else "",
    )


def readable(date: str) -> str:
    """`20260102_030405` -> `2026-01-02 03:04:05`; anything else as it is."""
    day, _, time = date.partition("_")
    if len(day) != 8 or len(time) != 6 or not (day + time).isdigit():
        return date
    return f"{day[:4]}-{day[4:6]}-{day[6:]} {time[:2]}:{time[2:4]}:{time[4:]}"


def _checkpoint(told: Mapping[str, Any] | None) -> tuple[tuple[str, str], ...]:
    return tuple((str(name), str(value)) for name, value in (told or {}).items())


def _told(how: Provenance | None) -> list[tuple[str, str]]:
    if how is None:
        return [("frozen", "a baseline: lmms-eval's version, time and command are not kept")]
    found = []
    if how.host_version and not how.host_version.startswith("unknown"):
        found.append(("lmms-eval", how.host_version))
    if how.git_hash:
        found.append(("git", how.git_hash))
    if how.device:
        found.append(("device", how.device))
    if how.batch_size:
        found.append(("batch size", how.batch_size))
    if how.seconds is not None:
        # Tasks that are not in the report are in it, too: a time for each document cannot be told.
        found.append(("time", f"{how.seconds:.0f} s for all tasks of the command, loading included"))
    found += [
        (title, f"{how.throughput[name]:.3g} {unit}")
        for name, (title, unit) in _SPEEDS.items()
        if how.throughput.get(name)
    ]
    return found
