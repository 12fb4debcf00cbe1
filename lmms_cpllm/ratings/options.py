"""Any model's answer to a question with options (A, B, C, ... or yes and no) -> the option, or the reason why none.

Understood are, in the wrappings that `unwrapping` knows and in this order:

1. a letter alone, or one that leads the answer: "B", "(B)", "The answer is B.", "B. noise";
2. an option's text alone, or leading the answer: "noise", "Yes, the picture is blurred.";
3. letters that are called the answer or stand in brackets: "so I choose option C", "it must be (C)";
4. the one option whose text the answer holds, unless it is denied.

Two different options are ambiguous, and so are a letter and the text of another option. A letter that no option has is no
answer. Nothing is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from lmms_cpllm.ratings import unwrapping

LETTERS = "ABCDEFGHIJ"
NOT_FOUND = "no option found"

_KEYS = frozenset(("answer", "option", "choice", "selection", "letter", "final_answer", "correct_answer", "result"))
_CALLED = (
    r"(?:(?:so|the|my|i|is|are|would|be|final|correct|right|best|answer|option|choice|letter|choose|select)\b\W*){0,8}"
)
_BARE = re.compile(rf"\W*{_CALLED}([a-j])\W*")
_LEADING = re.compile(rf"\W*{_CALLED}([a-j])(?:\s*[.:)\]]|\s+[-\u2013\u2014])\s*(.*)", re.DOTALL)
_STATED = re.compile(
    r"\b(?:answer|option|choice|letter)\b(?:\s+(?:is|would|should|be|option|choice)\b)*\s*[:=]?\s*[(\[]?([a-j])\b(?!')"
    r"|\b(?:choose|pick|select)\s+(?:option\s+)?[(\[]?([b-j])\b(?!')"
    r"|[(\[]([a-j])[)\]]"
)
_DENIED = re.compile(r"(?:\b(?:not|no|never|neither|nor|without|hardly|cannot)|n't)\s+(?:[\w']{1,20}\s+){0,2}$")
_EDGES = " \n\t.,;:!?()[]"
_MAX_LENGTH = 20_000  # a bound on the time spent on a text that is no answer


def parse_option(text: str | None, options: Sequence[str]) -> tuple[int | None, str]:
    """Which option an answer text names; never raises over a text.

    Args:
        text: the model's answer; None is an empty one.
        options: (n,) texts of the options, 2 to 10, in the order of their letters.

    Returns:
        (place of the option, "") or (None, reason); the reason begins with "empty", "failed request", "ambiguous",
        "no such option" or "no option found".

    Example:
        >>> parse_option("B. It is blurred.", ["It is noisy", "It is blurred"])
        (1, '')
        >>> parse_option("No, there is no noise.", ["Yes", "No"])
        (1, '')
    """
    if text is None or not text.strip():
        return None, "empty"
    if unwrapping.is_failed_request(text):
        return None, "failed request"
    visible = unwrapping.drop_thinking(text)
    if not visible.strip():
        return None, f"{NOT_FOUND}: the answer is all thinking"
    return _parse_visible(visible[:_MAX_LENGTH], [unwrapping.plain(option).strip(_EDGES) for option in options])


def _parse_visible(text: str, options: Sequence[str]) -> tuple[int | None, str]:
    inner = unwrapping.contents(text)
    if inner:
        return _agreed([_parse_visible(part, options) for part in inner], options)
    if "{" in text:
        values = [
            str(value)
            for fields in unwrapping.json_objects(text, _KEYS)
            for key, value in fields.items()
            if key in _KEYS and isinstance(value, str)
        ]
        if values:
            return _agreed([_parse_prose(unwrapping.plain(value), options) for value in values], options)
        if unwrapping.is_cut_off_json(text):
            return None, f"{NOT_FOUND}: the JSON object is not closed"
    return _parse_prose(unwrapping.plain(text), options)


def _agreed(results: Sequence[tuple[int | None, str]], options: Sequence[str]) -> tuple[int | None, str]:
    """One answer from several containers."""
    chosen = {place for place, _ in results if place is not None}
    if len(chosen) > 1:
        return None, _ambiguous(chosen, options)
    doubtful = next((result for result in results if result[1].startswith("ambiguous")), None)
    return doubtful or next((result for result in results if result[0] is not None), results[0])


def _parse_prose(text: str, options: Sequence[str]) -> tuple[int | None, str]:
    text = text.strip()
    bare = _BARE.fullmatch(text)
    if bare:
        return _of_letter(bare[1], options)
    leading = _LEADING.match(text)
    if leading:
        place, reason = _of_letter(leading[1], options)
        other = _whole(leading[2], options)
        if place is not None and other not in (None, place):
            return None, _ambiguous({place, other}, options)
        return place, reason
    place = _whole(text, options)
    place = _beginning(text, options) if place is None else place
    if place is not None:
        return place, ""
    letters = {letter for groups in _STATED.findall(text) for letter in groups if letter}
    if letters:
        found = {_of_letter(letter, options)[0] for letter in letters}
        if len(found) > 1:
            return None, _ambiguous(found - {None}, options)
        return _of_letter(letters.pop(), options)
    return _mentioned(text, options)


def _of_letter(letter: str, options: Sequence[str]) -> tuple[int | None, str]:
    place = LETTERS.index(letter.upper())
    if place < len(options):
        return place, ""
    return None, f"no such option: {letter.upper()} of A to {LETTERS[len(options) - 1]}"


def _whole(text: str, options: Sequence[str]) -> int | None:
    """The option that the text is, and nothing else."""
    alone = text.strip(_EDGES)
    return options.index(alone) if alone and alone in options else None


def _beginning(text: str, options: Sequence[str]) -> int | None:
    """The longest option that the text begins with, if a sign or a line end follows it."""
    text = text.lstrip(_EDGES)
    fitting = [
        option
        for option in options
        if option and text.startswith(option) and re.match(r"\s*[.,;:!?\n]", text[len(option) :])
    ]
    return options.index(max(fitting, key=len)) if fitting else None


def _mentioned(text: str, options: Sequence[str]) -> tuple[int | None, str]:
    """The one option whose text is in the answer; one inside a longer option's text does not count there."""
    found, taken = set(), []
    for option in sorted(filter(None, options), key=len, reverse=True):
        for match in re.finditer(rf"(?<![\w-]){re.escape(option)}(?![\w-])", text):
            if any(start <= match.start() < end for start, end in taken):
                continue
            taken.append(match.span())
            if not _DENIED.search(text[max(0, match.start() - 60) : match.start()]):
                found.add(options.index(option))
    if len(found) == 1:
        return found.pop(), ""
    return None, _ambiguous(found, options) if found else NOT_FOUND


def _ambiguous(places: set[int], options: Sequence[str]) -> str:
    return "ambiguous: " + ", ".join(f"{LETTERS[place]} ({options[place]})" for place in sorted(places))
