"""Full-reference metrics of rendered clips: how far a clip is from the clean scene. `synthesis.opinion` makes labels of it.

Only who makes labels needs this: it runs the static ffmpeg of `imageio-ffmpeg`, which has libvmaf, once a clip.

VMAF is model v0.6.1, luma, at the clip's own size: the viewer of a 1080p screen at three picture heights who sees the
clip pixel by pixel. Its motion feature is held at zero. That feature says that motion hides distortion; the eye follows
a smooth camera move, which hides little, and with the feature on clearly distorted clips of moving textures stood at
VMAF's ceiling, indistinguishable from the clean clip.

SSIM and MS-SSIM are left out, since neither made the fit of `synthesis.calibration` better, and CIEDE2000, with which
libvmaf takes 17 times as long.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from lmms_cpllm.errors import DataError, VideoError
from lmms_cpllm.video.libvmaf import VMAF, ffmpeg_path, libvmaf

PERFECT_VMAF = 97.43
"""What a clip gets against itself, the motion feature held at zero."""

# Our name -> libvmaf's. ADM is detail that survived, AIM what was added to it (VMAF's newer detail metric); VIF is
# information that survived, scale 0 the finest.
_COLUMNS = {
    "vmaf": "vmaf",
    "adm2": "integer_adm2",
    "aim": "integer_aim",
    **{f"adm_scale{scale}": f"integer_adm_scale{scale}" for scale in range(4)},
    **{f"vif_scale{scale}": f"integer_vif_scale{scale}" for scale in range(4)},
    **{f"psnr_{plane}": f"psnr_{plane}" for plane in ("y", "cb", "cr")},
}
FEATURES = (*_COLUMNS, "chroma_error")
"""The names in `frame_features`."""

SLICED = ("vmaf", "aim", "chroma_error")
SLICES = 10
"""`full_reference` also gives these features for every tenth of the frames, those with the lowest VMAF first."""

_MODEL = rf"{VMAF}\\:motion.motion_force_zero=true"


def quality_of_acr(acr: float) -> float:
    """Quality 0..100 of an ACR 1..5; what is outside is clipped."""
    return min(100.0, max(0.0, 25 * (acr - 1)))


def full_reference(reference: Path, distorted: Path, frames: int) -> dict[str, float]:
    """How far `distorted` is from `reference`, frame n against frame n.

    Args:
        reference: the clean clip, lossless, of the same size.
        distorted: the clip.
        frames: how many frames both have.

    Returns:
        `FEATURES`, means over the frames: VMAF 0..100, PSNR in dB (60 where nothing differs), `chroma_error` (root mean
        square error of Cb and Cr in 8-bit steps, 0 where nothing differs), the others as libvmaf has them (1 of `adm*`
        and `vif*`, 0 of `aim` where nothing differs). Of `SLICED` also the means over tenths of the frames:
        `vmaf_1` is that of the worst tenth by VMAF, `aim_1` AIM's over the same frames, up to `vmaf_10`.

    Raises:
        DataError: ffmpeg failed, has a libvmaf without one of the features, or compared another number of frames.
        UserError: imageio-ffmpeg is missing.
    """
    values = frame_features(reference, distorted, frames)
    result = {name: float(value.mean()) for name, value in values.items()}
    return result | _sliced(values)


def slices_of(features: Mapping[str, float]) -> dict[str, np.ndarray]:
    """`SLICED` as `full_reference` gave them: (SLICES,) each, the worst frames first; (1,) where there are only means."""
    if f"{SLICED[0]}_1" not in features:
        return {name: np.array([features[name]]) for name in SLICED}
    return {name: np.array([features[f"{name}_{n}"] for n in range(1, SLICES + 1)]) for name in SLICED}


def frame_features(reference: Path, distorted: Path, frames: int) -> dict[str, np.ndarray]:
    """`FEATURES` of every frame, float64 (frames,) each; arguments and errors are those of `full_reference`."""
    try:
        metrics = libvmaf(reference, distorted, ["psnr"], _MODEL)
    except VideoError as error:
        raise DataError(str(error)) from error
    if len(metrics) != frames:
        raise DataError(f"{distorted}: VMAF compared {len(metrics)} frames, expected {frames}")
    missing = sorted(set(_COLUMNS.values()) - set(metrics[0]))
    if missing:
        raise DataError(
            f"{ffmpeg_path()}: its libvmaf does not give {', '.join(missing)}. Install a newer one: "
            "pip install --upgrade imageio-ffmpeg"
        )
    values = {name: np.array([frame[column] for frame in metrics], np.float64) for name, column in _COLUMNS.items()}
    # libvmaf ends at 60 dB, which is an error of 0.26 steps and stands for none.
    cb, cr = (np.where(psnr < 60, 255 * 10 ** (-psnr / 20), 0.0) for psnr in (values["psnr_cb"], values["psnr_cr"]))
    values["chroma_error"] = (cb + cr) / 2
    return values


def _sliced(values: Mapping[str, np.ndarray]) -> dict[str, float]:
    order = np.argsort(values["vmaf"], kind="stable")
    result = {}
    for name in SLICED:
        # The integral over the sorted frames, so that any number of frames makes ten equal parts.
        total = np.concatenate(([0.0], np.cumsum(values[name][order])))
        bounds = np.interp(np.linspace(0, len(order), SLICES + 1), np.arange(len(order) + 1), total)
        means = np.diff(bounds) * SLICES / len(order)
        result |= {f"{name}_{n}": float(mean) for n, mean in enumerate(means, 1)}
    return result
