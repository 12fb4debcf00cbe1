"""Opinions of features and strengths: the ends of the scale, order, and what the shipped constants say."""

import itertools
import json
import math

import numpy as np
import pytest

from lmms_cpllm.synthesis import opinion as module
from lmms_cpllm.synthesis.distortions import FAMILIES, TRAINING_RANGES
from lmms_cpllm.synthesis.labels import PERFECT_VMAF, SLICED, SLICES
from lmms_cpllm.synthesis.opinion import (
    CLEAN_ACR,
    SEVERITY_FAMILIES,
    Curve,
    Term,
    acr_of_dmos,
    combine,
    dmos_of,
    opinion,
    pooled,
    severity,
    shipped,
)

PERFECT = {"vmaf": PERFECT_VMAF, "aim": 0.0, "chroma_error": 0.0}


def means(**changed):
    return PERFECT | changed


def sliced(parts):
    """Features of a clip from (vmaf, aim, chroma_error) of its tenths, worst first."""
    values = {f"{name}_{n}": part[place] for n, part in enumerate(parts, 1) for place, name in enumerate(SLICED)}
    return values | {name: float(np.mean([part[place] for part in parts])) for place, name in enumerate(SLICED)}


def test_a_clip_that_equals_its_reference_gets_the_acr_of_a_clean_clip():
    assert opinion(PERFECT).acr == pytest.approx(CLEAN_ACR)
    assert opinion(sliced([(PERFECT_VMAF, 0, 0)] * SLICES)).acr == pytest.approx(CLEAN_ACR)
    # Rounding in libvmaf may lift VMAF over its own best.
    assert opinion(means(vmaf=97.44)).acr == pytest.approx(CLEAN_ACR)


def test_the_worst_that_there_is_stays_on_the_scale():
    worst = opinion(means(vmaf=0.0, aim=1.5, chroma_error=120.0)).acr
    assert 1.0 < worst < 1.1


@pytest.mark.parametrize(
    ("feature", "values"),
    [
        ("vmaf", [97, 95, 90, 80, 60, 40, 20, 0]),
        ("aim", [0.01, 0.05, 0.1, 0.3, 1]),
        ("chroma_error", [1, 5, 15, 40]),
    ],
)
def test_opinion_falls_with_each_feature(feature, values):
    acrs = [opinion(PERFECT).acr, *(opinion(means(**{feature: value})).acr for value in values)]
    assert all(better > worse for better, worse in itertools.pairwise(acrs)), acrs


def test_what_people_said_of_jpeg_is_what_vmaf_and_aim_of_jpeg_are_worth():
    """KADID-10k: quality 43 got 4.34, quality 7 got 1.95; the features are means over 40 photographs."""
    assert opinion(means(vmaf=89.7, aim=0.026, chroma_error=1.4)).acr == pytest.approx(4.34, abs=0.3)
    assert opinion(means(vmaf=57.0, aim=0.124, chroma_error=3.1)).acr == pytest.approx(1.95, abs=0.3)


def test_the_error_is_the_cross_validated_one():
    found = json.loads(module.CONSTANTS.read_text())["fidelity"]
    assert opinion(PERFECT).sd == found["figures"]["cross_validated"]["fidelity"]["rmse"] == found["sd"]
    assert 0.1 < found["sd"] < 0.4


def test_the_fit_is_better_than_its_baselines_on_what_it_has_not_seen():
    figures = json.loads(module.CONSTANTS.read_text())["fidelity"]["figures"]
    fit = figures["cross_validated"]["fidelity"]
    for baseline in ("vmaf_alone", "psnr_alone", "vmaf_as_acr"):
        other = figures[baseline]["fidelity"]
        assert fit["rmse"] < other["rmse"] / 1.5
        assert fit["srcc"] > other["srcc"] + 0.1
        assert fit["rows"] == other["rows"] == 75


def test_a_fault_that_comes_at_once_weighs_more_than_its_share():
    clean, bad = (PERFECT_VMAF, 0.0, 0.0), (20.0, 0.5, 2.0)
    alone = opinion(dict(zip(SLICED, bad, strict=True))).acr
    for count in (1, 3, 5, 9):
        acr = opinion(sliced([bad] * count + [clean] * (SLICES - count))).acr
        share = CLEAN_ACR - count / SLICES * (CLEAN_ACR - alone)
        assert alone < acr < share
    assert opinion(sliced([bad] * SLICES)).acr == pytest.approx(alone)


def test_a_freeze_of_a_third_of_a_second_is_worth_what_people_gave_it():
    """0.36 s of 2 s in a moving scene: 3.5 (van Kester et al., SPIE 7865, 2011)."""
    assert pooled([1.45] * 18 + [CLEAN_ACR] * 82) == pytest.approx(3.5, abs=0.1)


