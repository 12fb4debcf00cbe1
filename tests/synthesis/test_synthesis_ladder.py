"""The recipe of vqa_ladder: complete, rising, off the ladders of vqa_mini; and clips of a user in the place of scenes."""

import dataclasses
import hashlib
import itertools
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from clips import write_clip

from lmms_cpllm.synthesis import ladder, recipe, render, scenes
from lmms_cpllm.synthesis.distortions import FAMILIES, Step, distort
from lmms_cpllm.synthesis.encode import CODECS
from lmms_cpllm.synthesis.footage import Footage, footage_of, frames
from lmms_cpllm.video import probe

STRONGEST = {one.family: one.strengths[-1] for one in ladder.LADDERS}
LEFT_OUT = {"sharpening", "oversaturation", "desaturation", "colour_cast", "interlacing"}


def test_every_codec_and_every_distortion_that_has_a_ladder():
    assert set(ladder.FAMILIES) == (set(CODECS) | set(FAMILIES)) - LEFT_OUT
    assert len(ladder.LADDERS) == len(ladder.FAMILIES)


def test_size_and_balance():
    items = ladder.items(ladder.FAMILIES)
    assert len(items) == len({item.name for item in items}) == 372
    assert len({item.scene for item in items}) == 12
    climbs = Counter(content for one in ladder.LADDERS for content in one.contents)
    assert set(climbs) == set(recipe.SCENES)
    assert set(climbs.values()) <= {5, 6, 7}
    for one in ladder.LADDERS:
        assert len(set(one.contents)) == len(one.contents) == (4 if one.family in CODECS else 2)


def test_strengths_rise_and_are_not_those_of_the_embedded_benchmark():
    mini = {one.family: one.strengths for one in recipe.LADDERS}
    for one in ladder.LADDERS:
        assert list(one.strengths) == sorted(set(one.strengths))
        assert len(one.strengths) == 5
        assert not set(one.strengths) & set(mini.get(one.family, ()))


def test_the_recipe_is_this():
    """Golden: other clips are another task, so raise the version of vqa_ladder when this changes."""
    assert recipe.digest(*ladder.items(ladder.FAMILIES)) == "7a24b7855a7b"


def test_items_come_content_by_content_clean_first():
    items = ladder.items(["h264", "blur"])
    groups = [list(group) for _, group in itertools.groupby(items, key=lambda item: item.content)]
    assert [group[0].content for group in groups] == ["astronaut", "coffee", "grass", "motorcycle", "pagoda", "tissue"]
    for group in groups:
        assert group[0].reference
        assert len(group) == 6
    assert [item.strength for item in groups[0]] == [0, 18, 23, 28, 34, 42]


@pytest.mark.parametrize("content", sorted(recipe.SCENES))
def test_a_scene_is_the_first_second_of_that_of_the_embedded_benchmark(content):
    whole, first = recipe.SCENES[content], ladder.scene_of(content)
    photo = scenes.load_photograph(whole.photograph)
    size = (photo.shape[1], photo.shape[0])
    assert first.frame_count == whole.fps
    ways = [scenes.camera_path(scene, size) for scene in (first, whole)]
    assert ways[0][0] == pytest.approx(ways[1][0])
    # The first of a clip's frames stands at the start of its way and the last at the end, hence half a frame's way.
    step = np.abs(np.diff(ways[1], axis=0)).max(axis=0)
    assert (np.abs(ways[0][-1] - ways[1][whole.fps - 1]) <= step + 1e-9).all()


@pytest.mark.parametrize("one", [one for one in ladder.LADDERS if one.family in FAMILIES], ids=lambda one: one.family)
def test_every_step_of_a_distortion_changes_more_of_the_picture(one):
    for content in one.contents:
        scene = ladder.scene_of(content)
        if one.family != "packet_loss":  # a smaller picture is sent in too few packets
            scene = dataclasses.replace(scene, size=(scene.size[0] // 2, scene.size[1] // 2))
        clean = np.stack(list(scenes.frames(scene)))
        errors = [0.0]
        for strength in one.strengths:
            changed = np.stack(list(distort(clean, [Step(one.family, strength, scene.seed)])))
            errors.append(float(np.mean((changed.astype(np.float32) - clean) ** 2)))
        assert all(weaker < stronger for weaker, stronger in itertools.pairwise(errors)), (content, errors)


def test_codecs_without_an_encoder_are_named(monkeypatch):
    assert ladder.missing_codecs(ladder.FAMILIES) == ()
    monkeypatch.setattr(ladder.av, "codecs_available", {"libx264", "libsvtav1"})
    assert ladder.missing_codecs(["blur", "hevc", "h264", "vp8"]) == ("hevc", "vp8")


class TestFootage:
    @pytest.fixture
    def clip(self, tmp_path) -> Path:
        return write_clip(tmp_path / "a.mp4", width=96, height=80, frames=90, fps=30, content="texture")

    def test_a_clip_takes_the_place_of_a_scene(self, clip):
        footage = footage_of(clip, "mine")
        assert (footage.name, footage.fps, footage.seconds) == ("mine", 30, 2.0)
        assert hashlib.sha256(clip.read_bytes()).hexdigest().startswith(footage.sha256)
        assert len(frames(footage)) == 60
        items = ladder.items_of(footage, ["av1", "noise"])
        assert [item.name for item in items][:3] == ["mine-clean", "mine-av1-30", "mine-av1-41"]
        assert len(items) == 11
        assert items[-1].steps == (Step("noise", 36, footage.seed),)

    def test_the_digest_follows_what_is_in_the_file_and_not_where_it_is(self, clip, tmp_path):
        item = recipe.clean_item(footage_of(clip, "mine"))
        moved = tmp_path / "b.mp4"
        moved.write_bytes(clip.read_bytes())
        assert recipe.digest(recipe.clean_item(footage_of(moved, "mine"))) == recipe.digest(item)
        assert recipe.digest(recipe.clean_item(footage_of(moved, "other"))) != recipe.digest(item)
        write_clip(clip, width=96, height=80, frames=90, fps=30, content="texture", seed=1)
        assert recipe.digest(recipe.clean_item(footage_of(clip, "mine"))) != recipe.digest(item)

    def test_anything_else_that_has_no_plain_value_is_refused(self):
        item = recipe.clean_item(Footage("a", "0" * 16, 25, Path("a.mp4"), seconds=b"2"))
        with pytest.raises(TypeError, match="an item holds a bytes, expected plain values"):
            recipe.digest(item)

    def test_workers_share_the_frames_of_a_single_clip(self, clip, tmp_path, monkeypatch):
        reads = []
        read = render.footage.frames
        monkeypatch.setattr(render.footage, "frames", lambda footage: reads.append(footage) or read(footage))
        items = ladder.items_of(footage_of(clip, "mine"), ["mjpeg", "vp8"])
        one, four = (render.render(items, tmp_path / str(n), "own", workers=n) for n in (1, 4))
        assert len(reads) == 2
        assert [path.read_bytes() for path in one.values()] == [path.read_bytes() for path in four.values()]
        assert {path.suffix for path in one.values()} == {".mp4", ".avi"}, "no .webm: hosts take it for audio"

    def test_every_family_takes_the_smallest_clip(self, tmp_path):
        clip = write_clip(tmp_path / "a.mp4", width=64, height=64, frames=8)
        items = ladder.items_of(footage_of(clip, "small"), ladder.FAMILIES)
        strongest = [item for item in items if item.reference or item.strength == STRONGEST[item.family]]
        paths = render.render(strongest, tmp_path / "out", "small")
        assert len(paths) == 28
        assert {probe(path).frames for path in paths.values()} == {8}
