"""VMAF, PSNR and SSIM of a video against its reference, as libvmaf computes them: the mean over all frames.

VMAF is model v0.6.1 as it is published, its motion feature included. (The labels of `synthesis` hold that feature at zero.)
PSNR and SSIM are those of the luma. PSNR ends at 60 dB, which stands for a frame that does not differ. SSIM is taken after
the picture was shrunk by a whole number, to about 256 pixels on its shorter side, as its authors advise.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lmms_cpllm.errors import VideoError
from lmms_cpllm.video import probe
from lmms_cpllm.video.libvmaf import libvmaf


def vmaf(path: str | Path, reference: str | Path) -> float:
    """VMAF, 0..100, higher is better.

    Args:
        path: the video.
        reference: the clean video, of the same size and number of frames.

    Raises:
        VideoError: one of them cannot be read, or they differ in size or number of frames.
        UserError: imageio-ffmpeg is missing.
    """
    return _mean(path, reference, "vmaf")


def psnr(path: str | Path, reference: str | Path) -> float:
    """PSNR of the luma in dB, at most 60, higher is better; arguments and errors are those of `vmaf`."""
    return _mean(path, reference, "psnr_y", "psnr")


def ssim(path: str | Path, reference: str | Path) -> float:
    """SSIM of the luma, at most 1, higher is better; arguments and errors are those of `vmaf`."""
    return _mean(path, reference, "float_ssim", "float_ssim")


def _mean(path: str | Path, reference: str | Path, column: str, *features: str) -> float:
    video, clean = probe(path), probe(reference)
    for what in ("width", "height", "frames"):
        found, expected = getattr(video, what), getattr(clean, what)
        if found != expected:
            raise VideoError(str(path), f"its {what} is {found}, that of its reference {reference} is {expected}")
    frames = libvmaf(Path(reference), Path(path), features)
    if len(frames) != video.frames:
        raise VideoError(str(path), f"{len(frames)} of {video.frames} frames could be compared")
    return float(np.mean([frame[column] for frame in frames]))
