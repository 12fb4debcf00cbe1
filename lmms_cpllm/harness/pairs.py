"""Tasks that show two videos and ask which is better."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lmms_cpllm.harness import replay
from lmms_cpllm.harness.scoring import in_order, spread, unanswered_reason
from lmms_cpllm.metrics.pairs import FIRST, accuracy_by_difference, choose, pair_accuracy
from lmms_cpllm.metrics.summary import answered_share
from lmms_cpllm.ratings import parse_choice

METRICS = ("accuracy", "answered", "first_share")
# Accuracy over the pairs whose MOS differ by at least so much, on a scale of 1..5. Group means of the host match names by
# substring: `accuracy_0.3` would be counted as an `accuracy`.
DIFFERENCES = {"acc_diff_0.3": 0.3, "acc_diff_0.5": 0.5, "acc_diff_1.0": 1.0}
BRIEF = ("video", "choice", "better")


def pair_item(doc: Mapping, answer: str) -> dict:
    """What an answer says about a pair.

    Returns:
        `video` (the pair's name), `first` and `second` (names), their MOS, `better` (the truth; None if the MOS are equal),
        `choice` (None if there is none) and `reason`: why there is no choice.
    """
    choice, reason = replay.read_choice(doc, answer) or parse_choice(answer)
    return {
        "video": doc["name"],
        "first": doc["first_name"],
        "second": doc["second_name"],
        "first_mos": doc["first_mos"],
        "second_mos": doc["second_mos"],
        "better": choose(doc["first_mos"], doc["second_mos"]),
        "choice": choice,
        "reason": reason if answer.strip() else unanswered_reason([doc["first"], doc["second"]], reason),
    }


def pair_results(doc: Mapping, results: Sequence[str]) -> dict[str, dict]:
    """`process_results`: the whole item under the first metric."""
    return spread(pair_item(doc, results[0]), METRICS, BRIEF)


def pair_difference_results(doc: Mapping, results: Sequence[str]) -> dict[str, dict]:
    """`process_results` where accuracy is reported by difference of MOS too."""
    brief = (*BRIEF, "first_mos", "second_mos")
    return spread(pair_item(doc, results[0]), (*METRICS, *DIFFERENCES), brief)


def pair_metric(name: str, items: Sequence[Mapping]) -> float:
    """One of `METRICS` or `DIFFERENCES` over all items.

    `first_share` is the share of `first` among the choices, nan if nothing was chosen. In half of the pairs of every task
    the first is better, so a share far from 0.5 tells a preference for a place.
    """
    ordered = in_order(items)
    choices = [item["choice"] for item in ordered]
    if name in DIFFERENCES:
        mos = ([item[f"{place}_mos"] for item in ordered] for place in ("first", "second"))
        return accuracy_by_difference(choices, *mos, thresholds=[DIFFERENCES[name]])[0].accuracy
    if name == "accuracy":
        return pair_accuracy(choices, [item["better"] for item in ordered])
    if name == "answered":
        return answered_share(choices)
    made = [choice for choice in choices if choice is not None]
    return made.count(FIRST) / len(made) if made else float("nan")
