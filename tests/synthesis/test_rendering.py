"""Rendering into a cache: once, whole or not at all, by several processes, after kill -9, and on a disk that refuses."""

import errno
import io
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from tiny_recipe import ITEMS, SCENE

from lmms_cpllm.errors import DataError
from lmms_cpllm.synthesis import render as module
from lmms_cpllm.synthesis import scenes
from lmms_cpllm.synthesis.encode import CODECS
from lmms_cpllm.synthesis.recipe import digest, distorted_item
from lmms_cpllm.synthesis.render import MANIFEST, folder_of, render

# Renders the tiny recipe; notes every clip it encodes and, asked to, stops for good inside the second one.
WORKER = """
import sys, time
from pathlib import Path
from tiny_recipe import ITEMS
from lmms_cpllm.synthesis import render as module
root, hang = Path(sys.argv[1]), sys.argv[2] == "hang"
encode = module.clip_bytes
def noted(item, clean):
    with open(root / "log", "a") as log:
        log.write(item.name + "\\n")
    if hang and item is ITEMS[1]:
        (root / "x").touch()
        time.sleep(600)
    return encode(item, clean)
module.clip_bytes = noted
module.render(ITEMS, root, "tiny", workers=1)
"""


def start(root, mode="go"):
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    return subprocess.Popen([sys.executable, "-c", WORKER, str(root), mode], env=env, stderr=subprocess.DEVNULL)


def frame_counts(paths):
    return [sum(1 for _ in av.open(str(path)).decode(video=0)) for path in paths.values()]


def forbid_encoding(monkeypatch):
    def refuse(item, clean):
        raise AssertionError(f"{item.name} was encoded again")

    monkeypatch.setattr(module, "clip_bytes", refuse)


def test_renders_every_item_and_a_manifest(tmp_path, capfd):
    paths = render(ITEMS, tmp_path, "tiny")
    folder = tmp_path / f"tiny-{digest(*ITEMS)}"
    assert paths == {item.name: folder / f"{item.name}.mp4" for item in ITEMS}
    assert frame_counts(paths) == [6, 6, 6]
    manifest = json.loads((folder / MANIFEST).read_text())
    assert manifest == {"recipe": digest(*ITEMS), "bytes": {n: p.stat().st_size for n, p in paths.items()}}
    assert "rendering tiny: 100%" in capfd.readouterr().err


def test_a_second_call_renders_nothing(tmp_path, monkeypatch):
    paths = render(ITEMS, tmp_path, "tiny")
    forbid_encoding(monkeypatch)
    assert render(ITEMS, tmp_path, "tiny") == paths


def test_a_complete_cache_needs_no_permission_to_write(tmp_path, monkeypatch):
    paths = render(ITEMS, tmp_path, "tiny")

    def refuse(*args, **kwargs):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(module, "FileLock", refuse)
    monkeypatch.setattr(Path, "mkdir", refuse)
    assert render(ITEMS, tmp_path, "tiny") == paths


def test_bytes_do_not_depend_on_the_number_of_workers(tmp_path):
    one, three = (render(ITEMS, tmp_path / str(n), "tiny", workers=n) for n in (1, 3))
    assert [p.read_bytes() for p in one.values()] == [p.read_bytes() for p in three.values()]


def test_another_recipe_has_another_folder(tmp_path):
    assert folder_of(ITEMS, tmp_path, "tiny") != folder_of(ITEMS[:2], tmp_path, "tiny")


@pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: path.write_bytes(b"cut")])
def test_a_damaged_clip_alone_is_made_again(tmp_path, damage):
    paths = render(ITEMS, tmp_path, "tiny")
    whole = {name: path.read_bytes() for name, path in paths.items()}
    times = {name: path.stat().st_mtime_ns for name, path in paths.items()}
    damage(paths[ITEMS[1].name])
    render(ITEMS, tmp_path, "tiny")
    assert {name: path.read_bytes() for name, path in paths.items()} == whole
    assert {n for n, path in paths.items() if path.stat().st_mtime_ns != times[n]} == {ITEMS[1].name}


