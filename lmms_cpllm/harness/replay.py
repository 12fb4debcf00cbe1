"""The answer text that carries a replayed score, and back: exact to the bit, on whatever scale a method has.

The answer parser refuses a number beyond 0..100, as it must: it reads what models say. A score from a file is no answer
to a prompt. It travels in a line of JSON of its own kind, under a key that no model is asked for, and is read back
before the parser sees the text.
"""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Sequence

from lmms_cpllm.metrics.pairs import choose

SCORE_KEY = "replayed_score"
PAIR_KEY = "replayed_scores"
NO_SCORE = "no score in the replayed file"
EQUAL = "equal scores in the replayed file"


def score_line(score: float | None) -> str:
    """The answer for one video; None where the file has no score. `repr` of a float is exact, and JSON uses it."""
    return json.dumps({SCORE_KEY: score})


def pair_line(first: float | None, second: float | None) -> str:
    """The answer for two videos."""
    return json.dumps({PAIR_KEY: [first, second]})


def read_score(text: str) -> tuple[bool, float | None]:
    """(whether the text is a line of `score_line`, its score: any finite number, None where there is none)."""
    value = _value(text, SCORE_KEY, missing=_ABSENT)
    if value is None or _is_score(value):
        return True, value
    return False, None


def read_choice(text: str) -> tuple[str | None, str] | None:
    """What a line of `pair_line` says: ("first" or "second", "") or (None, reason). None for any other text."""
    value = _value(text, PAIR_KEY, missing=None)
    if not isinstance(value, list) or len(value) != 2 or not all(x is None or _is_score(x) for x in value):
        return None
    choice = choose(*value)
    if choice is not None:
        return choice, ""
    return None, NO_SCORE if None in value else EQUAL


def fill_missing(scores: Sequence[float | None]) -> list[float | None]:
    """Puts the median of the scores in the place of those that are missing.

    A scale without known ends has no middle; 50 would be an outlier beside logits of -3..3. All missing: as they are.
    """
    known = [score for score in scores if score is not None]
    middle = statistics.median(known) if known else None
    return [middle if score is None else score for score in scores]


_ABSENT = object()


def _value(text: str, key: str, missing: object) -> object:
    text = text.strip()
    if not text.startswith(f'{{"{key}"'):
        return missing
    try:
        fields = json.loads(text)
    except ValueError:
        return missing
    return fields[key] if isinstance(fields, dict) and set(fields) == {key} else missing


def _is_score(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
