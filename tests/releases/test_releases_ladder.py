"""The clips of vqa_ladder: rendered into a cache, from the embedded contents or from a folder with anything in it."""

from __future__ import annotations

import logging
from pathlib import Path

import av
import pytest
from clips import write_clip

from lmms_cpllm.errors import ArgumentError, DataError
from lmms_cpllm.releases import ladder as module
from lmms_cpllm.synthesis import ladder as recipe
from lmms_cpllm.synthesis import render
from lmms_cpllm.synthesis.recipe import Ladder
from lmms_cpllm.synthesis.scenes import Camera, Scene
from lmms_cpllm.video import probe

TINY = (
    Ladder("h264", (23, 42), ("coffee", "pagoda")),
    Ladder("vp8", (20,), ("coffee",)),
    Ladder("drops", (30, 75), ("pagoda",)),
)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and a recipe that is rendered in no time."""

    def scene_of(content: str) -> Scene:
        return Scene(recipe.SCENES[content].photograph, (64, 64), 12, 0.75, Camera((0.2, 0.4), (0.6, 0.5), seed=3))

    monkeypatch.setenv("LMMS_CPLLM_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("LMMS_CPLLM_LADDER", raising=False)
    monkeypatch.delenv("LMMS_CPLLM_LADDER_FAMILIES", raising=False)
    monkeypatch.setattr(recipe, "LADDERS", TINY)
    monkeypatch.setattr(recipe, "FAMILIES", tuple(ladder.family for ladder in TINY))
    monkeypatch.setattr(recipe, "scene_of", scene_of)
    return tmp_path / "cache"


@pytest.fixture
def folder(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Clips of a user, good ones and bad ones."""
    folder = tmp_path / "mine"
    (folder / "trip").mkdir(parents=True)
    monkeypatch.setenv("LMMS_CPLLM_LADDER", str(folder))
    clip = {"frames": 12, "content": "texture"}
    write_clip(folder / "odd.mkv", width=99, height=75, pix_fmt="yuv444p", **clip)
    write_clip(
        folder / "trip" / "Día 1.webm",
        codec="libvpx-vp9",
        width=80,
        height=64,
        times=[i * i / 90 for i in range(12)],
        **clip,
    )
    write_clip(folder / "short.mp4", width=80, height=64, frames=3)
    (folder / "copy.mkv").write_bytes((folder / "odd.mkv").read_bytes())
    (folder / "broken.mp4").write_bytes(b"no video")
    (folder / "notes.txt").write_text("clean clips")
    (folder / "raw.yuv").write_bytes(b"0" * 9600)
    (folder / ".hidden.mp4").write_bytes(b"")
    (folder / "gone.mp4").symlink_to(folder / "nowhere.mp4")
    return folder


def files(cache: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in cache.rglob("*.*") if path.is_file()}


def test_the_embedded_contents(cache):
    found = module.ladders()
    assert [(row.name, row.family, row.step, row.strength, row.unit) for row in found.rows] == [
        ("coffee-clean", "clean", 0, 0.0, ""),
        ("coffee-h264-23", "h264", 1, 23.0, "CRF"),
        ("coffee-h264-42", "h264", 2, 42.0, "CRF"),
        ("coffee-vp8-20", "vp8", 1, 20.0, "quantiser"),
        ("pagoda-clean", "clean", 0, 0.0, ""),
        ("pagoda-h264-23", "h264", 1, 23.0, "CRF"),
        ("pagoda-h264-42", "h264", 2, 42.0, "CRF"),
        ("pagoda-drops-30", "drops", 1, 30.0, "% of frames"),
        ("pagoda-drops-75", "drops", 2, 75.0, "% of frames"),
    ]
    assert (found.missing_codecs, found.unusable) == ((), ())
    for row in found.rows:
        info = probe(row.video)
        assert (info.width, info.height, info.frames, info.fps) == (64, 64, 9, 12)
        assert info.codec == (row.family if row.family == "vp8" else "h264")
        assert Path(row.video).is_absolute()
    before = files(cache)
    assert module.ladders() == found
    assert files(cache) == before, "nothing is rendered again"


def test_some_families_only(cache, monkeypatch):
    monkeypatch.setenv("LMMS_CPLLM_LADDER_FAMILIES", "drops")
    assert [row.name for row in module.ladders().rows] == ["pagoda-clean", "pagoda-drops-30", "pagoda-drops-75"]
    monkeypatch.setenv("LMMS_CPLLM_LADDER_FAMILIES", " drops,  h264,")
    assert module.asked_families() == ("h264", "drops")
    monkeypatch.setenv("LMMS_CPLLM_LADDER_FAMILIES", "h265,blurr,vp8")
    with pytest.raises(ArgumentError) as error:
        module.ladders()
    assert str(error.value) == (
        "LMMS_CPLLM_LADDER_FAMILIES: h265, blurr: not known; expected some of: h264, vp8, drops"
    )


def test_a_codec_that_is_missing_is_named_and_left_out(cache, monkeypatch, caplog):
    whole = module.ladders()
    monkeypatch.setattr(recipe.av, "codecs_available", {"libx264"})
    caplog.set_level(logging.WARNING)
    found = module.ladders()
    assert found.missing_codecs == ("vp8",)
    assert [row.name for row in found.rows] == [row.name for row in whole.rows if row.family != "vp8"]
    assert "vqa_ladder: this PyAV was built without the encoders of vp8; left out" in caplog.text
    assert module.fingerprint(found) != module.fingerprint(whole)
    monkeypatch.setenv("LMMS_CPLLM_LADDER_FAMILIES", "vp8")
    with pytest.raises(DataError, match=r"has none of the encoders of vp8\n  what to do: ask for other families"):
        module.ladders()


