"""Kernels have the stated size; the shake moves as far as it says."""

import cv2
import numpy as np
import pytest
from distorted_clip import run

from lmms_cpllm.synthesis.distortions.optics import disc, line


def deviation(profile):
    profile = profile.astype(float)
    place = np.arange(len(profile)) - (len(profile) - 1) / 2
    return np.sqrt((profile * place**2).sum() / profile.sum())


def test_blur_has_the_stated_deviation():
    dot = np.zeros((41, 41, 3), np.uint8)
    dot[20, 20] = 255
    assert deviation(run([dot] * 2, "blur", 1.5)[0, 20, :, 0]) == pytest.approx(1.5, rel=0.06)


@pytest.mark.parametrize("radius", [0.3, 1.0, 2.5, 8.0])
def test_a_disc_is_even_round_and_as_wide_as_stated(radius):
    kernel = disc(radius)
    assert kernel.sum() == pytest.approx(1, abs=1e-5)
    assert np.allclose(kernel, kernel.T, atol=1e-5)
    assert np.allclose(kernel, kernel[::-1, ::-1], atol=1e-5)
    # A disc's variance per axis is a quarter of its squared radius; sharing points among pixels adds up to a quarter.
    added = deviation(kernel.sum(axis=0)) ** 2 - radius**2 / 4
    assert 0 < added < 0.3
    if radius == 8:
        assert kernel[8, 8] == pytest.approx(1 / (np.pi * 64), rel=0.03)
        assert kernel[1, 1] == 0


@pytest.mark.parametrize("angle", [0, np.pi / 2])
def test_a_line_is_as_long_as_stated(angle):
    kernel = line(9, angle)
    along = kernel.sum(axis=0 if angle == 0 else 1)
    assert np.count_nonzero(along > 0.04) == pytest.approx(9, abs=1)
    assert deviation(along) == pytest.approx(9 / 12**0.5, rel=0.06)
    assert deviation(kernel.sum(axis=1 if angle == 0 else 0)) < 0.2


def test_no_length_and_no_radius_is_the_point_itself():
    assert disc(0).tolist() == line(0, 1).tolist() == [[1.0]]


def test_motion_blur_has_one_direction_for_the_clip():
    dot = np.zeros((41, 41, 3), np.uint8)
    dot[20, 20] = 255
    shown = run([dot] * 3, "motion_blur", 12)
    assert np.array_equal(shown[0], shown[2])
    assert not np.array_equal(shown[0], run([dot], "motion_blur", 12, seed=8)[0])


def test_shake_moves_as_far_as_stated_and_comes_back():
    spot = np.zeros((121, 121, 3), np.uint8)
    cv2.circle(spot, (60, 60), 5, (255, 255, 255), -1)
    weight = run([spot] * 150, "shake", 2.0)[..., 0].astype(float)
    grid = np.arange(121)
    total = weight.sum(axis=(1, 2))
    place = np.stack([weight.sum(axis=1) @ grid / total, weight.sum(axis=2) @ grid / total], axis=1)
    step = np.diff(place, axis=0)
    assert np.allclose(place[0], 60)
    assert np.sqrt((step**2).sum(axis=1).mean()) == pytest.approx(2.0, rel=0.15)
    assert np.abs(place - 60).max() < 15