def test_a_damaged_manifest_is_written_again(tmp_path, monkeypatch):
    render(ITEMS, tmp_path, "tiny")
    manifest = folder_of(ITEMS, tmp_path, "tiny") / MANIFEST
    text = manifest.read_text()
    manifest.write_text(text[:20])
    forbid_encoding(monkeypatch)
    render(ITEMS, tmp_path, "tiny")
    assert manifest.read_text() == text


def test_a_cache_that_may_not_be_read(tmp_path, monkeypatch):
    def refuse(*args, **kwargs):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "read_text", refuse)
    with pytest.raises(
        DataError, match=r"tiny: its clips cannot be written to .*: \[Errno 13\] Permission denied. Hint"
    ):
        render(ITEMS, tmp_path, "tiny", hint="Hint")


def test_several_processes_render_once(tmp_path):
    processes = [start(tmp_path) for _ in range(3)]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    assert sorted((tmp_path / "log").read_text().split()) == sorted(item.name for item in ITEMS)


def test_killed_and_started_again(tmp_path, monkeypatch):
    process = start(tmp_path, "hang")
    deadline = time.monotonic() + 60
    while not (tmp_path / "x").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    folder = folder_of(ITEMS, tmp_path, "tiny")
    assert sorted(path.name for path in folder.iterdir()) == [f"{ITEMS[0].name}.mp4"]
    (folder / "half.mp4.part").write_bytes(b"half a clip")

    made, encode = [], module.clip_bytes
    monkeypatch.setattr(module, "clip_bytes", lambda item, clean: made.append(item.name) or encode(item, clean))
    paths = render(ITEMS, tmp_path, "tiny")
    assert sorted(made) == sorted(item.name for item in ITEMS[1:])
    assert frame_counts(paths) == [6, 6, 6]
    assert not list(folder.glob("*.part"))


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DataError) as error:
        render(ITEMS, tmp_path / "file", "tiny", hint="Set THIS to another.")
    folder = folder_of(ITEMS, tmp_path / "file", "tiny")
    assert str(error.value).startswith(f"tiny: its clips cannot be written to {folder}: [Errno 20] Not a directory")
    assert str(error.value).endswith(". Set THIS to another.")


def test_a_full_disk(tmp_path, monkeypatch):
    def full(file):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(
        DataError, match=r"tiny: its clips cannot be written to .*: \[Errno 28\] No space left on device"
    ):
        render(ITEMS, tmp_path, "tiny")
    monkeypatch.undo()
    assert frame_counts(render(ITEMS, tmp_path, "tiny")) == [6, 6, 6]


@pytest.mark.parametrize("codec", CODECS)
def test_what_other_models_open_videos_with_opens_every_clip(codec, tmp_path):
    decord = pytest.importorskip("decord", reason="decord, with which most models open videos, has no wheel here")
    scene = replace(SCENE, size=(128, 96))
    item = distorted_item(scene, codec, CODECS[codec].highest)
    clean = list(scenes.frames(scene))
    path = module.clip_path(tmp_path, item)
    path.write_bytes(module.clip_bytes(item, clean))
    opened = decord.VideoReader(str(path))
    assert len(opened) == len(clean)
    assert opened[len(clean) - 1].shape == (96, 128, 3)


def test_a_clip_in_another_codec_than_its_own_has_the_same_pictures_at_the_same_times():
    item = distorted_item(replace(SCENE, size=(128, 96)), "av1", 50)
    clean = list(scenes.frames(item.scene))
    own, delivered = (
        [(frame.time, frame.to_ndarray(), frame.colorspace, frame.color_range) for frame in opened.decode(video=0)]
        for opened in (av.open(io.BytesIO(make(item, clean))) for make in (module.coded_bytes, module.clip_bytes))
    )
    assert len(own) == len(delivered) == len(clean)
    for (time_, picture, *tags), (time_too, picture_too, *tags_too) in zip(own, delivered, strict=True):
        assert (time_, tags) == (time_too, tags_too)
        assert np.array_equal(picture, picture_too)
