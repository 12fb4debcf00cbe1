"""Tasks that ask questions, with options or open: from a question to a prompt, from an answer to an item, and to numbers.

Written rules: an answer in which no option can be found is a wrong one, so that n never shrinks; `answered` says how many
were found. An open answer has no number but the judge's: without a judge there is none, and `judged` is 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from loguru import logger

from lmms_cpllm.harness import judging
from lmms_cpllm.harness.scoring import in_order, spread, unanswered_reason
from lmms_cpllm.metrics.shares import Share, pooled
from lmms_cpllm.ratings import LETTERS, parse_option, unwrapping

CHOICE_METRICS = ("accuracy", "answered")
OPEN_METRICS = ("judge_score", "judged", "failed_calls", "answered")
_CHOICE_BRIEF = ("video", "choice", "right", "facets")
_OPEN_BRIEF = ("video", "points", "failed_calls", "answered")
_YES_NO = {"yes", "no"}


def prompt(doc: Mapping, settings: Mapping) -> str:
    """What is asked in words.

    Args:
        doc: a document of `hooks.question_documents`.
        settings: of the task file. `instruction` says how to answer with a letter; `yes_no_instruction`, where there is
            one, how to answer a question whose options are yes and no, which are then not listed; `as_written: true` takes
            the whole prompt of the release, where it has one.
    """
    if settings.get("as_written") and doc["written"]:
        return doc["written"]
    question, options = doc["question"], doc["options"]
    if not options:
        return question
    plainly = settings.get("yes_no_instruction")
    if plainly and {option.lower() for option in options} == _YES_NO:
        return f"{question} {plainly}"
    lettered = (f"{letter}. {option}" for letter, option in zip(LETTERS, options, strict=False))
    return "\n".join([question, *lettered, settings["instruction"]])


def choice_item(doc: Mapping, answer: str) -> dict:
    """What an answer chooses.

    Returns:
        `video` (the question's name), `question`, `options`, `answer` (the right option), `choice` (the option said, None
        if there is none), `right` (1.0 or 0.0), `facets` and `reason`: why there is no choice.
    """
    choice, reason = parse_option(answer, doc["options"], lettered=True)
    return {
        "video": doc["name"],
        "question": doc["question"],
        "options": list(doc["options"]),
        "answer": doc["answer"],
        "choice": choice,
        "right": float(choice == doc["answer"]),
        "facets": list(doc["facets"]),
        "reason": reason if answer.strip() else unanswered_reason(doc["videos"], reason),
    }


def choice_results(facets: Sequence[str], doc: Mapping, results: Sequence[str]) -> dict[str, dict]:
    """The whole item under the first of `CHOICE_METRICS` and `facets`."""
    return spread(choice_item(doc, results[0]), (*CHOICE_METRICS, *facets), _CHOICE_BRIEF)


def choice_metric(name: str, items: Sequence[Mapping]) -> Share:
    """`accuracy` and `answered` over all items, or, by the name of a facet, the accuracy over the items of that facet."""
    if name == "answered":
        return Share([item["choice"] is not None for item in items])
    return Share([item["right"] for item in items if name == "accuracy" or name in item["facets"]])


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


def pooled_share(values: Sequence[float], sizes: Sequence[int], weight_by_size: bool = True) -> Share:
    """Aggregation of a group: the mean over the items of all parts, each counted where it belongs.

    Args:
        values: `Share`s of the parts.
        sizes: items of each part; not used, a share knows how many of them it is the mean of.
        weight_by_size: of the host; not used.
    """
    return pooled(values)
