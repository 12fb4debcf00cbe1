"""Any model's answer to a question whose allowed answers are given -> one of them, or the reason why none.

Understood are the option itself, its letter where the options were lettered ("B", "(B)", "B. noise", "Option B"), and yes
and no, alone or in a sentence, in the wrappings that `wrapped` knows.

Written rules:

- What is called the answer ("the answer is B", "answer: noise") counts before what stands alone in a sentence or line, and
  that before an option that is only mentioned. What counts most has to agree, else the answer is ambiguous; nothing is
  guessed.
- An option that is denied ("not noise", "noise is not visible") is not chosen.
- A yes or no counts where a sentence begins with it or it is called the answer. "No noise can be seen" is neither: the same
  sentence answers one question with no ("Is there noise?") and another with yes ("Is the picture clean?").
- The longest option decides: "barely visible" is not "visible". Endings are no matter: "slightly" is "slight".
- A letter that no option has is no answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache

from lmms_cpllm.ratings.unwrapping import plain
from lmms_cpllm.ratings.wrapped import NOT_FOUND, Choice, read_wrapped

YES_NO = ("yes", "no")
LETTERS = "ABCDEFGHIJ"
"""Of options, in their order; there are never more."""

_CALLED, _ALONE, _MENTIONED = range(3)

_KEYS = frozenset(("answer", "final_answer", "choice", "option", "letter", "selection", "result", "correct_answer"))
_LETTERS = LETTERS.lower()
_EDGES = " \n\t.,;:!?()[]"
_MAX_SENTENCES = 2000  # a bound on the time spent on a text that is no answer
_MAX_SENTENCE = 2000
_SENTENCE_END = re.compile(r"\n|[!?;]|\.(?=\s|$)")
_AFTER_LETTER = (
    r"(?=\s*(?:$|[.,):\]\u2013\u2014-]|(?:because|since|as|due)\b))"
    r"(?!\W{0,3}(?:(?:and|or)\s+)?\W{0,3}[a-j](?!\w|\s+\w))"  # "b, c" is no choice
)
_CALL = (
    r"(?:\b(?:answer|choice|option|letter|choose|select|pick|say|conclusion)\b"
    r"(?:\s+(?:is|are|would|should|must|be|to|this|that|the|question|option|letter|with|for|therefore|clearly))*"
    r"|^(?:so|therefore|thus|hence)\b)[\s:=,(\[-]*"
)
_FILLER = (
    r"(?:the|a|an|it|it's|its|this|that|there|there's|is|are|was|my|i|i'd|would|think|say|answer|final|correct|choice"
    r"|option|letter|main|worst|biggest|problem|fault|distortion|strength|level|of|in|video|clip|picture|quality|most|harms"
    r"|rated|as|quite|rather)"
)
_NOTHING_ELSE = re.compile(rf"(?:[^\w]|(?<!\w){_FILLER}(?![\w'-]))*")
_YES_NO_BEGINS = re.compile(
    r"[\s,(\[]*(?:(?:well|clearly|certainly|definitely|absolutely)\b[\s,]*)?(?P<said>yes|yeah|yep|no|nope)"
    r"(?=\s*(?:$|[,.:)\]\u2013\u2014-])|\s+(?:it|there|the|this|that|these|i|because|since|as|you|they)\b)"
)
_YES_NO_CALLED = re.compile(
    rf"{_CALL}(?P<said>yes|no)(?=\s*(?:$|[,.:)\]\u2013\u2014-])|\s+(?:it|there|the|this|because|since|as)\b)"
)
_DENIED = re.compile(
    r"(?:\b(?:not|no|never|neither|nor|hardly|cannot|without|isn't|aren't|rather\s+than|instead\s+of|free\s+(?:of|from))"
    r"|n't)\s+(?:(?!but\b)[\w']{1,20}\s+){0,2}$"
)
_DENIED_AFTER = re.compile(
    r"\s*(?:(?:is|are|was|were|can|does|do)\s*)?"
    r"(?:not\b(?! only)|never\b|absent\b|cannot\b|(?:isn|aren|wasn|weren|can|doesn|don)'t\b)"
)


def parse_option(text: str | None, options: Sequence[str], lettered: bool = False) -> Choice:
    """Which of the allowed answers an answer text gives; never raises over a text.

    Args:
        text: the model's answer; None is an empty one.
        options: at most ten; yes and no for a question of that kind.
        lettered: whether they were shown as A., B., ... in this order.

    Returns:
        (one of the options as it is given, "") or (None, reason); the reason begins with "empty", "failed request",
        "ambiguous" or "no choice found".

    Example:
        >>> parse_option("The answer is B: noise.", ("blur", "noise"), lettered=True)
        ('noise', '')
    """
    said = tuple(plain(option).strip(_EDGES) for option in options)
    claims = _yes_no_claims if set(said) == set(YES_NO) else _option_claims
    choice, reason = read_wrapped(text, _KEYS, lambda prose: _decided(prose, said, claims, lettered))
    return choice if choice is None else options[said.index(choice)], reason


def _decided(text: str, options: tuple[str, ...], claims: Callable, lettered: bool) -> Choice:
    found = [
        claim
        for sentence in _SENTENCE_END.split(text)[:_MAX_SENTENCES]
        for claim in claims(sentence[:_MAX_SENTENCE].strip(), options, lettered)
    ]
    if not found:
        return None, NOT_FOUND
    best = min(rank for rank, _ in found)
    said = {option for rank, option in found if rank == best}
    if len(said) > 1:
        return None, f"ambiguous: {', '.join(option for option in options if option in said)}"
    return said.pop(), ""


def _yes_no_claims(sentence: str, options: tuple[str, ...], lettered: bool) -> list[tuple[int, str]]:
    claims = [(_CALLED, match["said"]) for match in _YES_NO_CALLED.finditer(sentence)]
    letters = _letters(sentence, len(options)) if lettered else []
    claims += [(rank, options[index]) for rank, index, _, _ in letters]
    begins = _YES_NO_BEGINS.match(sentence)
    if begins:
        claims.append((_ALONE, "yes" if begins["said"].startswith("y") else "no"))
    return claims


def _option_claims(sentence: str, options: tuple[str, ...], lettered: bool) -> list[tuple[int, str]]:
    """(rank, option) of everything that a sentence says of the options."""
    mentioned = _mentions(sentence, options)
    calls = {match.end() for match in re.finditer(_CALL, sentence)}
    claims = [(_CALLED if start in calls else _MENTIONED, option) for option, start, _ in mentioned]
    letters = _letters(sentence, len(options)) if lettered else []
    for rank, index, _, end in letters:
        claims.append((rank, options[index]))
        # "The answer is B: noise" says it twice, and has to mean the same.
        claims += [(rank, option) for option, start, _ in mentioned if re.fullmatch(r"\W*", sentence[end:start])]
    rest, last = [], 0
    for start, end in sorted(said[-2:] for said in (*mentioned, *letters)):
        rest.append(sentence[last:start])
        last = max(last, end)
    if _NOTHING_ELSE.fullmatch(" ".join([*rest, sentence[last:]])):
        claims += [(_ALONE, option) for option, _, _ in mentioned]
    return claims


def _letters(sentence: str, count: int) -> list[tuple[int, int, int, int]]:
    """(rank, index of the option, start, end) of every letter that is said as an answer."""
    letter = rf"(?P<letter>[{_LETTERS[:count]}])(?!\w){_AFTER_LETTER}"
    named = rf"\b(?:option|letter)\s+(?P<letter>[{_LETTERS[:count]}])(?!\w|\s+(?:and|or)\b)"
    found = [(_CALLED, match) for pattern in (_CALL + letter, named) for match in re.finditer(pattern, sentence)]
    found += [(_ALONE, match) for match in [re.match(rf"[\s(\[]*{letter}", sentence)] if match]
    found += [(_MENTIONED, match) for match in re.finditer(rf"[(\[](?P<letter>[{_LETTERS[:count]}])[)\]]", sentence)]
    return [(rank, _LETTERS.index(match["letter"]), *match.span("letter")) for rank, match in found]


def _mentions(sentence: str, options: tuple[str, ...]) -> list[tuple[str, int, int]]:
    """(option, start, end) of every option that a sentence names and does not deny."""
    found = []
    for match in _pattern(options).finditer(sentence):
        denied = _DENIED.search(sentence[max(0, match.start() - 60) : match.start()])
        if not denied and not _DENIED_AFTER.match(sentence, match.end()):
            found.append((options[int(match.lastgroup[1:])], *match.span()))
    return found


@cache
def _pattern(options: tuple[str, ...]) -> re.Pattern:
    """Group `oN` is option N; at each place the longest is tried first."""
    words = sorted(enumerate(options), key=lambda numbered: -len(numbered[1]))
    return re.compile(
        r"(?<![\w-])(?:" + "|".join(f"(?P<o{index}>{_inflected(option)})" for index, option in words) + r")(?![\w-])"
    )


def _inflected(option: str) -> str:
    """An option and its adverb: slightly, visibly."""
    words = r"[\s-]+".join(map(re.escape, option.split()))
    return f"{words[:-1]}[ey]" if option.endswith("le") else f"{words}(?:ly)?"
