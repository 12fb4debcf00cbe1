"""Bits per pixel of clips and pictures."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from clips import write_clip
from PIL import Image

from lmms_cpllm.baselines.bitrate import bits_per_pixel
from lmms_cpllm.errors import VideoError


@pytest.mark.parametrize("fps", [12, 30])
def test_of_a_clip_by_its_packets_whatever_the_frame_rate(fps: int, tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", width=64, height=48, frames=10, fps=fps, content="texture", audio="first")
    with av.open(str(path)) as container:
        size = sum(packet.size for packet in container.demux(video=0))
    assert bits_per_pixel(path) == pytest.approx(size * 8 / (64 * 48 * 10), rel=1e-9)


def test_stronger_compression_leaves_fewer(tmp_path: Path) -> None:
    found = [bits_per_pixel(write_clip(tmp_path / f"{crf}.mp4", content="texture", crf=crf)) for crf in (20, 35, 50)]
    assert found == sorted(found, reverse=True)


def test_of_a_picture_by_its_file(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    Image.fromarray(np.zeros((30, 40, 3), np.uint8)).save(path)
    assert bits_per_pixel(path) == pytest.approx(path.stat().st_size * 8 / (30 * 40))
    path.write_text("no picture")
    with pytest.raises(VideoError):
        bits_per_pixel(path)
