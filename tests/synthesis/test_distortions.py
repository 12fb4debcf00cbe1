"""What holds for every family: nothing at the lowest strength, the same frames every time, more is worse."""

import itertools
import math

import cv2
import numpy as np
import pytest
from distorted_clip import error, moving_clip, run

from lmms_cpllm.synthesis.distortions import FAMILIES, TRAINING_RANGES, Step, distort, drops

STRENGTHS = {
    **{"blur": (0.5, 1, 2, 4), "noise": (2, 8, 20, 40), "scaling": (1.5, 2, 3, 6), "drops": (25, 50, 75, 95)},
    **{"defocus": (0.7, 1.5, 3, 6), "motion_blur": (1, 3, 7, 15), "shake": (0.3, 1, 2, 5)},
    **{"chroma_noise": (2, 8, 20, 40), "impulse": (0.1, 0.5, 2, 8), "low_light": (2, 4, 6, 8)},
    **{"denoising": (10, 25, 50, 100), "underexposure": (0.3, 1, 2, 4), "overexposure": (0.3, 1, 2, 4)},
    **{"colour_cast": (0.1, 0.3, 1, 3), "low_contrast": (5, 20, 50, 90), "sharpening": (0.3, 1, 3, 9)},
    **{"oversaturation": (1.2, 1.6, 3, 6), "desaturation": (10, 30, 60, 100), "pixelation": (1.5, 2, 4, 8)},
    **{"banding": (4, 10, 25, 64), "interlacing": (1, 2, 3, 4), "freezes": (15, 30, 60, 100)},
    "packet_loss": (5, 20, 50, 90),
}
KINDS = {
    *("blur", "motion blur", "camera shake", "noise", "smearing", "underexposure", "overexposure", "colour cast"),
    *("low contrast", "oversharpening", "unnatural colours", "low resolution", "pixelation", "banding"),
    *("interlacing", "stutter", "freezing", "transmission errors"),
}


@pytest.fixture(scope="module")
def clip():
    return moving_clip()


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_same_seed_same_frames_and_the_input_is_left_alone(clip, family):
    before = np.stack(clip)
    first, second = (run(clip, family, STRENGTHS[family][2]) for _ in range(2))
    assert np.array_equal(first, second)
    assert first.shape == before.shape
    assert first.dtype == np.uint8
    assert np.array_equal(np.stack(clip), before)


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_more_is_worse(clip, family):
    errors = [error(clip, run(clip, family, strength)) for strength in STRENGTHS[family]]
    assert errors == sorted(errors)
    assert 0 < errors[0] < errors[-1]


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_the_lowest_strength_changes_nothing(clip, family):
    assert np.array_equal(run(clip, family, FAMILIES[family].lowest), np.stack(clip))


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_sizes_that_are_odd(clip, family):
    odd = [frame[:35, :53] for frame in clip]
    assert run(odd, family, STRENGTHS[family][1]).shape == (8, 35, 53, 3)


@pytest.mark.parametrize(
    "family", ["noise", "chroma_noise", "impulse", "low_light", "denoising", "motion_blur", "shake", "packet_loss"]
)
def test_another_seed_draws_anew(clip, family):
    assert not np.array_equal(run(clip, family, STRENGTHS[family][2], 4), run(clip, family, STRENGTHS[family][2], 5))


def test_noises_of_one_seed_are_independent():
    dark = [np.full((64, 64, 3), 128, np.uint8)]
    white, chroma = (run(dark, family, 20, 1)[0].astype(float)[..., 0] for family in ("noise", "chroma_noise"))
    assert abs(np.corrcoef(white.ravel(), chroma.ravel())[0, 1]) < 0.05


def test_families_say_what_they_are():
    assert {family.kind for family in FAMILIES.values()} == KINDS
    assert {family.stage for family in FAMILIES.values()} == {"capture", "production", "delivery"}


def test_training_ranges_lie_where_families_allow_them():
    assert set(TRAINING_RANGES) == set(FAMILIES)
    for name, (low, high) in TRAINING_RANGES.items():
        assert FAMILIES[name].lowest < low < high <= FAMILIES[name].highest
        assert low > 0  # for logarithmic draws


def test_what_the_labels_of_the_embedded_benchmark_were_made_of(clip):
    frame = clip[0]
    grain = np.random.default_rng((3, 0)).standard_normal(frame.shape, dtype=np.float32)
    assert np.array_equal(run(clip, "blur", 1.8)[0], cv2.GaussianBlur(frame, (0, 0), 1.8))
    assert np.array_equal(run(clip, "noise", 7)[0], np.clip(np.rint(frame + 7 * grain), 0, 255).astype(np.uint8))
    small = cv2.resize(frame, (27, 20), interpolation=cv2.INTER_AREA)
    assert np.array_equal(run(clip, "scaling", 2.4)[0], cv2.resize(small, (64, 48), interpolation=cv2.INTER_CUBIC))
    golden = (math.sqrt(5) - 1) / 2
    offset = np.random.default_rng(3).uniform()
    fresh = [index for index in range(8) if index == 0 or (offset + index * golden) % 1 >= 0.25]
    shown = list(drops(clip, 25, 3))
    assert [index for index in range(8) if shown[index] is clip[index]] == fresh


def test_a_chain_is_applied_in_its_order(clip):
    steps = [Step("noise", 20, 1), Step("blur", 2)]
    forth, back = (np.stack(list(distort(clip, order))) for order in (steps, steps[::-1]))
    assert error(clip, forth) < error(clip, back)


def test_wrong_steps_are_refused():
    with pytest.raises(ValueError, match=r"unknown distortion 'fog'; allowed: banding, blur, chroma_noise"):
        Step("fog", 1)
    with pytest.raises(ValueError, match=r"scaling: strength 0.5 factor is outside 1.0..inf"):
        Step("scaling", 0.5)
    with pytest.raises(ValueError, match=r"drops: strength 101 % of frames is outside 0.0..100.0"):
        Step("drops", 101)


def test_frames_are_taken_one_by_one_where_the_family_allows_it(clip):
    for family in sorted(set(FAMILIES) - {"freezes", "packet_loss"}):
        taken = []
        result = distort((taken.append(index) or frame for index, frame in enumerate(clip)), [Step(family, 2)])
        assert len(list(itertools.islice(result, 3))) == 3
        assert len(taken) == 3, family
