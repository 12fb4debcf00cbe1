"""The table of scored photographs, and views that move over them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny_training import write_scores

from lmms_cpllm.errors import DataError
from lmms_cpllm.training.contents import Content
from lmms_cpllm.training.human import Scored, photographs_as_contents, read_scored, whole_pixel_pan, without_copies


def test_photographs_with_their_opinion_and_side(tmp_path):
    numbers = [0, 199, 1000, 1199, 1200, 1399, 1400, 2400]
    write_scores(tmp_path, [(f"s1/{n}.jpg", "3.25", n, "s1") for n in numbers])
    found = read_scored(tmp_path)
    assert [photo.split for photo in found] == ["train"] * 2 + ["validation"] * 2 + ["test"] * 2 + [
        "train",
        "validation",
    ]
    assert [photo.content for photo in found] == ["s1-0", "s1-0", "s1-5", "s1-5", "s1-6", "s1-6", "s1-7", "s1-12"]
    assert found[2].path == tmp_path / "s1/1000.jpg"
    assert (found[2].name, found[2].acr, found[2].subset) == ("1000", 3.25, "s1")


@pytest.mark.parametrize("value", ["5.2", "0.99", "nan"])
def test_an_opinion_outside_the_scale(tmp_path, value):
    write_scores(tmp_path, [("a.jpg", 3, 0, "s"), ("b.jpg", value, 1, "s")])
    with pytest.raises(DataError, match=rf"scores.csv: b.jpg has a mean opinion of {value}, expected 1..5"):
        read_scored(tmp_path)


@pytest.mark.parametrize(("acr", "number"), [("good", 3), ("3", "x7"), ("", 1)])
def test_what_is_no_number(tmp_path, acr, number):
    write_scores(tmp_path, [("a.jpg", acr, number, "s")])
    with pytest.raises(DataError, match=r"scores.csv: a.jpg: expected numbers in mos_acr and number: .*'(good|x7|)'"):
        read_scored(tmp_path)


def test_a_table_without_its_columns(tmp_path):
    (tmp_path / "scores.csv").write_text("file,mos\na.jpg,3\n")
    with pytest.raises(
        DataError, match=r"expected columns file, mos_acr, number, subset; missing mos_acr, number, subset"
    ):
        read_scored(tmp_path)


def test_no_table(tmp_path):
    with pytest.raises(DataError, match=r"scores.csv: expected a table of human scores with columns file, mos_acr"):
        read_scored(tmp_path)


def test_two_photographs_of_one_name_are_refused(tmp_path):
    write_scores(tmp_path, [("s1/a.jpg", 3, 0, "s1"), ("s2/a.jpg", 3, 0, "s2")])
    with pytest.raises(DataError, match=r"scores.csv: s2/a.jpg: there is another file named a; clips are named after"):
        read_scored(tmp_path)


def scored(sides):
    return [Scored(name, Path(f"{name}.png"), 3.0, "s", "s-0", side) for name, side in sides.items()]


def test_copies_of_what_is_held_out_are_no_training():
    rng = np.random.default_rng(0)
    seen, sealed, other = (int(rng.bytes(32).hex(), 16) for _ in range(3))
    sides = {"a": "train", "b": "train", "c": "validation", "d": "train", "e": "train", "f": "test", "g": "validation"}
    # By how many of 256 bits the pictures differ: up to 30 are one picture.
    hashes = {
        "a": other,
        "b": seen,
        "c": seen,
        "d": sealed ^ 2**30 - 1,
        "e": sealed ^ 2**31 - 1,
        "f": sealed,
        "g": sealed,
    }
    assert [photo.name for photo in without_copies(scored(sides), hashes)] == ["a", "c", "e", "f", "g"]
    assert [photo.name for photo in without_copies(scored(sides), hashes, [other ^ 1])] == ["c", "e", "f", "g"]


@pytest.mark.parametrize("side", ["train", "test"])
def test_of_one_side_alone_no_photograph_is_a_copy(side):
    photos = scored({"a": side, "b": side})
    assert without_copies(photos, {"a": 0, "b": 0}) == photos


def test_photographs_that_people_found_good_are_contents():
    photos = scored({"a": "train", "b": "validation", "c": "train"})
    photos = [replace(photo, acr=acr) for photo, acr in zip(photos, (4.0, 4.5, 3.99), strict=True)]
    assert photographs_as_contents(photos) == [
        Content("a", Path("a.png"), False, "train"),
        Content("b", Path("b.png"), False, "validation"),
    ]


def placed(height, width):
    """A picture in which every pixel says where it is."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack([columns % 256, rows % 256, columns // 256 + 16 * (rows // 256)], axis=-1).astype(np.uint8)


@pytest.mark.parametrize(("height", "width"), [(384, 513), (512, 512), (101, 90)])
def test_every_frame_of_a_pan_is_an_exact_crop(height, width):
    whole, ways = placed(height, width), []
    for seed in range(12):
        frames = whole_pixel_pan(whole, 9, np.random.default_rng(seed))
        assert len(frames) == 9
        shapes = {frame.shape for frame in frames}
        assert len(shapes) == 1
        tall, wide = frames[0].shape[:2]
        assert tall % 2 == wide % 2 == 0
        assert height - tall <= 65
        assert width - wide <= 65
        way = []
        for frame in frames:
            left = int(frame[0, 0, 0]) + 256 * (int(frame[0, 0, 2]) % 16)
            top = int(frame[0, 0, 1]) + 256 * (int(frame[0, 0, 2]) // 16)
            assert np.array_equal(frame, whole[top : top + tall, left : left + wide])
            way.append((top, left))
        ways.append(way)
    assert 0 < sum(len(set(way)) == 1 for way in ways) < 12  # some stand still, some move
    steps = [abs(np.diff([place[axis] for place in way])) for way in ways for axis in (0, 1)]
    assert all(step.max() - step.min() <= 1 for step in steps)  # at constant speed
