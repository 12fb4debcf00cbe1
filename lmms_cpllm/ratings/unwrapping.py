"""What surrounds an answer: failed requests, thinking, answer tags, boxes, JSON, markdown.

Nothing here judges a video; `answers` and `choices` look into what is left. All of it takes time linear in the text.
"""

from __future__ import annotations

import json
import re

_FAILED = ("[LMMS_EVAL_REQUEST_FAILED", "[LMMS_EVAL_BUDGET_EXCEEDED")  # what lmms-eval's API models write instead

_THINKING = re.compile(r"<(/?)(?:think|thinking|thought|reasoning)>|◁(/?)think▷", re.IGNORECASE)
_TAG = re.compile(r"<(/?)(?:answer|final_answer|score|rating|quality)>|<\|(begin|end)_of_box\|>", re.IGNORECASE)
_ANSWER = re.compile(r"<(/?)answer>", re.IGNORECASE)
_BOX = re.compile(r"\\boxed\s?\{([^{}]{0,2000})\}")
_LATEX_TEXT = re.compile(r"\\(?:text|textbf|mathrm|mathbf|mathit)\s?\{([^{}]{0,2000})\}")
_SPECIAL_TOKEN = re.compile(r"<\|[a-z_]{1,30}\|>|</?s>|<eos>", re.IGNORECASE)  # that a model's class left in the text
_MARKUP = re.compile(r"[*`#$\"“”„«»{}\\]|(?<!\w)[_']|[_'](?!\w)")

# Full-width forms, the typographic minus and apostrophe, the Arabic decimal point, odd spaces and line ends to ASCII.
_CHARACTERS = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_CHARACTERS |= {0x2212: "-", 0x2010: "-", 0x2011: "-", 0x2019: "'", 0x2018: "'", 0x066B: "."}
_CHARACTERS |= {0x3000: " ", 0x00A0: " ", 0x202F: " ", 0x2009: " ", 0x200B: " ", 0xFEFF: " ", 0x3002: ". "}
_CHARACTERS |= {0x0D: "\n", 0x0B: "\n", 0x0C: "\n", 0x2028: "\n", 0x2029: "\n"}

_MAX_OBJECTS = 32  # each try may read to the end of the text, so their number is bounded


def is_failed_request(text: str) -> bool:
    """True for the markers that lmms-eval's API models answer with; the digits in them are no score."""
    return text.lstrip().startswith(_FAILED)


def drop_thinking(text: str) -> str:
    """The text without its thinking blocks.

    A block that is not opened (the prompt's template opened it) reaches back to the start, one that is not closed
    reaches to the end. Of the latter one thing is kept: a whole `<answer>...</answer>` that ends the text.
    """
    kept: list[str] = []
    start, inside = 0, False
    for tag in _THINKING.finditer(text):
        closing = bool(tag[1] or tag[2])
        if closing and not inside:
            kept.clear()
        elif not closing and not inside:
            kept.append(text[start : tag.start()])
        inside, start = not closing, tag.end()
    if not inside:
        return " ".join([*kept, text[start:]])
    answers = list(_ANSWER.finditer(text, start))
    if len(answers) > 1 and answers[-1][1] and not answers[-2][1] and not text[answers[-1].end() :].strip():
        kept.append(text[answers[-2].start() :])
    return " ".join(kept)


def contents(text: str) -> list[str]:
    r"""What stands in answer containers: `<answer>..</answer>` and the like, else `\boxed{..}`; [] without any.

    An opened tag that is not closed reaches to the end. Empty ones are left out unless all are empty.
    """
    found: list[str] = []
    start = None
    for tag in _TAG.finditer(text):
        closing = tag[1] == "/" or (tag[2] or "").lower() == "end"
        if closing and start is not None:
            found.append(text[start : tag.start()])
            start = None
        elif not closing:
            start = tag.end()
    if start is not None:
        found.append(text[start:])
    found = found or _BOX.findall(_LATEX_TEXT.sub(r"\1", text))
    return [content for content in found if content.strip()] or found[:1]


def json_objects(text: str, keys: frozenset[str]) -> list[dict]:
    """The JSON objects in a text with a number or text under one of the keys, which are as `key_name` writes them.

    Outermost first: an object without such a key is looked into. Only the first 32 braces are tried.
    """
    decoder = json.JSONDecoder()
    found: list[dict] = []
    position = text.find("{")
    for _ in range(_MAX_OBJECTS):
        if position < 0:
            break
        end = position + 1
        try:
            value, after = decoder.raw_decode(text, position)
        except (ValueError, RecursionError):  # not JSON from this brace on: a LaTeX group, a Python dict, a cut-off end
            value = None
        if isinstance(value, dict):
            named = {key_name(key): item for key, item in value.items()}
            if any(isinstance(item, (str, int, float)) for key, item in named.items() if key in keys):
                found.append(named)
                end = after
        position = text.find("{", end)
    return found


def key_name(key: str) -> str:
    """A JSON key in lower case with single underscores: "Overall Score" and "overall-score" are overall_score."""
    return re.sub(r"[\s_-]+", "_", key.strip().lower())


def is_cut_off_json(text: str) -> bool:
    """True for an object that is opened and never closed. Its last number may lack digits, so nothing in it is read."""
    start = text.strip().removeprefix("```json").removeprefix("```").lstrip()
    return start.startswith("{") and "}" not in start


def plain(text: str) -> str:
    """The text in lower case without markdown, quotes, braces and tokens, with ASCII signs and line feeds only."""
    text = _SPECIAL_TOKEN.sub(" ", _LATEX_TEXT.sub(r"\1", text))
    return _MARKUP.sub(" ", text.translate(_CHARACTERS)).lower()