def test_a_folder_with_anything_in_it(folder, caplog):
    caplog.set_level(logging.WARNING)
    found = module.ladders()
    assert {row.content for row in found.rows} == {"copy", "trip_Día_1"}
    assert len(found.rows) == 2 * 6
    assert [row.name for row in found.rows][:6] == [
        *("copy-clean", "copy-h264-23", "copy-h264-42", "copy-vp8-20", "copy-drops-30", "copy-drops-75"),
    ]
    assert [text.split(": ")[0] for text in found.unusable] == [
        *("broken.mp4", "gone.mp4", "notes.txt", "odd.mkv", "raw.yuv", "short.mp4"),
    ]
    reasons = dict(text.split(": ", 1) for text in found.unusable)
    assert reasons["broken.mp4"] == "this is not a media file, or its header is missing or damaged"
    assert reasons["notes.txt"] == "its name does not end as that of a video"
    assert reasons["odd.mkv"] == "the same file as copy.mkv"
    assert reasons["short.mp4"] == "expected a video of at least 8 frames, found 3 frames"
    assert reasons["raw.yuv"].startswith("raw video does not say its size and rate")
    assert reasons["gone.mp4"] == "No such file or directory"
    assert f"vqa_ladder: 6 of 8 files in {folder} are left out: broken.mp4: " in caplog.text
    assert {(probe(row.video).width, probe(row.video).height) for row in found.rows} == {(98, 74), (80, 64)}


def test_nothing_stale_is_used_and_nothing_is_rendered_twice(folder, cache):
    first = module.ladders()
    before = files(cache)
    assert module.ladders() == first
    assert files(cache) == before
    write_clip(folder / "new.mov", width=80, height=64, frames=9)
    more = module.ladders()
    assert [row for row in more.rows if row.content != "new"] == list(first.rows)
    assert before.items() <= files(cache).items(), "a further clip leaves the others as they are"
    assert module.fingerprint(more) != module.fingerprint(first)
    (folder / "copy.mkv").unlink()
    write_clip(folder / "copy.mkv", width=80, height=64, frames=12, content="texture", seed=9)
    other = {row.name: row.video for row in module.ladders().rows}
    old = {row.name: row.video for row in first.rows}
    assert Path(other["copy-clean"]).parent != Path(old["copy-clean"]).parent, "same name, another video"
    assert other["trip_Día_1-clean"] == old["trip_Día_1-clean"]


def test_a_clip_that_an_encoder_refuses_is_left_out(folder, monkeypatch):
    encode = render.clip_bytes

    def refuse(item, clean):
        if item.name == "copy-vp8-20":
            raise av.error.ExternalError(1, "no such size")
        return encode(item, clean)

    monkeypatch.setattr(render, "clip_bytes", refuse)
    found = module.ladders()
    assert {row.content for row in found.rows} == {"trip_Día_1"}
    assert [text.split(": ")[0] for text in found.unusable if "no such size" in text] == ["copy.mkv"]


def test_names_stay_apart_and_fit_into_a_folder(folder):
    for name in ("same.mp4", "same.mkv", "SAME.mov"):
        write_clip(folder / name, width=80, height=64, frames=9, seed=len(name))
    for seed, name in enumerate((f"{'ü' * 100}.mp4", "a b.mp4", "a?b.mp4")):
        write_clip(folder / name, width=80, height=64, frames=9, seed=seed)
    contents = {row.content for row in module.ladders().rows}
    assert len(contents) == 8
    assert len({name.casefold() for name in contents}) == 8
    assert max(len(name.encode()) for name in contents) < 130


def test_a_folder_with_nothing_of_use(folder, monkeypatch, tmp_path):
    for path in folder.rglob("*.*"):
        if path.name not in ("notes.txt", "broken.mp4"):
            path.unlink()
    with pytest.raises(DataError) as error:
        module.ladders()
    assert str(error.value) == (
        f"LMMS_CPLLM_LADDER={folder}: expected at least one clean clip, found none that can be used\n"
        "  left out: broken.mp4: this is not a media file, or its header is missing or damaged; notes.txt: its name does "
        "not end as that of a video\n"
        "  what to do: put clips of 8 frames and 64x64 pixels or more there"
    )
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("LMMS_CPLLM_LADDER", str(tmp_path / "empty"))
    with pytest.raises(DataError, match="left out: nothing, for the folder is empty"):
        module.ladders()
    monkeypatch.setenv("LMMS_CPLLM_LADDER", str(tmp_path / "nowhere"))
    with pytest.raises(DataError) as error:
        module.ladders()
    assert str(error.value) == (
        f"LMMS_CPLLM_LADDER={tmp_path}/nowhere: there is no such folder\n"
        "  what to do: let LMMS_CPLLM_LADDER name a folder of clean clips, or unset it to take the embedded contents"
    )


def test_a_cache_that_cannot_be_written(cache, monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("LMMS_CPLLM_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(
        DataError, match=r"vqa_ladder: its clips cannot be written to (.*)Set LMMS_CPLLM_CACHE to a folder"
    ):
        module.ladders()
