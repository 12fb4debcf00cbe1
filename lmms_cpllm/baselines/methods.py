"""What is known of each measure: what it needs, which frames it reads, and which way its numbers point."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lmms_cpllm.baselines import bitrate, fidelity, naturalness
from lmms_cpllm.video.libvmaf import ffmpeg_path

FRAMES = 8
"""How many frames of a video BRISQUE and NIQE look at, unless told."""


@dataclass(frozen=True)
class Method:
    """One measure."""

    name: str
    """On the command line."""
    title: str
    """For people."""
    column: str
    """Of the score file: holds the measure's own numbers; with the unit, where there is one."""
    measure: Callable[..., float]
    """Takes the path of a video, then its reference's, a number of frames or its coded size, where these are taken."""
    reads: str
    """What is read of a video; `{frames}` stands for a number."""
    packages: tuple[str, ...]
    """Distributions whose versions belong to the numbers."""
    check: Callable[[], object] = lambda: None
    """Raises UserError where a package is missing."""
    higher_is_better: bool = True
    needs_reference: bool = False
    takes_frames: bool = False
    takes_size: bool = False
    """Whether it asks how many bytes were spent on a video that is delivered in another codec."""


def _against_reference(name: str, title: str, column: str, measure: Callable[..., float]) -> Method:
    return Method(
        name,
        title,
        column,
        measure,
        reads="every frame, frame n against frame n of the reference",
        packages=("imageio-ffmpeg",),
        check=ffmpeg_path,
        needs_reference=True,
    )


def _of_frames(
    name: str, title: str, measure: Callable[..., float], package: str, check: Callable[[], object]
) -> Method:
    return Method(
        name,
        title,
        name,
        measure,
        reads="{frames} frames from the middles of as many equal parts of the video, at its own size",
        packages=(package, "av"),
        check=check,
        higher_is_better=False,
        takes_frames=True,
    )


METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        _against_reference("vmaf", "VMAF", "vmaf", fidelity.vmaf),
        _against_reference("ssim", "SSIM", "ssim", fidelity.ssim),
        _against_reference("psnr", "PSNR", "psnr_db", fidelity.psnr),
        _of_frames("brisque", "BRISQUE", naturalness.brisque, "brisque", naturalness.check_brisque),
        _of_frames("niqe", "NIQE", naturalness.niqe, "scikit-video", naturalness.check_niqe),
        Method(
            "bitrate",
            "bits per pixel",
            "bits_per_pixel",
            bitrate.bits_per_pixel,
            reads="the sizes of all packets of the video stream, and the size of its first frame; of a clip that is "
            "delivered in another codec the bytes that it had in its own",
            packages=("av",),
            takes_size=True,
        ),
    )
}
