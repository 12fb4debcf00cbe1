"""Any model's answer to "rate the quality of this video" -> a rating, or the reason why there is none.

Nothing is guessed: several different numbers or words are ambiguous; so are a bound, a question, a condition, and what is
said of one aspect or one part of the video. A number beyond the scale is a failure and never pulled back to its end.

What is read, in this order; the first that is there decides:

1. no answer, or lmms-eval's marker of a failed request;
2. thinking blocks are dropped, closed or not;
3. `<answer>`, `<score>` and the like, else `\\boxed{}`: only what is inside counts;
4. JSON objects with a key such as quality, score or rating; a key that says overall, a number before a word;
5. prose: a number that is called the score or stands alone, with any level word said of the quality at most one level
   away; else the level word. The strongest claim wins (see `wording`).

A number is on the scale asked for (0..100 unless told), a percentage is itself, `3.5/5` is its share of 100 (70) unless
5 is the upper end of the scale asked for, "4 on a scale of 1 to 5" is linear between those ends (75).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lmms_cpllm.ratings import unwrapping, wording
from lmms_cpllm.ratings.scale import LEVELS, Rating, from_quality, quality_of

NOT_FOUND = "no rating found"

_OVERALL_KEYS = (
    "overall_quality_score",
    "overall_quality",
    "overall_score",
    "overall_rating",
    "overall",
    "final_score",
)
_KEYS = (
    *("quality", "quality_score", "score", "rating", "video_quality", "video_quality_score", "quality_rating"),
    *("mos", "answer", "level", "quality_level", "grade"),
)
_ALL_KEYS = frozenset((*_OVERALL_KEYS, *_KEYS))
_SCALE_KEYS = ("max", "max_score", "out_of", "scale")
_SAME_QUALITY = 1e-6  # 7/10 and 70% differ in the last bit


@dataclass(frozen=True)
class Answer:
    """What an answer says."""

    rating: Rating | None
    """None where there is none, then `reason` says why"""
    reason: str
    """"" with a rating; else "empty", "failed request", "ambiguous: ..", "out of range: .." or "no rating found.." """


def parse_answer(text: str | None, low: float = 0.0, high: float = 100.0) -> Answer:
    """The rating that an answer text gives; never raises over a text.

    Args:
        text: the model's answer; None is an empty one.
        low: the lower end of the scale that the prompt asks for.
        high: its upper end, above low.

    Returns:
        An `Answer`; its rating's quality is 0..100 whatever the scale asked for.

    Raises:
        ValueError: low is not below high.

    Example:
        >>> parse_answer("Score: 72/100").rating.quality
        72.0
        >>> parse_answer("60-70").reason
        'ambiguous: 60, 70'
    """
    if not low < high:
        raise ValueError(f"the scale asked for is {low}..{high}, expected the lower end first")
    if text is None or not text.strip():
        return Answer(None, "empty")
    if unwrapping.is_failed_request(text):
        return Answer(None, "failed request")
    visible = unwrapping.drop_thinking(text)
    if not visible.strip():
        return Answer(None, f"{NOT_FOUND}: the answer is all thinking")
    return _parse_visible(visible, float(low), float(high))


def _parse_visible(text: str, low: float, high: float) -> Answer:
    inner = unwrapping.contents(text)
    if inner:  # shorter than the text, so this ends: a box or JSON may stand in a tag
        return _agreed([_parse_visible(part, low, high) for part in inner])
    if "{" in text:
        objects = unwrapping.json_objects(text, _ALL_KEYS)
        if objects:
            return _agreed([_parse_object(fields, low, high) for fields in objects])
        if unwrapping.is_cut_off_json(text):
            return Answer(None, f"{NOT_FOUND}: the JSON object is not closed")
    return _parse_prose(unwrapping.plain(text), low, high)


def _agreed(answers: Sequence[Answer]) -> Answer:
    """One answer out of several: those with a rating must say the same, and a doubtful one is not outvoted."""
    doubtful = [answer for answer in answers if answer.reason.startswith(("ambiguous", "out of range"))]
    if doubtful:
        return doubtful[0]
    rated = [answer for answer in answers if answer.rating is not None]
    if not rated:
        return answers[0]
    qualities = [answer.rating.quality for answer in rated]
    if max(qualities) - min(qualities) > _SAME_QUALITY:
        return _ambiguous(f"{quality:g}" for quality in qualities)
    return rated[0]


def _parse_object(fields: dict, low: float, high: float) -> Answer:
    distribution = _distribution(fields.get("distribution"))
    if distribution is not None:
        low, high = 0.0, 100.0  # our own line: quality is 0..100 whatever the prompt asks for
    for scale_key in _SCALE_KEYS:
        if _is_number(fields.get(scale_key)) and fields[scale_key] > 0:
            low, high = (low, high) if fields[scale_key] == high else (0.0, float(fields[scale_key]))
    for keys in (_OVERALL_KEYS, _KEYS):
        given = [fields[key] for key in keys if key in fields]
        numbers = [_from_number(value, low, high) for value in given if _is_number(value)]
        texts = [_parse_prose(unwrapping.plain(value), low, high) for value in given if isinstance(value, str)]
        texts = [answer for answer in texts if not answer.reason.startswith(NOT_FOUND)]
        if numbers or texts:
            # A number beside its word ("quality": 61.8, "rating": "fair") is the finer of the two.
            answer = _agreed(numbers or texts)
            for text in texts if numbers else ():
                if text.rating and answer.rating and _far_apart(text.rating.level, answer.rating.level):
                    return _ambiguous([f"{answer.rating.quality:g}", text.rating.level])
            if answer.rating is not None and distribution is not None:
                return Answer(Rating(answer.rating.quality, distribution), "")
            return answer
    return Answer(None, f"{NOT_FOUND}: the JSON holds no number or level word")


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _distribution(value: object) -> tuple[float, ...] | None:
    """The five shares of our own JSON line, or None where the key holds anything else."""
    if not isinstance(value, dict) or set(value) != set(LEVELS) or not all(map(_is_number, value.values())):
        return None
    shares = tuple(float(value[level]) for level in LEVELS)
    sound = all(0.0 <= share <= 1.0 for share in shares) and abs(sum(shares) - 1.0) < 1e-3
    return shares if sound else None


def _from_number(value: float, low: float, high: float) -> Answer:
    try:
        quality = wording.share(float(value), low, high)
    except OverflowError:  # an integer of more than 308 digits
        quality = math.inf
    return _checked(quality, f"{value:g}" if isinstance(value, float) else str(value)[:20], low, high)


def _checked(quality: float, shown: str, low: float, high: float) -> Answer:
    if not 0.0 <= quality <= 100.0:
        return Answer(None, f"out of range: {shown} is not in {low:g}..{high:g}")
    return Answer(from_quality(quality), "")


def _parse_prose(text: str, low: float, high: float) -> Answer:
    numbers, scales = wording.find_numbers(text, low, high)
    words, negated = wording.find_words(text)
    word = _strongest(words, wording.CALLED)
    number = _strongest(numbers, wording.SHAPED)
    levels = {claim.value for claim in word}
    if number:
        answer = _from_claims(number, scales, low, high)
        if answer.rating is not None and len(levels) == 1:
            level = next(iter(levels))
            if _far_apart(level, answer.rating.level):
                return _ambiguous([number[0].shown, level])
        return answer
    if len(levels) > 1:
        return _ambiguous(level for level in LEVELS if level in levels)
    if levels:
        return Answer(from_quality(quality_of(next(iter(levels)))), "")
    if numbers or words:
        shown = list(dict.fromkeys(claim.shown for claim in (*numbers, *words)))[:3]
        return Answer(None, f"ambiguous: nothing says that {' or '.join(shown)} is the quality of the video")
    if negated:
        return Answer(None, f"{NOT_FOUND}: only what it is not ({negated[0]})")
    return Answer(None, NOT_FOUND)


def _far_apart(one: str, other: str) -> bool:
    return abs(LEVELS.index(one) - LEVELS.index(other)) > 1


def _strongest(claims: Sequence[wording.Claim], weakest: int) -> list[wording.Claim]:
    """The claims of the strongest rank there is, if that is no weaker than the one given."""
    rank = min((claim.rank for claim in claims), default=wording.LOOSE)
    return [claim for claim in claims if claim.rank == rank <= weakest]


def _from_claims(claims: Sequence[wording.Claim], scales: set[tuple[float, float]], low: float, high: float) -> Answer:
    unclear = [claim for claim in claims if claim.value is None]
    if unclear:
        return Answer(None, f"ambiguous: {unclear[0].shown} can be read in two ways")
    values = [claim.value for claim in claims]
    if max(values) - min(values) > _SAME_QUALITY:
        return _ambiguous(claim.shown for claim in claims)
    if len(scales) > 1:
        named = ", ".join(f"{start:g}..{end:g}" for start, end in sorted(scales))
        return Answer(None, f"ambiguous: several scales are named: {named}")
    if scales:
        low, high = next(iter(scales))
    return _checked(values[0], claims[0].shown, low, high)


def _ambiguous(shown: Iterable[str]) -> Answer:
    return Answer(None, "ambiguous: " + ", ".join(list(dict.fromkeys(shown))[:5]))
