"""What makes a number or level word in prose no rating, whatever is said before it.

The text is that of `unwrapping.plain`; every pattern looks at a bounded stretch.
"""

from __future__ import annotations

import re

_BOUND = re.compile(
    r"(?:[^\s=\-<>][ \t]*(?:[<>]=?|[\u2264\u2265])"
    r"|\b(?:(?:more|less|fewer|higher|lower|better|worse)\s+than|over|under|above|below|beyond|at\s+(?:least|most)|up\s+to))"
    r"\s{0,3}$"
)
_BOUND_BEHIND = re.compile(r"\s?(?:\+|or\s+(?:more|less|above|below|higher|lower)\b)")
_ASPECT = re.compile(
    r"\b(?:sharpness|clarity|detail|details|focus|blur|blurriness|noise|grain|compression|artifacts?|artefacts?|blocking"
    r"|banding|exposure|brightness|contrast|lighting|colou?rs?|saturation|stability|shake|motion|smoothness|resolution"
    r"|audio|sound|confidence|certainty)(?:\s+(?:score|rating|level|quality|is|of|at))*[\s:=|(\-\u2013\u2014]*$"
)
_PART = re.compile(
    r"(?:\s+quality)?\s+(?:(?:at|in|near|towards?)\s+the\s+(?:very\s+)?(?:beginning|start|middle|end)\b"
    r"|at\s+first\b|(?:in|for|during)\s+the\s+(?:first|second|last|other)\b)"
)
_DENIED = re.compile(
    r"(?:\bnot|n't)\s+(?:say|call|describe|consider|rate|think|believe|judge)(?:[\s-]+(?!but\b)[\w']{1,20}){0,9}[\s-]+$"
)
_UNREAL = re.compile(
    r"\bif\s+(?:it|its|the|there|this|that|they|more|less|some|only)\b[^\n]{0,60}"
    r"\b(?:were|was|had|weren't|wasn't|hadn't)\b(?!\s+(?:to|up|asked|rated|scored|judged)\b)"
)


def is_bound(before: str, after: str) -> bool:
    """Whether a number between these texts says where the rating ends: "more than 60", "> 80", "80+"."""
    filled_in = before.endswith("<") and after.startswith(">")  # a form's "<72>"
    return bool((_BOUND.search(before) and not filled_in) or _BOUND_BEHIND.match(after))


def is_of_an_aspect(before: str) -> bool:
    """Whether the number behind this text is that of one aspect: "noise: 30/100", "confidence 90%"."""
    return bool(_ASPECT.search(before))


def is_of_a_part(after: str) -> bool:
    """Whether what stands before this text is said of a part of the time: "good in the beginning"."""
    return bool(_PART.match(after))


def is_denied(before: str) -> bool:
    """Whether what stands behind this text is denied from afar: "I would not say that the quality is good"."""
    return bool(_DENIED.search(before))


def is_unreal(sentence: str) -> bool:
    """Whether a sentence says what would be if something were otherwise; not so "if it were rated from 0 to 100"."""
    return bool(_UNREAL.search(sentence))
