"""Faults of editing and conversion: sharpening, scaling, pixelation, banding, interlacing.

Functions take and give uint8 (height, width, 3) RGB frames.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

import cv2
import numpy as np

# Standard deviation in pixels of the blur that an unsharp mask subtracts.
_MASK_SIGMA = 1.5


def sharpening(frames: Iterable[np.ndarray], strength: float, seed: int = 0) -> Iterator[np.ndarray]:
    """Unsharp mask: halos at contours, harsh texture. Strength: amount of the mask that is added."""
    del seed
    for frame in frames:
        soft = cv2.GaussianBlur(frame, (0, 0), _MASK_SIGMA)
        yield cv2.addWeighted(frame, 1 + strength, soft, -strength, 0)


def scaling(frames: Iterable[np.ndarray], strength: float, seed: int = 0) -> Iterator[np.ndarray]:
    """Shrunk by area averaging and enlarged again by a bicubic kernel. Strength: the factor, 1 or more."""
    del seed
    return _resampled(frames, strength, cv2.INTER_CUBIC)


def pixelation(frames: Iterable[np.ndarray], strength: float, seed: int = 0) -> Iterator[np.ndarray]:
    """Shrunk by area averaging and enlarged again by repeating pixels. Strength: the factor, 1 or more."""
    del seed
    return _resampled(frames, strength, cv2.INTER_NEAREST_EXACT)


def banding(frames: Iterable[np.ndarray], strength: float, seed: int = 0) -> Iterator[np.ndarray]:
    """Too few levels: slopes become steps. Strength: 256 over the number of levels of each channel, 1..128."""
    del seed
    last = 256 / strength - 1
    levels = np.rint(np.arange(256) / 255 * last) / last * 255
    table = np.clip(np.rint(levels), 0, 255).astype(np.uint8)
    for frame in frames:
        yield cv2.LUT(frame, table)


def interlacing(frames: Iterable[np.ndarray], strength: float, seed: int = 0) -> Iterator[np.ndarray]:
    """Two fields of different moments woven into one frame: combs at the contours of what moves.

    Strength: whole frames between the fields; what is behind the point is ignored. The seed says whether the even or
    the odd lines are the late ones. Before there is a frame that far back, the first one stands in.
    """
    late = int(np.random.default_rng(seed).integers(2))
    past: deque[np.ndarray] = deque(maxlen=int(strength) + 1)
    for frame in frames:
        past.append(frame)
        woven = frame.copy()
        woven[late::2] = past[0][late::2]
        yield woven


def _resampled(frames: Iterable[np.ndarray], factor: float, enlarge: int) -> Iterator[np.ndarray]:
    for frame in frames:
        height, width = frame.shape[:2]
        small = (max(1, round(width / factor)), max(1, round(height / factor)))
        if small == (width, height):
            yield frame
        else:
            reduced = cv2.resize(frame, small, interpolation=cv2.INTER_AREA)
            yield cv2.resize(reduced, (width, height), interpolation=enlarge)
