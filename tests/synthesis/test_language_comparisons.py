"""Comparisons: the choice is read back, and the reasons hold."""

import re

import numpy as np
import pytest

from lmms_cpllm.metrics.lexicon import KINDS, named
from lmms_cpllm.ratings import parse_choice
from lmms_cpllm.synthesis.distortions import FAMILIES
from lmms_cpllm.synthesis.encode import CODECS
from lmms_cpllm.synthesis.facts import Facts, Impairment, kind_of
from lmms_cpllm.synthesis.language import INVISIBLE, compare, drawn_facts

PREFIX = "The video of better quality is the"


def compared(first, second, count=80):
    rng = np.random.default_rng(0)
    return {compare(first, second, rng, PREFIX) for _ in range(count)}


def kinds_of(facts):
    return {kind_of(one.family) for one in facts.impairments or () if one.acr < INVISIBLE}


def test_drawn_comparisons():
    rng = np.random.default_rng(3)
    reasons = 0
    for _ in range(2500):
        first, second = drawn_facts(rng), drawn_facts(rng)
        if first.quality == second.quality:
            continue
        text = compare(first, second, rng, PREFIX)
        better = "first" if first.quality > second.quality else "second"
        assert text.startswith(f"{PREFIX} {better}.")
        assert parse_choice(text)[0] == better, text
        assert re.fullmatch(r"(?:[A-Z][a-z ][^.{}\d]*\.(?: |$)){1,2}", text), text
        reason = text.partition(". ")[2]
        reasons += bool(reason)
        assert named(reason) <= kinds_of(first) | kinds_of(second), text
        if first.impairments is None or second.impairments is None:
            assert reason == ""
    assert reasons > 1000


def test_the_worse_clip_has_the_fault():
    clean, noisy = Facts(95.0, impairments=()), Facts(30.0, impairments=(Impairment("noise", 30, 2.0),))
    texts = compared(clean, noisy)
    assert f"{PREFIX} first. The first is clean, while the second shows strong noise." in texts
    assert all("the second s" in text.lower() for text in texts)
    assert all("the first s" in text.lower() for text in compared(noisy, clean))


def test_the_same_kind_is_compared_by_strength():
    slight, severe = (Facts(q, impairments=(Impairment("blur", 1, acr),)) for q, acr in ((70.0, 4.0), (5.0, 1.2)))
    assert compared(severe, slight) == {
        f"{PREFIX} second. Both show blur, but it is stronger in the first.",
        f"{PREFIX} second. The blur is severe in the first and slight in the second.",
    }


def test_no_reason_against_the_facts():
    better = Facts(70.0, impairments=(Impairment("blur", 1, 2.0),))
    worse = Facts(60.0, impairments=(Impairment("noise", 1, 2.1),))
    assert compared(better, worse) == {f"{PREFIX} first."}
    assert compared(better, Facts(60.0)) == {f"{PREFIX} first."}
    assert compared(Facts(70.0), worse) == {f"{PREFIX} first."}
    assert compared(better, Facts(60.0, impairments=())) == {f"{PREFIX} first."}


def test_equal_clips_have_no_better_one():
    with pytest.raises(ValueError, match=r"^both clips have quality 50, expected a difference$"):
        compare(Facts(50.0), Facts(50.0), np.random.default_rng(0), PREFIX)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_can_be_the_reason(kind):

    family = next(family for family in (*FAMILIES, *CODECS) if kind_of(family) == kind)
    texts = compared(Facts(95.0, impairments=()), Facts(30.0, impairments=(Impairment(family, 30, 2.0),)), 10)
    assert {frozenset(named(text)) for text in texts} == {frozenset({kind})}
