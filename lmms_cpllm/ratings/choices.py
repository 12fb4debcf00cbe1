"""Any model's answer to "which of the two videos is better" -> first, second, or the reason why neither.

Understood are the answer alone ("second", "B", "Video 2"), in the wrappings that `answers` knows, and sentences with a
verdict: of "the second is better than the first" the nearest video before the verdict counts, of "I prefer the second"
the one after. "Better colours" is no verdict. Verdicts that disagree, a verdict that is denied, and both videos without
a verdict are ambiguous.
"""

from __future__ import annotations

import re

from lmms_cpllm.ratings.wrapped import NOT_FOUND, read_wrapped

_KEYS = frozenset(
    (
        *("choice", "better", "better_video", "best", "best_video", "answer", "winner", "selection", "result"),
        *("preferred", "preferred_video", "preference"),
    )
)
_FIRST = frozenset(("first", "1st", "former", "1", "a", "one"))
_NOUN = r"(?:video|clip|option|choice|candidate|sequence|image|sample|number)"
_MENTION = re.compile(
    r"(?<![\w-])(?:(?P<ordinal>first|1st|former|second|2nd|latter)\b"
    r"(?!\s+(?:glance|of\s+all|frames?|half|few|part|place|impression|look|time|scene|second)\b"
    r"|,(?!\s*(?:because|since|due)\b))"  # "First, the video shows ..."
    rf"|{_NOUN}\s?[:(\[]?\s?(?P<label>[12ab]|one|two)\b"
    r"|\((?P<bracket>[12ab])\)"
    r"|(?P<letter>b)(?![\w'-])"
    r"|(?P<article>a)(?=\s+(?:is|has|looks|shows|wins)\b))"
)
_TIME_UNIT = re.compile(r"(?:\d|\b(?:per|each|every|split|one|a))[\s-]*$")
# What may follow "better" where it is said of the video and not of its colours.
_WHOLE = (
    r"(?=\s*(?:$|[^\w\s]|(?:than|overall|to|in|because|since|due|as|for|with|and|but|while|whereas|one|video|clip"
    r"|choice|option|(?:overall\s+|video\s+|visual\s+|image\s+|perceptual\s+|perceived\s+)*quality)\b))"
)
_VERDICT = re.compile(
    rf"\b(?:(?P<better>(?:better|best|superior){_WHOLE}|preferable|preferred|wins?|winner|outperforms"
    r"|higher\s+(?:\w+\s+){0,2}(?:quality|score|rating))"
    rf"|(?P<worse>(?:worse|worst|inferior|poorer){_WHOLE}"
    r"|lower\s+(?:\w+\s+){0,2}(?:quality|score|rating))"
    r"|(?P<pick>prefer|choose|pick|select|favou?r))\b"
)
_DENIED = re.compile(r"(?:\b(?:not|no|never|neither|hardly|cannot)|n't)\s+(?:[\w']{1,20}\s+){0,2}$")
_EQUAL = re.compile(r"\b(?:tie|tied|equal|equally|same|identical|neither|both|no\s+difference)\b")
_ALONE_WORDS = (
    r"(?:the|a|is|it|it's|my|i|i'd|i'll|would|say|choose|pick|select|go|with|final|correct|answer|choice|option|better|"
    r"best|winner|preferred|video|clip|one|sequence|image|has|of|two|videos|quality|higher|overall)"
)
_ALONE = re.compile(rf"(?:[^\w]|{_ALONE_WORDS}(?![\w'-]))*")
_BARE = re.compile(r"\W*(?:(?:the|my|final|correct|answer|choice|is)\b\W*){0,5}([12ab]|one|two)\W*")
_REASON = re.compile(r",?\s+(?:because|since|due\s+to)\b")
_SENTENCE_END = re.compile(r"\n|[!?;]|\.(?=\s|$)")
_MAX_SENTENCES = 2000  # a bound on the time spent on a text that is no answer
_MAX_SENTENCE = 2000


def parse_choice(text: str | None) -> tuple[str | None, str]:
    """Which video an answer text calls better; never raises over a text.

    Args:
        text: the model's answer; None is an empty one.

    Returns:
        ("first" or "second", "") or (None, reason); the reason begins with "empty", "failed request", "ambiguous" or
        "no choice found".

    Example:
        >>> parse_choice("The second video is better than the first.")
        ('second', '')
    """
    return read_wrapped(text, _KEYS, _parse_prose)


def _parse_prose(text: str) -> tuple[str | None, str]:
    bare = _BARE.fullmatch(text[:_MAX_SENTENCE]) if len(text) <= _MAX_SENTENCE else None
    if bare:
        return _place(bare[1]), ""
    alone: list[str] = []
    votes: list[str] = []
    mentioned: list[str] = []
    for sentence in _SENTENCE_END.split(text)[:_MAX_SENTENCES]:
        sentence = sentence[:_MAX_SENTENCE]
        mentions = _mentions(sentence)
        mentioned += [place for _, _, place in mentions]
        if len({place for _, _, place in mentions}) == 1 and _says_nothing_else(sentence, mentions):
            alone.append(mentions[0][2])
            continue
        votes += _votes(sentence, mentions)
    # A sentence that is only the answer says it; the verdicts around it are on parts.
    said = set(alone) or set(votes)
    if len(said) == 1 and "denied" not in said:
        return said.pop(), ""
    if said:
        return None, "ambiguous: first, second" if len(said - {"denied"}) > 1 else "ambiguous: a verdict is denied"
    if _EQUAL.search(text):
        return None, f"{NOT_FOUND}: the videos are said to be equal"
    if mentioned:
        return None, f"ambiguous: nothing says that {' or '.join(sorted(set(mentioned)))} is the better one"
    return None, NOT_FOUND


def _mentions(sentence: str) -> list[tuple[int, int, str]]:
    """(start, end, "first" or "second") of every video that a sentence names."""
    found = []
    for match in _MENTION.finditer(sentence):
        word = next(group for group in match.groups() if group)
        if word in ("second", "2nd") and _TIME_UNIT.search(sentence[max(0, match.start() - 12) : match.start()]):
            continue  # a unit of time
        found.append((match.start(), match.end(), _place(word)))
    return found


def _place(word: str) -> str:
    return "first" if word in _FIRST else "second"


def _says_nothing_else(sentence: str, mentions: list[tuple[int, int, str]]) -> bool:
    reason = _REASON.search(sentence)
    length = reason.start() if reason else len(sentence)
    rest, last = [], 0
    for start, end, _ in mentions:
        if end > length:
            break
        rest.append(sentence[last:start])
        last = end
    if last == 0:
        return False
    rest.append(sentence[last:length])
    return bool(_ALONE.fullmatch(" ".join(rest)))


def _votes(sentence: str, mentions: list[tuple[int, int, str]]) -> list[str]:
    """What each verdict of a sentence says is better: "first", "second", or "denied" for a verdict with "not"."""
    votes = []
    for match in _VERDICT.finditer(sentence):
        before = [place for start, _, place in mentions if start < match.start()]
        after = [place for start, _, place in mentions if start >= match.end()]
        order = [*after[:1], *before[-1:]] if match["pick"] else [*before[-1:], *after[:1]]
        if not order:
            continue
        if _DENIED.search(sentence[max(0, match.start() - 60) : match.start()]):
            votes.append("denied")
            continue
        place = order[0]
        votes.append({"first": "second", "second": "first"}[place] if match["worse"] else place)
    return votes
