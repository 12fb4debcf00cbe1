"""Numbers and level words in prose, each with the strength of the claim that it is the rating.

The text is that of `unwrapping.plain`: lower case, no markdown. Every pattern looks at a bounded stretch, so that the
time is linear in the length of the text.

Ranks, strongest first: `STATED` ("the quality of this video is fair", "overall: 72", "final score 72"), `CALLED`
("score: 72", "good quality", or a sentence that says nothing else), `SHAPED` (a fraction of 5, 10 or 100 in prose),
`LOOSE` (any other).
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from itertools import islice

from lmms_cpllm.ratings import doubts
from lmms_cpllm.ratings.scale import LEVELS

STATED, CALLED, SHAPED, LOOSE = range(4)

_WINDOW = 80  # characters before a number or word in which it is called a rating
_MAX_CLAIMS = 2000  # a bound on the time spent on a text that is no answer; what comes after is not read

_MEDIUM = r"(?:video|clip|image|picture|photo|sequence|footage|content)(?:'s)?"
_NOUN = r"(?:quality|score|rating|mos|grade|level|assessment|evaluation|judge?ment|verdict|result)"
# What may stand between "quality" and the word or number. A word of substance (sharpness, lighting) may not.
_LINKS = (
    "is was are be been being would could should can may might will has have of for this that the a an it it's "
    "its as at to by on in with i i'd i'll you my me video clip image picture photo sequence footage content "
    "video's overall final total quality score rating rate rated level mos value number grade around about "
    "approximately approx roughly nearly almost estimated estimate assigned given considered judged deemed "
    "classified described assessed evaluated categorized categorised labeled labelled falls fall into within "
    "category appear appears seem seems look looks equal equals exactly solid only just very quite rather pretty "
    "fairly relatively generally really mostly somewhat largely perceptual perceived visual here between from "
    "give answer ranges ranging where high low medium moderate average"
)
_LINK_WORDS = _LINKS.split()
_GAP = rf"(?:[\s:=|(\[<>§~≈→为是约は\-\u2013\u2014]|(?<![\w'])(?:{'|'.join(_LINK_WORDS)})(?![\w']))*"
_QUALIFIER = (
    rf"(?:the|this|that|its|my|a|an|of|as|with|is|has|in|and|{_MEDIUM}|visual|perceptual|perceived|overall|final|total|"
    r"general|estimated|predicted|numeric|numerical|quality|mos|mean|opinion)"
)
_STATED = re.compile(
    rf"(?:\b(?:overall|final)(?:\s+(?:visual|perceptual|perceived|{_MEDIUM}|{_NOUN}|answer)){{0,4}}"
    rf"|(?<!sound )(?<!audio )\bquality\s+of\s+(?:this|the)\s+(?:\w+\s+)?{_MEDIUM}"
    rf"|\banswer(?:\s+is)?\s?[:=])(?![\w']){_GAP}$"
)
_CALLED = re.compile(rf"(?:(?:^|[^\w\s]\s*|\b{_QUALIFIER}\s+){_NOUN}\b|评分|得分|分数|质量|スコア){_GAP}$")
_RATED = re.compile(
    rf"\b(?:rate|rated|give|say|assign|go\s+with|(?:{_MEDIUM}|it)\s+scores)\b{_GAP}$"
)  # "give it 72", but not "give 3 reasons"
_RATED_REST = re.compile(
    r"\s*(?:$|\n|[-\u2013\u2014,.;:!?(]"
    r"|(?:because|since|as|due|given|for|based|with|considering|overall|in|on|and|but|points?)\b)"
)
_OPENING = re.compile(
    rf"\W*(?:the\s+)?(?:(?:overall|video|visual|perceptual|perceived)\s+){{0,2}}"
    rf"quality\s+of\s+(?:this|the)\s+(?:\w+\s+)?{_MEDIUM}(?![\w'])"
)
_OPENING_REST = re.compile(r"\s*(?:$|\n|[-\u2013\u2014,.;:!?(]|(?:because|since|as|due|given)\b)")
_MORE_FILLERS = (
    "or and points point pts percent scale out i'm think say so thus hence therefore option no wait actually b c d e"
)
_FILLERS = frozenset((*_LINK_WORDS, *LEVELS, *_MORE_FILLERS.split()))
# These leave a level word a verdict, for one that they deny is not counted as said; of a number "not" would deny nothing.
_WORD_FILLERS = _FILLERS | frozenset(
    ["not", "neither", "nor", "but", "mainly", "sometimes", "occasionally", "often", "partly"]
)

_SENTENCE_END = re.compile(r"\n|[!?;]|\.(?=\s|$|\))")
_CLAUSE_END = re.compile(r"\n|[!?;]|\.(?=\s|$|\))|,(?!\d)")
_PLAIN_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
_JOIN = re.compile(r"[ ]*(?:[-\u2013\u2014~/]|to|or|through|-to-|-or-)[ ]*")
_JOIN_BETWEEN = re.compile(r"[ ]*(?:,|and)[ ]*")

_NUMBER = re.compile(r"(?<![a-z\u00df-\u024f\d_])(?<![a-z\d]\.)([-+]?)(\.?\d+(?:[.,]\d+)*)")
_OVER = re.compile(
    r"[\s(]{0,3}(?:(?:/|out\s+of(?:\s+a\s+(?:possible|maximum|total)(?:\s+of)?)?)\s{0,3}(\d{1,5}(?:\.\d{1,5})?)"
    r"|(?:of|von|sur|su|de|из)\s(100)\b(?!\s?%|[.,]\d))"  # of another number: a count, "3 of 5"
)
_LOWER_HALF = re.compile(r"(?:(?<!\d)(?<!\d )/|\bout\s+of(?:\s+a\s+(?:possible|maximum|total)(?:\s+of)?)?)\s{0,3}$")
_STARS = re.compile(r"[\s-]?stars?\b")
_UNITS = (
    r"fps|frames?|s|secs?|seconds?|ms|mins?|minutes?|hours?|hz|khz|[kmg]i?b|[kmg]?bps|[kmg]bit/s|px|pixels?|p|db|bits?|"
    r"people|persons?|videos?|clips?|times"
)
_FACT = re.compile(
    r"(?<![a-z\d\u00df-\u024f_.,])(?:\d{1,5}\s?[x\u00d7]\s?\d{1,5}\b"  # 1920x1080
    r"|\d{1,4}:\d{1,2}(?::\d{1,2})?\b"  # 16:9, 00:05
    rf"|\d{{1,9}}(?:[.,]\d{{1,9}})?(?:[\s-]?(?:{_UNITS})\b(?!')"  # 30 fps
    r"|(?!pts?\b)[a-zµ°\u00df-\u024f]\w{0,20}|\s?(?:秒|帧|分钟|个|人)))"  # 1080p, 3rd, 8秒
    r"|\b(?:frame|step|figure|option|part|table|item|criterion|section|question)s?\s?\d{1,4}\b"
    r"|\b[a-z]{1,4}[.-]?\d{1,6}(?:\.\d{1,4})?[a-z0-9]{0,6}\b"  # h.264, vp9, v1.5
)
_SPREAD = re.compile(r"\s?(?:\u00b1|\+/-)\s?\d{1,3}(?:\.\d{1,3})?%?(?![\d.])")  # 72 +/- 5
_LIST_MARK = re.compile(r"^[ \t>\-•]{0,8}(\d{1,2})[.)][ \t]+(?=\S)", re.MULTILINE)
_TO = r"\s{0,3}(?:-|\u2013|\u2014|~|to|and|through)\s{0,3}"
_END = r"(\d{1,4}(?:\.\d{1,3})?)"
_MEANS = r"(?:[\s=:(]|\b(?:is|are|being|means|meaning|represents|indicates|would|be|the|of|as)\b){1,8}"
_LOWEST = r"(?:worst|lowest|poorest|bad|very\s+(?:bad|poor)|terrible|unwatchable)\b"
_HIGHEST = r"(?:best|highest|perfect|excellent|flawless|pristine)\b"
_THEN = r"(?:[\s),;\-\u2013\u2014]|\b(?:quality|possible|and|to|while|score|rating)\b){1,8}"
_SCALE = re.compile(
    rf"\bscale(?:\s+(?:of|from|is|ranging|between)){{0,3}}\s{{0,3}}[:=(\[]?\s{{0,3}}{_END}{_TO}{_END}(?![.,]?\d)"
    r"|\b(\d{1,3})[\s-]points?(?:\s+\w{1,20})?\s+scale\b"
    r"|\bscale\s+of\s+(\d{1,3})(?![.,]?\d)"
    r"|\(\s?out\s+of\s+(\d{1,3})\s?\)\s?[:=]"
    r"|(?<![\w.,/])(?:from\s+|between\s+)?([01])(?:\.0{1,3})?"
    rf"{_TO}(100|10|5|1)(?:\.0{{1,3}})?(?!\s?[\d%/]|[.,]\d)"
    # The ends explained: "0 is the worst and 100 the best", "0 (worst) to 100 (best)".
    rf"|(?<![\w.,/])([01]){_MEANS}{_LOWEST}{_THEN}(100|10|5|1){_MEANS}{_HIGHEST}"
)

_WORD = re.compile(rf"\b(?:{'|'.join(LEVELS)})\b")
_FOLLOWED = re.compile(
    r"[\s-]{1,3}(?:(?:overall|video|visual|image|picture|perceptual|perceived)[\s-]{1,3})?quality\b(?!\s+of\s+life\b)"
    r"|[\s-]{1,3}(?:video|clip)(?=\s*(?:[.,!;)\n]|$))"
)
_NEGATED = re.compile(
    r"(?:\b(?:not|never|hardly|barely|neither|nor|cannot|without|than|below|above|beyond|far[\s-]from)|n't)"
    r"(?:[\s-]+(?!but\b)[\w']{1,20}){0,3}[\s-]+$|\b(?:no|almost|nearly|close[\s-]to|short[\s-]of)[\s-]+$|\bnon-$"
)


@dataclass(frozen=True)
class Claim:
    """A number or a level word that may be the rating."""

    value: float | str | None
    """quality, 0..100 or beyond; or one of `LEVELS`; None where the number can be read in two ways"""
    rank: int
    """STATED, CALLED, SHAPED or LOOSE"""
    shown: str
    """as it stands in the text"""


def find_numbers(text: str, low: float, high: float) -> tuple[list[Claim], set[tuple[float, float]]]:
    """The numbers of a text that may be a rating, and the scales that it names ("on a scale of 1 to 5").

    Left out are numbers with a unit (1080p, 30 fps, 1920x1080, 00:05), in names (h.264), of list items, and of scales.
    A fraction is its share of 100, unless it is a fraction of `high`, then it is a number on the scale asked for. A
    percentage is itself. Any other number is on the scale that the text names, else on the one asked for.
    """
    text = _FACT.sub("§", _SPREAD.sub("", _without_list_marks(text)))
    scales: set[tuple[float, float]] = set()
    text = _SCALE.sub(lambda match: _note_scale(match, scales), text)
    scale = next(iter(scales)) if len(scales) == 1 else (low, high)
    frame = _Frame(text)
    claims: list[Claim] = []
    last_end, last_rank = -1, LOOSE
    for match in _NUMBER.finditer(text):
        if len(claims) == _MAX_CLAIMS:
            break
        if match.start() < last_end or _LOWER_HALF.search(text[max(0, match.start() - 40) : match.start()]):
            continue  # the lower half of a fraction, or of one whose upper half was left out: "Score: __/100"
        quality, shaped, end = _read_number(text, match, scale, (low, high))
        if _STARS.match(text, end) and not shaped:
            continue  # of how many is not said
        rank = frame.rank(match.start(), end)
        if last_end >= 0 and frame.joined(last_end, match.start()):
            rank = last_rank
        elif frame.is_doubtful(match.start(), end):
            rank = LOOSE
        elif rank == LOOSE and shaped == "fraction" and not re.match(r"\s+of\b", text[end : end + 8]):
            rank = SHAPED
        claims.append(Claim(quality, rank, text[match.start() : min(end, match.start() + 20)].strip()))
        last_end, last_rank = end, rank
    return claims, scales


def find_words(text: str) -> tuple[list[Claim], list[str]]:
    """The level words that are said, and those that are said not to hold ("not good", "isn't bad", "better than fair").

    Where the text opens with a statement on "the quality of this video", only what it says is returned: the rest of a
    description speaks of parts ("good light").
    """
    frame = _Frame(text, clauses=True)
    opening = _OPENING.match(text)
    opening_end = _SENTENCE_END.search(text, opening.end()) if opening else None
    first_end = opening_end.start() if opening_end else len(text)
    claims: list[Claim] = []
    stated: list[Claim] = []
    negated: list[str] = []
    last_end, last_rank = -1, LOOSE
    for match in islice(_WORD.finditer(text), _MAX_CLAIMS):
        start, end = match.span()
        if _NEGATED.search(frame.before(start)[-60:]):
            negated.append(match[0])
            continue
        rank = frame.rank(start, end)
        if last_end >= 0 and frame.joined(last_end, start):
            rank = last_rank
        elif rank == LOOSE and _FOLLOWED.match(text, end):
            rank = CALLED
        claim = Claim(match[0], rank, match[0])
        claims.append(claim)
        if opening and rank == STATED and end <= first_end:
            stated.append(claim)
        last_end, last_rank = end, rank
    return stated or claims, negated


class _Frame:
    """The sentences (or clauses) of a text, and what a place in them says about a number or word there."""

    def __init__(self, text: str, *, clauses: bool = False) -> None:
        self._text = text
        self._fillers = _WORD_FILLERS if clauses else _FILLERS
        ends = [match.start() for match in (_CLAUSE_END if clauses else _SENTENCE_END).finditer(text)]
        self._starts = [0, *(end + 1 for end in ends)]
        self._ends = [*ends, len(text)]
        first = re.search(r"\w", text)
        self._opens = first.start() if first else 0
        self._bare: dict[int, bool] = {}
        self._sentence_ends = [match.start() for match in _SENTENCE_END.finditer(text)]
        self._open: dict[int, bool] = {}

    def before(self, start: int) -> str:
        """The end of what stands before a place in its sentence or clause."""
        begin = self._starts[bisect_right(self._starts, start) - 1]
        return self._text[max(begin, start - _WINDOW) : start]

    def _after(self, end: int) -> str:
        """The beginning of what stands behind a place."""
        return self._text[end : end + _WINDOW]

    def rank(self, start: int, end: int) -> int:
        """How strongly the text says that what stands from start to end is the rating."""
        window = self.before(start)
        if doubts.is_of_a_part(self._after(end)) or doubts.is_denied(window) or self._leaves_open(start):
            return LOOSE
        if _STATED.search(window):
            return STATED
        if _CALLED.search(window) or self._says_nothing_else(start):
            return CALLED
        if _RATED.search(window) and _RATED_REST.match(self._text, end):
            return CALLED
        return CALLED if start <= self._opens and _OPENING_REST.match(self._text, end) else LOOSE

    def is_doubtful(self, start: int, end: int) -> bool:
        """True for a number that says where the rating ends, or how one aspect of the video is."""
        window = self.before(start)
        return doubts.is_bound(window, self._after(end)) or doubts.is_of_an_aspect(window)

    def joined(self, end: int, start: int) -> bool:
        """True for the second of a range: "60-70", "60 to 70", "between fair and good"."""
        if start - end > 12:
            return False
        gap = self._text[end:start]
        if start > 0 and self._text[start - 1] == "-" and gap == "":
            return True
        between = "between" in self._text[max(0, end - 60) : end]
        return bool(_JOIN.fullmatch(gap) or (between and _JOIN_BETWEEN.fullmatch(gap)))

    def _leaves_open(self, start: int) -> bool:
        """True in a question, and where it is said what would be if something were otherwise."""
        index = bisect_left(self._sentence_ends, start)
        if index not in self._open:
            begin = self._sentence_ends[index - 1] + 1 if index else 0
            end = self._sentence_ends[index] if index < len(self._sentence_ends) else len(self._text)
            self._open[index] = self._text[end : end + 1] == "?" or doubts.is_unreal(self._text[begin:end])
        return self._open[index]

    def _says_nothing_else(self, start: int) -> bool:
        index = bisect_right(self._starts, start) - 1
        if index not in self._bare:
            sentence = self._text[self._starts[index] : self._ends[index]]
            words = _PLAIN_WORD.findall(sentence.replace("分", " ").replace("점", " ").replace("点", " "))
            self._bare[index] = "§" not in sentence and all(word in self._fillers for word in words)
        return self._bare[index]


def _without_list_marks(text: str) -> str:
    """The text without the numbers of list items. "72. The video ..." is no list: a list begins at 1 and counts on."""
    due = 1

    def drop(match: re.Match) -> str:
        nonlocal due
        if int(match[1]) != due:
            return match[0]
        due += 1
        return "- "

    return _LIST_MARK.sub(drop, text)


def _note_scale(match: re.Match, scales: set[tuple[float, float]]) -> str:
    low, high, points, top, head_top, bare_low, bare_high, worst, best = match.groups()
    if points:  # "5-point" is the ACR's 1..5, "100-point" starts at 0
        ends = (1.0 if float(points) <= 10 else 0.0, float(points))
    elif top or head_top:
        ends = (0.0, float(top or head_top))
    else:
        ends = (float(low or bare_low or worst), float(high or bare_high or best))
    if not ends[0] < ends[1]:
        return match[0]
    scales.add(ends)
    return ": " if head_top else " "


def _read_number(
    text: str, match: re.Match, scale: tuple[float, float], asked: tuple[float, float]
) -> tuple[float | None, str, int]:
    """(quality or None if it can be read in two ways, "fraction" or "percent" or "", end of what was read)."""
    value, end = _value(match[1], match[2]), match.end()
    over = _OVER.match(text, end)
    if over:
        whole = float(over[1] or over[2])
        if value is None or whole == 0:
            return None, "", over.end()
        if whole == asked[1]:
            return share(value, *asked), "fraction", over.end()
        return value / whole * 100.0, "fraction" if whole in (5.0, 10.0, 100.0) else "", over.end()
    percent = re.match(r"\s?(?:%|percent\b)", text[end : end + 10])
    if percent:
        return value, "percent", end + percent.end()
    return None if value is None else share(value, *scale), "", end


def share(value: float, low: float, high: float) -> float:
    """A number on low..high as a quality: linear, 0 at low and 100 at high. Exact where the scale is 0..100."""
    return value if (low, high) == (0.0, 100.0) else (value - low) / (high - low) * 100.0


def _value(sign: str, digits: str) -> float | None:
    """The number, with a decimal point or comma; None for what may be thousands (1,234) or is no number (1.2.3)."""
    marks = [character for character in digits if character in ".,"]
    if len(marks) > 1 or (marks == [","] and len(digits.split(",")[1]) == 3 and not digits.startswith("0,")):
        return None
    value = float(digits.replace(",", "."))
    return -value if sign == "-" else value
