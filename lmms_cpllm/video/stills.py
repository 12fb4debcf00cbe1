"""What Pillow knows about image files and FFmpeg does not: Exif orientation outside JPEG, and animated WebP."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageOps

from lmms_cpllm.errors import VideoError
from lmms_cpllm.video.colour import EXIF_ORIENTATIONS, Orientation
from lmms_cpllm.video.limits import Watch

_EXIF_ORIENTATION_TAG = 0x0112
# What Pillow's readers raise for damaged files and for what is no image (seen with randomly changed files of 12 formats).
_PILLOW_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    RuntimeError,
    EOFError,
    struct.error,
    Image.DecompressionBombError,
)


@dataclass(frozen=True)
class Still:
    """An image file that Pillow opened, possibly animated."""

    format: str
    """Pillow's name of the format in lower case."""
    seconds: list[float]
    """(N,) start of each frame's display, the first at 0."""
    duration_s: float
    """End of the last frame's display; 0 for a single picture."""


def exif_orientation(path: str) -> Orientation:
    """Orientation by the file's Exif data; upright where it has none or Pillow cannot read it."""
    try:
        with Image.open(path) as image:
            return EXIF_ORIENTATIONS.get(image.getexif().get(_EXIF_ORIENTATION_TAG, 1), Orientation())
    except _PILLOW_ERRORS:
        return Orientation()


def open_still(path: str, watch: Watch) -> Still | None:
    """Times of the pictures in an image file; None where Pillow does not know the format or the file is damaged.

    Raises:
        VideoError: the time of `watch` is over, or there are more pictures than it allows.
    """
    try:
        with Image.open(path) as image:
            durations = []
            for index in range(getattr(image, "n_frames", 1)):
                watch.check(index + 1)
                image.seek(index)
                image.load()
                durations.append(max(image.info.get("duration", 0), 0) / 1000)
            # Pages of a TIFF are no animation, and neither is a single picture.
            if len(durations) == 1 or not all(durations):
                return Still(image.format.lower(), [0.0], 0.0)
            ends = np.cumsum(durations).tolist()
            return Still(image.format.lower(), [0.0, *ends[:-1]], ends[-1])
    except VideoError:
        raise
    except _PILLOW_ERRORS:
        return None


def still_pictures(path: str, indices: list[int]) -> Iterator[tuple[int, np.ndarray]]:
    """Yield (index, (H, W, 3) uint8 RGB upright) for the ascending `indices` of a file that `open_still` read."""
    with Image.open(path) as image:
        for index in indices:
            image.seek(index)
            yield index, np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
