"""From what was measured of a clip to its label and to the facts that may be told."""

import math
from pathlib import Path

import pytest

from lmms_cpllm.synthesis import opinion as opinions
from lmms_cpllm.synthesis.labels import PERFECT_VMAF
from lmms_cpllm.training.human import Scored
from lmms_cpllm.training.labelling import example_of_clip, example_of_photograph, link_opinions, quality_of_acr

SCENE = {"subject": "plants", "light": "normal", "texture": "busy", "motion": "slow", "overlay": ""}
GOOD = {"vmaf": 90.0, "aim": 0.02, "chroma_error": 0.5}
POOR = {"vmaf": 45.0, "aim": 0.2, "chroma_error": 3.0}


def link(family, strength=1.0):
    return {"family": family, "strength": strength, "seed": 0, "kbps": 0.0, "options": []}


def row(*links, measured=(), whole=None, acr=None, **changes):
    """A row of the corpus; `measured` are the features of each link."""
    values = {
        "path": "/clips/a.mp4",
        "file": "a.mp4",
        "content": "forest",
        "scene": "forest-1",
        "split": "train",
        "chain": list(links),
        "links": list(measured),
        "whole": dict(whole if whole is not None else (measured[0] if len(measured) == 1 else {})),
        "facts": dict(SCENE),
        "acr": acr,
        "bits_per_pixel": 0.25,
    }
    return values | changes


def test_a_scored_photograph_carries_its_opinion():
    scored = Scored("p", Path("p.jpg"), 3.5, "s1", "s1-4", "validation")
    found = example_of_photograph(scored, SCENE | {"motion": "still"})
    assert (found.quality, found.source, found.split, found.content, found.scene) == (
        62.5,
        "still",
        "validation",
        "s1-4",
        "p",
    )
    assert found.facts.quality == 62.5
    assert found.facts.impairments is None
    assert found.asked.impairments is None
    assert found.facts.subject == "plants"
    assert found.families == ()


def test_a_clean_clip():
    found = example_of_clip(row())
    assert found.quality == pytest.approx(quality_of_acr(opinions.CLEAN_ACR))
    assert found.facts.impairments == ()
    assert found.source == "synthetic"
    assert found.closed
    assert found.asked == found.facts
    assert (found.path, found.content, found.scene) == (Path("/clips/a.mp4"), "forest", "forest-1")
    assert found.bits_per_pixel == 0.25


def test_a_distortion_that_metrics_know_is_labelled_by_them():
    weak, strong = (example_of_clip(row(link("h264", 30), measured=[features])) for features in (GOOD, POOR))
    assert weak.quality == pytest.approx(quality_of_acr(opinions.opinion(GOOD).acr))
    assert strong.quality < weak.quality - 10
    assert weak.sd == opinions.opinion(GOOD).sd
    [impairment] = weak.facts.impairments
    assert (impairment.family, impairment.strength) == ("h264", 30)
    assert impairment.acr == opinions.opinion(GOOD).acr
    assert (weak.families, weak.strengths) == (("h264",), (30,))


def test_a_chain_that_metrics_know_is_measured_as_a_whole():
    found = example_of_clip(row(link("blur"), link("h264", 30), measured=[GOOD, GOOD], whole=POOR))
    assert found.quality == pytest.approx(quality_of_acr(opinions.opinion(POOR).acr))
    assert [done.acr for done in found.facts.impairments] == [opinions.opinion(GOOD).acr] * 2


@pytest.mark.parametrize("family", opinions.SEVERITY_FAMILIES)
def test_a_distortion_that_no_metric_knows_is_labelled_by_its_strength(family):
    strength = 1.6 if family == "oversaturation" else 2.0
    found = example_of_clip(row(link(family, strength), measured=[POOR]))
    assert found.quality == pytest.approx(quality_of_acr(opinions.severity(family, strength).acr))
    assert found.sd == pytest.approx(opinions.severity(family, strength).sd)


