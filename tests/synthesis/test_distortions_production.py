"""Halos, blocks, steps and combs look as they are called."""

import numpy as np
import pytest
from distorted_clip import moving_clip, numbered, run


def edge():
    frame = np.full((20, 40, 3), 100, np.uint8)
    frame[:, 20:] = 150
    return [frame]


def test_sharpening_overshoots_on_both_sides_of_an_edge():
    row = run(edge(), "sharpening", 2)[0, 10, :, 0]
    assert row.min() < 80
    assert row.max() > 170
    assert row[0] == 100
    assert row[-1] == 150


def test_pixelation_repeats_pixels_and_scaling_does_not():
    clip = moving_clip(1)
    blocks = run(clip, "pixelation", 4)[0]
    assert np.array_equal(blocks[::4, ::4].repeat(4, axis=0).repeat(4, axis=1), blocks)
    assert np.array_equal(blocks[0, 0], np.rint(clip[0][:4, :4].mean(axis=(0, 1))))
    smooth = run(clip, "scaling", 4)[0].astype(float)
    assert np.abs(np.diff(smooth, axis=1)).max() < np.abs(np.diff(blocks.astype(float), axis=1)).max()


@pytest.mark.parametrize(("strength", "levels"), [(8, 32), (64, 4), (128, 2)])
def test_banding_leaves_the_stated_number_of_levels(strength, levels):
    slope = [np.arange(256, dtype=np.uint8).reshape(1, 256, 1).repeat(3, axis=2)]
    left = np.unique(run(slope, "banding", strength))
    assert len(left) == levels
    assert {left[0], left[-1]} == {0, 255}


@pytest.mark.parametrize("strength", [1, 2.9])
def test_fields_are_whole_frames_apart(strength):
    frames = numbered(6)
    shown = run(frames, "interlacing", strength)[..., 0]
    lines = {tuple(shown[:, parity, 0]) for parity in (0, 1)}
    back = int(strength)
    assert lines == {(0, 1, 2, 3, 4, 5), tuple(max(0, t - back) for t in range(6))}


def test_the_late_field_is_drawn():
    late = {int(run(numbered(4), "interlacing", 1, seed)[3, 0, 0, 0]) for seed in range(12)}
    assert late == {2, 3}
