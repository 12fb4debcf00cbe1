"""Questions about a clip whose answers are certain from its facts, and the answers.

Written rules: a yes and a no are equally likely. What is borderline is not asked: a distortion that some viewers see and
some do not, a kind that looks like one that is there, a strength near a step of the scale (see `findings`). Where the
impairments are not known, only level, light, texture, motion and subject are asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lmms_cpllm.ratings import LEVELS, level_of
from lmms_cpllm.synthesis.facts import Facts
from lmms_cpllm.synthesis.language.findings import (
    CERTAIN,
    SEVERITIES,
    Finding,
    certainly_absent,
    findings,
    has_clear_worst,
    is_clear_step,
)
from lmms_cpllm.synthesis.language.scene_questions import scene_questions
from lmms_cpllm.synthesis.language.wording import capital, listed, name_of, pick

YES, NO = "Yes.", "No."

# Yes-or-no questions of one kind, beside those that fit every kind.
_OF_KIND: dict[str, tuple[str, ...]] = {
    "compression": ("Is the video visibly compressed?",),
    "blur": ("Is this video blurry?", "Is the picture blurred?", "Is the picture out of focus?"),
    "camera shake": ("Is the camera shaky?", "Does the camera shake?"),
    "noise": ("Is this video noisy?", "Is the picture grainy?"),
    "smearing": ("Is fine texture smeared?",),
    "underexposure": ("Is the picture underexposed?", "Is the picture too dark?"),
    "overexposure": ("Is the picture overexposed?", "Is the picture too bright?"),
    "colour cast": ("Is the picture tinted?", "Is the white balance wrong?"),
    "low contrast": ("Is the contrast too low?", "Is the picture washed out?"),
    "oversharpening": ("Is the picture oversharpened?", "Are there halos around edges?"),
    "unnatural colours": ("Do the colours look unnatural?",),
    "low resolution": ("Is the resolution low?", "Was the picture upscaled?"),
    "pixelation": ("Is the picture pixelated?",),
    "banding": ("Are there false contours in smooth areas?",),
    "interlacing": ("Is the video interlaced?",),
    "stutter": ("Does the motion stutter?", "Is the motion choppy?"),
    "freezing": ("Does the picture freeze?",),
    "transmission errors": ("Was the picture damaged by lost packets?",),
}
_OF_ANY_KIND = ("Does the video show {name}?", "Can {name} be seen?", "Does this video suffer from {name}?")
_WORST = ("What is the main problem of this video?", "What harms the quality most?", "What is wrong with this video?")
_WORST_OF_SOME = (*_WORST, "Which distortion is the worst?")
_ALL = ("Which distortions can be seen?", "List the distortions of this video.", "Name all faults of this video.")
_CLEAN_YES = ("Is this video free of visible faults?", "Is the picture clean?")
_CLEAN_NO = ("Does anything disturb the picture?", "Does this video have visible faults?")
_STRENGTH = ("How strong {is} the {name}?", "What is the strength of the {name}?", "Rate the strength of the {name}.")
_STRENGTH_NAMES = {"unnatural colours": ("colour distortion", False)}
_STAGE = ("Where does the fault come from?", "At which stage was the quality lost?")
_STAGES = {"capture": "Recording.", "production": "Processing.", "delivery": "Delivery."}
_WHERE = ("Where is the fault?", "In which part of the picture is the fault?")
_WHEN = ("When can the fault be seen?", "In which part of the clip is the fault?")
_PLACES = {
    "everywhere": "Everywhere.",
    "left": "On the left.",
    "right": "On the right.",
    "top": "At the top.",
    "bottom": "At the bottom.",
    "centre": "In the centre.",
}
_TIMES = {
    "throughout": "Throughout.",
    "beginning": "At the beginning.",
    "middle": "In the middle.",
    "end": "At the end.",
}
_LEVEL = ("How good is the quality of this video?", "What is the quality of this video?", "Choose the quality level.")
_YES_OR_NO = ("", "", " Answer with yes or no.")
_LETTER = ("Answer with the letter.", "Choose one.")
_NOTHING = "nothing"
_OPTIONS = 4
_WHOLE_SHARE = 0.15
# Kinds that are never at every place, or never at every time: where nothing is said of it, it is not known.
_NEVER_EVERYWHERE = ("transmission errors",)
_NEVER_THROUGHOUT = ("freezing", "transmission errors")


@dataclass(frozen=True)
class Question:
    """A question about one clip and its answer."""

    prompt: str
    """one line, or one line and the lettered options below it"""
    answer: str
    """a few words and a full stop; of lettered options the option, which a small model copies better than a letter"""
    options: tuple[str, ...]
    """all answers that are allowed, the right one among them; () for an open question"""
    kind: str
    """`fault`, `clean`, `worst`, `all`, `strength`, `stage`, `where`, `when`, `choice`, `level`, or one of
    `light`, `texture`, `motion`, `subject`, `overlay`"""


def ask(facts: Facts, rng: np.random.Generator) -> list[Question]:
    """Everything that can be asked about a clip, each in one wording; never empty.

    Args:
        facts: what is known of the clip.
        rng: draws the wording, the kinds that are asked for in vain, and the order of options; the same state gives the
            same questions.
    """
    questions = [_level(facts, rng)]
    if facts.impairments is not None:
        found = findings(facts)
        absent = certainly_absent(facts)
        questions += _faults(found, absent, rng)
        questions += _clean(facts, found, rng)
        questions += _worst(facts, found, absent, rng)
        questions += [_strength(one, rng) for one in found if is_clear_step(one.acr)]
    return questions + [
        Question(prompt, answer, options, kind) for prompt, answer, options, kind in scene_questions(facts, rng)
    ]


def _faults(found: Sequence[Finding], absent: Sequence[str], rng: np.random.Generator) -> list[Question]:
    """As many kinds that are there as kinds that are not; one in vain for half of the clips where nothing is there."""
    there = [one.kind for one in found if one.acr < CERTAIN]
    count = min(len(there) or int(rng.integers(2)), len(absent))
    missing = [absent[index] for index in rng.permutation(len(absent))[:count]]
    asked = [*((kind, YES) for kind in there), *((kind, NO) for kind in missing)]
    return [Question(_about(kind, rng), answer, (YES, NO), "fault") for kind, answer in asked]


def _about(kind: str, rng: np.random.Generator) -> str:
    name = name_of(kind, article=True)[0]
    prompts = (*(text.format(name=name) for text in _OF_ANY_KIND), *_OF_KIND.get(kind, ()))
    return pick(rng, prompts) + pick(rng, _YES_OR_NO)


def _clean(facts: Facts, found: Sequence[Finding], rng: np.random.Generator) -> list[Question]:
    if found and found[0].acr >= CERTAIN:
        return []
    if not found and level_of(facts.quality) not in LEVELS[:2]:
        return []  # something is wrong that is not among the impairments
    affirms = rng.random() < 0.5
    prompt = pick(rng, _CLEAN_YES if affirms else _CLEAN_NO) + pick(rng, _YES_OR_NO)
    return [Question(prompt, YES if affirms == (not found) else NO, (YES, NO), "clean")]


def _worst(facts: Facts, found: tuple[Finding, ...], absent: Sequence[str], rng: np.random.Generator) -> list[Question]:
    """Open questions and a choice, where the worst is beyond doubt."""
    questions = []
    if found and all(one.acr < CERTAIN for one in found):
        answer = capital(listed([one.kind for one in found])) + "."
        questions.append(Question(pick(rng, _ALL), answer, (), "all"))
    if has_clear_worst(found):
        worst = found[0]
        questions.append(Question(pick(rng, _WORST_OF_SOME), f"{capital(worst.kind)}.", (), "worst"))
        questions += _choice(worst.kind, absent, rng)
        questions += _origin(worst, rng) if len(found) == 1 else []
    elif not found and level_of(facts.quality) in LEVELS[:2]:
        questions.append(Question(pick(rng, _WORST), f"{capital(_NOTHING)}.", (), "worst"))
        questions += _choice(_NOTHING, absent, rng)
    return questions


def _origin(found: Finding, rng: np.random.Generator) -> list[Question]:
    """Stage, place and time of the only finding. Most are everywhere and throughout, which is asked for now and then."""
    questions = [Question(pick(rng, _STAGE), _STAGES[found.stage], tuple(_STAGES.values()), "stage")]
    if found.where != "everywhere" or (found.kind not in _NEVER_EVERYWHERE and rng.random() < _WHOLE_SHARE):
        questions.append(Question(pick(rng, _WHERE), _PLACES[found.where], tuple(_PLACES.values()), "where"))
    if found.when != "throughout" or (found.kind not in _NEVER_THROUGHOUT and rng.random() < _WHOLE_SHARE):
        questions.append(Question(pick(rng, _WHEN), _TIMES[found.when], tuple(_TIMES.values()), "when"))
    return questions


def _choice(right: str, absent: Sequence[str], rng: np.random.Generator) -> list[Question]:
    """The main problem, from lettered options; none where too few kinds are certainly absent."""
    wrong = [absent[index] for index in rng.permutation(len(absent))[: _OPTIONS - 1]]
    if len(wrong) < _OPTIONS - 1:
        return []
    if right != _NOTHING and rng.random() < 0.5:
        wrong[0] = _NOTHING
    options = [right, *wrong]
    return [_lettered(pick(rng, _WORST), [options[i] for i in rng.permutation(_OPTIONS)], right, "choice", rng)]


def _lettered(prompt: str, options: Sequence[str], right: str, kind: str, rng: np.random.Generator) -> Question:
    lines = (f"{letter}. {option}" for letter, option in zip("ABCDEFGH", options, strict=False))
    text = "\n".join((prompt, *lines, pick(rng, _LETTER)))
    return Question(text, f"{capital(right)}.", tuple(f"{capital(option)}." for option in options), kind)


def _strength(found: Finding, rng: np.random.Generator) -> Question:
    name, plural = _STRENGTH_NAMES.get(found.kind, name_of(found.kind))
    prompt = pick(rng, _STRENGTH).format(name=name, **{"is": "are" if plural else "is"})
    if rng.random() < 0.3:
        prompt += f" Answer with {', '.join(SEVERITIES[:-1])} or {SEVERITIES[-1]}."
    options = tuple(f"{capital(word)}." for word in SEVERITIES)
    return Question(prompt, f"{capital(found.severity)}.", options, "strength")


def _level(facts: Facts, rng: np.random.Generator) -> Question:
    order = LEVELS if rng.random() < 0.5 else LEVELS[::-1]
    return _lettered(pick(rng, _LEVEL), order, level_of(facts.quality), "level", rng)
