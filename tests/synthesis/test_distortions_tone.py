"""Stops are stops of light, contrast and colours lose the stated share, casts are warm or cold."""

import numpy as np
import pytest
from distorted_clip import grey, moving_clip, run

from lmms_cpllm.synthesis.distortions.tone import EIGHT_BIT_TO_LIGHT, light_to_eight_bit


def test_the_curve_goes_there_and_back():
    assert np.array_equal(light_to_eight_bit(EIGHT_BIT_TO_LIGHT), np.arange(256))
    assert EIGHT_BIT_TO_LIGHT[[0, 255]].tolist() == [0, 1]
    assert EIGHT_BIT_TO_LIGHT[188] == pytest.approx(0.5, abs=0.005)  # sRGB's half of the light


def test_one_stop_is_half_or_twice_the_light():
    light = EIGHT_BIT_TO_LIGHT[run(grey(150), "underexposure", 1)].mean()
    assert light == pytest.approx(EIGHT_BIT_TO_LIGHT[150] / 2, rel=0.02)
    light = EIGHT_BIT_TO_LIGHT[run(grey(100), "overexposure", 1)].mean()
    assert light == pytest.approx(EIGHT_BIT_TO_LIGHT[100] * 2, rel=0.02)


def test_overexposure_loses_what_is_brighter_than_white():
    assert (run(grey(200), "overexposure", 1) == 255).all()


def test_a_cast_is_warm_or_cold_by_the_seed_and_has_the_stated_gain():
    warm = set()
    for seed in range(12):
        red, green, blue = EIGHT_BIT_TO_LIGHT[run(grey(120), "colour_cast", 0.5, seed)[0, 0, 0]]
        assert green == EIGHT_BIT_TO_LIGHT[120]
        assert max(red / blue, blue / red) == pytest.approx(1.5, rel=0.03)
        warm.add(bool(red > blue))
    assert warm == {True, False}


def test_a_veil_takes_the_stated_share_of_the_contrast():
    clip = moving_clip(2)
    assert run(clip, "low_contrast", 40).std() == pytest.approx(0.6 * np.std(clip), rel=0.02)
    assert set(np.unique(run(clip, "low_contrast", 100))) == {128}


@pytest.mark.parametrize(("family", "strength", "factor"), [("desaturation", 40, 0.6), ("oversaturation", 1.3, 1.3)])
def test_colours_change_by_the_stated_factor_and_brightness_stays(family, strength, factor):
    clip = [frame // 2 + 64 for frame in moving_clip(2)]  # nothing is clipped
    before, after = (frames.astype(float) for frames in (np.stack(clip), run(clip, family, strength)))
    luma = [frames @ (0.299, 0.587, 0.114) for frames in (before, after)]
    assert np.abs(luma[0] - luma[1]).max() < 1
    assert (after[..., 0] - luma[1]).std() == pytest.approx(factor * (before[..., 0] - luma[0]).std(), rel=0.02)


def test_no_colour_is_left():
    shown = run(moving_clip(2), "desaturation", 100)
    assert (shown[..., 0] == shown[..., 1]).all()
    assert (shown[..., 0] == shown[..., 2]).all()
