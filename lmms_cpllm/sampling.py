"""Which frames and which crops of a video the two views hold. Pure numpy; decoding is in `video/`.

Every plan is a function of the timestamps, of a long video's key frames, and of the frame size alone, so the same video
gives the same views on every run.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np


@dataclass(frozen=True)
class ViewPlan:
    """What to take from a video. Every number is at least 1."""

    context_frames: int
    """M: whole frames, one from each of M equal parts of the video."""
    context_size: tuple[int, int]
    """(height, width) in pixels to which the context frames are resized, ignoring the aspect ratio."""
    pixel_moments: int
    """K: moments at which crops are taken, one in each of K equal parts of the video."""
    pixel_crops: int
    """G: crops per moment."""
    pixel_frames: int
    """R: consecutive frames in each crop."""
    crop_size: int
    """c: height and width of a crop in pixels of the video itself."""

    def __post_init__(self) -> None:
        height, width = self.context_size
        for field in fields(self):
            value = getattr(self, field.name)
            lowest = min(value) if field.name == "context_size" else value
            if lowest < 1:
                raise ValueError(f"ViewPlan.{field.name}: expected at least 1, found {value}")
        object.__setattr__(self, "context_size", (int(height), int(width)))


LONG_FRAMES = 1500
"""Frames above which a video is long: a minute at 25 per second. The clips of all public data sets are shorter."""
# Frames from a key frame to the one that stands for it: a key frame alone is often better, or worse, than what follows.
_SETTLED = 4


def anchors(key_frames: np.ndarray, count: int) -> np.ndarray:
    """Frames of a long video that are quickly decoded: a little after a key frame. None of any other.

    Decoding up to a given frame of a video whose key frames are ten seconds apart costs up to ten seconds of video. A long
    video would cost that for each of its frames; with these it costs no more than a short one.

    Args:
        key_frames: (J,) ascending int64 indices of the frames at which a decoder can start.
        count: N frames in all.

    Returns:
        Ascending int64 indices.
    """
    if count <= LONG_FRAMES:
        return np.zeros(0, np.int64)
    return np.unique(np.minimum(key_frames + _SETTLED, np.append(key_frames[1:], count) - 1))


def centre_frames(seconds: np.ndarray, duration_s: float, parts: int, near: np.ndarray | None = None) -> np.ndarray:
    """The frame on screen at the centre of each of `parts` equal parts of the video.

    A frame is on screen from its own timestamp to the next one's. With a constant frame rate this is the frame whose
    display interval lies nearest the centre, and `parts` equal to the number of frames gives every frame once.

    Args:
        seconds: (N,) ascending timestamps in seconds, the first of them 0; N >= 1.
        duration_s: end of the last frame's display in seconds.
        parts: number of parts, >= 1.
        near: `anchors`; the nearest one takes a centre's place if it lies in the same part.

    Returns:
        (parts,) int64 indices into `seconds`, ascending, repeated where there are fewer frames than parts.
    """
    centres = (np.arange(parts) + 0.5) / parts * duration_s
    # A centre on a timestamp belongs to the frame that starts there, though the container rounds to milliseconds.
    tolerance = min(0.0015, 0.25 * duration_s / len(seconds))
    found = np.clip(np.searchsorted(seconds, centres + tolerance, side="right") - 1, 0, len(seconds) - 1)
    if near is None or not len(near):
        return found
    distance = np.abs(seconds[near][None, :] - centres[:, None])
    nearest = distance.argmin(axis=1)
    reached = distance[np.arange(parts), nearest] < duration_s / parts / 2
    return np.where(reached, near[nearest], found)


def frame_runs(
    seconds: np.ndarray, duration_s: float, moments: int, length: int, near: np.ndarray | None = None
) -> np.ndarray:
    """Runs of consecutive frames around the centres of `moments` equal parts of the video.

    A run that would pass an end of the clip is shifted back into it. A clip of fewer than `length` frames gives all its
    frames, then its last one again until the run is full: the picture stands still, it does not jump back.

    Returns:
        (moments, length) int64 indices into `seconds`.
    """
    count = len(seconds)
    first = centre_frames(seconds, duration_s, moments, near) - (length - 1) // 2
    first = np.clip(first, 0, max(count - length, 0))
    return np.minimum(first[:, None] + np.arange(length), count - 1)


def crop_corners(height: int, width: int, plan: ViewPlan) -> np.ndarray:
    """Top-left corners of the crops, (K, G, 2) int64 as (y, x), inside a frame of `height` x `width` pixels.

    The K*G crops share the frame: it is divided into K*G cells and each crop is centred in one of them, or, where the
    cells are smaller than a crop, the crops are spread evenly from border to border. The cells are dealt out in turn, so
    that every moment sees parts from all over the frame. Along a side shorter than a crop the corner is 0.
    """
    moments, crops = plan.pixel_moments, plan.pixel_crops
    cells = _cells(height, width, moments * crops, plan.crop_size)
    # Cells lie in reading order; moment k takes one from each band of K cells, a different place in each band.
    step = _coprime_step(moments)
    band = np.arange(crops)[None, :]
    order = band * moments + (np.arange(moments)[:, None] + band * step) % moments
    return cells[order]


def reflected(size: int, length: int) -> np.ndarray:
    """Indices of `length` pixels along a side of `size` pixels: the side in the middle, mirrored at both borders.

    The border pixel itself is not doubled; a single pixel is repeated. Returns (length,) int64 in [0, size); a side that is
    long enough gives its first `length` pixels.
    """
    if size >= length:
        return np.arange(length)
    if size == 1:
        return np.zeros(length, np.int64)
    period = 2 * (size - 1)
    position = (np.arange(length) - (length - size) // 2) % period
    return np.minimum(position, period - position)


def _cells(height: int, width: int, count: int, crop: int) -> np.ndarray:
    """Corners of `count` crops spread over the frame in rows, (count, 2) int64 in reading order."""
    rows = _row_count(height, width, count, crop)
    tops = _spread(height, rows, crop)
    corners = []
    for row, top in enumerate(tops):
        columns = count * (row + 1) // rows - count * row // rows
        corners += [(top, left) for left in _spread(width, columns, crop)]
    return np.array(corners, np.int64)


def _row_count(height: int, width: int, count: int, crop: int) -> int:
    """Number of rows that covers most of the frame; among equals the one with the squarest cells."""

    def merit(rows: int) -> tuple[float, float]:
        columns = count / rows
        covered = min(rows * crop, height) * min(columns * crop, width)
        return -round(covered), abs(math.log((height / rows) / (width / columns)))

    return min(range(1, count + 1), key=merit)


def _spread(side: int, number: int, crop: int) -> list[int]:
    """Starts of `number` crops along a side: centred in equal cells, but never outside the frame."""
    room = max(side - crop, 0)
    margin = max((side / number - crop) / 2, 0)
    if number == 1:
        return [room // 2]
    return [round(margin + (room - 2 * margin) * i / (number - 1)) for i in range(number)]


def _coprime_step(moments: int) -> int:
    """A step near 0.618 K without a common factor with K, so that the bands are visited in every phase."""
    wanted = 0.618 * moments
    return min((s for s in range(1, moments + 1) if math.gcd(s, moments) == 1), key=lambda s: (abs(s - wanted), s))
