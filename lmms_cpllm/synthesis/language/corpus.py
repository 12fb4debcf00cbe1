"""Texts of all sorts that the model reads and writes: for a tokenizer, and for tests."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lmms_cpllm.ratings import level_of
from lmms_cpllm.synthesis.distortions import FAMILIES
from lmms_cpllm.synthesis.encode import CODECS
from lmms_cpllm.synthesis.facts import LIGHTS, MOTIONS, OVERLAYS, PLACES, SUBJECTS, TEXTURES, TIMES, Facts, Impairment
from lmms_cpllm.synthesis.language.comparisons import compare
from lmms_cpllm.synthesis.language.descriptions import describe
from lmms_cpllm.synthesis.language.prompts import PROMPTS
from lmms_cpllm.synthesis.language.questions import ask
from lmms_cpllm.synthesis.language.wording import pick

# Shares of clips of which nothing is known, of which part of the picture or clip is harmed, and that carry an overlay.
_UNKNOWN, _LOCAL, _OVERLAID = 0.1, 0.15, 0.15
_OF_WHOLE_FRAMES = ("shake", "drops", "freezes")


def corpus(rng: np.random.Generator, count: int, prefix: str, compare_prefix: str) -> Iterator[str]:
    """`count` prompts and answers of drawn facts, as many prompts as answers.

    Args:
        rng: draws facts and wording.
        count: 0 or more.
        prefix: the words before a rating.
        compare_prefix: the words before a choice.
    """
    texts = _texts(rng, prefix, compare_prefix)
    for _ in range(count):
        yield next(texts)


def _texts(rng: np.random.Generator, prefix: str, compare_prefix: str) -> Iterator[str]:
    while True:
        first, second = drawn_facts(rng), drawn_facts(rng)
        yield pick(rng, PROMPTS["rate"])
        yield f"{prefix} {level_of(first.quality)}."
        yield pick(rng, PROMPTS["describe"])
        yield describe(first, rng, prefix).text
        questions = ask(first, rng)
        for index in rng.permutation(len(questions))[:2]:
            yield questions[index].prompt
            yield questions[index].answer
        if first.quality != second.quality:
            yield pick(rng, PROMPTS["compare"])
            yield compare(first, second, rng, compare_prefix)


def drawn_facts(rng: np.random.Generator) -> Facts:
    """Facts of a clip that might be: up to three distortions of any family, quality a little below the worst of them."""
    impairments = tuple(_drawn_impairment(rng) for _ in range(rng.integers(0, 4)))
    worst = min((one.acr for one in impairments), default=5.0)
    return Facts(
        quality=max(0.0, (worst - 1.0) * 25.0 - float(rng.uniform(0.0, 8.0))),
        subject=pick(rng, ("", *SUBJECTS)),
        motion=pick(rng, MOTIONS),
        light=pick(rng, LIGHTS),
        texture=pick(rng, TEXTURES),
        impairments=None if rng.random() < _UNKNOWN else impairments,
        overlay=pick(rng, OVERLAYS) if rng.random() < _OVERLAID else "",
    )


def _drawn_impairment(rng: np.random.Generator) -> Impairment:
    family = pick(rng, (*FAMILIES, *CODECS))
    return Impairment(
        family,
        strength=float(rng.uniform(1.0, 10.0)),
        acr=float(rng.uniform(1.0, 5.0)),
        when=pick(rng, TIMES) if rng.random() < _LOCAL else "throughout",
        where=pick(rng, PLACES) if rng.random() < _LOCAL and family not in _OF_WHOLE_FRAMES else "everywhere",
    )