@pytest.mark.parametrize(("family", "strength"), [("desaturation", 90), ("oversaturation", 3)])
def test_colours_that_a_picture_does_not_have_are_not_missed(family, strength):
    same = {"vmaf": PERFECT_VMAF, "aim": 0.0, "chroma_error": 0.0}
    grey, coloured = (example_of_clip(row(link(family, strength), measured=[found])) for found in (same, POOR))
    assert grey.quality == pytest.approx(quality_of_acr(opinions.CLEAN_ACR))
    assert coloured.quality == pytest.approx(quality_of_acr(opinions.severity(family, strength).acr))
    # Of other families metrics may miss a change: a brighter picture keeps its detail.
    bright = example_of_clip(row(link("overexposure", 1.5), measured=[same]))
    assert bright.quality == pytest.approx(quality_of_acr(opinions.severity("overexposure", 1.5).acr))


def test_a_chain_with_such_a_link_is_combined_and_less_certain():
    dark = opinions.severity("underexposure", 2.0)
    codec = opinions.opinion(GOOD)
    chain = row(link("underexposure", 2.0), link("h264", 30), measured=[POOR, GOOD], whole=POOR)
    found = example_of_clip(chain)
    assert found.quality == pytest.approx(quality_of_acr(opinions.combine([dark.acr, codec.acr])))
    assert found.quality < min(quality_of_acr(dark.acr), quality_of_acr(codec.acr))
    assert [done.acr for done in found.facts.impairments] == [dark.acr, codec.acr]
    worst = min((dark, codec), key=lambda known: known.acr)
    assert found.sd > worst.sd
    assert found.sd == pytest.approx(math.hypot(worst.sd, 0.25))
    assert [known.acr for known in link_opinions(chain)] == [dark.acr, codec.acr]


def test_a_photograph_that_was_compressed_is_worse_than_either():
    done = opinions.opinion(GOOD)
    found = example_of_clip(row(link("h264", 30), measured=[GOOD], acr=3.0))
    assert found.source == "human"
    assert found.quality == pytest.approx(quality_of_acr(opinions.combine((3.0, done.acr))))
    assert found.quality < 50
    assert found.sd > done.sd


def test_a_photograph_that_only_moves_keeps_its_opinion():
    found = example_of_clip(row(acr=3.2))
    assert found.quality == pytest.approx(quality_of_acr(3.2))
    assert found.facts.impairments is None


@pytest.mark.parametrize(
    ("acr", "features", "told", "closed"),
    [
        (4.3, GOOD, True, True),  # nothing was wrong before: what was done is all there is
        (4.3, POOR, True, True),
        (4.2, POOR, True, True),
        (3.9, POOR, True, False),  # what was done dominates, but other faults may be there
        (3.0, GOOD, False, False),  # the photograph's own faults, which nobody knows, may be worse
    ],
)
def test_the_faults_of_a_scored_photograph_are_told_only_where_they_are_known(acr, features, told, closed):
    found = example_of_clip(row(link("h264", 40), measured=[features], acr=acr))
    assert (found.facts.impairments is not None, found.closed) == (told, closed)
    assert (found.asked.impairments is not None) == closed
    assert found.asked.quality == found.facts.quality


def test_plain_vmaf_for_comparison():
    # On one straight line: 20 is bad, what a clip gets against itself is as good as a clean clip.
    clean = quality_of_acr(opinions.CLEAN_ACR)
    for vmaf, quality in ((10.0, 0.0), (20.0, 0.0), ((20 + PERFECT_VMAF) / 2, clean / 2), (PERFECT_VMAF, clean)):
        found = example_of_clip(row(link("h264", 40), measured=[POOR | {"vmaf": vmaf}]), by_vmaf=True)
        assert found.quality == pytest.approx(quality)
        assert found.sd == 0.4
    assert example_of_clip(row(), by_vmaf=True).quality == pytest.approx(clean)
    unknown = row(link("shake", 3), link("h264", 40), measured=[POOR, POOR], whole=POOR)
    assert example_of_clip(unknown, by_vmaf=True).split == "left out"
    assert example_of_clip(unknown | {"split": "test"}, by_vmaf=True).split == "test"
    assert example_of_clip(unknown).split == "train"


def test_a_bitrate_has_no_strength():
    found = example_of_clip(row(link("h264", 0.0) | {"kbps": 120.0}, measured=[GOOD]))
    assert found.strengths == (0.0,)


@pytest.mark.parametrize(("acr", "quality"), [(1, 0), (5, 100), (3, 50), (4.6, 90), (0.9, 0), (5.1, 100)])
def test_quality_of_an_opinion(acr, quality):
    assert quality_of_acr(acr) == pytest.approx(quality)
