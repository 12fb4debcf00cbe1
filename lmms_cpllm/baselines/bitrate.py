"""Bits per pixel: what was spent on a video. It says nothing of any distortion but compression."""

from __future__ import annotations

import os
from pathlib import Path

from lmms_cpllm.video import probe


def bits_per_pixel(path: str | Path, size: int | None = None) -> float:
    """Bits of the video stream for each pixel of each frame; of a still picture those of the whole file.

    Not bits per second: these rise with the size of the picture and the frame rate as well, whatever the quality is.
    Of raw video it is a constant. No picture is decoded but the first.

    Args:
        path: the video.
        size: bytes that were spent on it, where the file is not what they were spent on.

    Raises:
        VideoError: the file cannot be read.
    """
    info = probe(path)
    if size is None and info.duration_s:
        bits = info.bitrate_kbps * 1000 * info.duration_s
    else:
        bits = 8 * (os.path.getsize(path) if size is None else size)
    return bits / (info.width * info.height * info.frames)
