"""Noise has the stated size and place; smearing takes texture and leaves contours."""

import cv2
import numpy as np
import pytest
from distorted_clip import grey, moving_clip, run


def test_noise_has_the_stated_deviation_and_is_new_in_every_frame():
    noisy = run(grey(128), "noise", 12).astype(float) - 128
    assert noisy.std() == pytest.approx(12, rel=0.02)
    assert abs(np.corrcoef(noisy[0].ravel(), noisy[1].ravel())[0, 1]) < 0.05


def test_chroma_noise_leaves_the_brightness():
    noisy = run(grey(128), "chroma_noise", 12)
    luma, red, blue = (cv2.cvtColor(noisy[0], cv2.COLOR_RGB2YCrCb)[..., i].astype(float) - 128 for i in range(3))
    assert luma.std() < 0.6
    assert red.std() == pytest.approx(12, rel=0.05)
    assert blue.std() == pytest.approx(12, rel=0.05)
    # Blots of 2x2 pixels: shrinking by area averaging keeps them.
    assert cv2.resize(red, (32, 32), interpolation=cv2.INTER_AREA).std() == pytest.approx(12, rel=0.05)


def test_impulses_meet_the_stated_share_and_stay_where_they_were():
    few, many = (run(grey(128, side=200), "impulse", percent) for percent in (1, 4))
    hit = [(shown != 128).any(axis=-1) for shown in (few, many)]
    assert [share.mean() for share in hit] == pytest.approx([0.01, 0.04], rel=0.1)
    assert not (hit[0] & ~hit[1]).any()
    assert set(np.unique(many)) == {0, 128, 255}
    assert not np.array_equal(hit[1][0], hit[1][1])


def test_low_light_is_darker_and_noisier_the_fewer_stops_are_there():
    shown = [run(grey(180), "low_light", stops).astype(float) for stops in (2, 4, 6)]
    means, deviations = ([measure(clip) for clip in shown] for measure in (np.mean, np.std))
    assert 180 > means[0] > means[1] > means[2] > 120
    assert deviations[0] < deviations[1] < deviations[2]
    assert deviations[2] > 3


def test_shadows_are_noisier_than_lights():
    dark, light = (run(grey(level), "low_light", 4).astype(float).std() for level in (50, 220))
    assert dark > light


def test_denoising_takes_texture_and_leaves_contours():
    clip = moving_clip(2)
    for frame in clip:
        frame[:, 32:] = frame[:, 32:] // 4 + 180
        frame[:, :32] = frame[:, :32] // 4
    shown = run(clip, "denoising", 40).astype(float)
    texture = [np.abs(np.diff(frames[:, :, 2:30], axis=2)).mean() for frames in (np.stack(clip).astype(float), shown)]
    assert texture[1] < 0.6 * texture[0]
    edge = [(frames[:, :, 33] - frames[:, :, 30]).mean() for frames in (np.stack(clip).astype(float), shown)]
    assert edge[1] > 0.9 * edge[0]


def test_what_is_left_of_the_noise_boils():
    shown = run(grey(128), "denoising", 80)
    assert not np.array_equal(shown[0], shown[1])
