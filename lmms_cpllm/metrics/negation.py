"""Which words of an English text are said to hold, and which are denied: "no noise, but strong blur".

Written rules:

- A denial (no, not, without, free of, neither, lacks, rather than, ...) holds for what follows in its clause. A clause
  ends with its sentence, a semicolon, a colon, a bracket, a dash, and before but, however, although, because, ...
- It goes through a list ("no noise, blur or banding") up to a member that begins anew, by a verb, an article or a
  strength of its own ("no noise, with strong blur"; "no noise and some blur").
- What follows a word may deny it too ("noise is not visible", "noise-free", "blur and noise are absent").
- Not denied: "not only noisy", "not without noise", "barely visible noise", "a little noise".
- "Minimal", "negligible", "low", "little" and "few" right before a word deny it: that is praise.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_BREAK = re.compile(
    r"[;!?\n()\u2013\u2014:]|\.(?=\s|$)|(?<=\s)--?(?=\s)"
    r"|\b(?:but|however|although|though|yet|while|whereas|except|despite|because|due to|owing to|caused by|which|since"
    r"|apart from|besides|other than|aside from|as a result|leading to|resulting in)\b|(?<=,) so\b"
)
_CUE = re.compile(
    r"(?:no(?! (?:doubt|wonder|matter|less\b))(?!,)|not(?! (?:only|just|merely|simply|solely|to mention)\b)|never"
    r"|without|neither|nor|nothing|none of|cannot|zero|(?:is |are |was |were )?(?:free|devoid|void|clear) (?:of|from)"
    r"|absence of|lack of|lacks|lacking|rather than|instead of|as opposed to|avoid(?:s|ed|ing)?"
    r"|(?:unaffected|untouched|undisturbed) by"
    r"|(?:hardly|barely|scarcely)(?! (?:visible|noticeable|perceptible|seen|detectable)))\b"
)
_CLOSE_CUE = re.compile(
    r"(?:(?:minimal|negligible|imperceptible|invisible|non ?existent|(?:very )?low|(?<!a )little|(?<!a )few"
    r"|very (?:little|few))(?: to no)?|(?:little|next) to no) "
    r"(?:(?:visible|noticeable|apparent) )?(?:(?:levels?|amounts?|signs?|traces?) of )?$"
)
_AFTER = re.compile(
    r" ?(?:levels? |artifacts? |effects? )?(?:free\b(?! (?:of|from)\b)"
    r"|(?:(?:is|are|was|were|seems?|appears?|remains?|stays?|can|could|do|does|have|has|to|be|been|it|kept|virtually|almost"
    r"|completely|entirely|largely|nearly|practically|also|both|all|very|well) ?)*"
    r"(?:absent|minimal|low\b|negligible|non ?existent|imperceptible|invisible|unnoticeable|under control|well controlled"
    r"|none\b|(?:not|never|cannot) (?:be )?(?:(?:really|readily|clearly|easily|at all|any|been|an?"
    r"|be) )*(?:visible|noticeable|present|seen|apparent|evident|perceptible|perceived|detectable|detected|observed|found"
    r"|noticed|there|problem|issue|exist|appear|occur|stand out)))"
)
_LIST_GAP = re.compile(r" ?(?:,|and|or|nor|, and|, or|&) ?(?:the |any |visible |noticeable )?")
_THERE = re.compile(r"(?:there|it|one) (?:is|are|was|were|has|shows|can)\b")
_TOKEN = re.compile(r"[\w']+|[,&]")
_JOINS = frozenset((",", "and", "or", "nor", "&", "plus"))
_VERB = re.compile(
    r"(?:is|are|was|were|has|have|had|can|could|does|do|did|shows|show|showed|appears|appear|seems|seem|looks"
    r"|look|remains|suffers|suffer|contains|exhibits|becomes|become|affects|affect|dominates|gets|stays|makes"
    r"|make|causes|exists)"
)
_ANEW = re.compile(
    r"(?:with|there|it|its|the|this|that|these|here|having|showing|only|some|slight|slightly|strong|strongly"
    r"|severe|severely|heavy|heavily|mild|mildly|moderate|moderately|clearly|also|many|lots|plenty|very|too"
    r"|quite|rather|instead|suffering|mostly|occasional|occasionally|considerable|pronounced|extreme"
    r"|extremely|just)"
)
_REACH = 12  # words between a denial and what it denies, or from one denied word to the next


def asserted(text: str, spans: Sequence[tuple[int, int]]) -> list[bool]:
    """For each place of a text whether the text says that what stands there holds.

    Args:
        text: lower case, with "not" for n't and single spaces.
        spans: start and end of words or phrases, in the order of the text, none overlapping.
    """
    after = _denied_after(text, spans)
    clauses = _clauses(text, spans)
    before = {index for start, end, inside in clauses for index in _denied_before(text, start, end, spans, inside)}
    close = {index for index, (start, _) in enumerate(spans) if _CLOSE_CUE.search(text[max(0, start - 60) : start])}
    return [index not in before | after | close for index in range(len(spans))]


def _denied_after(text: str, spans: Sequence[tuple[int, int]]) -> set[int]:
    """Those denied by what follows; a list is denied by what follows its last member."""
    denied: set[int] = set()
    for index in reversed(range(len(spans))):
        end = spans[index][1]
        next_start = spans[index + 1][0] if index + 1 < len(spans) else len(text)
        match = _AFTER.match(text, end)
        listed = index + 1 in denied and _LIST_GAP.fullmatch(text[end:next_start])
        if (match and match.end() <= next_start) or listed:
            denied.add(index)
    return denied


def _clauses(text: str, spans: Sequence[tuple[int, int]]) -> list[tuple[int, int, list[int]]]:
    """(start, end, indices of the spans inside) of every clause; a break inside a span is none."""
    breaks = [m.span() for m in _BREAK.finditer(text) if not _inside(m.start(), spans)]
    starts, ends = [0, *(end for _, end in breaks)], [*(start for start, _ in breaks), len(text)]
    return [
        (start, end, [index for index, span in enumerate(spans) if start <= span[0] < end])
        for start, end in zip(starts, ends, strict=True)
    ]


def _inside(place: int, spans: Sequence[tuple[int, int]]) -> bool:
    return any(start <= place < end for start, end in spans)


def _denied_before(
    text: str, start: int, end: int, spans: Sequence[tuple[int, int]], inside: Sequence[int]
) -> set[int]:
    """The spans of one clause that a denial before them reaches."""
    denied: set[int] = set()
    active = joined = listed = verb = False
    join, words, place, previous = "", 0, start, ""
    begins = {spans[index][0]: index for index in inside}
    while place < end:
        if place in begins:
            index = begins[place]
            place = spans[index][1]
            following = _TOKEN.match(text, place + 1)
            subject = joined and join in (",", "and", "&", "plus") and following and _VERB.fullmatch(following[0])
            if active and subject and (verb or not listed):
                active = False
            if active:
                denied.add(index)
                listed, words = True, 0
            joined, previous = False, ""
            continue
        token = _TOKEN.match(text, place)
        if token is None:
            place += 1
            continue
        cue = _CUE.match(text, place)
        if cue:
            # "Not without noise" is noisy, "not free of noise" too.
            active = previous not in ("not", "never") or cue[0] in ("not", "no")
            joined, listed, words, place, previous = False, False, 0, cue.end(), cue[0]
            verb = verb or cue[0] == "not"
            continue
        word, place = token[0], token.end()
        if word in _JOINS:
            join, joined = ("," if word == "," and not joined else word), True
        else:
            words += word not in ("the", "a", "an", "any", "of")
            anew = joined and join not in ("or", "nor") and (_VERB.fullmatch(word) or _ANEW.fullmatch(word))
            if anew or words > _REACH or (listed and _THERE.match(text, token.start())):
                active = False
            verb = verb or _VERB.fullmatch(word) is not None
        previous = word
    return denied
