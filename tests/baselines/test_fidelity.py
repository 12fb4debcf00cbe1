"""VMAF, PSNR and SSIM of tiny clips against their references."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from clips import textured_frames, write_clip
from skimage.metrics import structural_similarity

from lmms_cpllm.baselines import fidelity
from lmms_cpllm.errors import UserError, VideoError
from lmms_cpllm.video.libvmaf import ffmpeg_path

FRAMES = textured_frames(6, 96, 128)
LOSSLESS = {"codec": "ffv1", "pix_fmt": "yuv420p"}


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    pytest.importorskip("imageio_ffmpeg", reason="pip install 'lmms-cpllm[baselines]'")
    folder = tmp_path_factory.mktemp("fidelity")
    noise = np.random.default_rng(0).normal(0, 12, FRAMES.shape)
    shown = {
        "clean": FRAMES,
        "noisy": np.clip(FRAMES + noise, 0, 255).astype(np.uint8),
        "worse": np.clip(FRAMES + 3 * noise, 0, 255).astype(np.uint8),
        "short": FRAMES[:5],
        "small": np.ascontiguousarray(FRAMES[:, :64]),
    }
    return {name: write_clip(folder / f"{name}.mkv", content=frames, **LOSSLESS) for name, frames in shown.items()}


def luma(path: Path) -> np.ndarray:
    import av

    with av.open(str(path)) as container:
        frames = [frame.to_ndarray()[: frame.height] for frame in container.decode(video=0)]
    return np.stack(frames).astype(np.float64)


@pytest.mark.parametrize(("measure", "perfect"), [("vmaf", 97), ("psnr", 60), ("ssim", 1)])
def test_a_clip_against_itself_is_best_and_more_noise_is_worse(measure: str, perfect: float, clips: dict) -> None:
    of = getattr(fidelity, measure)
    itself, noisy, worse = (of(clips[name], clips["clean"]) for name in ("clean", "noisy", "worse"))
    assert itself == pytest.approx(perfect, rel=0.03)
    assert itself > noisy + 0.01 * itself > worse


def test_psnr_and_ssim_are_what_others_compute(clips: dict) -> None:
    clean, noisy = luma(clips["clean"]), luma(clips["noisy"])
    mse = ((clean - noisy) ** 2).mean((1, 2))
    assert fidelity.psnr(clips["noisy"], clips["clean"]) == pytest.approx(
        (10 * np.log10(255**2 / mse)).mean(), abs=0.01
    )
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 255}
    expected = np.mean([structural_similarity(a, b, **options) for a, b in zip(clean, noisy, strict=True)])
    assert fidelity.ssim(clips["noisy"], clips["clean"]) == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("short", r"its frames is 5, that of its reference .*clean.mkv is 6"),
        ("small", r"its height is 64, that of its reference .*clean.mkv is 96"),
    ],
)
def test_what_cannot_be_compared(name: str, reason: str, clips: dict) -> None:
    with pytest.raises(VideoError, match=reason):
        fidelity.vmaf(clips[name], clips["clean"])


def test_a_file_that_is_no_video(clips: dict, tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video")
    with pytest.raises(VideoError, match=r"broken\.mp4: "):
        fidelity.psnr(broken, clips["clean"])


def test_without_imageio_ffmpeg(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    with pytest.raises(UserError, match=r"needs imageio-ffmpeg, whose ffmpeg has it: pip install imageio-ffmpeg"):
        ffmpeg_path()
