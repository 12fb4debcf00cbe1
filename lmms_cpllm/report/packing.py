"""The data of the page: compact JSON that can stand in a script element whatever it holds."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lmms_cpllm.report.descriptions import Description
from lmms_cpllm.report.ladders import LadderTask
from lmms_cpllm.report.scores import ScoreRun, ScoreTask

_DIGITS = 5
_ROW_BYTES = 60  # a description beside its text: numbers, level, what is known and named

# What could end the element, open a comment in it, or break a line of a script. All are the same inside a JSON string.
_ESCAPES = {character: f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"}


def dumps(document: Any) -> str:
    """JSON without spaces, for `<script type="application/json">`. nan and infinity become null."""
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character, escape in _ESCAPES.items():
        text = text.replace(character, escape)
    # A lone surrogate, which a name that is no UTF-8 has on disk, cannot be written.
    return text.encode("utf-8", "replace").decode("utf-8")


def rounded(number: float | None) -> float | int | None:
    """Five significant digits; whole numbers without a point; None for what is no number."""
    if number is None or not math.isfinite(number):
        return None
    short = float(f"{number:.{_DIGITS}g}")
    return int(short) if short.is_integer() and abs(short) < 1e15 else short


def score_data(task: ScoreTask, place: Mapping[str, int], thumbnails: Mapping[str, str]) -> dict[str, Any]:
    """A task by video.

    Args:
        task: what is packed.
        place: model to its number on the page.
        thumbnails: name of a video to its picture.
    """
    return {
        "names": task.names,
        "mos": [rounded(mos) for mos in task.mos],
        "runs": [_run(run, place[run.model]) for run in task.runs],
        "pictures": {str(number): thumbnails[name] for number, name in enumerate(task.names) if name in thumbnails},
    }


def _run(run: ScoreRun, model: int) -> dict[str, Any]:
    unanswered = [value for value, said in zip(run.filled, run.qualities, strict=True) if said is None]
    return {
        "model": model,
        "q": [rounded(quality) for quality in run.qualities],
        "fill": rounded(unanswered[0]) if unanswered else None,
        "fit": {"kind": run.fit.kind, "p": [float(f"{number:.9g}") for number in run.fit.parameters]},
        "ratings": run.ratings,
        "mean": None if run.distribution is None else [rounded(share) for share in run.distribution],
    }


def ladder_data(task: LadderTask, place: Mapping[str, int]) -> dict[str, Any]:
    """A task by ladder. Scores and strengths are those of `ladders.Climb`."""
    return {
        "families": task.families,
        "runs": [
            {
                "model": place[model],
                "families": {
                    family.family: {
                        "unit": family.unit,
                        "climbs": [
                            {
                                "content": climb.content,
                                "x": [rounded(strength) for strength in climb.strengths],
                                "y": [rounded(score) for score in climb.scores],
                                "rises": climb.rises,
                            }
                            for climb in family.climbs
                        ],
                    }
                    for family in families
                },
            }
            for model, families in task.runs.items()
        ],
    }


def description_data(
    found: Sequence[Description], place: Mapping[str, int], most_bytes: int
) -> tuple[dict[str, Any], int]:
    """Descriptions as columns, each text once, and how many videos of them there was room for.

    Args:
        found: of one task, by video.
        place: model to its number on the page.
        most_bytes: of the page, about; whole videos are taken, the first ones.
    """
    texts: dict[str, int] = {}
    rows, videos, size, taken = [], {}, 0, 0
    for video, group in _by_video(found):
        new = dict.fromkeys(one.text for one in group if one.text not in texts)
        size += sum(len(text.encode("utf-8", "replace")) for text in new) + _ROW_BYTES * len(group)
        if size > most_bytes and rows:
            break
        taken += 1
        for text in new:
            texts[text] = len(texts)
        videos.setdefault(video, len(videos))
        rows += [
            [
                *(videos[video], place[one.model], texts[one.text], rounded(one.quality)),
                *(one.level, rounded(one.mos), one.known, one.named),
            ]
            for one in group
        ]
    return {"videos": list(videos), "texts": list(texts), "rows": rows}, taken


def _by_video(found: Sequence[Description]) -> Iterable[tuple[str, list[Description]]]:
    groups: dict[str, list[Description]] = {}
    for one in found:
        groups.setdefault(one.video, []).append(one)
    return groups.items()
