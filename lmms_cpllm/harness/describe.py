"""Tasks that ask for a description: does its level word, and its number if it has one, agree with the MOS?"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from lmms_cpllm.harness.scoring import in_order, rating_fields, spread, unanswered_reason
from lmms_cpllm.metrics import levels
from lmms_cpllm.metrics.summary import SCORE_METRICS
from lmms_cpllm.ratings import parse_answer

# `level_rho` is the SRCC of the level word. Group means of the host match names by substring: `level_srcc` would be counted
# as an `srcc`.
METRICS = ("level_agreement", "level_within_one", "level_rho", "srcc", "answered")
BRIEF = ("video", "mos", "mos_quality", "quality", "level")


def split_answer(text: str) -> tuple[str, str]:
    """An answer as its line of JSON, `""` if it does not begin with one, and the description after it."""
    first, _, rest = text.strip().partition("\n")
    try:
        has_json = isinstance(json.loads(first), dict)
    except ValueError:
        has_json = False
    return (first, rest.strip()) if has_json else ("", text.strip())


def describe_item(doc: Mapping, answer: str) -> dict:
    """What a description says about a video.

    Returns:
        as `scoring.score_item`, with `level` the word that the description says, `quality` the number (that of the word,
        if the answer has no number) and `mos_quality` the MOS on 0..100.
    """
    line, description = split_answer(answer)
    said = parse_answer(description or line)
    rated = parse_answer(line).rating if line else said.rating
    return {
        "video": doc["name"],
        "mos": doc["mos"],
        "mos_quality": doc["mos_quality"],
        **rating_fields(rated or said.rating),
        "level": said.rating.level if said.rating else None,
        "reason": said.reason if answer.strip() else unanswered_reason([doc["video"]], said.reason),
    }


def describe_results(doc: Mapping, results: Sequence[str]) -> dict[str, dict]:
    """`process_results`: the whole item under the first metric."""
    return spread(describe_item(doc, results[0]), METRICS, BRIEF)


def describe_metric(name: str, items: Sequence[Mapping]) -> float:
    """One of `METRICS` over all items."""
    ordered = in_order(items)
    words = [item["level"] for item in ordered]
    mos = [item["mos_quality"] for item in ordered]
    if name == "level_agreement":
        return levels.level_agreement(words, mos, 0, 100)
    if name == "level_within_one":
        return levels.level_within_one(words, mos, 0, 100)
    if name == "level_rho":
        return levels.level_srcc(words, mos)
    # A description that says a word or a number is an answer.
    return SCORE_METRICS[name]([item["quality"] for item in ordered], mos)
