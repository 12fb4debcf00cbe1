"""The answer to a question with few allowed answers, whatever it is wrapped in: `choices` and `options` read the rest."""

from __future__ import annotations

from collections.abc import Callable

from lmms_cpllm.ratings import unwrapping

NOT_FOUND = "no choice found"

Choice = tuple[str | None, str]
"""(what is chosen, "") or (None, reason)."""


def read_wrapped(text: str | None, keys: frozenset[str], read: Callable[[str], Choice]) -> Choice:
    """Takes an answer out of thinking, tags, boxes and JSON and reads it; never raises over a text.

    Args:
        text: the model's answer; None is an empty one.
        keys: of a JSON object that hold an answer, as `unwrapping.key_name` writes them.
        read: reads prose, in the form that `unwrapping.plain` gives it.

    Returns:
        The one choice that all parts agree on, or (None, reason); the reason begins with "empty", "failed request",
        "ambiguous" or "no choice found".
    """
    if text is None or not text.strip():
        return None, "empty"
    if unwrapping.is_failed_request(text):
        return None, "failed request"
    visible = unwrapping.drop_thinking(text)
    if not visible.strip():
        return None, f"{NOT_FOUND}: the answer is all thinking"
    return _read_visible(visible, keys, read)


def _read_visible(text: str, keys: frozenset[str], read: Callable[[str], Choice]) -> Choice:
    inner = unwrapping.contents(text)
    if inner:
        return _agreed([_read_visible(part, keys, read) for part in inner])
    if "{" in text:
        values = [
            str(value)
            for fields in unwrapping.json_objects(text, keys)
            for key, value in fields.items()
            if key in keys and isinstance(value, (str, int))
        ]
        if values:
            return _agreed([read(unwrapping.plain(value)) for value in values])
        if unwrapping.is_cut_off_json(text):
            return None, f"{NOT_FOUND}: the JSON object is not closed"
    return read(unwrapping.plain(text))


def _agreed(results: list[Choice]) -> Choice:
    doubtful = [result for result in results if result[1].startswith("ambiguous")]
    choices = {choice for choice, _ in results if choice is not None}
    if len(choices) > 1:
        return None, f"ambiguous: {', '.join(sorted(choices))}"
    return doubtful[0] if doubtful else next((result for result in results if result[0]), results[0])
