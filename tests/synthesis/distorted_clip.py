"""What the tests of distortions share: a small moving clip, one step applied to it, the error that it leaves."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from lmms_cpllm.synthesis.distortions import Step, distort


def moving_clip(count: int = 8) -> list[np.ndarray]:
    """Coarse and fine texture in colour, 64x48, that moves two pixels a frame."""
    rng = np.random.default_rng(0)
    coarse = cv2.GaussianBlur(rng.normal(0, 1, (48, 64 + 2 * count, 3)), (0, 0), 5)
    fine = rng.normal(0, 1, coarse.shape)
    texture = np.clip(128 + 45 * coarse / coarse.std() + 8 * fine, 0, 255).astype(np.uint8)
    return [np.ascontiguousarray(texture[:, 2 * t : 2 * t + 64]) for t in range(count)]


def run(clip: Sequence[np.ndarray], family: str, strength: float, seed: int = 3) -> np.ndarray:
    return np.stack(list(distort(clip, [Step(family, strength, seed)])))


def error(clip: Sequence[np.ndarray], shown: np.ndarray) -> float:
    """Mean square."""
    return float(np.square(shown.astype(float) - np.stack(clip)).mean())


def grey(level: int, count: int = 2, side: int = 64) -> list[np.ndarray]:
    return [np.full((side, side, 3), level, np.uint8)] * count


def numbered(count: int) -> list[np.ndarray]:
    """Frames that hold their number."""
    return [np.full((2, 2, 3), index, np.uint8) for index in range(count)]
