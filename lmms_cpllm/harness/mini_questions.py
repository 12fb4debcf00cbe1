"""`vqa_mini_qa`: questions on known facts with few allowed answers: yes or no, letters, words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lmms_cpllm.harness.scoring import in_order, spread, unanswered_reason
from lmms_cpllm.metrics.summary import answered_share
from lmms_cpllm.ratings import YES_NO, parse_option

# Kinds of questions that a metric is over; every other one is over all. Group means of the host match names by substring:
# `accuracy_which` would be counted as an `accuracy`.
KINDS_OF = {
    "acc_yes_no": ("present", "clean"),
    "acc_present": ("present",),
    "acc_clean": ("clean",),
    "acc_which": ("which",),
    "acc_strength": ("strength",),
}
METRICS = ("accuracy", *KINDS_OF, "answered", "yes_share")
BRIEF = ("video", "kind", "polar", "choice", "right")


def mini_question_item(doc: Mapping, answer: str) -> dict:
    """What an answer says.

    Returns:
        `video` (the question's name), `clip`, `kind`, `polar` (whether it is a question with yes or no), `choice` (None if
        there is none), `right` (the right answer) and `reason`: why there is no choice.
    """
    choice, reason = parse_option(answer, doc["options"], doc["lettered"])
    return {
        "video": doc["name"],
        "clip": doc["clip"],
        "kind": doc["kind"],
        "polar": set(doc["options"]) == set(YES_NO),
        "choice": choice,
        "right": doc["answer"],
        "reason": reason if answer.strip() else unanswered_reason([doc["video"]], reason),
    }


def mini_question_results(doc: Mapping, results: Sequence[str]) -> dict[str, dict]:
    """`process_results`: the whole item under the first metric."""
    return spread(mini_question_item(doc, results[0]), METRICS, BRIEF)


def mini_question_metric(name: str, items: Sequence[Mapping]) -> float:
    """One of `METRICS` over all items; nan where there is none to count.

    A question without an answer that can be read is answered wrongly. `yes_share` is the share of yes among the answers to
    questions with yes or no; as many are right with yes as with no, so a share far from 0.5 tells a bias.
    """
    ordered = in_order(items)
    if name == "answered":
        return answered_share([item["choice"] for item in ordered])
    if name == "yes_share":
        said = [item["choice"] for item in ordered if item["polar"] and item["choice"] is not None]
        return _share([choice == "yes" for choice in said])
    kinds = KINDS_OF.get(name)
    return _share([item["choice"] == item["right"] for item in ordered if kinds is None or item["kind"] in kinds])


def _share(hits: Sequence[bool]) -> float:
    return sum(hits) / len(hits) if hits else float("nan")
