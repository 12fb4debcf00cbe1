"""Faults of the sensor and of what a camera does against them: noise, low light, smearing.

Functions take and give uint8 (height, width, 3) RGB frames. Random numbers are new in every frame and depend on seed
and frame number alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import cv2
import numpy as np

from lmms_cpllm.synthesis.distortions.tone import EIGHT_BIT_TO_LIGHT, light_to_eight_bit

# Keep random numbers of families apart that are chained with one seed.
_CHROMA, _IMPULSE, _LOW_LIGHT, _DENOISING = 1, 2, 3, 4
# ITU-R BT.601, full range: (Cb, Cr) -> (R, G, B).
_CHROMA_TO_RGB = np.array([[0.0, -0.344136, 1.772], [1.402, -0.714136, 0.0]], np.float32)
# A small sensor: electrons at white and electrons of read noise (a phone's pixel of 1 micrometre holds 4 to 6
# thousand and reads with 2 to 3).
_FULL_WELL, _READ_NOISE = 4000.0, 3.0
# Share of the missing stops that the camera's gain gives back.
_GAINED = 0.85
# Noise that the smearing filter was called for, as a share of the filter's strength.
_NOISE_SHARE = 0.25


def noise(frames: Iterable[np.ndarray], strength: float, seed: int = 0) -> Iterator[np.ndarray]:
    """White Gaussian noise, new in every frame and channel. Strength: standard deviation in 8-bit steps."""
    for index, frame in enumerate(frames):
        grain = np.random.default_rng((seed, index)).standard_normal(frame.shape, dtype=np.float32)
        yield _eight_bit(frame + strength * grain)


def chroma_noise(frames: Iterable[np.ndarray], strength: float, seed: int = 0) -> Iterator[np.ndarray]:
    """Gaussian noise of the colours alone, in blots of 2x2 pixels: finer ones would not survive 4:2:0 delivery.

    Strength: standard deviation of Cb and of Cr in 8-bit steps.
    """
    for index, frame in enumerate(frames):
        height, width = frame.shape[:2]
        size = ((height + 1) // 2, (width + 1) // 2, 2)
        grain = np.random.default_rng((seed, index, _CHROMA)).standard_normal(size, dtype=np.float32)
        blots = (strength * grain @ _CHROMA_TO_RGB).repeat(2, axis=0).repeat(2, axis=1)
        yield _eight_bit(frame + blots[:height, :width])


def impulse(frames: Iterable[np.ndarray], strength: float, seed: int = 0) -> Iterator[np.ndarray]:
    """Pixels that fail, black or white, others in every frame.

    Strength: their percentage. A pixel that fails at one strength fails at each higher one too.
    """
    for index, frame in enumerate(frames):
        rng = np.random.default_rng((seed, index, _IMPULSE))
        failed = rng.random(frame.shape[:2]) < strength / 100
        salt = rng.integers(0, 2, frame.shape[:2], dtype=np.uint8) * 255
        yield np.where(failed[..., None], salt[..., None], frame)


def low_light(frames: Iterable[np.ndarray], strength: float, seed: int = 0) -> Iterator[np.ndarray]:
    """A scene too dark for a small sensor: photon and read noise, most of the stops gained back, denoised.

    Strength: stops (halvings) of light that are missing.
    """
    for index, frame in enumerate(frames):
        if strength <= 0:
            yield frame
            continue
        rng = np.random.default_rng((seed, index, _LOW_LIGHT))
        expected = EIGHT_BIT_TO_LIGHT[frame] * (_FULL_WELL * 2.0**-strength)
        electrons = rng.poisson(expected) + rng.normal(0, _READ_NOISE, frame.shape)
        gained = light_to_eight_bit(electrons / _FULL_WELL * 2.0 ** (_GAINED * strength))
        yield _phone_denoised(gained, strength)


def denoising(frames: Iterable[np.ndarray], strength: float, seed: int = 0) -> Iterator[np.ndarray]:
    """Detail smeared by a camera that fights noise: contours stay, texture goes, what is left of the noise boils.

    Strength: contrast in 8-bit steps that the (bilateral) filter takes for noise; a quarter of it was noise.
    """
    for index, frame in enumerate(frames):
        if strength <= 0:
            yield frame
            continue
        rng = np.random.default_rng((seed, index, _DENOISING))
        grain = rng.standard_normal(frame.shape, dtype=np.float32)
        smeared = _eight_bit(frame + _NOISE_SHARE * strength * grain)
        for _ in range(2):
            smeared = cv2.bilateralFilter(smeared, 9, strength, 3)
        yield smeared


def _phone_denoised(frame: np.ndarray, stops: float) -> np.ndarray:
    """Colours blurred, brightness smeared, both more the darker the scene was."""
    luma, red, blue = cv2.split(cv2.cvtColor(frame, cv2.COLOR_RGB2YCrCb))
    luma = cv2.bilateralFilter(luma, 5, 3 * stops, 1.5)
    red, blue = (cv2.GaussianBlur(plane, (0, 0), 0.3 + 0.2 * stops) for plane in (red, blue))
    return cv2.cvtColor(cv2.merge((luma, red, blue)), cv2.COLOR_YCrCb2RGB)


def _eight_bit(values: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
