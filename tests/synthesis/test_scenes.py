"""The virtual camera: the same frames every time, where it was told to look, and refusals with their values."""

import dataclasses

import numpy as np
import pytest

from lmms_cpllm.errors import DataError
from lmms_cpllm.synthesis import scenes
from lmms_cpllm.synthesis.recipe import PHOTOGRAPHS
from lmms_cpllm.synthesis.scenes import Camera, Photograph, Scene

PHOTO = Photograph("test", "skimage", "data/none.png", "0" * 16)


def scene(size=(40, 30), fps=10, seconds=1.0, **camera):
    return Scene(PHOTO, size, fps, seconds, Camera(**camera))


@pytest.fixture
def photo():
    """A smooth picture, so that values between pixels are known: red rises to the right, green downwards."""
    y, x = np.mgrid[0:120, 0:160]
    return np.stack([x, y, np.full_like(x, 7)], axis=-1).astype(np.uint8)


def test_a_scene_is_the_same_on_every_run(photo):
    moving = scene(start=(0, 0), end=(1, 1), scale=(1.0, 1.3), roll_degrees=(0, 3), shake_px=2, seed=5)
    first, second = (np.stack(list(scenes.frames(moving, photo))) for _ in range(2))
    assert first.shape == (10, 30, 40, 3)
    assert first.dtype == np.uint8
    assert np.array_equal(first, second)


def test_another_seed_shakes_otherwise(photo):
    one, other = (np.stack(list(scenes.frames(scene(shake_px=2, seed=seed), photo))) for seed in (1, 2))
    assert not np.array_equal(one, other)


def test_a_still_camera_at_scale_one_copies_pixels(photo):
    frame = next(scenes.frames(scene(start=(0, 0), end=(0, 0)), photo))
    assert np.array_equal(frame, photo[:30, :40])


def test_the_view_lies_where_the_camera_points(photo):
    *_, last = scenes.frames(scene(start=(0, 0), end=(1, 0.5)), photo)
    assert np.array_equal(last, photo[45:75, 120:160])


def test_the_last_and_first_frame_show_the_zoom(photo):
    first, *_, last = scenes.frames(scene(scale=(1.0, 2.0)), photo)
    width_seen = [int(frame[15, -1, 0]) - int(frame[15, 0, 0]) for frame in (first, last)]
    assert width_seen == pytest.approx([39, 19.5], abs=0.5)


def test_shrinking_averages_instead_of_aliasing():
    stripes = np.zeros((120, 160, 3), np.uint8)
    stripes[:, ::2] = 200
    frame = next(scenes.frames(scene(size=(40, 30), scale=(0.5, 0.5)), stripes))
    assert frame.std() < 3
    assert abs(frame.mean() - 100) < 3


def test_shake_has_the_stated_strength_and_is_smooth():
    shaking = scene(fps=30, seconds=20.0, shake_px=1.5, scale=(2.0, 2.0), seed=1)
    path = scenes.camera_path(shaking, (160, 120))
    offset = (path[:, :2] - [80, 60]) * 2
    assert np.sqrt((offset**2).mean(axis=0)) == pytest.approx([1.5, 1.5], rel=0.05)
    assert np.abs(np.diff(offset, axis=0)).max() < 2.0


def test_speed_of_a_pan():
    panning = scene(fps=10, seconds=1.1, start=(0, 0), end=(1, 0))
    assert scenes.speed_px_per_second(panning, (160, 120)) == pytest.approx(120.0)


def test_a_mirrored_texture_may_be_smaller_than_the_view(photo):
    frame = next(scenes.frames(scene(size=(200, 30), mirror=True), photo))
    assert np.array_equal(frame[:, 0], frame[:, 40])  # 20 columns beyond the left edge, mirrored


def test_a_view_larger_than_the_photograph_is_refused():
    with pytest.raises(
        ValueError, match=r"scene of 'test': a view of 200 photograph pixels on axis x is larger than the "
    ):
        scenes.camera_path(scene(size=(200, 30)), (160, 120))


def test_a_single_frame_is_refused():
    with pytest.raises(ValueError, match=r"at least 2 frames, got 1 \(0.1 s at 10 fps\)"):
        scenes.camera_path(scene(seconds=0.1), (160, 120))


def test_a_missing_photograph_is_named():
    with pytest.raises(DataError, match=r"photograph 'test': data/none.png is not in the installed package skimage"):
        scenes.load_photograph(PHOTO)


def test_a_missing_package_is_named():
    with pytest.raises(DataError, match=r"is not in the installed package no_such_package \(No module named"):
        scenes.load_photograph(dataclasses.replace(PHOTO, package="no_such_package"))


def test_another_picture_of_the_same_name_is_refused():
    coffee = dataclasses.replace(PHOTOGRAPHS["coffee"], sha256="0123456789abcdef")
    with pytest.raises(
        DataError, match=r"skimage/data/coffee.png has SHA-256 cc02f8ca188b167c..., expected 0123456789ab"
    ):
        scenes.load_photograph(coffee)


@pytest.mark.parametrize("name", sorted(PHOTOGRAPHS))
def test_the_installed_photographs_are_the_recipe_s(name):
    assert scenes.load_photograph(PHOTOGRAPHS[name]).ndim == 3
