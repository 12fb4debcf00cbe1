"""What is worth saying, what is borderline, and the words for it."""

import itertools

import numpy as np
import pytest

from lmms_cpllm.metrics.lexicon import KINDS, named
from lmms_cpllm.synthesis.distortions import FAMILIES
from lmms_cpllm.synthesis.encode import CODECS
from lmms_cpllm.synthesis.facts import PLACES, TIMES, Facts, Impairment, kind_of
from lmms_cpllm.synthesis.language.findings import (
    SEVERITIES,
    Finding,
    certainly_absent,
    findings,
    has_clear_worst,
    is_clear_step,
    severity,
)
from lmms_cpllm.synthesis.language.wording import clause, listed, name_of, noun


def facts(*impairments, **scene):
    return Facts(50.0, **{"motion": "slow"} | scene, impairments=tuple(impairments))


@pytest.mark.parametrize(
    ("acr", "word"),
    tuple(
        zip(
            (5, 4.6, 4.2, 4.1, 3.3, 2.4, 1.5, 1.4, 1),
            (
                "barely visible",
                "barely visible",
                "barely visible",
                "slight",
                "slight",
                "visible",
                "strong",
                "severe",
                "severe",
            ),
            strict=True,
        )
    ),
)
def test_severity_follows_the_levels(acr, word):
    assert severity(acr) == word
    assert word in SEVERITIES


def test_findings_are_the_worst_first_each_kind_once():
    found = findings(
        facts(
            Impairment("noise", 5, 3.0, "end", "left"),
            Impairment("h264", 40, 2.0),
            Impairment("hevc", 40, 1.5, where="top"),
            Impairment("blur", 1, 4.35),
        )
    )
    assert found == (
        Finding("compression", "hevc", 1.5, "throughout", "top"),
        Finding("noise", "noise", 3.0, "end", "left"),
    )
    assert [one.stage for one in found] == ["delivery", "capture"]
    assert findings(facts()) == findings(Facts(50.0)) == ()


def test_what_is_near_a_step_is_not_clear():
    # The steps lie at 4.15, 3.25, 2.35 and 1.45.
    assert [acr for acr in (4.3, 4.2, 4.1, 3.7, 3.3, 2.8, 2.4, 1.0) if is_clear_step(acr)] == [4.3, 3.7, 2.8, 1.0]
    assert not is_clear_step(4.4)  # not seen


def test_the_worst_is_clear_only_by_a_margin():
    assert has_clear_worst(findings(facts(Impairment("blur", 1, 3.0), Impairment("noise", 1, 3.4))))
    assert not has_clear_worst(findings(facts(Impairment("blur", 1, 3.0), Impairment("noise", 1, 3.2))))
    assert not has_clear_worst(findings(facts(Impairment("blur", 1, 4.45))))
    assert not has_clear_worst(())


def test_kinds_that_look_alike_or_that_the_scene_may_show_are_not_called_absent():
    assert certainly_absent(Facts(50.0)) == ()
    assert set(KINDS) - set(certainly_absent(facts())) == {"camera shake"}
    blurred = certainly_absent(facts(Impairment("blur", 1, 4.9)))
    assert not {"blur", "motion blur", "low resolution", "smearing", "compression"} & set(blurred)
    assert {"noise", "banding", "freezing"} <= set(blurred)
    assert "underexposure" not in certainly_absent(facts(light="dark"))
    assert "overexposure" not in certainly_absent(facts(light="bright"))
    assert "blur" not in certainly_absent(facts(texture="flat"))
    assert "motion blur" not in certainly_absent(facts(motion="fast"))
    still = certainly_absent(facts(motion="still"))
    assert "camera shake" in still
    assert not {"stutter", "freezing"} & set(still)


@pytest.mark.parametrize("family", [*FAMILIES, *CODECS])
def test_every_family_has_words_that_name_its_kind_alone(family):
    rng = np.random.default_rng(0)
    kind = kind_of(family)
    for acr, when, where in itertools.product((4.6, 4, 3, 2, 1), TIMES, PLACES):
        found = Finding(kind, family, acr, when, where)
        for _ in range(3):
            phrase, _ = noun(found, rng)
            sentence = clause(found, rng)
            assert named(f"There is {phrase}.") == {kind}, phrase
            assert named(f"{sentence}.") == {kind}, sentence
            assert severity(acr) in phrase
            assert "{" not in phrase + sentence


@pytest.mark.parametrize("kind", KINDS)
def test_names_of_kinds_name_them(kind):
    assert named(name_of(kind)[0]) == {kind}
    assert named(name_of(kind, article=True)[0]) == {kind}


def test_place_time_article_and_plural():
    rng = np.random.default_rng(0)
    cast = Finding("colour cast", "colour_cast", 4.0, "end", "left")
    phrase = noun(cast, rng)[0].replace("tint", "cast")
    assert phrase == "a slight colour cast on the left at the end"
    errors = {noun(Finding("banding", "banding", 3.0, "middle", "everywhere"), rng) for _ in range(20)}
    assert errors == {
        ("visible banding in the middle of the clip", False),
        ("visible false contours in the middle of the clip", True),
    }
    assert [listed("a"), listed("ab"), listed("abc")] == ["a", "a and b", "a, b and c"]
