"""Tasks that ask questions with options: from a question to a prompt, from an answer to an item, and to numbers.

Written rule: an answer in which no option can be found is a wrong one, so that n never shrinks; `answered` says how many
were found.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lmms_cpllm.harness.scoring import spread, unanswered_reason
from lmms_cpllm.metrics.shares import Share, pooled
from lmms_cpllm.ratings import LETTERS, parse_option

CHOICE_METRICS = ("accuracy", "answered")
_CHOICE_BRIEF = ("video", "choice", "right", "facets")
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


def pooled_share(values: Sequence[float], sizes: Sequence[int], weight_by_size: bool = True) -> Share:
    """Aggregation of a group: the mean over the items of all parts, each counted where it belongs.

    Args:
        values: `Share`s of the parts.
        sizes: items of each part; not used, a share knows how many of them it is the mean of.
        weight_by_size: of the host; not used.
    """
    return pooled(values)
