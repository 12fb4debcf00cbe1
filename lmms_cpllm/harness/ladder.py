"""The task that climbs ladders: scores of single clips, compared along one content and one distortion.

The host prints its metrics in the order of their names: those over all ladders first (`all_...`), then one block for each
question with a line for each family (`detected_h264`, `steps_h264`, ...).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence

from lmms_cpllm.harness.scoring import in_order, score_fields
from lmms_cpllm.metrics import ladder as metrics
from lmms_cpllm.metrics.summary import answered_share

CLEAN = "clean"
# Name -> (function of ladders, whether higher is better). Group means of the host match names by substring: none is part of
# another, none is a metric of another task but `answered`.
_OVERALL = {
    "all_detected_step": (metrics.detected_step, False),
    "all_fall_back": (metrics.fall_back, False),
    "all_rho": (metrics.mean_srcc, True),
    "all_steps": (metrics.steps_right, True),
    "all_violated": (metrics.violated_share, False),
    "all_violations": (metrics.violations, False),
}
_ANSWERED = "answered"
# The family's name is added behind an underscore.
_OF_A_FAMILY = {
    "detected": (metrics.detected_strength, False),
    "rho": (metrics.mean_srcc, True),
    "steps": (metrics.steps_right, True),
    "violated": (metrics.violated_share, False),
}
_BRIEF = ("video", "content", "family", "step", "strength", "quality")


def metric_names(families: Sequence[str]) -> Iterator[tuple[str, bool]]:
    """(name, whether higher is better) of every metric, over all ladders and of each of the families."""
    yield from ((name, better) for name, (_, better) in _OVERALL.items())
    yield _ANSWERED, True
    yield from ((f"{name}_{family}", better) for name, (_, better) in _OF_A_FAMILY.items() for family in families)


def ladder_item(doc: Mapping, answer: str) -> dict:
    """What an answer says about a clip.

    Returns:
        `video` (its name), `content`, `family`, `step` (0 for the clean clip), `strength`, `unit` and
        `scoring.score_fields`.
    """
    facts = {name: doc[name] for name in ("content", "family", "step", "strength", "unit")}
    return {"video": doc["name"], **facts, **score_fields(doc, answer)}


def ladder_results(doc: Mapping, results: Sequence[str]) -> dict[str, dict]:
    """`process_results`: the whole item under the first metric, what a number is computed from under the others.

    A clip goes to the metrics of its family, a clean clip to those of all families that are asked for: a family of which
    there is no clip has its metrics too, and they are nan.
    """
    from lmms_cpllm.releases.ladder import asked_families

    item = ladder_item(doc, results[0])
    short = {name: item[name] for name in _BRIEF}
    families = asked_families() if item["family"] == CLEAN else [item["family"]]
    names = [name for name, _ in metric_names(families)]
    return {names[0]: item, **dict.fromkeys(names[1:], short)}


def ladder_metric(name: str, items: Sequence[Mapping]) -> float:
    """One of `metric_names` over its items. What is not a number: see `metrics.ladder`."""
    if name == _ANSWERED:
        return answered_share([item["quality"] for item in items])
    if name in _OVERALL:
        return _OVERALL[name][0](ladders_of(items))
    question, _, family = name.partition("_")
    return _OF_A_FAMILY[question][0](ladders_of(item for item in items if item["family"] in (CLEAN, family)))


def ladders_of(items: Iterable[Mapping]) -> list[metrics.Ladder]:
    """The ladders that the items make, in the order of content and family.

    Of the clips behind a missing one nothing is used, and nothing of a content without its clean clip: that happens where
    the host is told to evaluate a part only (`--limit`).
    """
    clean: dict[str, Mapping] = {}
    climbs: dict[tuple[str, str], dict[int, Mapping]] = {}
    for item in in_order(items):
        if item["family"] == CLEAN:
            clean[item["content"]] = item
        else:
            climbs.setdefault((item["content"], item["family"]), {})[item["step"]] = item
    result = []
    for (content, _), climb in sorted(climbs.items()):
        steps = [climb[step] for step in itertools.takewhile(climb.__contains__, itertools.count(1))]
        if content in clean and steps:
            scores = (clean[content]["quality"], *(item["quality"] for item in steps))
            result.append(metrics.Ladder(tuple(item["strength"] for item in steps), scores))
    return result
