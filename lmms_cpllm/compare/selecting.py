"""Which models and tasks are looked at, and which run of the baseline belongs to which model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from lmms_cpllm.results import Results
from lmms_cpllm.results.folder import LeftOut
from lmms_cpllm.results.runs import TaskRun


@dataclass(frozen=True)
class Selection:
    """Patterns for models (as in a shell) and names of tasks or groups; None selects everything."""

    models: tuple[str, ...] | None = None
    tasks: tuple[str, ...] | None = None

    def has_model(self, model: str) -> bool:
        """Whether the model is looked at."""
        return self.models is None or any(model == pattern or fnmatchcase(model, pattern) for pattern in self.models)

    def has_task(self, task: str, groups: Sequence[str]) -> bool:
        """Whether the task is looked at, by its own name or by that of a group it is in."""
        return self.tasks is None or not {task, *groups}.isdisjoint(self.tasks)

    def runs(self, results: Results) -> list[TaskRun]:
        """The complete runs that are looked at."""
        return [run for run in results.runs if self.has_model(run.model) and self.has_task(run.task, run.groups)]

    def tasks_without_members(self, runs: Iterable[TaskRun | LeftOut]) -> list[str]:
        """The named tasks and groups that none of the runs is, or belongs to."""
        there = {name for run in runs for name in (run.task, *run.groups)}
        return [task for task in self.tasks or () if task not in there]


def models_of(runs: Iterable[TaskRun | LeftOut]) -> list[str]:
    """The models of some runs, in order."""
    return sorted({run.model for run in runs})


def pair_models(models: Sequence[str], in_baseline: Sequence[str]) -> dict[str, str]:
    """Model to its name in the baseline.

    A model belongs to the one of its own name. Where there is one model on each side, they belong together whatever they
    are called: a new checkpoint has another path.
    """
    if len(models) == len(in_baseline) == 1:
        return {models[0]: in_baseline[0]}
    return {model: model for model in models if model in in_baseline}
