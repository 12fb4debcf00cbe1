"""Clean scenes: their size, their sharpness, and where they come from."""

import itertools

import numpy as np
import pytest
from clips import read_number, write_clip
from tiny_training import picture, save_picture

from lmms_cpllm.training import scenery
from lmms_cpllm.training.contents import Content
from lmms_cpllm.training.scenery import clean_scenes


@pytest.fixture(autouse=True)
def short(monkeypatch):
    """Fewer frames, to be fast."""
    monkeypatch.setattr(scenery, "FRAMES", 8)


@pytest.fixture
def plain(monkeypatch):
    """No second layer, no bars, no captions."""
    monkeypatch.setattr(scenery, "_LAYER_SHARE", 0.0)
    monkeypatch.setattr(scenery, "_OVERLAY_SHARE", 0.0)


def photo(tmp_path, pixels):
    return Content("photo", save_picture(tmp_path / "photo.png", pixels), False, "train")


def scenes_of(content, count, seed=0):
    return list(clean_scenes(content, np.random.default_rng(seed), count))


def test_scenes_of_a_photograph(tmp_path, plain):
    found = scenes_of(photo(tmp_path, picture(0, 1000, 1800)), 12)
    assert all(len(scene.frames) == 8 for scene in found)
    shapes = {scene.frames[0].shape for scene in found}
    assert len(shapes) > 3
    assert {(width, height) for height, width, _ in shapes} <= set(scenery._SIZES)
    assert all(frame.dtype == np.uint8 for scene in found for frame in scene.frames)
    assert {scene.fps for scene in found} <= {24, 25, 30, 50, 60}
    assert all(scene.overlay == "" for scene in found)
    moving = [not np.array_equal(scene.frames[0], scene.frames[-1]) for scene in found]
    assert 0 < sum(moving) < 12


@pytest.mark.parametrize(("height", "width"), [(360, 640), (640, 360), (480, 480), (363, 641), (512, 512), (371, 3000)])
def test_photographs_that_are_just_large_enough_give_scenes_too(tmp_path, plain, height, width):
    content = photo(tmp_path, picture(0, height, width))
    for seed in range(6):
        for scene in scenes_of(content, 2, seed):
            tall, wide = scene.frames[0].shape[:2]
            assert tall % 2 == wide % 2 == 0
            assert tall <= height / 2
            assert wide <= width / 2
            assert min(tall, wide) >= 160  # a crop of the pixel view


@pytest.mark.parametrize(
    ("photographed", "seen"),
    [
        ((512, 512), {(254, 254), (164, 254), (254, 164), (202, 202)}),
        ((384, 512), {(190, 254), (190, 164)}),
        ((240, 300), {(118, 148)}),
    ],
)
def test_of_a_small_photograph_the_whole_is_seen_and_what_parts_are_large_enough(tmp_path, plain, photographed, seen):
    found = scenes_of(photo(tmp_path, picture(0, *photographed)), 16)
    assert {scene.frames[0].shape[:2] for scene in found} == seen


@pytest.mark.parametrize(("photographed", "seen"), [((360, 640), (178, 318)), ((1000, 360), (498, 178))])
def test_of_one_that_is_long_enough_but_fits_no_size_the_whole_is_seen(tmp_path, plain, photographed, seen):
    found = scenes_of(photo(tmp_path, picture(0, *photographed)), 8)
    assert {scene.frames[0].shape[:2] for scene in found} == {seen}


def test_what_is_finer_than_two_pixels_is_never_in_a_scene(tmp_path, plain):
    # A camera's mosaic and JPEG's blocks live at that scale: a scene is sharp because it is shrunk.
    fine = np.indices((900, 1400)).sum(axis=0) % 2 * 255
    coarse = np.indices((900, 1400))[1] // 32 % 2 * 255
    for pixels, spread in ((fine, (0, 12)), (coarse, (100, 128))):
        content = photo(tmp_path, np.repeat(pixels[..., None], 3, axis=2).astype(np.uint8))
        inner = [frame[8:-8, 8:-8] for scene in scenes_of(content, 4) for frame in scene.frames[::4]]
        assert all(spread[0] <= frame.std() <= spread[1] for frame in inner)


