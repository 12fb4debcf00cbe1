"""Descriptions of clips whose distortions are known: are they named, and does what is said rise with the strength?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lmms_cpllm.harness import describe
from lmms_cpllm.harness.scoring import in_order, spread
from lmms_cpllm.metrics.lexicon import named
from lmms_cpllm.metrics.naming import naming
from lmms_cpllm.metrics.strength import stated_rank, stated_strength, strength_order
from lmms_cpllm.ratings import unwrapping

NAMING = ("precision", "recall", "f1", "silent_when_clean")
METRICS = (*describe.METRICS, *NAMING, "strength_order")
BRIEF = (*describe.BRIEF, "known", "named", "stated_strength", "content", "family", "strength")


def known_item(doc: Mapping, answer: str) -> dict:
    """What a description says about a clip, and what is known of it.

    Returns:
        as `describe.describe_item`, with `known` and `named` (kinds of `metrics.lexicon`, `named` None where there is no
        answer), `stated_strength` (0..4, or None), and the clip's `content`, `family` and `strength`.
    """
    # The words of a failed request, and what was only thought, are no description.
    visible = "" if unwrapping.is_failed_request(answer) else unwrapping.drop_thinking(answer).strip()
    line, description = describe.split_answer(visible)
    text = description or line
    return {
        **describe.describe_item(doc, answer),
        # The benchmark's words for a distortion are in the lexicon, as anybody's are; it has none for "none".
        "known": sorted(named(doc["distortion"])),
        "named": sorted(named(text)) if text else None,
        "stated_strength": stated_strength(text),
        "content": doc["content"],
        "family": doc["family"],
        "strength": doc["strength"],
    }


def known_results(doc: Mapping, results: Sequence[str]) -> dict[str, dict]:
    """`process_results`: the whole item under the first metric."""
    return spread(known_item(doc, results[0]), METRICS, BRIEF)


def known_metric(name: str, items: Sequence[Mapping]) -> float:
    """One of `METRICS` over all items; the rules are those of `metrics.naming` and `metrics.strength`."""
    if name in describe.METRICS:
        return describe.describe_metric(name, items)
    ordered = in_order(items)
    if name == "strength_order":
        return strength_order(_ladders(ordered))
    found = naming([item["named"] for item in ordered], [item["known"] for item in ordered])
    return found.silent_when_clean if name == "silent_when_clean" else getattr(found.micro, name)


def _ladders(items: Sequence[Mapping]) -> list[list[tuple[float, tuple[int, int] | None]]]:
    """The clips of each content and family with the clean clip of that content, which is their lowest step."""
    ladders: dict[tuple[str, str], list] = {}
    clean: dict[str, list] = {}
    for item in items:
        rank = stated_rank(item["stated_strength"], item["level"], bool(item["named"]))
        if item["known"]:
            ladders.setdefault((item["content"], item["family"]), []).append((item["strength"], rank))
        else:
            clean.setdefault(item["content"], []).append((item["strength"], rank))
    return [[*clean.get(content, ()), *clips] for (content, _), clips in ladders.items()]