def test_dmos_is_the_scale_of_the_terms():
    terms = (Term("vmaf", 30.0, 2.0), Term("aim", 0.2, 1.0))
    features = {"vmaf": np.array([PERFECT_VMAF, PERFECT_VMAF - 30, PERFECT_VMAF - 30]), "aim": np.array([0, 0, 0.2])}
    assert dmos_of(features, terms, 4.6) == pytest.approx([4.6, 2.8, 1 + 3.6 / 3])


@pytest.mark.parametrize(("dmos", "acr"), [(4.5, CLEAN_ACR), (1.0, 1.0), (2.75, (CLEAN_ACR + 1) / 2)])
def test_acr_of_dmos_is_a_straight_line(dmos, acr):
    assert acr_of_dmos(dmos, top=4.5) == pytest.approx(acr)


def test_the_two_scales_have_nearly_the_same_top():
    assert acr_of_dmos(shipped().top_dmos) == pytest.approx(CLEAN_ACR)
    assert shipped().top_dmos == pytest.approx(4.6, abs=0.02)


@pytest.mark.parametrize("family", SEVERITY_FAMILIES)
def test_severity_falls_over_the_whole_range(family):
    lowest, strengths = FAMILIES[family].lowest, np.geomspace(*TRAINING_RANGES[family], 8)
    acrs = [severity(family, strength).acr for strength in (lowest, *strengths)]
    assert acrs[0] == pytest.approx(CLEAN_ACR)
    assert all(better > worse for better, worse in itertools.pairwise(acrs)), acrs
    assert acrs[1] > 3.2
    assert acrs[-1] < 2.6
    assert 0.2 < severity(family, strengths[0]).sd < 1


@pytest.mark.parametrize(
    ("family", "strength", "acr"),
    [
        # KADID-10k's levels, translated (see `synthesis.calibration_curves`): brighten 3 and 5, darken 4 and 5,
        # saturation_increase 2 and 5, saturation_decrease 1 and 4.
        *[("overexposure", 1.04, 3.63), ("overexposure", 2.93, 1.82)],
        *[("underexposure", 1.13, 3.54), ("underexposure", 2.5, 2.22)],
        *[("oversaturation", 2.08, 3.33), ("oversaturation", 7.47, 1.53)],
        *[("desaturation", 60, 2.75), ("desaturation", 100, 2.24)],
    ],
)
def test_severity_meets_the_opinions_it_rests_on(family, strength, acr):
    assert severity(family, strength).acr == pytest.approx(acr, abs=0.15)


def test_families_that_metrics_know_have_no_curve():
    with pytest.raises(ValueError, match=r"no curve for 'blur'; there is one for: underexposure, overexposure, "):
        severity("blur", 1.0)


def test_every_family_has_one_owner_of_its_label():
    assert set(shipped().curves) == set(SEVERITY_FAMILIES) <= set(FAMILIES)


def test_combine_of_one_and_of_none():
    assert combine([3.2]) == pytest.approx(3.2)
    assert combine([]) == CLEAN_ACR
    # Nothing is better than clean.
    assert combine([4.8]) == CLEAN_ACR


def test_in_combine_the_worse_dominates():
    assert combine([2.0, 4.2]) == pytest.approx(2.0, abs=0.01)
    assert combine([CLEAN_ACR, 2.5, CLEAN_ACR]) == pytest.approx(2.5)
    both = combine([3.0, 3.0])
    assert both == pytest.approx(CLEAN_ACR - 1.6 * 2 ** (1 / 3))
    assert combine([1.2, 1.2, 1.1]) == 1.0
    assert combine([3.0, 2.0]) == combine([2.0, 3.0])


def test_combine_is_never_better_than_its_worst():
    rng = np.random.default_rng(5)
    for _ in range(50):
        acrs = rng.uniform(1, 5, rng.integers(1, 5))
        assert 1 <= combine(acrs) <= min(CLEAN_ACR, acrs.min()) + 1e-9


def test_curve():
    curve = Curve(neutral=1.0, half=2.0, slope=2.0, floor=0.2, sd=0.1)
    assert curve.share(0.5) == curve.share(1.0) == 1.0
    assert curve.share(3.0) == pytest.approx(0.6)
    assert curve.share(1e6) == pytest.approx(0.2)
    assert curve.share(np.array([1.0, 3.0])).tolist() == pytest.approx([1.0, 0.6])


def test_the_file_holds_numbers_that_are_finite():
    def check(value):
        for part in value.values() if isinstance(value, dict) else value:
            if isinstance(part, dict | list):
                check(part)
            elif not isinstance(part, str):
                assert math.isfinite(part)

    check(json.loads(module.CONSTANTS.read_text()))
