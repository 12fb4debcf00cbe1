"""Ladders of a task: quality against strength for each content, and where it rises with the distortion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lmms_cpllm.harness.ladder import CLEAN, ladders_of
from lmms_cpllm.metrics.ladder import mean_srcc, steps_right, violations
from lmms_cpllm.report.gather import Gathered, same_data, whole_items


@dataclass(frozen=True)
class Climb:
    """One content under rising strength of one distortion, as a model scored it; k steps."""

    content: str
    strengths: tuple[float, ...]
    """(k,) rising, in the family's unit."""
    scores: tuple[float | None, ...]
    """(k + 1,) of the clean clip and then at each strength, on the model's scale."""
    rises: tuple[int, ...]
    """Places in `scores` that are higher than the score before them: monotonicity is violated there."""


@dataclass(frozen=True)
class Family:
    """All climbs of one distortion or codec by one model."""

    family: str
    unit: str
    climbs: tuple[Climb, ...]
    steps_right: float
    """Share of adjacent steps that are ordered right, 0..1."""
    rho: float
    """Mean SRCC of score and weakness, -1..1."""
    violations: int
    steps: int
    """Adjacent steps of all climbs."""


@dataclass(frozen=True)
class LadderTask:
    """A task of ladders."""

    task: str
    families: tuple[str, ...]
    runs: Mapping[str, tuple[Family, ...]]
    """Model to its families, in the order of `families`."""
    apart: tuple[str, ...]
    """Models with other clips or another version, and those without a sample log."""


def ladder_task(gathered: Gathered, task: str, models: Sequence[str]) -> LadderTask | None:
    """A task by ladder; None where its items are not on ladders, or were not kept."""
    runs = gathered.of_task(task)
    alike = same_data(runs, gathered.headlines[task])
    shown = [model for model in models if model in alike]
    if not shown or not all({"content", "family", "step"} <= set(item) for item in whole_items(runs[shown[0]])):
        return None
    if any("known" in item for item in whole_items(runs[shown[0]])[:1]):  # descriptions have families and no steps
        return None
    made = {model: families_of(whole_items(runs[model])) for model in shown}
    names = tuple(dict.fromkeys(family.family for families in made.values() for family in families))
    apart = tuple(model for model in models if model in runs and model not in alike)
    return LadderTask(task, names, made, apart)


def families_of(items: Sequence[Mapping[str, Any]]) -> tuple[Family, ...]:
    """The ladders of one model, family by family, in the order of their names; of items as `harness.ladder` writes them."""
    found = []
    for family in sorted({item["family"] for item in items} - {CLEAN}):
        inside = [item for item in items if item["family"] in (CLEAN, family)]
        contents = sorted({item["content"] for item in inside if item["family"] == family})
        inside = [item for item in inside if item["content"] in contents]
        unit = next((item.get("unit") or "" for item in inside if item["family"] == family), "")
        made = [(content, ladders_of(item for item in inside if item["content"] == content)) for content in contents]
        climbs = tuple(
            Climb(content, ladder.strengths, ladder.scores, _rises(ladder.scores))
            for content, ladders in made
            for ladder in ladders
        )
        every = [ladder for _, ladders in made for ladder in ladders]
        if every:
            steps = sum(len(ladder.strengths) for ladder in every)
            found.append(
                Family(family, unit, climbs, steps_right(every), mean_srcc(every), int(violations(every)), steps)
            )
    return tuple(found)


def _rises(scores: Sequence[float | None]) -> tuple[int, ...]:
    """As `metrics.ladder.violations` counts them: clips without a score are passed over."""
    rises, before = [], None
    for place, score in enumerate(scores):
        if score is None:
            continue
        if before is not None and score > before:
            rises.append(place)
        before = score
    return tuple(rises)
