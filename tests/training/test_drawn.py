"""Drawn contents: what they are, that they are the same every time, and which side they are on."""

import numpy as np
import pytest
from PIL import Image
from tiny_training import picture, save_picture

from lmms_cpllm.training import drawn
from lmms_cpllm.training.contents import SHRINK, Content
from lmms_cpllm.training.drawn import draw_contents


@pytest.mark.parametrize("draw", [drawn.stars, drawn.texture, drawn.page, drawn.graphic, drawn.soft])
def test_a_picture_of_each_kind(draw):
    first, again, other = (draw(np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert first.dtype == np.uint8
    height, width, _ = first.shape
    assert width * SHRINK > 640 * 1.03
    assert height * SHRINK > 360 * 1.03
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert first.std() > 2  # there is something to see


def test_kinds_differ_in_what_they_are_for():
    def finest(pixels):
        return float(np.abs(np.diff(pixels.astype(float), axis=1)).mean())

    rng = np.random.default_rng(0)
    assert drawn.stars(rng).mean() < 60
    assert finest(drawn.soft(rng)) < 2 < finest(drawn.page(rng))
    flat = np.abs(np.diff(drawn.graphic(rng).astype(int), axis=1)).max(-1) == 0
    assert flat.mean() > 0.9


def test_contents_are_drawn_once_and_stay_on_their_side(tmp_path, monkeypatch):
    photographs = [
        Content(f"p{i}", save_picture(tmp_path / f"p{i}.png", picture(i, 96, 96)), False, split)
        for i, split in enumerate(("test", "train", "validation", "train"))
    ]
    found = draw_contents(tmp_path / "drawn", photographs, 2)
    assert [content.name for content in found] == [
        *(f"{kind}-{number:03d}" for kind in ("stars", "texture", "page", "graphic", "soft") for number in (0, 1)),
        *("grey-p1", "grey-p2"),
    ]
    assert [content.split for content in found[-2:]] == ["train", "validation"]
    assert {content.split for content in found} == {"train", "validation"}
    with Image.open(found[-1].path) as image:
        grey = np.asarray(image).astype(int)
    assert np.ptp(grey, axis=-1).max() == 0
    monkeypatch.setattr(drawn, "_save", None)
    assert draw_contents(tmp_path / "drawn", photographs, 2) == found
