"""Real codecs at a chosen quality, through PyAV, with the same bytes on every run of one library version.

Every encoder runs on one thread: several decide differently from run to run (x264's and x265's frame threads, libvpx's
rows). Other versions of the libraries may write slightly other bytes.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import av
import numpy as np
from av.video.frame import PictureType
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
    """In the codec's unit: higher is worse. Of an encoding at a bitrate: kbit/s."""
    options: tuple[tuple[str, str], ...]
    """The encoder's private options, complete."""

    @property
    def bitrate_kbps(self) -> float | None:
        """The average that the encoder aims at; None where the quality is constant instead."""
        return self.quality if "b" in dict(self.options) else None


@dataclass(frozen=True)
class Codec:
    """One codec, its encoder and the settings that the embedded benchmark uses."""

    encoder: str
    unit: str
    lowest: float
    highest: float
    options: tuple[tuple[str, str], ...] = ()
    steering: tuple[str, ...] = ("crf",)
    """The encoder options that hold the quality."""
    container: str = "mp4"
    """FFmpeg's name of the file format."""
    full_range: bool = False
    """Whether its pictures use all 256 levels of 8 bits."""
    rate_control: bool = True
    """Whether the encoder can aim at a bitrate."""
    kind: str = "compression"
    """What a viewer calls what it does to a picture."""
    widely_decoded: bool = True
    """Whether the decoders that most models of lmms-eval open videos with, decord above all, have it."""


_QUANTISER = ("qmin", "qmax")
CODECS = {
    "h264": Codec("libx264", "CRF", 0, 51, (("preset", "medium"),)),
    "hevc": Codec("libx265", "CRF", 0, 51, (("preset", "fast"),)),
    "vp9": Codec("libvpx-vp9", "CRF", 0, 63, (("deadline", "good"), ("cpu-used", "4"), ("row-mt", "0"))),
    "av1": Codec("libsvtav1", "CRF", 0, 63, (("preset", "11"),), widely_decoded=False),
    "mpeg4": Codec("mpeg4", "quantiser", 1, 31, steering=_QUANTISER),
    "mpeg2": Codec("mpeg2video", "quantiser", 1, 31, steering=_QUANTISER),
    "mjpeg": Codec("mjpeg", "quantiser", 2, 31, steering=_QUANTISER, full_range=True),
    # VP8's CRF alone is no more than the finest quantiser allowed, hence the range. MP4 does not hold VP8.
    "vp8": Codec(
        "libvpx",
        "quantiser",
        4,
        63,
        (("deadline", "good"), ("cpu-used", "4")),
        steering=("crf", *_QUANTISER),
        container="webm",
    ),
    # One tile a picture: FFmpeg's habit of 256 px shows a grid that other encoders do not leave.
    "jpeg2000": Codec(
        "jpeg2000",
        "compression ratio",
        4,
        400,
        (("tile_width", "65536"), ("tile_height", "65536")),
        steering=("layer_rates",),
        rate_control=False,
    ),
}
# Codec -> qualities from just visible to severe at 0.2 megapixels, for even draws.
TRAINING_QUALITIES: dict[str, tuple[float, float]] = {
    "h264": (24, 50),
    "hevc": (24, 50),
    "vp9": (32, 62),
    "av1": (36, 62),
    "mpeg4": (3, 31),
    "mpeg2": (3, 31),
    "mjpeg": (4, 31),
    "vp8": (16, 63),
    "jpeg2000": (24, 300),
}
# One thread, no messages; kept apart from the settings above because they do not describe the codec. x264's macroblock
# tree on AVX-512 differs from run to run where the width is no multiple of 64, unless it works independently of the CPU.
_REPEATABLE = {
    "libx264": (("x264-params", "cpu-independent=1"),),
    "libx265": (("x265-params", "pools=none:frame-threads=1:log-level=error"),),
    "libsvtav1": (("svtav1-params", "lp=1"),),
}


def encoding(codec: str, quality: float, **options: str) -> Encoding:
    """The encoding of `codec` at a constant `quality`, with further or other encoder options.

    Raises:
        ValueError: unknown codec, or a quality outside the codec's range.
    """
    spec = _spec(codec)
    if not spec.lowest <= quality <= spec.highest:
        raise ValueError(f"{codec}: {spec.unit} {quality} is outside {spec.lowest}..{spec.highest}")
    return _encoding(codec, quality, dict.fromkeys(spec.steering, f"{quality:g}") | options)


def at_bitrate(codec: str, kbps: float, gop: int | None = None, **options: str) -> Encoding:
    """The encoding of `codec` at an average bitrate, as live streams and video platforms use it.

    Args:
        codec: a key of `CODECS` whose encoder has rate control.
        kbps: kbit/s, above 0. Clips of a second or two meet it roughly, VP9 hardly; an encoder asked for less than its
            coarsest quantiser gives stays there.
        gop: frames from one key frame to the next, 1 or more; the encoder's habit where it is None.
        options: further or other encoder options.

    Raises:
        ValueError: unknown codec, one without rate control, or a number outside its range.
    """
    if not _spec(codec).rate_control:
        able = ", ".join(name for name, spec in CODECS.items() if spec.rate_control)
        raise ValueError(f"{codec}: its encoder has no rate control; allowed: {able}")
    if kbps <= 0 or (gop is not None and gop < 1):
        raise ValueError(f"{codec}: expected more than 0 kbit/s and a GOP of 1 or more, got {kbps} and {gop}")
    group = {} if gop is None else {"g": str(gop)}
    return _encoding(codec, kbps, {"b": f"{round(1000 * kbps)}"} | group | options)


