"""Questions about what a scene shows: light, texture, motion, subject, bars and captions."""

from __future__ import annotations

import numpy as np

from lmms_cpllm.synthesis.facts import LIGHTS, MOTIONS, OVERLAYS, SUBJECTS, TEXTURES, Facts
from lmms_cpllm.synthesis.language.subjects import SUBJECT_WORDS
from lmms_cpllm.synthesis.language.wording import capital, pick

_YES_NO = ("Yes.", "No.")
_LIGHT = ("Is the scene dark, normal or bright?", "How is the light?")
_IS_DARK = ("Is the scene dark?", "Is it a dark scene?", "Is there little light in the scene?")
_IS_NORMAL = ("Is the light normal?", "Is the scene in normal light?")
_IS_BRIGHT = ("Is the scene bright?", "Is it a bright scene?")
_TEXTURE = ("How much texture does the scene have?", "Does the scene have little, some or much texture?")
_TEXTURE_WORDS = {"flat": "little", "textured": "some", "busy": "much"}
_IS_BUSY = ("Is the scene full of fine detail?", "Is the texture busy?")
_IS_FLAT = ("Are there large smooth areas?", "Does the scene have little texture?")
_MOTION = ("Is the scene still, or is the motion slow, moderate or fast?", "How is the motion?")
_MOVES = ("Does anything move?", "Is there any motion?")
_IS_FAST = ("Is the motion fast?", "Is there fast motion?")
_IS_STILL = ("Is the scene still?", "Is the view still?")
_SUBJECT = ("What does the video show?", "What can be seen in this video?", "What is the subject of the video?")
_IS_SUBJECT = ("Does the video show {subject}?", "Can {subject} be seen?")
_HAS_BARS = ("Does the picture have black bars?", "Are there black bars around the picture?")
_HAS_CAPTION = ("Was a caption added?", "Does the picture have a caption?")

# Share of the clips without bars and captions that are asked for one; about as many as have one.
_IN_VAIN = 0.15

Row = tuple[str, str, tuple[str, ...], str]


def scene_questions(facts: Facts, rng: np.random.Generator) -> list[Row]:
    """Prompt, answer, options and kind of each question; a yes and a no are equally likely where both can be asked."""
    rows = [*_light(facts, rng), *_texture(facts, rng), *_motion(facts, rng), *_subject(facts, rng)]
    if facts.impairments is not None:
        rows += _overlay(facts, rng)
    return rows


def _light(facts: Facts, rng: np.random.Generator) -> list[Row]:
    rows = [_open(_LIGHT, facts.light, LIGHTS, "light", rng)]
    asked = {light: facts.light == light for light in LIGHTS}
    return rows + _polar(asked, {"dark": _IS_DARK, "normal": _IS_NORMAL, "bright": _IS_BRIGHT}, "light", rng)


def _texture(facts: Facts, rng: np.random.Generator) -> list[Row]:
    words = tuple(_TEXTURE_WORDS[texture] for texture in TEXTURES)
    rows = [_open(_TEXTURE, _TEXTURE_WORDS[facts.texture], words, "texture", rng)]
    if facts.texture == "textured":
        return rows  # between both, so neither a yes nor a no is certain
    asked = {"busy": facts.texture == "busy", "flat": facts.texture == "flat"}
    return rows + _polar(asked, {"busy": _IS_BUSY, "flat": _IS_FLAT}, "texture", rng)


def _motion(facts: Facts, rng: np.random.Generator) -> list[Row]:
    rows = [_open(_MOTION, facts.motion, MOTIONS, "motion", rng)]
    asked = {"moves": facts.motion != "still"}
    # A neighbouring word is no certain no.
    if facts.motion != "moderate":
        asked["fast"] = facts.motion == "fast"
    if facts.motion != "slow":
        asked["still"] = facts.motion == "still"
    return rows + _polar(asked, {"moves": _MOVES, "fast": _IS_FAST, "still": _IS_STILL}, "motion", rng)


def _subject(facts: Facts, rng: np.random.Generator) -> list[Row]:
    if not facts.subject:
        return []
    options = tuple(f"{capital(SUBJECT_WORDS[subject])}." for subject in SUBJECTS)
    own = SUBJECT_WORDS[facts.subject]
    rows: list[Row] = [(pick(rng, _SUBJECT), f"{capital(own)}.", options, "subject")]
    # People are in pictures of anything, and so are objects and buildings: these are not asked for in vain.
    others = [name for name in ("animals", "plants", "landscapes", "vehicles", "food") if name != facts.subject]
    if facts.subject in ("animals", "food", "vehicles", "people", "rooms", "objects"):
        others = [name for name in others if name not in ("plants", "landscapes")]
    if facts.subject in ("rooms", "objects"):
        others = ["animals"]
    is_there = rng.random() < 0.5
    asked = own if is_there else SUBJECT_WORDS[pick(rng, others)]
    return [*rows, (pick(rng, _IS_SUBJECT).format(subject=asked), _YES_NO[not is_there], _YES_NO, "subject")]


def _overlay(facts: Facts, rng: np.random.Generator) -> list[Row]:
    """Bars and captions that were added are known; few clips have any, so few are asked in vain."""
    if not facts.overlay and rng.random() >= _IN_VAIN:
        return []
    asked = {facts.overlay: True} if facts.overlay else dict.fromkeys(OVERLAYS, False)
    return _polar(asked, {"letterbox": _HAS_BARS, "caption": _HAS_CAPTION}, "overlay", rng)


def _open(prompts: tuple[str, ...], value: str, allowed: tuple[str, ...], kind: str, rng: np.random.Generator) -> Row:
    return pick(rng, prompts), f"{capital(value)}.", tuple(f"{capital(word)}." for word in allowed), kind


def _polar(
    asked: dict[str, bool], prompts: dict[str, tuple[str, ...]], kind: str, rng: np.random.Generator
) -> list[Row]:
    """One yes-or-no question: one with a yes and one with a no are equally likely where there are both."""
    by_answer = [[name for name, holds in asked.items() if holds is wanted] for wanted in (True, False)]
    by_answer = [names for names in by_answer if names]
    if not by_answer:
        return []
    name = pick(rng, by_answer[int(rng.integers(len(by_answer)))])
    return [(pick(rng, prompts[name]), _YES_NO[not asked[name]], _YES_NO, kind)]
