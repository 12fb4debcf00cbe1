"""What models said of videos in words, beside the score and what is known; and where they said nothing that counts."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lmms_cpllm.harness.describe import split_answer
from lmms_cpllm.report.gather import Gathered, whole_items
from lmms_cpllm.results.answers import read_answers
from lmms_cpllm.results.runs import ResultsError, TaskRun

MOST_CHARACTERS = 1500
"""Of one description; a longer one is cut, and says so."""
_EXAMPLES = 3
_EXAMPLE_CHARACTERS = 300

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Description:
    """One answer."""

    video: str
    model: str
    text: str
    quality: float | None
    """As said, 0..100."""
    level: str
    """The word that the description says; empty where it says none."""
    mos: float
    """In the release's unit."""
    known: str
    """What was done to the video, in words; empty where nothing is known."""
    named: str
    """The distortions that the description names, in words."""


@dataclass(frozen=True)
class Failure:
    """One reason for which a run has no answer."""

    model: str
    task: str
    reason: str
    count: int
    n: int
    """Documents of the run."""
    examples: tuple[tuple[str, str], ...]
    """A few (name of the video, answer), the answer cut."""


def descriptions(gathered: Gathered, task: str, models: Sequence[str]) -> list[Description]:
    """Every description of a task, by video and then in the order of the models; [] where it asks for none."""
    runs = {model: gathered.runs[model, task] for model in models if (model, task) in gathered.runs}
    found = []
    for model, run in runs.items():
        items = whole_items(run)
        if not items or not {"mos_quality", "level"} <= set(items[0]):
            continue
        answers = _answers(run)
        found += [_description(model, item, answers[item["video"]]) for item in items if item["video"] in answers]
    order = {model: place for place, model in enumerate(runs)}
    return sorted(found, key=lambda one: (one.video, order[one.model]))


def _description(model: str, item: Mapping[str, Any], answer: str) -> Description:
    line, text = split_answer(answer)
    known, family, strength = item.get("known"), item.get("family"), item.get("strength")
    facts = []
    if known is not None:
        facts.append(", ".join(known) or "clean")
        if family and known:
            exactly = f"{family} {strength:g}" if isinstance(strength, int | float) else str(family)
            facts = [exactly] if facts == [family] else [*facts, exactly]
    return Description(
        video=item["video"],
        model=model,
        text=shortened(text or line, MOST_CHARACTERS),
        quality=item["quality"],
        level=item["level"] or "",
        mos=item["mos"],
        known=": ".join(facts),
        named=", ".join(item.get("named") or ()),
    )


def failures(gathered: Gathered, models: Sequence[str]) -> list[Failure]:
    """The reasons of every run, the most frequent first. Only logs of runs with a failure are read again."""
    found = []
    for model in models:
        for task in gathered.tasks:
            run = gathered.runs.get((model, task))
            reasons = (
                [(item["video"], item["reason"]) for item in whole_items(run) if item.get("reason")] if run else []
            )
            if not reasons:
                continue
            answers = _answers(run)
            for reason, count in Counter(_class(reason) for _, reason in reasons).most_common():
                named = [name for name, text in reasons if _class(text) == reason][:_EXAMPLES]
                examples = tuple((name, shortened(answers.get(name, ""), _EXAMPLE_CHARACTERS)) for name in named)
                found.append(Failure(model, task, reason, count, run.count, examples))
    return found


def _class(reason: str) -> str:
    """Every unreadable file has a reason of its own, which names the file: they are one class by what follows the path."""
    if not reason.startswith("unreadable: "):
        return reason
    return f"unreadable: {reason.rsplit(': ', 1)[-1]}"


def _answers(run: TaskRun) -> dict[str, str]:
    try:
        return read_answers(run)
    except ResultsError as error:
        log.warning("%s: the answers are not shown: %s", run.samples, error)
        return {}


def shortened(text: str, most: int) -> str:
    """The text, or its beginning and how much was cut."""
    return text if len(text) <= most else f"{text[:most]}… ({len(text) - most} more characters)"
