"""Bits per pixel: what was spent on a video. It says nothing of any distortion but compression."""

from __future__ import annotations

import os
from pathlib import Path

from lmms_cpllm.video import probe


def bits_per_pixel(path: str | Path) -> float:
    """Bits of the video stream for each pixel of each frame; of a still picture those of the whole file.

    Not bits per second: these rise with the size of the picture and the frame rate as well, whatever the quality is.
    Of raw video it is a constant. No picture is decoded but the first.

    Raises:
        VideoError: the file cannot be read.
    """
    info = probe(path)
    bits = info.bitrate_kbps * 1000 * info.duration_s if info.duration_s else os.path.getsize(path) * 8
    return bits / (info.width * info.height * info.frames)
