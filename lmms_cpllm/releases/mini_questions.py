"""The questions of `vqa_mini_qa`: what is known of the clips of `vqa_mini`, as yes-or-no questions and as choices.

The words are those of `synthesis.language`, with which CP-LLM is trained, and so are the rules on what may be asked: no
distortion that some viewers see and some do not, no kind that looks like one that is there, no strength near a step of the
scale. Motion is not asked for: with twelve contents the shape of the picture tells it. The list is fixed: whatever is
chosen is chosen by the SHA-256 of a name, not by random numbers. Written rules:

- For each kind of distortion, yes and no are right equally often, and so they are for the other yes-or-no questions. They
  are asked of the clips that have the fewest questions so far.
- The right one of the lettered answers is A, B, C and D in turn. Wrong ones are other kinds that are certainly not there,
  in about half of the questions "nothing" among them.
- No kind of distortion is asked for, and none and no strength is the right choice, more than `MOST` times.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lmms_cpllm.ratings import YES_NO
from lmms_cpllm.releases import mini
from lmms_cpllm.synthesis.facts import Facts, Impairment
from lmms_cpllm.synthesis.language.findings import (
    CERTAIN,
    SEVERITIES,
    Finding,
    certainly_absent,
    findings,
    is_clear_step,
)
from lmms_cpllm.synthesis.language.wording import name_of

KINDS = ("present", "clean", "which", "strength")
MOST = 18
CLEAN_QUESTIONS = 48
NOTHING = "nothing"

# Light, texture and motion of each clean scene, as `synthesis.measures` finds them.
SCENES = {
    "astronaut": ("normal", "busy", "slow"),
    "cameraman": ("normal", "textured", "moderate"),
    "coffee": ("normal", "textured", "moderate"),
    "dahlia": ("normal", "flat", "slow"),
    "galaxies": ("dark", "textured", "fast"),
    "grass": ("normal", "busy", "moderate"),
    "gravel": ("normal", "busy", "fast"),
    "motorcycle": ("normal", "busy", "moderate"),
    "pagoda": ("normal", "textured", "moderate"),
    "retina": ("normal", "flat", "fast"),
    "rocket": ("normal", "flat", "moderate"),
    "tissue": ("normal", "busy", "slow"),
}

# What is asked about, its kind, and the wordings. Stutter is asked about twice: of what is easily mistaken for something
# else, it alone is certainly not in a clip that is compressed a little.
_PRESENT = (
    ("compression", "compression", ("Is the video visibly compressed?", "Does the video show compression artifacts?")),
    ("blur", "blur", ("Is this video blurry?", "Is the picture blurred?", "Does the video show blur?")),
    ("noise", "noise", ("Is this video noisy?", "Is the picture grainy?", "Does the video show noise?")),
    ("resolution", "low resolution", ("Was the picture upscaled?", "Does the video show a loss of resolution?")),
    ("stutter", "stutter", ("Does the motion stutter?", "Does the video show stutter?")),
    ("choppiness", "stutter", ("Is the motion choppy?",)),
)
_CLEAN = ("Is this video free of visible faults?", "Is the picture clean?")
_FAULTY = ("Does anything disturb the picture?", "Does this video have visible faults?")
_WHICH = ("What is the main problem of this video?", "What harms the quality most?", "What is wrong with this video?")
_STRENGTH = ("How strong {is} the {name}?", "What is the strength of the {name}?")
_LETTERS = "ABCD"


@dataclass(frozen=True)
class Question:
    """A question about one clip of `vqa_mini`."""

    clip: str
    """`MiniRow.name`"""
    kind: str
    """one of `KINDS`"""
    about: str
    """what of the clip; unique for a clip and kind"""
    prompt: str
    """with how to answer"""
    options: tuple[str, ...]
    """the answers that are allowed, in lower case and in the order of their letters where they have some"""
    answer: str
    """the right one"""

    @property
    def name(self) -> str:
        """Unique."""
        return f"{self.clip} {self.kind} {self.about}".rstrip()

    @property
    def lettered(self) -> bool:
        """Whether the options stand in the prompt as A., B., ..."""
        return self.kind == "which"


def facts_of(row: mini.MiniRow) -> Facts:
    """What is known of a clip, in the terms of `synthesis`."""
    light, texture, motion = SCENES[row.content]
    # There is one distortion, so the opinion of the clip is the opinion of the distortion.
    done = () if row.reference else (Impairment(row.family, row.strength, 1 + row.mos / 25),)
    return Facts(row.mos, motion=motion, light=light, texture=texture, impairments=done)


def questions() -> list[Question]:
    """All questions, always the same, in the order of their names; every clip has at least one.

    Raises:
        DataError: as `mini.table`.
    """
    clips = mini.table()
    result = [*_which(clips), *_strength(clips)]
    for part in (_clean, _present):
        result += part(clips, Counter(question.clip for question in result))
    return sorted(result, key=lambda question: question.name)


def _seen(row: mini.MiniRow) -> Finding | None:
    """What is certainly seen in a clip."""
    return next((one for one in findings(facts_of(row)) if one.acr < CERTAIN), None)


def _present(clips: Sequence[mini.MiniRow], asked: Counter[str]) -> list[Question]:
    """Is there noise? As many clips that have it as clips that have not, for every kind."""
    result = []
    for about, kind, wordings in _PRESENT:
        there = [row for row in clips if (found := _seen(row)) and found.kind == kind]
        missing = [row for row in clips if kind in certainly_absent(facts_of(row))]
        count = min(len(there), len(missing), MOST)
        so_far = asked + Counter(question.clip for question in result)
        for rows, answer in ((there, "yes"), (missing, "no")):
            chosen = _first(rows, count, so_far, about)
            result += [_yes_no(row, "present", about, wordings, answer) for row in chosen]
    return result


def _clean(clips: Sequence[mini.MiniRow], asked: Counter[str]) -> list[Question]:
    """Is it clean, and does anything disturb? Both of every clean clip, one of as many others."""
    clean = [row for row in clips if row.reference]
    faulty = _first([row for row in clips if _seen(row)], CLEAN_QUESTIONS - 2 * len(clean), asked, "clean")
    result = []
    for row in clean:
        result += [_yes_no(row, "clean", "clean", _CLEAN, "yes"), _yes_no(row, "clean", "faults", _FAULTY, "no")]
    for place, row in enumerate(faulty):
        about, wordings, answer = (("clean", _CLEAN, "no"), ("faults", _FAULTY, "yes"))[place % 2]
        result.append(_yes_no(row, "clean", about, wordings, answer))
    return result


def _yes_no(row: mini.MiniRow, kind: str, about: str, wordings: Sequence[str], answer: str) -> Question:
    wording = _pick(wordings, f"{row.name}|{about}")
    return Question(row.name, kind, about, f"{wording} Answer with yes or no.", YES_NO, answer)


def _which(clips: Sequence[mini.MiniRow]) -> list[Question]:
    """What is the main problem? Of four; asked of every clip where it is certain."""
    certain = [(row, found.kind if found else NOTHING) for row in clips if (found := _seen(row)) or row.reference]
    result = []
    for place, (row, right) in enumerate(_at_most(certain, "which")):
        wrong = sorted(certainly_absent(facts_of(row)), key=lambda kind: _hash(f"{row.name}|{kind}"))
        # Not by place alone: so "nothing" is a wrong option of every letter's questions.
        if right != NOTHING and place // len(_LETTERS) % 2:
            wrong.insert(0, NOTHING)
        options = sorted(wrong[: len(_LETTERS) - 1], key=lambda kind: _hash(f"{row.name}|place|{kind}"))
        options.insert(place % len(_LETTERS), right)
        lines = [f"{letter}. {option}" for letter, option in zip(_LETTERS, options, strict=True)]
        prompt = "\n".join((_pick(_WHICH, f"{row.name}|which"), *lines, "Answer with the letter."))
        result.append(Question(row.name, "which", "", prompt, tuple(options), right))
    return result


def _strength(clips: Sequence[mini.MiniRow]) -> list[Question]:
    """How strong is it? In the words of the impairment scale."""
    clear = [(row, found[0]) for row in clips if (found := findings(facts_of(row))) and is_clear_step(found[0].acr)]
    kinds = {row.name: found.kind for row, found in clear}
    result = []
    for row, severity in _at_most([(row, found.severity) for row, found in clear], "strength"):
        name, plural = name_of(kinds[row.name])
        wording = _pick(_STRENGTH, f"{row.name}|strength").format(name=name, **{"is": "are" if plural else "is"})
        prompt = f"{wording} Answer with {', '.join(SEVERITIES[:-1])} or {SEVERITIES[-1]}."
        result.append(Question(row.name, "strength", "", prompt, SEVERITIES, severity))
    return result


def _at_most(answers: Iterable[tuple[mini.MiniRow, str]], about: str) -> list[tuple[mini.MiniRow, str]]:
    """Clips with their right answers by hash, of each answer the first `MOST`."""
    used = Counter[str]()
    kept = []
    for row, answer in sorted(answers, key=lambda pair: _hash(f"{pair[0].name}|{about}")):
        used[answer] += 1
        if used[answer] <= MOST:
            kept.append((row, answer))
    return kept


def _first(rows: Iterable[mini.MiniRow], count: int, asked: Counter[str], about: str) -> list[mini.MiniRow]:
    """`count` clips: those with the fewest questions so far, then by hash."""
    return sorted(rows, key=lambda row: (asked[row.name], _hash(f"{row.name}|{about}")))[:count]


def _pick(wordings: Sequence[str], name: str) -> str:
    return wordings[int.from_bytes(_hash(name)[:4], "big") % len(wordings)]


def _hash(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()
