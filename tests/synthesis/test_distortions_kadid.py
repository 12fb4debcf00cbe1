"""The 25 distortions of KADID-10k: names, repeatability, and more damage at every level of what people liked less."""

import itertools

import cv2
import numpy as np
import pytest

from lmms_cpllm.synthesis import scenes
from lmms_cpllm.synthesis.distortions import kadid
from lmms_cpllm.synthesis.distortions.kadid import KADID, LEVELS
from lmms_cpllm.synthesis.recipe import PHOTOGRAPHS

NEITHER_WAY = {"mean_shift", "contrast_change"}


@pytest.fixture(scope="module")
def image():
    photo = scenes.load_photograph(PHOTOGRAPHS["motorcycle"])
    return np.ascontiguousarray(cv2.resize(photo, (256, 192), interpolation=cv2.INTER_AREA))


def errors(image, name):
    shown = [KADID[name](image, level) for level in range(1, 6)]
    assert all(one.shape == image.shape and one.dtype == np.uint8 for one in shown)
    return [float(np.square(one.astype(float) - image).mean()) for one in shown]


def test_there_are_25_with_five_levels_each():
    assert len(KADID) == 25
    assert list(KADID) == list(LEVELS)
    assert {len(levels) for levels in LEVELS.values()} == {5}


@pytest.mark.parametrize("name", sorted(set(KADID) - NEITHER_WAY))
def test_damage_rises_with_the_level(image, name):
    rising = errors(image, name)
    assert rising == sorted(rising)
    assert rising[0] < rising[-1]


@pytest.mark.parametrize("name", sorted(KADID))
def test_the_same_image_again_and_the_input_is_left_alone(image, name):
    before = image.copy()
    assert np.array_equal(KADID[name](image, 3), KADID[name](image, 3))
    assert np.array_equal(image, before)


def test_levels_that_are_the_image_itself(image):
    for name, level in (("gaussian_blur", 1), ("motion_blur", 1), ("saturation_increase", 1), ("mean_shift", 3)):
        assert np.abs(KADID[name](image, level).astype(int) - image).max() <= 1, name
    assert np.array_equal(kadid.contrast_change(image, -0.2), image)


def test_shift_and_contrast_go_both_ways(image):
    means = [KADID["mean_shift"](image, level).mean() for level in range(1, 6)]
    assert all(more > less for more, less in itertools.pairwise(means))
    spread = [KADID["contrast_change"](image, level).std() for level in range(1, 6)]
    assert all(more > less for more, less in itertools.pairwise(spread))
    assert spread[2] > image.std() > spread[3]


def test_colours_turn_into_their_complements():
    shown = kadid.saturation_decrease(np.array([[[200, 100, 100]]], np.uint8), -0.4)
    assert shown.tolist() == [[[200, 240, 240]]]


@pytest.mark.parametrize("levels", [2, 7, 20])
def test_levels_of_quantization_leave_the_least_error(image, levels):
    shown = kadid.quantization(image, levels)
    assert len(np.unique(shown)) == levels
    even = np.rint((image // (256 / levels) + 0.5) * 256 / levels)
    assert np.square(shown.astype(float) - image).mean() < np.square(even - image).mean()


def test_two_levels_are_otsus(image):
    threshold, _ = cv2.threshold(image.reshape(-1, 1), 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    low, high = image[image <= threshold].mean(), image[image > threshold].mean()
    assert np.unique(kadid.quantization(image, 2)).tolist() == [round(low), round(high)]
