"""Distortions: their strength in their own unit, the same frames every time, more is worse."""

import itertools

import numpy as np
import pytest

from lmms_cpllm.synthesis.distortions import FAMILIES, Step, distort, drops

STRENGTHS = {"blur": (0.5, 1, 2, 4), "noise": (2, 8, 20, 40), "scaling": (1.5, 2, 3, 6), "drops": (25, 50, 75, 95)}


@pytest.fixture(scope="module")
def clip():
    """Eight frames of a texture that moves two pixels a frame."""
    texture = np.random.default_rng(0).integers(40, 216, (48, 96, 3)).astype(np.uint8)
    return [np.ascontiguousarray(texture[:, 2 * t : 2 * t + 64]) for t in range(8)]


def numbered(count):
    return [np.full((2, 2, 3), index, np.uint8) for index in range(count)]


def run(clip, family, strength, seed=3):
    return np.stack(list(distort(clip, [Step(family, strength, seed)])))


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
    errors = [
        np.square(run(clip, family, strength) - np.stack(clip).astype(float)).mean() for strength in STRENGTHS[family]
    ]
    assert errors == sorted(errors)
    assert 0 < errors[0] < errors[-1]


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_the_lowest_strength_changes_nothing(clip, family):
    assert np.array_equal(run(clip, family, FAMILIES[family].lowest), np.stack(clip))


def test_noise_has_the_stated_deviation_and_is_new_in_every_frame():
    grey = [np.full((64, 64, 3), 128, np.uint8)] * 2
    noisy = run(grey, "noise", 12).astype(float) - 128
    assert noisy.std() == pytest.approx(12, rel=0.02)
    assert abs(np.corrcoef(noisy[0].ravel(), noisy[1].ravel())[0, 1]) < 0.05
    assert not np.array_equal(run(grey, "noise", 12, seed=4), run(grey, "noise", 12, seed=5))


def test_blur_has_the_stated_deviation():
    dot = np.zeros((41, 41, 3), np.uint8)
    dot[20, 20] = 255
    spread = run([dot] * 2, "blur", 1.5)[0, 20, :, 0].astype(float)
    assert np.sqrt((spread * (np.arange(41) - 20) ** 2).sum() / spread.sum()) == pytest.approx(1.5, rel=0.06)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("percent", [10, 25, 50])
def test_drops_meet_the_stated_share(percent, seed):
    shown = [int(frame[0, 0, 0]) for frame in drops(numbered(60), percent, seed)]
    lost = sum(now == before for before, now in itertools.pairwise(shown))
    assert abs(lost - 0.6 * percent) <= 2
    assert shown[0] == 0
    assert all(value in (index, before) for index, before, value in zip(range(1, 60), shown, shown[1:], strict=False))


def test_frames_lost_at_one_strength_are_lost_at_the_next():
    fresh = [{int(f[0, 0, 0]) for f in drops(numbered(60), percent, 7)} for percent in (5, 20, 40, 80)]
    assert all(fewer < more for more, fewer in itertools.pairwise(fresh))


def test_drops_in_bursts():
    shown = [int(frame[0, 0, 0]) for frame in drops(numbered(60), 30, 1, burst=6)]
    repeats = "".join("x" if now == before else "." for before, now in itertools.pairwise(shown))
    runs = [len(run) for run in repeats.split(".") if run]
    assert min(runs) >= 5  # six frames, or five behind the first frame, which is never lost


def test_a_chain_is_applied_in_its_order(clip):
    steps = [Step("noise", 20, 1), Step("blur", 2)]
    forth, back = (np.stack(list(distort(clip, order))) for order in (steps, steps[::-1]))
    assert forth.astype(float).std() < back.astype(float).std()


def test_wrong_steps_are_refused():
    with pytest.raises(ValueError, match=r"unknown distortion 'fog'; allowed: blur, drops, noise, scaling"):
        Step("fog", 1)
    with pytest.raises(ValueError, match=r"scaling: strength 0.5 factor is outside 1.0..inf"):
        Step("scaling", 0.5)
    with pytest.raises(ValueError, match=r"drops: strength 101 % of frames is outside 0.0..100.0"):
        Step("drops", 101)
