"""Faults of exposure, white balance, contrast and colour.

Functions take and give uint8 (height, width, 3) RGB frames. Exposure and white balance act on light: 8-bit values are
taken through the curve of sRGB (IEC 61966-2-1) and back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import cv2
import numpy as np

_LEVELS = np.arange(256) / 255
# Share of full light at every 8-bit level.
EIGHT_BIT_TO_LIGHT = np.where(_LEVELS <= 0.04045, _LEVELS / 12.92, ((_LEVELS + 0.055) / 1.055) ** 2.4)
# ITU-R BT.601: what red, green and blue add to the brightness.
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_VEIL = 128


def light_to_eight_bit(light: np.ndarray) -> np.ndarray:
    """Shares of full light as 8-bit levels; what lies beyond 0..1 is clipped."""
    light = np.clip(light, 0, 1)
    value = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.rint(255 * value).astype(np.uint8)


def underexposure(frames: Iterable[np.ndarray], strength: float, seed: int = 0) -> Iterator[np.ndarray]:
    """Too little light. Strength: stops (halvings)."""
    del seed
    return _looked_up(frames, light_to_eight_bit(EIGHT_BIT_TO_LIGHT * 2.0**-strength))


def overexposure(frames: Iterable[np.ndarray], strength: float, seed: int = 0) -> Iterator[np.ndarray]:
    """Too much light; what is brighter than white is lost. Strength: stops (doublings)."""
    del seed
    return _looked_up(frames, light_to_eight_bit(EIGHT_BIT_TO_LIGHT * 2.0**strength))


def colour_cast(frames: Iterable[np.ndarray], strength: float, seed: int = 0) -> Iterator[np.ndarray]:
    """Wrong white balance: the whole clip too warm or too cold, by the seed.

    Strength: gain of red over gain of blue (or of blue over red) minus 1.
    """
    gain = (1 + strength) ** 0.5
    red, blue = (gain, 1 / gain) if np.random.default_rng(seed).integers(2) else (1 / gain, gain)
    table = np.stack([light_to_eight_bit(EIGHT_BIT_TO_LIGHT * factor) for factor in (red, 1.0, blue)], axis=-1)
    return _looked_up(frames, table)


def low_contrast(frames: Iterable[np.ndarray], strength: float, seed: int = 0) -> Iterator[np.ndarray]:
    """A grey veil. Strength: percentage of the contrast that it takes."""
    del seed
    levels = np.arange(256)
    return _looked_up(frames, np.rint(levels + strength / 100 * (_VEIL - levels)).astype(np.uint8))


def oversaturation(frames: Iterable[np.ndarray], strength: float, seed: int = 0) -> Iterator[np.ndarray]:
    """Colours too strong. Strength: factor of the colour differences, 1 or more."""
    del seed
    return _saturated(frames, strength)


def desaturation(frames: Iterable[np.ndarray], strength: float, seed: int = 0) -> Iterator[np.ndarray]:
    """Colours too weak. Strength: percentage of the colour differences that is taken away."""
    del seed
    return _saturated(frames, 1 - strength / 100)


def _looked_up(frames: Iterable[np.ndarray], table: np.ndarray) -> Iterator[np.ndarray]:
    """`table`: uint8 (256,) for all channels or (256, 3)."""
    table = table[None] if table.ndim == 2 else table
    for frame in frames:
        yield cv2.LUT(frame, table)


def _saturated(frames: Iterable[np.ndarray], factor: float) -> Iterator[np.ndarray]:
    for frame in frames:
        grey = (frame.astype(np.float32) @ _LUMA)[..., None]
        yield np.clip(np.rint(grey + factor * (frame - grey)), 0, 255).astype(np.uint8)
