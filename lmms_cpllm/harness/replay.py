"""The answer text that carries a replayed score, and back: exact to the bit, on whatever scale a method has.

The answer parser refuses a number beyond 0..100, as it must: it reads what models say. A score from a file is no answer
to a prompt. It travels in a line of JSON of its own kind, and is read back before the parser sees the text.

That must not happen to what a model says. So the documents of a task that is loaded for `vqa_scores` name the score file
(`MARK`: a digest of its content), a line names it too, and only a line that names the file of its document is a replay.
Documents for any other model name none, so no text of theirs is one. A digest and no flag: it is the same on every rank and
in the run that reads the answers from a cache, and nobody can guess it, should a run that failed leave the note in
`running` behind.
"""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Mapping, Sequence

from lmms_cpllm.metrics.pairs import choose

MARK = "replayed_from"
SCORE_KEY = "replayed_score"
PAIR_KEY = "replayed_scores"
NO_SCORE = "no score in the replayed file"
EQUAL = "equal scores in the replayed file"


def score_line(source: str, score: float | None) -> str:
    """The answer for one video; None where the file has no score. `repr` of a float is exact, and JSON uses it."""
    return json.dumps({MARK: source, SCORE_KEY: score})


def pair_line(source: str, first: float | None, second: float | None) -> str:
    """The answer for two videos."""
    return json.dumps({MARK: source, PAIR_KEY: [first, second]})


def read_score(doc: Mapping, text: str) -> tuple[bool, float | None]:
    """(whether the text is a replay for the document, its score: any finite number, None where there is none)."""
    value = _value(doc, text, SCORE_KEY, missing=_ABSENT)
    if value is None or _is_score(value):
        return True, value
    return False, None


def read_choice(doc: Mapping, text: str) -> tuple[str | None, str] | None:
    """What the replay of a pair says: ("first" or "second", "") or (None, reason). None for any other text."""
    value = _value(doc, text, PAIR_KEY, missing=None)
    if not isinstance(value, list) or len(value) != 2 or not all(x is None or _is_score(x) for x in value):
        return None
    choice = choose(*value)
    if choice is not None:
        return choice, ""
    return None, NO_SCORE if None in value else EQUAL


def fill_missing(scores: Sequence[float | None]) -> list[float | None]:
    """Puts the median of the scores in the place of those that are missing. All missing: as they are.

    Without an answer a video counts as the middle of the scale, so that it says neither good nor bad. The scale of a
    file has no ends that are known. 50 would be the best or the worst of all beside logits of -3..3, and what a missing
    video costs would depend on the unit of the method; the middle of the lowest and the highest score hangs on two
    outliers. The median is a middle rank in every unit, so SRCC and KRCC are those of any rising function of the scores.
    """
    known = [score for score in scores if score is not None]
    middle = statistics.median(known) if known else None
    return [middle if score is None else score for score in scores]


_ABSENT = object()


def _value(doc: Mapping, text: str, key: str, missing: object) -> object:
    source = doc.get(MARK)
    if not source or not text.startswith(f'{{"{MARK}"'):
        return missing
    try:
        fields = json.loads(text)
    except ValueError:
        return missing
    # A JSON object, for the text begins with a brace.
    return fields[key] if set(fields) == {MARK, key} and fields[MARK] == source else missing


def _is_score(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
