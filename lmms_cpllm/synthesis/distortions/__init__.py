"""Distortions of known strength, each in its own unit: pure functions from frames to frames.

Frames are uint8 (height, width, 3) RGB and keep their number, size and order. A strength of 0 (of 1 for factors)
changes nothing, and a larger strength is always the stronger distortion. `overlays` and `kadid` stand apart: the first
is harmless, the second calibrates labels and makes no clip.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from lmms_cpllm.synthesis.distortions.delivery import drops, freezes, packet_loss
from lmms_cpllm.synthesis.distortions.optics import blur, defocus, motion_blur, shake
from lmms_cpllm.synthesis.distortions.production import banding, interlacing, pixelation, scaling, sharpening
from lmms_cpllm.synthesis.distortions.sensor import chroma_noise, denoising, impulse, low_light, noise
from lmms_cpllm.synthesis.distortions.tone import (
    colour_cast,
    desaturation,
    low_contrast,
    overexposure,
    oversaturation,
    underexposure,
)

__all__ = ["FAMILIES", "TRAINING_RANGES", "Family", "Step", "blur", "distort", "drops", "noise", "scaling"]

_ANY = float("inf")


@dataclass(frozen=True)
class Family:
    """One sort of distortion."""

    apply: Callable[..., Iterator[np.ndarray]]
    """(frames, strength, seed) -> frames."""
    unit: str
    lowest: float
    """The strength that changes nothing."""
    highest: float
    stage: str
    """Where it comes from: `capture`, `production` or `delivery`."""
    kind: str
    """What a viewer calls it; families of one kind are not told apart."""


FAMILIES = {
    "blur": Family(blur, "px sigma", 0.0, _ANY, "capture", "blur"),
    "noise": Family(noise, "8-bit sigma", 0.0, _ANY, "capture", "noise"),
    "scaling": Family(scaling, "factor", 1.0, _ANY, "production", "low resolution"),
    "drops": Family(drops, "% of frames", 0.0, 100.0, "delivery", "stutter"),
    "defocus": Family(defocus, "px radius", 0.0, _ANY, "capture", "blur"),
    "motion_blur": Family(motion_blur, "px length", 0.0, _ANY, "capture", "motion blur"),
    "shake": Family(shake, "px per frame", 0.0, _ANY, "capture", "camera shake"),
    "chroma_noise": Family(chroma_noise, "8-bit sigma", 0.0, _ANY, "capture", "noise"),
    "impulse": Family(impulse, "% of pixels", 0.0, 100.0, "capture", "noise"),
    "low_light": Family(low_light, "stops", 0.0, 10.0, "capture", "noise"),
    "denoising": Family(denoising, "8-bit steps", 0.0, 255.0, "capture", "smearing"),
    "underexposure": Family(underexposure, "stops", 0.0, 10.0, "capture", "underexposure"),
    "overexposure": Family(overexposure, "stops", 0.0, 10.0, "capture", "overexposure"),
    "colour_cast": Family(colour_cast, "gain of red over blue - 1", 0.0, _ANY, "capture", "colour cast"),
    "low_contrast": Family(low_contrast, "% of contrast", 0.0, 100.0, "capture", "low contrast"),
    "sharpening": Family(sharpening, "amount", 0.0, _ANY, "production", "oversharpening"),
    "oversaturation": Family(oversaturation, "factor", 1.0, _ANY, "production", "unnatural colours"),
    "desaturation": Family(desaturation, "% of chroma", 0.0, 100.0, "production", "unnatural colours"),
    "pixelation": Family(pixelation, "factor", 1.0, _ANY, "production", "pixelation"),
    "banding": Family(banding, "256 / levels", 1.0, 128.0, "production", "banding"),
    "interlacing": Family(interlacing, "frames between fields", 0.0, 4.0, "production", "interlacing"),
    "freezes": Family(freezes, "% of the clip", 0.0, 100.0, "delivery", "freezing"),
    "packet_loss": Family(packet_loss, "% of packets", 0.0, 100.0, "delivery", "transmission errors"),
}

# Family -> from just visible to severe, for draws even on a logarithmic scale.
TRAINING_RANGES: dict[str, tuple[float, float]] = {
    "blur": (0.4, 4.0),
    "noise": (3.0, 50.0),
    "scaling": (1.3, 6.0),
    "drops": (5.0, 75.0),
    "defocus": (0.8, 8.0),
    "motion_blur": (1.5, 16.0),
    "shake": (0.7, 10.0),
    "chroma_noise": (4.0, 32.0),
    "impulse": (0.05, 5.0),
    "low_light": (3.0, 8.0),
    "denoising": (15.0, 120.0),
    "underexposure": (0.5, 4.0),
    "overexposure": (0.4, 3.0),
    "colour_cast": (0.2, 3.0),
    "low_contrast": (15.0, 80.0),
    "sharpening": (0.6, 8.0),
    "oversaturation": (1.4, 6.0),
    "desaturation": (30.0, 95.0),
    "pixelation": (1.5, 6.0),
    "banding": (6.0, 40.0),
    "interlacing": (1.0, 4.0),
    "freezes": (10.0, 70.0),
    "packet_loss": (1.0, 30.0),
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
