"""Distortions of known strength, each in its own unit: pure functions from frames to frames.

Frames are uint8 (height, width, 3) RGB and keep their number, size and order. A strength of 0 (of 1 for scaling)
changes nothing, and a larger strength is always the stronger distortion.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np

_GOLDEN = (5**0.5 - 1) / 2


def blur(frames: Iterable[np.ndarray], strength: float, seed: int = 0) -> Iterator[np.ndarray]:
    """Gaussian blur, as of a lens out of focus. Strength: standard deviation in pixels."""
    del seed
    for frame in frames:
        yield cv2.GaussianBlur(frame, (0, 0), strength) if strength > 0 else frame


def noise(frames: Iterable[np.ndarray], strength: float, seed: int = 0) -> Iterator[np.ndarray]:
    """White Gaussian noise, new in every frame and channel. Strength: standard deviation in 8-bit steps."""
    for index, frame in enumerate(frames):
        grain = np.random.default_rng((seed, index)).standard_normal(frame.shape, dtype=np.float32)
        yield np.clip(np.rint(frame + strength * grain), 0, 255).astype(np.uint8)


def scaling(frames: Iterable[np.ndarray], strength: float, seed: int = 0) -> Iterator[np.ndarray]:
    """Shrunk by area averaging and enlarged again by a bicubic kernel. Strength: the factor, 1 or more."""
    del seed
    for frame in frames:
        height, width = frame.shape[:2]
        small = (max(1, round(width / strength)), max(1, round(height / strength)))
        if small == (width, height):
            yield frame
        else:
            reduced = cv2.resize(frame, small, interpolation=cv2.INTER_AREA)
            yield cv2.resize(reduced, (width, height), interpolation=cv2.INTER_CUBIC)


def drops(frames: Iterable[np.ndarray], strength: float, seed: int = 0, burst: int = 1) -> Iterator[np.ndarray]:
    """Lost frames, each replaced by the last one that arrived; the first never is lost.

    Strength: percentage of frames lost. The positions follow a golden-ratio sequence: evenly spread, the share met to
    about two bursts, and every frame lost at one strength is lost at each higher one too.

    Args:
        frames: the clip.
        strength: percent, 0..100.
        seed: shifts the sequence.
        burst: this many neighbouring frames are lost or kept together.
    """
    offset = np.random.default_rng(seed).uniform()
    kept = None
    for index, frame in enumerate(frames):
        if kept is None or (offset + (index // burst) * _GOLDEN) % 1.0 >= strength / 100:
            kept = frame
        yield kept


@dataclass(frozen=True)
class Family:
    """One kind of distortion."""

    apply: Callable[..., Iterator[np.ndarray]]
    unit: str
    lowest: float
    """The strength that changes nothing."""
    highest: float = float("inf")


FAMILIES = {
    "blur": Family(blur, "px sigma", 0.0),
    "noise": Family(noise, "8-bit sigma", 0.0),
    "scaling": Family(scaling, "factor", 1.0),
    "drops": Family(drops, "% of frames", 0.0, 100.0),
}


@dataclass(frozen=True)
class Step:
    """One link of a chain of distortions."""

    family: str
    """A key of `FAMILIES`."""
    strength: float
    """In the family's unit."""
    seed: int = 0

    def __post_init__(self) -> None:
        if self.family not in FAMILIES:
            raise ValueError(f"unknown distortion {self.family!r}; allowed: {', '.join(sorted(FAMILIES))}")
        family = FAMILIES[self.family]
        if not family.lowest <= self.strength <= family.highest:
            raise ValueError(
                f"{self.family}: strength {self.strength} {family.unit} is outside {family.lowest}..{family.highest}"
            )


def distort(frames: Iterable[np.ndarray], steps: Iterable[Step]) -> Iterator[np.ndarray]:
    """Apply a chain of distortions in its order."""
    result = iter(frames)
    for step in steps:
        result = FAMILIES[step.family].apply(result, step.strength, step.seed)
    return result
