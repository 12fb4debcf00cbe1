"""Faults of lens, shutter and hand: defocus, Gaussian blur, motion blur, camera shake.

Functions take and give uint8 (height, width, 3) RGB frames. All of them filter the 8-bit values as they are, as the
studies with human scores did (KADID-10k), not the light behind them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import cv2
import numpy as np

# Points per pixel and axis that a disc or a line is drawn with.
_OVERSAMPLING = 8
# How much of its displacement a shaking hand keeps from one frame to the next; the rest drifts back.
_PERSISTENCE = 0.85


def defocus(frames: Iterable[np.ndarray], strength: float, seed: int = 0) -> Iterator[np.ndarray]:
    """A lens out of focus: every point becomes a disc. Strength: its radius in pixels."""
    del seed
    kernel = disc(strength)
    for frame in frames:
        yield _filtered(frame, kernel)


def blur(frames: Iterable[np.ndarray], strength: float, seed: int = 0) -> Iterator[np.ndarray]:
    """Gaussian blur, as of a soft lens. Strength: standard deviation in pixels."""
    del seed
    for frame in frames:
        yield cv2.GaussianBlur(frame, (0, 0), strength) if strength > 0 else frame


def motion_blur(frames: Iterable[np.ndarray], strength: float, seed: int = 0) -> Iterator[np.ndarray]:
    """Movement while the shutter is open: every point becomes a line.

    Strength: length of the line in pixels. Its direction is drawn once for the clip.
    """
    angle = np.random.default_rng(seed).uniform(0, np.pi)
    kernel = line(strength, angle)
    for frame in frames:
        yield _filtered(frame, kernel)


def shake(frames: Iterable[np.ndarray], strength: float, seed: int = 0) -> Iterator[np.ndarray]:
    """A camera held by hand: the picture jumps about its place, and its reflection fills the border.

    Strength: root mean square of the movement from frame to frame in pixels. The first frame stays in its place.
    """
    rng = np.random.default_rng(seed)
    # Variance per axis; drifting back adds to the movement.
    step = strength / np.sqrt(2) * np.sqrt((1 + _PERSISTENCE) / 2)
    place = np.zeros(2)
    for index, frame in enumerate(frames):
        if index:
            place = _PERSISTENCE * place + step * rng.standard_normal(2)
        yield _moved(frame, place)


def line(length: float, angle: float) -> np.ndarray:
    """An even line (pixels, radians) as a kernel: float32 of odd size and sum 1."""
    along = np.linspace(-length / 2, length / 2, int(np.ceil(length + 1)) * _OVERSAMPLING)
    return _spread(along * np.cos(angle), along * np.sin(angle))


def disc(radius: float) -> np.ndarray:
    """An even disc (pixels) as a kernel: float32 of odd size and sum 1."""
    grid = np.linspace(-radius, radius, 2 * int(np.ceil(radius + 1)) * _OVERSAMPLING)
    x, y = (axis.ravel() for axis in np.meshgrid(grid, grid))
    inside = x**2 + y**2 <= radius**2
    return _spread(x[inside], y[inside]) if radius > 0 else np.ones((1, 1), np.float32)


def _moved(frame: np.ndarray, place: np.ndarray) -> np.ndarray:
    if not place.any():
        return frame
    matrix = np.array([[1.0, 0.0, place[0]], [0.0, 1.0, place[1]]])
    size = (frame.shape[1], frame.shape[0])
    return cv2.warpAffine(frame, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)


def _filtered(frame: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    return frame if kernel.size == 1 else cv2.filter2D(frame, -1, kernel, borderType=cv2.BORDER_REFLECT_101)


def _spread(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Points about the origin, shared among the four pixels around each, as a kernel of odd size and sum 1."""
    reach = int(np.ceil(max(np.abs(x).max(), np.abs(y).max())))
    kernel = np.zeros((2 * reach + 2, 2 * reach + 2))
    column, row = np.floor(x).astype(int), np.floor(y).astype(int)
    right, down = x - column, y - row
    for dx, dy, weight in (
        (0, 0, (1 - right) * (1 - down)),
        (1, 0, right * (1 - down)),
        (0, 1, (1 - right) * down),
        (1, 1, right * down),
    ):
        np.add.at(kernel, (row + dy + reach, column + dx + reach), weight)
    # The spare row and column belong to points that lie exactly at the reach, and are empty.
    return (kernel[:-1, :-1] / kernel.sum()).astype(np.float32)
