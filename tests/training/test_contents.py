"""Which contents there are, on which side of the split they are, and which are refused."""

import csv
import shutil
from importlib import resources

import cv2
import numpy as np
import pytest
from clips import read_number, write_clip
from PIL import Image
from tiny_training import picture, save_picture, write_splits

from lmms_cpllm.errors import DataError
from lmms_cpllm.synthesis.recipe import PHOTOGRAPHS
from lmms_cpllm.training import contents
from lmms_cpllm.training.contents import clip_frames, difference_hash, find_contents, first_picture, split_of


def test_the_shipped_split_names_every_content_once_and_31_of_the_test():
    with open(contents.SPLITS, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len({row["sha256"] for row in rows}) == len({row["name"] for row in rows}) == len(rows)
    assert all(len(row["sha256"]) == 16 and int(row["sha256"], 16) >= 0 for row in rows)
    sides = [row["split"] for row in rows]
    assert sides.count("test") == 31
    assert set(sides) == {"train", "validation", "test"}
    assert not {row["sha256"] for row in rows} & {photo.sha256 for photo in PHOTOGRAPHS.values()}


def test_contents_of_both_folders_with_the_side_that_the_file_says(tmp_path, monkeypatch):
    first = save_picture(tmp_path / "photos" / "b.png", picture(1))
    second = save_picture(tmp_path / "photos" / "a.jpg", picture(2), quality=95)
    (tmp_path / "videos").mkdir()
    clip = write_clip(tmp_path / "videos" / "c.mp4", width=640, height=360, frames=2, content="texture")
    (tmp_path / "photos" / "notes.txt").write_text("no picture")
    sides = {first: "test", second: "validation", clip: "train"}
    monkeypatch.setattr(contents, "SPLITS", write_splits(tmp_path / "splits.csv", sides))
    found = find_contents(tmp_path)
    assert [(c.name, c.path, c.is_video, c.split) for c in found] == [
        ("a", second, False, "validation"),
        ("b", first, False, "test"),
        ("c", clip, True, "train"),
    ]


def test_a_content_that_is_not_in_the_file_is_drawn_by_its_hash_and_never_for_the_test(tmp_path):
    rng = np.random.default_rng(0)
    drawn = [split_of(f"{number:016x}") for number in rng.integers(0, 2**64, 2000, dtype=np.uint64)]
    assert set(drawn) == {"train", "validation"}
    assert 0.10 < drawn.count("validation") / 2000 < 0.15
    assert split_of("0" * 16) == "validation"
    assert split_of("f" * 16) == "train"
    save_picture(tmp_path / "photos" / "a.png", picture(1))
    assert find_contents(tmp_path) == find_contents(tmp_path)


@pytest.mark.parametrize("name", ["coffee", "motorcycle", "pagoda"])
def test_a_content_of_vqa_mini_is_refused_under_any_name_and_however_it_was_saved(tmp_path, name):
    photo = PHOTOGRAPHS[name]
    target = tmp_path / "photos" / f"holiday{photo.path[-4:]}"
    target.parent.mkdir()
    with resources.as_file(resources.files(photo.package).joinpath(photo.path)) as path:
        shutil.copy(path, target)
    with pytest.raises(DataError, match=r"holiday\....: this looks like a content of vqa_mini, which training must"):
        find_contents(tmp_path)
    with Image.open(target) as image:
        image.convert("RGB").resize((image.width * 3 // 4, image.height * 3 // 4)).save(
            target.with_name("b.jpg"), quality=40
        )
    target.unlink()
    with pytest.raises(DataError, match=r"b\.jpg: this looks like a content of vqa_mini"):
        find_contents(tmp_path)


def test_contents_that_are_too_small_are_left_out(tmp_path):
    large = {"wide": (360, 640), "upright": (640, 360), "square": (480, 480)}
    small = {"less": (359, 640), "tiny": (100, 100), "strip": (120, 3000)}
    for seed, (name, size) in enumerate((large | small).items()):
        save_picture(tmp_path / "photos" / f"{name}.png", picture(seed, *size))
    assert sorted(c.name for c in find_contents(tmp_path)) == sorted(large)


def test_no_content_at_all(tmp_path):
    save_picture(tmp_path / "photos" / "a.png", picture(0, 100, 100))
    with pytest.raises(DataError, match=r"expected photographs in photos/ or clips in videos/, of 640x360 or more"):
        find_contents(tmp_path)


def test_two_contents_of_one_name_are_refused(tmp_path):
    save_picture(tmp_path / "photos" / "a.png", picture(0))
    save_picture(tmp_path / "photos" / "a.jpg", picture(1))
    with pytest.raises(DataError, match=r"a\.png: there is also a\.jpg; clips are named after their content"):
        find_contents(tmp_path)


def copied(pixels):
    """The same picture, cropped by 1.5 % and of another size."""
    margin = round(pixels.shape[0] * 0.0075)
    return cv2.resize(pixels[margin:-margin, margin:-margin], (800, 450), interpolation=cv2.INTER_AREA)


def test_near_duplicates_on_two_sides_of_the_split_are_refused(tmp_path, monkeypatch):
    original = save_picture(tmp_path / "photos" / "original.png", picture(3, 720, 1280))
    copy = save_picture(tmp_path / "photos" / "copy.jpg", copied(picture(3, 720, 1280)), quality=30)
    monkeypatch.setattr(contents, "SPLITS", write_splits(tmp_path / "s.csv", {original: "train", copy: "test"}))
    with pytest.raises(DataError) as caught:
        find_contents(tmp_path)
    assert str(caught.value) == (
        f"{original}: looks the same as copy.jpg, but is on the train side of the split and the other on the test side; "
        "take one of them out"
    )
    monkeypatch.setattr(contents, "SPLITS", write_splits(tmp_path / "s.csv", {original: "test", copy: "test"}))
    assert len(find_contents(tmp_path)) == 2


def test_difference_hashes_of_different_pictures_lie_apart():
    codes = [difference_hash(picture(seed, 450, 800)) for seed in range(12)]
    apart = [(a ^ b).bit_count() / 256 for i, a in enumerate(codes) for b in codes[:i]]
    assert min(apart) > 0.3
    same = [
        (code ^ difference_hash(copied(picture(seed, 450, 800)))).bit_count() / 256 for seed, code in enumerate(codes)
    ]
    assert max(same) < 0.22


def test_frames_of_a_clip_from_a_number_on(tmp_path):
    path = write_clip(tmp_path / "a.mp4", frames=20, fps=30)
    frames, fps = clip_frames(path, 5, start=7)
    assert fps == 30
    assert [read_number(frame) for frame in frames] == [7, 8, 9, 10, 11]
    assert read_number(first_picture(path)) == 0
    with pytest.raises(DataError, match=r"a.mp4: expected 5 frames from frame 16 on, found 4"):
        clip_frames(path, 5, start=16)
