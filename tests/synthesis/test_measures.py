"""Light, texture, motion and subject of clean scenes."""

import cv2
import numpy as np
import pytest
from torchvision.models._meta import _IMAGENET_CATEGORIES

from lmms_cpllm.synthesis import scenes
from lmms_cpllm.synthesis.distortions.overlays import letterbox
from lmms_cpllm.synthesis.facts import LIGHTS, MOTIONS, SUBJECTS, TEXTURES
from lmms_cpllm.synthesis.measures import light_of, motion_of, speed_of, subject_of_class, texture_of
from lmms_cpllm.synthesis.recipe import PHOTOGRAPHS


def grey(level, size=(90, 160)):
    return np.full((2, *size, 3), level, np.uint8)


def photograph(name, size=(320, 180)):
    photo = scenes.load_photograph(PHOTOGRAPHS[name])
    return cv2.resize(photo, size, interpolation=cv2.INTER_AREA)[None]


def panned(name, speed, fps=24, count=10):
    """A pan of `speed` picture heights per second over a photograph, at 320x180."""
    photo = PHOTOGRAPHS[name]
    picture = scenes.load_photograph(photo)
    scene = scenes.Scene(photo, (320, 180), fps, count / fps)
    room = picture.shape[1] - 320
    step = speed * 180 * (count - 1) / fps / room
    assert 0 <= step <= 1
    camera = scenes.Camera(start=(0.0, 0.5), end=(step, 0.5), scale=(1.0, 1.0))
    scene = scenes.Scene(photo, (320, 180), fps, count / fps, camera)
    assert scenes.speed_px_per_second(scene, picture.shape[1::-1]) == pytest.approx(speed * 180, rel=0.01, abs=0.01)
    return np.stack(list(scenes.frames(scene, picture)))


@pytest.mark.parametrize(
    ("level", "light"), [(0, "dark"), (59, "dark"), (61, "normal"), (161, "normal"), (163, "bright"), (255, "bright")]
)
def test_light(level, light):
    assert light_of(grey(level)) == light
    assert light in LIGHTS


def test_light_is_luma():
    green, blue = grey(0), grey(0)
    green[..., 1] = blue[..., 2] = 255
    assert (light_of(green), light_of(blue)) == ("normal", "dark")


@pytest.mark.parametrize(
    ("name", "texture"),
    [("rocket", "flat"), ("cameraman", "textured"), ("coffee", "textured"), ("grass", "busy"), ("gravel", "busy")],
)
def test_texture(name, texture):
    assert texture_of(photograph(name)) == texture
    assert texture in TEXTURES
    assert texture_of(photograph(name, (640, 360))) == texture  # whatever the resolution


@pytest.mark.parametrize("speed", [0.0, 0.05, 0.2, 0.6])
@pytest.mark.parametrize("name", ["grass", "motorcycle", "pagoda"])
def test_speed_is_that_of_the_camera(name, speed):
    frames = panned(name, speed)
    assert speed_of(frames, 24) == pytest.approx(speed, rel=0.15, abs=0.004)
    assert speed_of(frames, 48) == pytest.approx(2 * speed, rel=0.15, abs=0.008)


@pytest.mark.parametrize(("speed", "motion"), [(0, "still"), (0.03, "slow"), (0.15, "moderate"), (0.5, "fast")])
def test_motion(speed, motion):
    assert motion_of(panned("pagoda", speed), 24) == motion
    assert motion in MOTIONS


def test_a_photograph_is_still():
    assert speed_of(photograph("grass"), 25) == 0
    with pytest.raises(ValueError, match=r"^fps is 0, expected a number above 0$"):
        motion_of(photograph("grass"), 0)


def test_bars_are_no_part_of_the_scene():
    frames = panned("grass", 0.2)
    barred = np.stack(list(letterbox(frames, 4.0)))
    assert barred.mean() < 0.6 * frames.mean()
    assert light_of(barred) == light_of(frames) == "normal"
    assert texture_of(barred) == texture_of(frames) == "busy"
    assert light_of(grey(0)) == "dark"


def test_frames_are_left_alone():
    frames = panned("grass", 0.2)
    before = frames.copy()
    assert [light_of(frames), texture_of(frames), motion_of(frames, 24)] == ["normal", "busy", "moderate"]
    assert np.array_equal(frames, before)


def test_every_class_has_a_subject_or_none():
    subjects = [subject_of_class(index) for index in range(1000)]
    assert set(subjects) == {"", *SUBJECTS}
    assert subjects[:398] == ["animals"] * 398
    assert subjects.count("") < 50
    with pytest.raises(ValueError, match=r"^class is 1000, expected 0..999$"):
        subject_of_class(1000)


@pytest.mark.parametrize(
    ("subject", "names"),
    [
        ("people", "groom, scuba diver, ballplayer, lab coat, kimono"),
        ("animals", "tench, golden retriever, tabby, monarch, puffer"),
        ("plants", "daisy, rapeseed, acorn"),
        ("landscapes", "alp, coral reef, seashore, volcano, valley"),
        ("buildings", "castle, church, palace, mosque, barn, stupa"),
        ("vehicles", "sports car, airliner, trolleybus, moped, canoe, yawl, space shuttle, tank"),
        ("food", "pizza, banana, cheeseburger, broccoli, red wine, corn, plate, eggnog"),
        ("rooms", "restaurant, library, four-poster, bookshop, bathtub, dining table"),
        ("objects", "teapot, electric guitar, toaster, computer keyboard, cup, toilet tissue, abacus, street sign"),
        ("", "fountain, spider web, bubble, bolete, web site, hay, park bench, viaduct"),
    ],
)
def test_classes(subject, names):
    assert {subject_of_class(_IMAGENET_CATEGORIES.index(name)) for name in names.split(", ")} == {subject}
