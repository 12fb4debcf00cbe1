"""Bars and captions lie where they are told and leave the rest alone."""

import numpy as np
import pytest
from distorted_clip import grey

from lmms_cpllm.synthesis.distortions.overlays import caption, letterbox


def test_bars_above_and_below():
    frame = np.full((90, 160, 3), 200, np.uint8)
    (shown,) = letterbox([frame], 160 / 60)
    assert not shown[:15].any()
    assert not shown[75:].any()
    assert (shown[15:75] == 200).all()


def test_bars_left_and_right():
    (shown,) = letterbox([np.full((90, 160, 3), 200, np.uint8)], 4 / 3)
    assert not shown[:, :20].any()
    assert not shown[:, 140:].any()
    assert (shown[:, 20:140] == 200).all()


@pytest.mark.parametrize(
    ("at", "rows", "columns"),
    [("bottom", slice(160, 200), slice(40, 160)), ("corner", slice(0, 40), slice(120, 200))],
)
def test_a_caption_stays_in_its_place(at, rows, columns):
    clip = grey(128, 2, 200)
    shown = np.stack(list(caption(clip, "Seven", at)))
    assert {0, 255} <= set(np.unique(shown[:, rows, columns]))
    shown[:, rows, columns] = 128
    assert (shown == 128).all()
    assert (clip[0] == 128).all()


def test_a_caption_does_not_change():
    first, second = caption(grey(50, 2, 100), "Same")
    assert np.array_equal(first, second)


def test_an_unknown_place_is_refused():
    with pytest.raises(ValueError, match="unknown place 'top'; allowed: bottom, corner"):
        list(caption(grey(0), "x", "top"))
