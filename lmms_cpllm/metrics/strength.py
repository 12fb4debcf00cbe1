"""How strong a description says that the distortions are, and whether that rises with the known strength.

Written rules of `stated_strength`:

- Words of strength count in the sentences that name a distortion (see `lexicon`) and do not deny it; elsewhere they may
  speak of light or colours. Words that are said of anything (very, extremely, high) count right before what names the
  distortion: "very noisy", but not "very sharp with slight noise". Of several the strongest counts.
- A word that is denied itself does not count ("not severe"), and the longest phrase decides: "barely visible" is not
  "visible", "very annoying" not "annoying".
- The five steps are those of the impairment scale of ITU-R BT.500 and ITU-T P.910, from imperceptible, 0, to very annoying,
  4, with the words that this package prints (barely visible, slight, visible, strong, severe) and common ones beside them.

Written rules of `strength_order`:

- The clips of one content and one family, and the clean clip of that content, are a ladder. Every two of its clips whose
  known strengths differ are compared: right if the stronger distortion is said to be stronger, wrong if it is said to be
  weaker, half right if there is a tie.
- What is said is the strength word, and where it is the same the level word (bad is the strongest). One stands for the
  other where it is missing: both scales have five steps of the same meaning (excellent is imperceptible). Who names no
  distortion and calls the quality excellent or good says that there is none.
- A description that says neither is tied with every other. No two clips to compare: nan.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import combinations

from lmms_cpllm.metrics.lexicon import held_mentions, longest, plain
from lmms_cpllm.metrics.negation import asserted
from lmms_cpllm.ratings import LEVELS

_FAINT = r"visible|noticeable|perceptible|detectable|seen"
_SLIGHT = r"slight(?:ly)?|mild(?:ly)?|minor|subtl[ey]|weak(?:ly)?|faint(?:ly)?"
_STRONG = (
    r"strong(?:ly)?|heav(?:y|ily)|significant(?:ly)?|considerabl[ey]|substantial(?:ly)?|pronounced|prominent(?:ly)?"
    r"|obvious(?:ly)?|serious(?:ly)?"
)
_STEPS = (
    rf"imperceptibl[ey]|(?:barely|hardly|scarcely|just) (?:{_FAINT})|very (?:{_SLIGHT})|minimal(?:ly)?|negligibl[ey]",
    rf"{_SLIGHT}|perceptible,? but not annoying|not (?:really |very )?annoying",
    r"slightly annoying|visibl[ey]|noticeabl[ey]|moderate(?:ly)?|medium|apparent(?:ly)?|evident(?:ly)?|perceptibl[ey]",
    rf"{_STRONG}|annoying|(?:clearly|very) (?:{_FAINT})",
    rf"(?:very|extremely|severely|excessively) (?:annoying|{_STRONG})|(?:very )?severe(?:ly)?|extreme"
    r"|excessive|massive(?:ly)?|unbearabl[ey]",
)
"""The words of each step, 0..4."""
_PATTERNS = tuple((step, re.compile(rf"(?<![\w'])(?:{words})(?![\w'])")) for step, words in enumerate(_STEPS))
_BEFORE = re.compile(r"(?<![\w'])(?:a bit|a little|lightly|light|very|highly|high|badly|bad|extremely|excessively) $")
_STEP_BEFORE = {"a bit": 1, "a little": 1, "lightly": 1, "light": 1, "extremely": 4, "excessively": 4}  # else 3
_SENTENCE_END = re.compile(r"[!?;\n]|\.(?=\s|$)")


def stated_strength(text: str) -> int | None:
    """The strongest step of the impairment scale, 0..4, that a description gives a distortion; None where it gives none.

    Args:
        text: any model's description.

    Example:
        >>> stated_strength("The picture shows slight noise. The light is strong.")
        1
    """
    text = plain(text)
    mentions = held_mentions(text)
    found = []
    start = 0
    for end in (*(match.end() for match in _SENTENCE_END.finditer(text)), len(text)):
        named_at = [place for _, place, _ in mentions if start <= place < end]
        if named_at:
            found += _steps(text[start:end])
            found += [
                _STEP_BEFORE.get(before[0].strip(), 3)
                for place in named_at
                if (before := _BEFORE.search(text[max(start, place - 20) : place]))
            ]
        start = end
    return max(found, default=None)


def _steps(sentence: str) -> list[int]:
    """The steps of all words of strength in a sentence that are not denied; the longest phrase takes its words."""
    words = longest((step, *match.span()) for step, pattern in _PATTERNS for match in pattern.finditer(sentence))
    held = asserted(sentence, [(start, end) for _, start, end in words])
    return [step for (step, _, _), holds in zip(words, held, strict=True) if holds]


def stated_rank(strength: int | None, level: str | None, names_any: bool) -> tuple[int, int] | None:
    """What a description says of the strength, for comparing two: the strength word decides, then the level word.

    Args:
        strength: as `stated_strength` gives it.
        level: a word of `ratings.LEVELS`, or None.
        names_any: whether the description names a distortion.

    Returns:
        (0..4, 0..4), None where neither is said.

    Raises:
        ValueError: another word.

    Example:
        >>> stated_rank(None, "good", False) < stated_rank(1, "good", True) < stated_rank(None, "fair", True)
        True
    """
    if level is not None and level not in LEVELS:
        raise ValueError(f"level is {level!r}, expected one of {', '.join(LEVELS)}")
    if level is None:
        return None if strength is None else (strength, strength)
    step = LEVELS.index(level)
    if strength is None:
        strength = 0 if level in LEVELS[:2] and not names_any else step
    return strength, step


def strength_order(ladders: Sequence[Sequence[tuple[float, tuple[int, int] | None]]]) -> float:
    """Share of the pairs of a ladder's clips that are said to be in the right order, 0..1, over all ladders.

    Args:
        ladders: for each the known strength and the `stated_rank` of its clips; a clean clip has strength 0.

    Example:
        >>> strength_order([[(0, (0, 0)), (7, (1, 1)), (20, (1, 1))]])
        0.8333333333333334
    """
    points = [
        _point(weaker[1], stronger[1])
        for ladder in ladders
        for weaker, stronger in combinations(sorted(ladder, key=lambda clip: clip[0]), 2)
        if weaker[0] < stronger[0]
    ]
    return sum(points) / len(points) if points else float("nan")


def _point(weaker: tuple[int, int] | None, stronger: tuple[int, int] | None) -> float:
    if weaker is None or stronger is None or weaker == stronger:
        return 0.5
    return float(weaker < stronger)
