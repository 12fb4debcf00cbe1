"""The words for what a scene shows: subject, light, motion and texture."""

from __future__ import annotations

import numpy as np

from lmms_cpllm.synthesis.facts import Facts
from lmms_cpllm.synthesis.language.wording import pick

SUBJECT_WORDS = {
    "people": "people",
    "animals": "an animal",
    "plants": "plants",
    "landscapes": "a landscape",
    "buildings": "a building",
    "vehicles": "a vehicle",
    "food": "food",
    "objects": "objects",
    "rooms": "an indoor scene",
}
_IN_LIGHT = {"dark": "in dim light", "normal": "in normal light", "bright": "in bright light"}
_SCENE = {"dark": "a dark scene", "normal": "a scene in normal light", "bright": "a bright scene"}
_IS_LIT = {"dark": "dark", "normal": "normally lit", "bright": "bright"}
_LIGHT = {"dark": "dim", "normal": "normal", "bright": "bright"}
_MOTION = {
    "still": ("no movement", "hardly any movement"),
    "slow": ("slow movement", "little movement"),
    "moderate": ("moderate movement", "some movement"),
    "fast": ("fast movement", "much movement"),
}
_MOVES = {
    "still": ("nothing moves", "the view is still"),
    "slow": ("the motion is slow", "everything moves slowly"),
    "moderate": ("the motion is moderate", "there is some motion"),
    "fast": ("the motion is fast", "everything moves fast"),
}
_TEXTURE = {
    "flat": ("large smooth areas", "little texture"),
    "textured": ("some texture", "texture in parts of the picture"),
    "busy": ("much fine detail", "busy texture"),
}
_OVERLAY = {"letterbox": "the picture lies between black bars", "caption": "the picture carries a caption"}


def scene_sentence(facts: Facts, rng: np.random.Generator) -> str:
    """One sentence on what the video shows, never on its quality."""
    scene, lit, motion = _SCENE[facts.light], _IS_LIT[facts.light], pick(rng, _MOTION[facts.motion])
    moves, texture = pick(rng, _MOVES[facts.motion]), pick(rng, _TEXTURE[facts.texture])
    if not facts.subject:
        forms = [
            f"It is {scene} with {texture}, and {moves}",
            f"The video shows {scene} with {motion} and {texture}",
            f"The scene is {lit}, with {motion} and {texture}",
            f"The scene is {lit}, and {moves}",
            f"The scene has {texture} and {motion}",
        ]
    else:
        subject, light = SUBJECT_WORDS[facts.subject], _IN_LIGHT[facts.light]
        forms = [
            f"The video shows {subject} {light}, and {moves}",
            f"It shows {subject} {light}, with {motion} and {texture}",
            f"The clip shows {subject} {light}",
            f"It shows {subject}, with {motion} and {texture}",
            f"The video is of {subject} {light}, with {texture}",
            f"It shows {subject}; the light is {_LIGHT[facts.light]}, and {moves}",
        ]
    if facts.overlay:
        forms = [f"It shows {SUBJECT_WORDS.get(facts.subject, scene)}, and {_OVERLAY[facts.overlay]}", *forms[:2]]
    return f"{pick(rng, forms)}."
