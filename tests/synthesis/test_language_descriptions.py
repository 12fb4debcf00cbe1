"""Descriptions: true, read back by the parsers, varied, and the same for the same draw."""

import re
from dataclasses import replace

import numpy as np
import pytest

from lmms_cpllm.metrics.lexicon import named
from lmms_cpllm.ratings import level_of, parse_answer
from lmms_cpllm.synthesis.facts import Facts, Impairment, kind_of
from lmms_cpllm.synthesis.language import INVISIBLE, describe, drawn_facts, findings
from lmms_cpllm.synthesis.language.descriptions import MAX_WORDS
from lmms_cpllm.synthesis.language.reasons import reason

PREFIX = "The quality of this video is"
SHARP = Facts(95.0, motion="slow", light="normal", texture="textured", impairments=())


def texts(facts, count=300, seed=0):
    rng = np.random.default_rng(seed)
    return [describe(facts, rng, PREFIX).text for _ in range(count)]


@pytest.fixture(scope="module")
def drawn():
    rng = np.random.default_rng(1)
    facts = [drawn_facts(rng) for _ in range(5000)]
    return [(one, describe(one, rng, PREFIX)) for one in facts]


def test_exactly_the_kinds_that_can_be_seen_are_named(drawn):
    wrong = []
    for facts, answer in drawn:
        seen = {kind_of(one.family) for one in facts.impairments or () if one.acr < INVISIBLE}
        if answer.complete and named(answer.text) != seen:
            wrong.append((named(answer.text) ^ seen, answer.text))
    assert wrong == []
    assert sum(answer.complete for _, answer in drawn) > 4000


def test_the_rating_is_read_back(drawn):
    for facts, answer in drawn:
        level = level_of(facts.quality)
        assert answer.text.startswith(f"{PREFIX} {level}.")
        assert parse_answer(answer.text).rating.level == level, answer.text


def test_form(drawn):
    for _, answer in drawn:
        assert re.fullmatch(r"(?:[A-Z][a-z ][^.{}\d]*\.(?: |$))+", answer.text), answer.text
        assert len(answer.text.split()) <= MAX_WORDS
        sentences = answer.text.count(".")
        assert (2 <= sentences <= 4) if answer.complete else sentences == 1
        assert not re.search(r" a [aeiou]|\b(\w+) \1\b| ,|  ", answer.text), answer.text


def test_there_is_variety(drawn):
    assert len({answer.text for _, answer in drawn}) > 3500
    assert len(set(texts(replace(SHARP, impairments=(Impairment("blur", 1.0, 3.0),))))) > 60
    assert len(set(texts(SHARP))) > 30


def test_the_same_draw_gives_the_same_text():
    facts = replace(SHARP, impairments=(Impairment("noise", 9.0, 2.0),))
    assert texts(facts, 20, seed=4) == texts(facts, 20, seed=4) != texts(facts, 20, seed=5)


def test_unknown_impairments_leave_the_rating_open():
    for facts in (Facts(30.0), Facts(50.0, impairments=()), Facts(40.0, impairments=(Impairment("blur", 0.1, 4.9),))):
        answer = describe(facts, np.random.default_rng(0), PREFIX)
        assert answer.text == f"{PREFIX} {level_of(facts.quality)}."
        assert not answer.complete


def test_the_worst_comes_first():
    facts = replace(SHARP, quality=20.0, impairments=(Impairment("noise", 5, 4.0), Impairment("blur", 3, 1.8)))
    for text in texts(facts, 60):
        second = text.split(". ")[1].lower()
        order = [second.index(next(w for w in words if w in second)) for words in (("blur", "soft"), ("nois", "grain"))]
        assert order == sorted(order), text


def reasons(facts, count=200):
    rng = np.random.default_rng(0)

    return {reason(facts, findings(facts), rng) for _ in range(count)}


@pytest.mark.parametrize(
    ("scene", "family", "acr", "said"),
    [
        ({"texture": "busy"}, "h264", 3.0, "Busy texture masks part of the compression artifacts."),
        ({"texture": "flat"}, "banding", 3.0, "Smooth areas make the banding easy to see."),
        ({"light": "dark"}, "noise", 3.0, "Dark scenes bring out the noise."),
        ({"motion": "fast"}, "defocus", 3.0, "Fast motion hides part of the blur."),
        ({"motion": "fast"}, "drops", 3.0, "Fast motion makes the stutter easy to see."),
        ({"motion": "still"}, "freezes", 4.0, "With so little motion, the freezing is hard to notice."),
        ({"overlay": "letterbox"}, "blur", 3.0, "The black bars do not count as a fault."),
        ({"subject": "food"}, "colour_cast", 3.0, "On food, the colour cast is easy to notice."),
    ],
)
def test_reasons_follow_from_the_scene(scene, family, acr, said):
    impaired = replace(SHARP, impairments=(Impairment(family, 3.0, acr),))
    assert said in reasons(replace(impaired, **scene))
    assert said not in reasons(impaired)


def test_reasons_know_the_order_of_the_chain():
    noise, codec = Impairment("noise", 9, 3.0), Impairment("h264", 40, 2.5)
    said = "Noise is costly to encode and makes the compression artifacts worse."
    assert said in reasons(replace(SHARP, impairments=(noise, codec)))
    assert said not in reasons(replace(SHARP, impairments=(codec, noise)))


def test_place_and_time_are_told():
    facts = replace(SHARP, quality=50.0, impairments=(Impairment("blur", 3, 3.0, "end", "left"),))
    for text in texts(facts, 50):
        assert "on the left at the end" in text
    assert {"The rest of the clip is better."} <= reasons(facts)