def test_the_same_seed_gives_the_same_scenes(tmp_path):
    content = photo(tmp_path, picture(0, 720, 1280))
    first, again = scenes_of(content, 3, seed=4), scenes_of(content, 3, seed=4)
    for a, b in zip(first, again, strict=True):
        assert np.array_equal(a.frames, b.frames)
        assert (a.fps, a.overlay) == (b.fps, b.overlay)
    assert not np.array_equal(first[0].frames[0], first[1].frames[0])


def test_bars_and_captions_are_reported(tmp_path, monkeypatch):
    content = photo(tmp_path, picture(0, 720, 1280))
    monkeypatch.setattr(scenery, "_LAYER_SHARE", 0.0)
    monkeypatch.setattr(scenery, "_OVERLAY_SHARE", 1.0)
    found = scenes_of(content, 12)
    assert {scene.overlay for scene in found} == {"letterbox", "caption"}
    for scene in found:
        if scene.overlay == "letterbox" and scene.frames[0].shape[0] * 4 != scene.frames[0].shape[1] * 3:
            dark = scene.frames[0].max(axis=2) == 0
            assert dark.all(axis=0).any() or dark.all(axis=1).any()


def test_bars_that_would_have_no_width_are_not_reported(tmp_path, monkeypatch):
    monkeypatch.setattr(scenery, "_LAYER_SHARE", 0.0)
    monkeypatch.setattr(scenery, "_OVERLAY_SHARE", 1.0)
    monkeypatch.setattr(scenery, "_ASPECTS", (1.0,))
    # Parts of a square photograph are square, upright or lying.
    for scene in scenes_of(photo(tmp_path, picture(0, 512, 512)), 24):
        height, width, _ = scene.frames[0].shape
        if scene.overlay != "caption":
            assert scene.overlay == ("" if height == width else "letterbox")


def test_a_second_layer_moves_on_its_own(tmp_path, monkeypatch):
    content = photo(tmp_path, picture(0, 720, 1280))
    monkeypatch.setattr(scenery, "_OVERLAY_SHARE", 0.0)
    monkeypatch.setattr(scenery, "_LAYER_SHARE", 0.0)
    [without] = scenes_of(content, 1, seed=1)
    monkeypatch.setattr(scenery, "_LAYER_SHARE", 1.0)
    [layered] = scenes_of(content, 1, seed=1)
    changed = [(a != b).any(axis=2) for a, b in zip(without.frames, layered.frames, strict=True)]
    assert 0.005 < np.mean(changed) < 0.6
    assert not np.array_equal(changed[0], changed[-1])


def test_parts_of_a_clip_are_spread_over_it_and_half_its_size(tmp_path, plain):
    path = write_clip(tmp_path / "clip.mp4", width=640, height=364, frames=58, fps=25)
    found = scenes_of(Content("clip", path, True, "train"), 3)
    assert [read_number(scene.frames[0]) for scene in found] == [0, 25, 50]
    assert [read_number(frame) for frame in found[2].frames] == list(range(50, 58))
    assert {frame.shape for scene in found for frame in scene.frames} == {(182, 320, 3)}
    assert {scene.fps for scene in found} == {25}
    [only] = scenes_of(Content("clip", path, True, "train"), 1)
    assert read_number(only.frames[0]) == 0


def test_pans_are_steady(tmp_path, plain):
    """Neighbouring frames of a scene differ by about the same everywhere in it: there is no jump."""
    for scene in scenes_of(photo(tmp_path, picture(0, 720, 1280)), 4, seed=2):
        steps = [float(np.abs(a.astype(int) - b).mean()) for a, b in itertools.pairwise(scene.frames)]
        assert max(steps) <= 4 * np.median(steps) + 0.5
