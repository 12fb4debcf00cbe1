"""Real codecs at a chosen quality, through PyAV, with the same bytes on every run of one library version.

Every encoder runs on one thread: several decide differently from run to run (x264's and x265's frame threads, libvpx's
rows). Other versions of the libraries may write slightly other bytes.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace

from lmms_cpllm.errors import DataError

# libavutil's numbers for BT.601 (625 lines) and BT.709's transfer curve: what players assume of small untagged video.
_BT470BG, _TRANSFER_709 = 5, 1


@dataclass(frozen=True)
class Encoding:
    """How a clip is written."""

    codec: str
    """A key of `CODECS`."""
    encoder: str
    """FFmpeg's name of the encoder."""
    quality: float
    """CRF, or the quantiser of MPEG-4: higher is worse."""
    options: tuple[tuple[str, str], ...]
    """The encoder's private options, complete."""


@dataclass(frozen=True)
class Codec:
    """One codec, its encoder and the settings that the embedded benchmark uses."""

    encoder: str
    unit: str
    lowest: float
    highest: float
    options: tuple[tuple[str, str], ...]


CODECS = {
    "h264": Codec("libx264", "CRF", 0, 51, (("preset", "medium"),)),
    "hevc": Codec("libx265", "CRF", 0, 51, (("preset", "fast"),)),
    "vp9": Codec("libvpx-vp9", "CRF", 0, 63, (("deadline", "good"), ("cpu-used", "4"), ("row-mt", "0"))),
    "av1": Codec("libsvtav1", "CRF", 0, 63, (("preset", "11"),)),
    "mpeg4": Codec("mpeg4", "quantiser", 1, 31, ()),
}
# One thread, no messages; kept apart from the settings above because they do not describe the codec. x264's macroblock
# tree on AVX-512 differs from run to run where the width is no multiple of 64, unless it works independently of the CPU.
_REPEATABLE = {
    "libx264": (("x264-params", "cpu-independent=1"),),
    "libx265": (("x265-params", "pools=none:frame-threads=1:log-level=error"),),
    "libsvtav1": (("svtav1-params", "lp=1"),),
}


def encoding(codec: str, quality: float, **options: str) -> Encoding:
    """The encoding of `codec` at `quality`, with further or other encoder options.

    Raises:
        ValueError: unknown codec, or a quality outside the codec's range.
    """
    if codec not in CODECS:
        raise ValueError(f"unknown codec {codec!r}; allowed: {', '.join(CODECS)}")
    spec = CODECS[codec]
    if not spec.lowest <= quality <= spec.highest:
        raise ValueError(f"{codec}: {spec.unit} {quality} is outside {spec.lowest}..{spec.highest}")
    chosen = dict(spec.options) | dict(_REPEATABLE.get(spec.encoder, ()))
    if codec == "mpeg4":
        chosen["qmin"] = chosen["qmax"] = f"{quality:g}"
    else:
        chosen["crf"] = f"{quality:g}"
    return Encoding(codec, spec.encoder, quality, tuple(sorted((chosen | options).items())))


# How clips are delivered whose distortion is none of the codec's.
NEAR_LOSSLESS = encoding("h264", 10, preset="veryfast")
LOSSLESS = encoding("h264", 0, preset="ultrafast")


def check_encoders(names: Iterable[str]) -> None:
    """Raise a `DataError` where the installed PyAV lacks one of the encoders."""
    missing = sorted(set(names) - set(av.codecs_available))
    if missing:
        raise DataError(
            f"PyAV {av.__version__} was built without the encoder(s) {', '.join(missing)}, which the embedded "
            "benchmark needs. Install PyAV's own wheel: pip install --force-reinstall --only-binary av 'av>=15,<16'"
        )


def encode(frames: Iterable[np.ndarray], target: str | Path | BinaryIO, how: Encoding, fps: int) -> int:
    """Write frames as an MP4 file: 8 bit 4:2:0, BT.601 limited range, tagged so.

    Args:
        frames: uint8 (height, width, 3) RGB, all of one size, width and height even.
        target: file to write, or a seekable binary file that is open.
        how: codec and quality.
        fps: frames per second, constant.

    Returns:
        The number of frames written.

    Raises:
        ValueError: no frame, or an odd size.
        av.FFmpegError: the encoder refused.
    """
    # SVT-AV1 prints its settings to stderr, through every progress bar, unless this is set before its first use.
    os.environ.setdefault("SVT_LOG", "1")
    target = str(target) if isinstance(target, Path) else target
    count, stream = 0, None
    with av.open(target, "w", format="mp4", container_options={"fflags": "+bitexact"}) as container:
        for frame in frames:
            if stream is None:
                stream = _open_stream(container, how, fps, frame.shape[1], frame.shape[0])
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
            picture = picture.reformat(
                format="yuv420p", dst_colorspace=Colorspace.ITU601, dst_color_range=ColorRange.MPEG
            )
            picture.pts, picture.time_base = count, Fraction(1, fps)
            container.mux(stream.encode(picture))
            count += 1
        if stream is None:
            raise ValueError("no frame to encode")
        container.mux(stream.encode(None))
    return count


def _open_stream(container, how: Encoding, fps: int, width: int, height: int):
    if width % 2 or height % 2:
        raise ValueError(f"4:2:0 video needs an even width and height, got {width}x{height}")
    stream = container.add_stream(how.encoder, rate=fps, options=dict(how.options))
    stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
    stream.time_base = Fraction(1, fps)
    context = stream.codec_context
    context.bit_rate = 0  # PyAV's default of 1 Mbit/s would turn libvpx's CRF into a rate limit
    context.thread_count = 1
    context.color_range = ColorRange.MPEG
    context.colorspace = context.color_primaries = _BT470BG
    context.color_trc = _TRANSFER_709
    return stream