def _spec(codec: str) -> Codec:
    if codec not in CODECS:
        raise ValueError(f"unknown codec {codec!r}; allowed: {', '.join(CODECS)}")
    return CODECS[codec]


def _encoding(codec: str, quality: float, chosen: dict[str, str]) -> Encoding:
    spec = CODECS[codec]
    complete = dict(spec.options) | dict(_REPEATABLE.get(spec.encoder, ())) | chosen
    return Encoding(codec, spec.encoder, quality, tuple(sorted(complete.items())))


# How clips are delivered whose distortion is none of the codec's.
NEAR_LOSSLESS = encoding("h264", 10, preset="veryfast")
LOSSLESS = encoding("h264", 0, preset="ultrafast")
_LOSSLESS_COPY = encoding("h264", 0)


def check_encoders(names: Iterable[str]) -> None:
    """Raise a `DataError` where the installed PyAV lacks one of the encoders."""
    missing = sorted(set(names) - set(av.codecs_available))
    if missing:
        raise DataError(
            f"PyAV {av.__version__} was built without the encoder(s) {', '.join(missing)}, which the embedded "
            "benchmark needs. Install PyAV's own wheel: pip install --force-reinstall --only-binary av 'av>=15,<16'"
        )


def encode(
    frames: Iterable[np.ndarray], target: str | Path | BinaryIO, how: Encoding, fps: int, container: str = ""
) -> int:
    """Write frames as a file in the codec's container: 8 bit 4:2:0, BT.601, limited or full range, tagged so.

    Args:
        frames: uint8 (height, width, 3) RGB, all of one size, width and height even.
        target: file to write, or a seekable binary file that is open.
        how: codec and quality.
        fps: frames per second, constant.
        container: FFmpeg's name of another file format.

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
    codec = CODECS[how.codec]
    color_range = ColorRange.JPEG if codec.full_range else ColorRange.MPEG
    options = {"fflags": "+bitexact"}
    kind = container or codec.container
    with _usual_scheduling(), av.open(target, "w", format=kind, container_options=options) as output:
        for frame in frames:
            if stream is None:
                stream = _open_stream(output, how, fps, (frame.shape[1], frame.shape[0]), color_range)
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
            picture = picture.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU601, dst_color_range=color_range)
            picture.pts, picture.time_base = count, Fraction(1, fps)
            output.mux(stream.encode(picture))
            count += 1
        if stream is None:
            raise ValueError("no frame to encode")
        output.mux(stream.encode(None))
    return count


def lossless_copy(data: bytes, fps: int) -> bytes:
    """The pictures of a coded file, to the bit, as H.264 in MP4, which everything opens.

    Args:
        data: a file with 8 bit 4:2:0 video of limited range, as `encode` writes it.
        fps: frames per second, constant.
    """
    buffer = io.BytesIO()
    options = {"fflags": "+bitexact"}
    with av.open(io.BytesIO(data)) as source, av.open(buffer, "w", format="mp4", container_options=options) as output:
        given = source.streams.video[0]
        stream = _open_stream(output, _LOSSLESS_COPY, fps, (given.width, given.height), ColorRange.MPEG)
        for count, picture in enumerate(source.decode(given)):
            picture.pts, picture.time_base = count, Fraction(1, fps)
            picture.pict_type = PictureType.NONE  # that of the other codec would be forced upon this one
            output.mux(stream.encode(picture))
        output.mux(stream.encode(None))
    return buffer.getvalue()


@contextmanager
def _usual_scheduling() -> Iterator[None]:
    """Gives the calling thread back the scheduling that it had.

    SVT-AV1, run by root, makes its caller a real-time thread, before which all others of the machine have to wait;
    processes that the thread starts afterwards would inherit that.
    """
    if not hasattr(os, "sched_getscheduler"):
        yield
        return
    policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        if os.sched_getscheduler(0) != policy:
            os.sched_setscheduler(0, policy, parameters)


def _open_stream(container, how: Encoding, fps: int, size: tuple[int, int], color_range: ColorRange):
    width, height = size
    if width % 2 or height % 2:
        raise ValueError(f"4:2:0 video needs an even width and height, got {width}x{height}")
    stream = container.add_stream(how.encoder, rate=fps, options=dict(how.options))
    stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
    stream.time_base = Fraction(1, fps)
    context = stream.codec_context
    context.bit_rate = 0  # PyAV's default of 1 Mbit/s would turn libvpx's CRF into a rate limit
    context.thread_count = 1
    context.color_range = color_range
    context.colorspace = context.color_primaries = _BT470BG
    context.color_trc = _TRANSFER_709
    return stream
