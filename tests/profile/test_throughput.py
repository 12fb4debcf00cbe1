"""Many videos through the harness, a bare loop and two processes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from lmms_cpllm.errors import UserError
from lmms_cpllm.profile.stages import set_up
from lmms_cpllm.profile.throughput import Throughput, copies, harness_run, measure_throughput


def test_overhead_and_speed_up() -> None:
    found = Throughput(500, bare_s=10.0, harness_s=10.4, one_process_s=18.0, two_processes_s=10.0)
    assert found.overhead == pytest.approx(0.04)
    assert found.speed_up == 1.8


def test_copies_are_files_of_their_own(clips: list[Path], tmp_path: Path) -> None:
    paths = copies([str(clip) for clip in clips], 5, tmp_path)
    assert len({Path(path).stat().st_ino for path in paths}) == 5
    assert [Path(path).read_bytes() for path in paths] == [clips[i % 2].read_bytes() for i in range(5)]


def test_four_ways(checkpoint: Path, clips: list[Path], tmp_path: Path) -> None:
    arguments = {"pretrained": str(checkpoint), "isolate": False}
    before = torch.get_num_threads()
    with set_up(arguments, describe=False) as bench:
        found = measure_throughput(bench, arguments, copies([str(clip) for clip in clips], 4, tmp_path))
    assert found.videos == 4
    assert min(found.bare_s, found.harness_s, found.one_process_s, found.two_processes_s) > 0
    assert torch.get_num_threads() == before


def test_a_video_without_an_answer_is_told(checkpoint: Path, clips: list[Path], no_video: Path) -> None:
    with pytest.raises(UserError, match=r"no\.mp4 and 0 more of 2 videos got no answer"):
        harness_run({"pretrained": str(checkpoint), "isolate": False}, [str(clips[0]), str(no_video)], describe=True)
