"""A disk of 1 MB that fills up: clips are rendered whole or not at all, and the error names the place."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from lmms_cpllm.errors import ArgumentError, DataError
from lmms_cpllm.harness.failures import FailureList
from lmms_cpllm.synthesis.recipe import PHOTOGRAPHS, clean_item, distorted_item
from lmms_cpllm.synthesis.render import folder_of, render
from lmms_cpllm.synthesis.scenes import Camera, Scene

SCENE = Scene(PHOTOGRAPHS["coffee"], (64, 48), 12, 0.5, Camera())
ITEMS = (clean_item(SCENE), distorted_item(SCENE, "h264", 40))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MB, which only root may mount."""
    mount = shutil.which("mount")
    folder = tmp_path / "disk"
    folder.mkdir()
    made = mount and subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if not made or made.returncode:
        pytest.skip("no file system of 1 MB can be mounted here: that takes root and the right to mount")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def fill(folder: Path, leave: int) -> None:
    usage = shutil.disk_usage(folder)
    (folder / "filler").write_bytes(bytes(usage.free - leave))


def test_rendering_says_so_and_goes_on_when_there_is_room(small_disk: Path, tmp_path: Path) -> None:
    fill(small_disk, 8192)
    with pytest.raises(
        DataError, match=r"tiny: its clips cannot be written to .*: \[Errno 28\] No space left on device"
    ):
        render(ITEMS, small_disk / "cache", "tiny", workers=1)
    folder = folder_of(ITEMS, small_disk / "cache", "tiny")
    left = {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix != ".part"}
    (small_disk / "filler").unlink()
    paths = render(ITEMS, small_disk / "cache", "tiny", workers=1)
    clean = render(ITEMS, tmp_path / "elsewhere", "tiny", workers=1)
    for name, path in paths.items():
        assert path.read_bytes() == clean[name].read_bytes()
        assert left.get(path.name, path.read_bytes()) == path.read_bytes(), "what there was is whole"
    assert set(left) <= {path.name for path in paths.values()}, "neither a manifest nor a half clip"


def test_a_list_of_failures_that_finds_no_room_is_an_error(small_disk: Path) -> None:
    fill(small_disk, 0)
    with pytest.raises(
        ArgumentError, match=r"failures=.*: expected a file that can be written, found: No space left on"
    ):
        FailureList(str(small_disk / "failures.csv"))
