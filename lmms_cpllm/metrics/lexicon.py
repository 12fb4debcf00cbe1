"""The kinds of distortion, and which of them a text of any model says are there.

Written rules of `named`:

- A kind is named by its own word or by a synonym, British or American, in any case: blocky, grainy, out of focus, choppy
  (`synonyms` lists them).
- What is denied is not named ("no noise, blur or banding but strong stutter" names stutter); see `negation`.
- The longest phrase decides: "motion blur" is no blur, "mosquito noise" is compression, "noise reduction" is smearing.
- A blurred background is the photographer's choice, a dark scene is no underexposure, background noise is heard and not
  seen: these name nothing.
- The title of an item names nothing by itself ("Noise: none"), its value does ("Noise: visible in the dark parts").
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from lmms_cpllm.metrics.negation import asserted
from lmms_cpllm.metrics.synonyms import ARTIFACTS, HARMLESS, SYNONYMS

KINDS = tuple(SYNONYMS)
"""What viewers call the kinds of distortion: the words that this package prints."""

_PATTERNS = tuple(
    (kind, re.compile(rf"(?<![\w'])(?:{'|'.join(phrases)})(?: (?:{ARTIFACTS}|effects?))?(?!\w)"))
    for kind, phrases in (*SYNONYMS.items(), ("", HARMLESS))
)
_HEADING = re.compile(r"(?: (?:levels?|artifacts?|presence|quality|issues?|visible|present))?(?: \([^)]{0,60}\))?:")
_PRESENT = re.compile(
    r"\s*(?:yes|present|visible|noticeable|obvious|apparent|slight|mild|minor|some|moderate|medium|significant|strong|high"
    r"|heavy|severe|very (?:strong|visible|noticeable|high)|clear(?:ly)?|detected|considerable|a (?:lot|little|bit))\b"
)
_LIST_MARK = re.compile(r"[\s\-\u2022\d.)(]*(?:\w+ ){0,2}")


def named(text: str) -> frozenset[str]:
    """The kinds of distortion that a text says are there.

    Args:
        text: any model's answer; an empty one names nothing.

    Returns:
        A part of `KINDS`.

    Example:
        >>> sorted(named("A noisy, blocky picture, but it is not blurry."))
        ['compression', 'noise']
    """
    return frozenset(kind for kind, _, _ in held_mentions(plain(text)))


def held_mentions(text: str) -> list[tuple[str, int, int]]:
    """(kind, start, end) of every place where a text names a kind and does not deny it.

    Args:
        text: as `plain` gives it.
    """
    mentions = [(kind, start, end) for kind, start, end in _mentions(text) if kind and not _is_title(text, start, end)]
    held = asserted(text, [(start, end) for _, start, end in mentions])
    return [mention for mention, holds in zip(mentions, held, strict=True) if holds]


def plain(text: str) -> str:
    """Lower case without markup, n't written out, a space for hyphens inside words, "or" for slashes."""
    text = text.lower().replace("\u2019", "'").replace("\u2018", "'")
    text = re.sub(r"[*_`#\"\u201c\u201d]+", "", text)
    text = re.sub(r"\bcan't\b", "can not", text)
    text = re.sub(r"n't\b", " not", text)
    text = re.sub(r"(?<=\w)[-\u2010\u2011](?=\w)", " ", text).replace("/", " or ")
    text = re.sub(r"[^\S\n]+", " ", text)
    return re.sub(r" ?\n ?", "\n", text).strip()


def _mentions(text: str) -> list[tuple[str, int, int]]:
    """(kind, start, end) of every phrase, "" for a harmless one, in the order of the text; none overlaps another.

    A harmless or more specific phrase takes its words away from the others.
    """
    return longest((kind, *match.span()) for kind, pattern in _PATTERNS for match in pattern.finditer(text))


def longest(found: Iterable[tuple[Any, int, int]]) -> list[tuple[Any, int, int]]:
    """Of (anything, start, end) those that do not overlap, in the order of the text; the longest take their words first."""
    taken: list[tuple[Any, int, int]] = []
    for what, start, end in sorted(found, key=lambda span: (span[1] - span[2], span[1])):
        if all(end <= other_start or start >= other_end for _, other_start, other_end in taken):
            taken.append((what, start, end))
    return sorted(taken, key=lambda span: span[1])


def _is_title(text: str, start: int, end: int) -> bool:
    """True for the title of an item ("Noise: the picture is clean"), unless its value says that it is there."""
    title = _HEADING.match(text, end)
    if title is None or _LIST_MARK.fullmatch(text, text.rfind("\n", 0, start) + 1, start) is None:
        return False
    return _PRESENT.match(text, title.end()) is None
