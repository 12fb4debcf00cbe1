"""Tasks that ask for a quality score: from an answer to an item of the sample log, and from items to numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lmms_cpllm.harness import replay, running
from lmms_cpllm.metrics.summary import SCORE_METRICS
from lmms_cpllm.ratings import LEVELS, Rating, parse_answer


def score_item(doc: Mapping, answer: str) -> dict:
    """What an answer says about a video.

    Returns:
        `video` (its name), `mos` (the release's scale) and `score_fields`.
    """
    return {"video": doc["name"], "mos": doc["mos"], **score_fields(doc, answer)}


def score_fields(doc: Mapping, answer: str) -> dict:
    """What an answer says about the video of a document.

    Returns:
        `quality` (0..100), `acr` (1..5), `level`, `distribution` (level to probability) and `reason`: why there is no
        quality, `""` if there is. What is not known is None. For a replayed score `quality` is that score on its own
        scale, and `raw` is True.
    """
    replayed, score = replay.read_score(doc, answer)
    if replayed:
        reason = replay.NO_SCORE if score is None else ""
        return {**rating_fields(None), "quality": score, "reason": reason, "raw": True}
    parsed = parse_answer(answer)
    reason = parsed.reason if answer.strip() else unanswered_reason([doc["video"]], parsed.reason)
    return {**rating_fields(parsed.rating), "reason": reason}


def rating_fields(rating: Rating | None) -> dict:
    """A rating for the sample log; all None without one."""
    if rating is None:
        return {"quality": None, "acr": None, "level": None, "distribution": None}
    shares = rating.distribution
    return {
        "quality": rating.quality,
        "acr": round(rating.acr, 4),
        "level": rating.level,
        "distribution": dict(zip(LEVELS, shares, strict=True)) if shares else None,
    }


def unanswered_reason(paths: Sequence[str], otherwise: str) -> str:
    """Why a model gave no answer: the files it could not read, if it said so."""
    unreadable = [f"{path}: {reason}" for path in paths if (reason := running.failure(path))]
    return "unreadable: " + "; ".join(unreadable) if unreadable else otherwise


def score_results(doc: Mapping, results: Sequence[str]) -> dict[str, dict]:
    """`process_results`: the whole item under `srcc`, what a number is computed from under the other metrics."""
    item = score_item(doc, results[0])
    brief = ("video", "mos", "quality", "raw") if "raw" in item else ("video", "mos", "quality")
    return spread(item, SCORE_METRICS, brief)


def spread(item: dict, metrics: Sequence[str] | Mapping, brief: Sequence[str]) -> dict[str, dict]:
    """One item for each metric. The host writes every one into the sample log, so only the first is whole."""
    short = {name: item[name] for name in brief}
    return {metric: short if position else item for position, metric in enumerate(metrics)}


def in_order(items: Sequence[Mapping]) -> list[Mapping]:
    """Items by name. Several ranks hand them over in another order than one does, and sums and bootstraps notice."""
    return sorted(items, key=lambda item: item["video"])


def score_columns(items: Sequence[Mapping], answered: bool = False) -> tuple[list[float | None], list[float]]:
    """Qualities and MOS in the order of the names.

    Replayed scores have a scale of their own, whose middle is their median: it stands where there is none, unless
    `answered` asks which there are.
    """
    ordered = in_order(items)
    qualities = [item["quality"] for item in ordered]
    if not answered and any(item.get("raw") for item in ordered):
        qualities = replay.fill_missing(qualities)
    return qualities, [item["mos"] for item in ordered]


def score_metric(name: str, items: Sequence[Mapping]) -> float:
    """One metric of `metrics.summary` over all items; unanswered ones count as the middle of the scale."""
    return SCORE_METRICS[name](*score_columns(items, answered=name == "answered"))
