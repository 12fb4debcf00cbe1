"""Tasks that ask questions without options: a judge grades the answers.

Written rule: an open answer has no number but the judge's. Without a judge there is none, and `judged` is 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from loguru import logger

from lmms_cpllm.harness import judging
from lmms_cpllm.harness.scoring import in_order, spread, unanswered_reason
from lmms_cpllm.metrics.shares import Share
from lmms_cpllm.ratings import unwrapping

OPEN_METRICS = ("judge_score", "judged", "failed_calls", "answered")
_OPEN_BRIEF = ("video", "points", "failed_calls", "answered")


def open_item(doc: Mapping, answer: str) -> dict:
    """What the judge says about an answer.

    Returns:
        `video` (the question's name), `question`, `answer` (the expected one), `answered`, `judge` (its model; None without
        a judge), `rounds` (0, 1 or 2 for each round that gave a grade), `points` (their mean over 2, so 0..1; None if there
        is no grade), `failed_calls`, `facets` and `reason`: why there is no answer.
    """
    said = "" if unwrapping.is_failed_request(answer) else unwrapping.drop_thinking(answer).strip()
    reason = "" if said else "failed request" if unwrapping.is_failed_request(answer) else "empty"
    judge = judging.find_judge()
    grades = judge.grade(doc["question"], doc["answer"], said) if judge else judging.NOT_JUDGED
    return {
        "video": doc["name"],
        "question": doc["question"],
        "answer": doc["answer"],
        "answered": bool(said),
        "judge": judge.model if judge else None,
        "rounds": list(grades.rounds),
        "points": grades.points,
        "failed_calls": grades.failed_calls,
        "facets": list(doc["facets"]),
        "reason": unanswered_reason(doc["videos"], reason) if reason == "empty" else reason,
    }


def open_results(doc: Mapping, results: Sequence[str]) -> dict[str, dict]:
    """`process_results`: the whole item under the first metric. The host calls it in several threads."""
    return spread(open_item(doc, results[0]), OPEN_METRICS, _OPEN_BRIEF)


def open_metric(name: str, items: Sequence[Mapping]) -> float:
    """One of `OPEN_METRICS` over all items.

    `judge_score` is the mean of the points over the answers that were graded, nan for none; `judged` is their number, and
    `failed_calls` that of the calls of the judge that gave no grade.
    """
    ordered = in_order(items)
    if name == "answered":
        return Share([item["answered"] for item in ordered])
    if name == "failed_calls":
        return float(sum(item["failed_calls"] for item in ordered))
    graded = [item["points"] for item in ordered if item["points"] is not None]
    if name == "judge_score":
        return Share(graded)
    failed = sum(item["failed_calls"] for item in ordered)
    if len(graded) < len(ordered) or failed:
        logger.warning(_doubts(len(graded), len(ordered), failed))
    judging.forget()  # the last use of it in a run; the next one may have another
    return float(len(graded))


def _doubts(graded: int, count: int, failed: int) -> str:
    if not graded and not failed:
        return (
            f"open questions: none of {count} answers is judged, because no judge is configured; the score is nan, not 0\n"
            f"  what to do: {judging.HOW_TO_CONFIGURE}"
        )
    return (
        f"open questions: {graded} of {count} answers are judged, {failed} calls of the judge failed; the score is the "
        "mean over the answers that are judged\n  what to do: see the lines of the judge above, and run again"
    )
