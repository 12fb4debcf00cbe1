"""A second layer before a scene: a soft-edged piece of another photograph that moves at its own speed.

A pan over one photograph moves all of the picture alike. Real footage has depth and moving things; a layer in front gives
uncovered background and two motions in one picture.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np

# Width of the soft edge as a share of the layer's smaller side: hard cut-outs would look like a distortion themselves.
_FEATHER = 0.04


@dataclass(frozen=True)
class Layer:
    """Where a layer is. Shares of the frame's width and height."""

    size: float
    """Smaller side of the layer as a share of the frame's smaller side, 0..1."""
    start: tuple[float, float]
    """Centre at the first frame, x and y, 0..1; may lie outside."""
    end: tuple[float, float]
    """Centre at the last frame."""


def in_front(frames: Iterable[np.ndarray], count: int, picture: np.ndarray, layer: Layer) -> Iterator[np.ndarray]:
    """Frames with a layer in front, moved by whole pixels: a move must not change how sharp the layer is.

    Args:
        frames: uint8 `(height, width, 3)` RGB.
        count: how many frames there are.
        picture: uint8 `(h, w, 3)` RGB, at least as large as the layer; its middle is shown at its own resolution.
        layer: size and way.
    """
    for index, frame in enumerate(frames):
        height, width = frame.shape[:2]
        side = min(round(min(height, width) * layer.size), *picture.shape[:2])
        piece, mask = _cut(picture, side)
        t = index / max(1, count - 1)
        x = round((layer.start[0] * (1 - t) + layer.end[0] * t) * width) - side // 2
        y = round((layer.start[1] * (1 - t) + layer.end[1] * t) * height) - side // 2
        yield _paste(frame, piece, mask, x, y)


def _cut(picture: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray]:
    """The middle of a picture and a disc with a soft edge, float32 `(side, side, 1)`, 0..1."""
    top, left = (picture.shape[0] - side) // 2, (picture.shape[1] - side) // 2
    mask = np.zeros((side, side), np.float32)
    feather = max(1.0, side * _FEATHER)
    cv2.circle(mask, (side // 2, side // 2), max(1, round(side / 2 - 2 * feather)), 1.0, -1, cv2.LINE_AA)
    mask = cv2.GaussianBlur(mask, (0, 0), feather)
    return picture[top : top + side, left : left + side], mask[..., None]


def _paste(frame: np.ndarray, piece: np.ndarray, mask: np.ndarray, x: int, y: int) -> np.ndarray:
    height, width = frame.shape[:2]
    side = piece.shape[0]
    left, top, right, bottom = max(x, 0), max(y, 0), min(x + side, width), min(y + side, height)
    if left >= right or top >= bottom:
        return frame
    inside = np.s_[top - y : bottom - y, left - x : right - x]
    result = frame.copy()
    under = frame[top:bottom, left:right].astype(np.float32)
    mixed = under + mask[inside] * (piece[inside].astype(np.float32) - under)
    result[top:bottom, left:right] = np.rint(mixed).astype(np.uint8)
    return result
