"""A few seconds from the middle of a video file, every frame of them: what a clean clip gives to be distorted.

Nothing damaged is let through: what is wrong with a source would be taken for the distortion that is put on it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import av
import numpy as np

from lmms_cpllm.errors import VideoError
from lmms_cpllm.video.colour import Converter, orientation_of
from lmms_cpllm.video.demux import Packets, Timeline, check_file, displayed, is_image, open_video, read_packets
from lmms_cpllm.video.limits import DEFAULT_LIMITS, Watch
from lmms_cpllm.video.reading import Unseekable, jump, plan_spans, run_through

MOST_FPS = 60
"""Of a faster video every second, third, ... frame is taken."""
LEAST_FRAMES, LEAST_SIDE = 8, 64
"""What is shorter cannot show lost frames; AV1 encoders refuse what is smaller."""
LARGEST = (1920, 1080)
"""Longer and shorter side, in pixels, above which a picture is shrunk."""


@dataclass(frozen=True)
class Piece:
    """Which frames of a file are taken. They are played at a constant rate, whatever the file's own timing is."""

    fps: int
    """Whole frames per second, at most `MOST_FPS`, nearest to the file's usual rate."""
    keys: tuple[int, ...]
    """Of the frames in display order; see `Timeline.keys`."""
    line: Timeline
    packets: Packets


def plan_piece(path: str, seconds: float) -> Piece:
    """The middle `seconds` of a file, all of a shorter one. Nothing is decoded.

    Raises:
        VideoError: no video, a still image, fewer than `LEAST_FRAMES` frames, a side below `LEAST_SIDE` pixels.
    """
    check_file(path)
    with open_video(path, threads=1) as (container, stream):
        size = (stream.codec_context.width, stream.codec_context.height)
        still = is_image(container)
        packets = read_packets(container, stream)
    line = displayed(packets)
    if still or line is None or len(line.keys) < LEAST_FRAMES:
        found = "a still image" if still else f"{len(line.keys) if line else 0} frames"
        raise VideoError(path, f"expected a video of at least {LEAST_FRAMES} frames, found {found}")
    if min(size) < LEAST_SIDE:
        raise VideoError(path, f"expected at least {LEAST_SIDE} pixels on each side, found {'x'.join(map(str, size))}")
    # The usual interval: a pause in a video of variable rate does not slow the rest down.
    interval = float(np.median(np.diff(line.seconds)))
    rate = 1 / interval if interval > 0 else line.fps
    if rate <= 0:
        raise VideoError(path, "it does not say when its frames are shown")
    stride = max(1, math.ceil(round(rate, 3) / MOST_FPS))
    fps = max(1, round(rate / stride))
    count = min(max(LEAST_FRAMES, round(seconds * fps)), (len(line.keys) - 1) // stride + 1)
    if count < LEAST_FRAMES:
        stride, count = 1, LEAST_FRAMES
    start = (len(line.keys) - ((count - 1) * stride + 1)) // 2
    return Piece(fps, tuple(line.keys[start : start + count * stride : stride][:count]), line, packets)


def read_piece(path: str, piece: Piece) -> list[np.ndarray]:
    """The frames of a piece, upright, with even sides, shrunk where they are larger than `LARGEST`.

    Returns:
        uint8 (height, width, 3) RGB each.

    Raises:
        VideoError: one of the frames is damaged or cannot be decoded.
    """
    wanted = set(piece.keys)
    spans = plan_spans(piece.packets, piece.line, wanted, "auto")
    watch, transfer = Watch(path, DEFAULT_LIMITS), piece.packets.transfer
    try:
        with open_video(path, threads=1, strict=True) as (container, stream):
            needed = wanted if piece.line.by_pts else None
            frames = jump(container, stream, piece.packets, spans, needed, watch)
            found = _take(frames, wanted, piece.line.by_pts, transfer)
    except Unseekable:
        found = {}
    if len(found) < len(wanted):
        # Not to be had by jumping, as with open groups of pictures.
        with open_video(path, threads=1, strict=True) as (container, stream):
            frames = run_through(container, stream, piece.packets, watch)
            found = _take(frames, wanted, piece.line.by_pts, transfer)
    if len(found) < len(wanted):
        raise VideoError(path, f"only {len(found)} of the {len(wanted)} frames in its middle can be decoded undamaged")
    return [found[key] for key in piece.keys]


def _take(
    frames: Iterable[av.VideoFrame | None], wanted: set[int], by_pts: bool, transfer: int
) -> dict[int, np.ndarray]:
    """Key -> RGB of the wanted frames up to the first sign of damage."""
    found: dict[int, np.ndarray] = {}
    converter, size, number = Converter(transfer), None, 0
    for frame in frames:
        if frame is None or frame.is_corrupt:
            break
        key = frame.pts if by_pts else number
        number += 1
        if key not in wanted:
            continue
        orientation = orientation_of(frame)
        size = size or _size(*orientation.upright_size(frame.height, frame.width))
        picture = converter.resized(frame, size, orientation)
        found[key] = np.ascontiguousarray(picture[: size[0] // 2 * 2, : size[1] // 2 * 2])
        if len(found) == len(wanted):
            break
    return found


def _size(height: int, width: int) -> tuple[int, int]:
    """Height and width of the picture that is made of one of this size. A size that fits stays: nothing is resampled."""
    scale = min(1.0, LARGEST[0] / max(height, width), LARGEST[1] / min(height, width))
    return (height, width) if scale == 1 else (round(height * scale / 2) * 2, round(width * scale / 2) * 2)
