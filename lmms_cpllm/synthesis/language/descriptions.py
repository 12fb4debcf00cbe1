"""A description of a clip's quality: the rating, what disturbs, why it is seen so much or so little, what is shown."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lmms_cpllm.ratings import level_of
from lmms_cpllm.synthesis.facts import Facts
from lmms_cpllm.synthesis.language.findings import SEVERITIES, WORST_MARGIN, Finding, findings
from lmms_cpllm.synthesis.language.reasons import reason
from lmms_cpllm.synthesis.language.subjects import scene_sentence
from lmms_cpllm.synthesis.language.wording import capital, clause, listed, noun, pick

MAX_WORDS = 70
"""Sentences beyond the findings are left out rather than this is exceeded."""

# How often a description goes on with a reason and with the scene, so that it has 2 to 4 sentences.
_REASON_SHARE, _SCENE_SHARE = 0.75, 0.6
# How often one or two findings are clauses ("the picture is slightly blurred") instead of nouns.
_CLAUSE_SHARE = 0.3
# What two clauses need to say only once.
_SUBJECT = "the picture is "
_CLEAN = {
    "excellent": (
        "No distortion can be seen.",
        "Nothing disturbs the picture.",
        "The picture is clean and clear.",
        "It is free of visible faults.",
        "There is nothing to complain about.",
        "All parts of the picture are clear.",
        "No fault can be found.",
    ),
    "good": (
        "No distortion stands out.",
        "Nothing disturbs much.",
        "The picture is clean.",
        "There is no fault worth a mention.",
        "No fault catches the eye.",
        "The picture is clear for the most part.",
    ),
}
_ONE = (
    "The picture shows {a}",
    "It suffers from {a}",
    "There {is} {a}",
    "The main fault is {a}",
    "The video has {a}",
)
_SEEN = "{A} can be seen"
_ONE_FAINT = (
    "The picture shows {a}",
    "There {is} {a}",
    "Only {a} can be found",
    "The video has {a}",
)
_TWO = (
    "The picture shows {a} and {b}",
    "It suffers from {a} and {b}",
    "There {is} {a} and {b}",
    "The video has {a} as well as {b}",
)
_TWO_UNEQUAL = (
    "The main fault is {a}, and there {is_b} also {b}",
    "The worst fault is {a}, followed by {b}",
    "It suffers from {a} and, to a lesser degree, from {b}",
)
_MORE = (
    "The picture shows {all}",
    "It suffers from {all}",
    "Several faults can be seen: {all}",
)
_MORE_UNEQUAL = (
    "The main fault is {a}; there {is_b} also {rest}",
    "The worst fault is {a}, followed by {rest}",
)


@dataclass(frozen=True)
class Answer:
    """What is to be answered about a clip."""

    text: str
    complete: bool
    """False where more could be said than is known: nothing may be learnt from where the text ends"""


def describe(facts: Facts, rng: np.random.Generator, prefix: str) -> Answer:
    """A description that begins with the rating: two to four sentences, at most about 70 words, all of them true.

    Named are the kinds of all impairments that can be seen (`findings.INVISIBLE`), the worst first. Where the impairments
    are not known, or do not explain a level below good, the rating is all there is.

    Args:
        facts: what is known of the clip.
        rng: draws the wording; the same state gives the same text.
        prefix: the words before the rating ("The quality of this video is").
    """
    level = level_of(facts.quality)
    rating = f"{prefix} {level}."
    found = findings(facts)
    if facts.impairments is None or (not found and level not in _CLEAN):
        return Answer(rating, complete=False)
    sentences = [rating, findings_sentence(found, rng) if found else pick(rng, _CLEAN[level])]
    why = reason(facts, found, rng) if rng.random() < _REASON_SHARE else ""
    scene = scene_sentence(facts, rng) if not why or rng.random() < _SCENE_SHARE else ""
    for sentence in (why, scene):
        if sentence and sum(len(text.split()) for text in (*sentences, sentence)) <= MAX_WORDS:
            sentences.append(sentence)
    return Answer(" ".join(sentences), complete=True)


def findings_sentence(found: tuple[Finding, ...], rng: np.random.Generator) -> str:
    """What can be seen (one finding or more), as a sentence."""
    if len(found) <= 2 and rng.random() < _CLAUSE_SHARE:
        clauses = [clause(one, rng) for one in found]
        if all(text.startswith(_SUBJECT) for text in clauses):
            clauses[1:] = [text.removeprefix(_SUBJECT) for text in clauses[1:]]
        return f"{capital(' and '.join(clauses))}."
    nouns, plurals = zip(*(noun(one, rng) for one in found), strict=True)
    text = pick(rng, _forms(found)).format(
        a=nouns[0],
        A=capital(nouns[0]),
        b=nouns[1] if len(nouns) > 1 else "",
        all=listed(nouns),
        rest=listed(nouns[1:]) if len(nouns) > 1 else "",
        is_b="are" if len(plurals) > 1 and plurals[1] else "is",
        **{"is": "are" if plurals[0] else "is"},
    )
    return f"{text}."


def _forms(found: tuple[Finding, ...]) -> tuple[str, ...]:
    unequal = len(found) > 1 and found[1].acr - found[0].acr >= WORST_MARGIN
    if len(found) > 2:
        return (*_MORE, *(_MORE_UNEQUAL if unequal else ()))
    if len(found) == 2:
        return (*_TWO, *(_TWO_UNEQUAL if unequal else ()))
    if found[0].severity == SEVERITIES[0]:
        return _ONE_FAINT
    # "Visible blur can be seen" says the same twice.
    return _ONE if found[0].severity == "visible" else (*_ONE, _SEEN)
