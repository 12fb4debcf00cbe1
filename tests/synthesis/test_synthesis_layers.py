"""A layer in front of a scene."""

import numpy as np
import pytest

from lmms_cpllm.synthesis.layers import Layer, in_front

PICTURE = np.random.default_rng(0).integers(0, 256, (200, 300, 3), np.uint8)


def behind(count=5):
    return [np.full((120, 160, 3), 90, np.uint8) for _ in range(count)]


def covered(frame):
    return (frame != 90).any(axis=2)


def test_a_layer_goes_its_way_by_whole_pixels_and_stays_as_sharp_as_it_is():
    layer = Layer(0.5, start=(0.25, 0.5), end=(0.75, 0.5))
    frames = list(in_front(behind(), 5, PICTURE, layer))
    assert len(frames) == 5
    middle = PICTURE[100 - 10 : 100 + 10, 150 - 10 : 150 + 10]
    for index, frame in enumerate(frames):
        x = 40 + 20 * index
        assert np.array_equal(frame[50:70, x - 10 : x + 10], middle)
        columns = np.flatnonzero(covered(frame).any(axis=0))
        assert 52 <= columns[-1] - columns[0] + 1 <= 60  # 60 less the soft edge


def test_the_edge_is_soft():
    white = np.full((200, 300, 3), 255, np.uint8)
    [frame] = in_front(behind(1), 1, white, Layer(0.5, (0.5, 0.5), (0.5, 0.5)))
    row = frame[60, :80, 0].astype(int)
    rise = row[row.argmax() - 8 : row.argmax() + 1]
    assert row[0] == 90
    assert row[79] == 255
    assert np.diff(row).min() >= 0
    assert np.diff(row).max() < 90  # a hard edge is one step of 165
    assert len(np.unique(rise)) > 3


def test_what_lies_outside_is_cut_off():
    frames = list(in_front(behind(3), 3, PICTURE, Layer(0.5, (-1.0, 0.5), (0.0, 0.5))))
    assert np.array_equal(frames[0], behind(1)[0])
    assert covered(frames[2])[:, :31].any()
    assert not covered(frames[2])[:, 31:].any()


def test_a_layer_larger_than_its_picture_is_as_large_as_that():
    [frame] = in_front(behind(1), 1, PICTURE[:40, :50], Layer(0.9, (0.5, 0.5), (0.5, 0.5)))
    rows = np.flatnonzero(covered(frame).any(axis=1))
    assert 30 <= rows[-1] - rows[0] + 1 <= 40


@pytest.mark.parametrize("at", [(0.5, 0.5), (2.0, 2.0)])
def test_the_frames_that_are_given_stay_as_they_are(at):
    given = behind(2)
    list(in_front(given, 2, PICTURE, Layer(0.6, at, at)))
    assert all((frame == 90).all() for frame in given)
