"""Small clips for tests: `write_clip(path, ...)` encodes with PyAV, `read_number(picture)` tells which frame it shows."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

BITS = 8
_TIME_BASE = Fraction(1, 90000)
# tkhd: the transformation matrix lies this many bytes behind the box's type (version 0, ISO/IEC 14496-12).
_TKHD_MATRIX = 44
# elst: the first edit's duration, in milliseconds as FFmpeg writes it, and its start in the media.
_ELST_DURATION = 12
_TURNS = {0: (1, 0, 0, 1), 90: (0, -1, 1, 0), 180: (-1, 0, 0, -1), 270: (0, 1, -1, 0)}


def numbered_frames(frames: int, height: int, width: int, seed: int = 0) -> np.ndarray:
    """(T, H, W, 3) uint8: frame i shows i as eight vertical bars, dark 0 and light 1, the lowest bit at the left."""
    rng = np.random.default_rng(seed)
    bits = (np.arange(frames)[:, None] >> np.arange(BITS)) & 1
    level = np.where(bits, 200, 50)[:, np.arange(width) * BITS // width]
    tint = rng.integers(-20, 21, 3)
    picture = np.clip(level[:, None, :, None] + tint, 0, 255).astype(np.uint8)
    return np.repeat(picture, height, axis=1)


def textured_frames(frames: int, height: int, width: int, seed: int = 0) -> np.ndarray:
    """(T, H, W, 3) uint8: coloured noise of several scales that moves, so that motion and detail cost bits."""
    rng = np.random.default_rng(seed)
    canvas = np.zeros((height + frames, width + frames, 3))
    for scale in (1, 4, 16):
        size = (-(-canvas.shape[0] // scale), -(-canvas.shape[1] // scale), 3)
        layer = np.kron(rng.normal(0, 10 * scale**0.5, size), np.ones((scale, scale, 1)))
        canvas += layer[: canvas.shape[0], : canvas.shape[1]]
    canvas = np.clip(canvas + 128, 0, 255).astype(np.uint8)
    return np.stack([canvas[i : i + height, i // 2 : i // 2 + width] for i in range(frames)])


def read_number(picture: np.ndarray) -> int:
    """The number of a frame of `numbered_frames` from its picture (H, W, 3) of any size."""
    width = picture.shape[1]
    centres = ((np.arange(BITS) + 0.5) * width / BITS).astype(int)
    bits = picture[:, centres].mean(axis=(0, 2)) > 125
    return int((bits << np.arange(BITS)).sum())


def write_clip(
    path: str | Path,
    codec: str = "libx264",
    width: int = 64,
    height: int = 48,
    frames: int = 30,
    fps: float = 30,
    pix_fmt: str = "yuv420p",
    gop: int = 12,
    crf: int | None = None,
    options: Mapping[str, str] | None = None,
    content: str | np.ndarray = "numbers",
    seed: int = 0,
    times: Sequence[float] | None = None,
    rotation: int = 0,
    cut_s: float = 0,
    colour_range: int | None = None,
    colour_space: int | None = None,
    audio: str | None = None,
    format: str | None = None,
    container_options: Mapping[str, str] | None = None,
) -> Path:
    """Encode a clip. The ending of `path` chooses the container unless `format` does.

    Args:
        content: "numbers" (see `read_number`), "texture", or the frames themselves, (T, H, W, 3) uint8 RGB.
        times: presentation time of each frame in seconds, for a variable rate or a late start; default i / fps.
        rotation: degrees counter-clockwise by which a player turns the picture (mp4 and mov only).
        cut_s: seconds that an edit list cuts off the beginning (mp4 and mov only).
        colour_range: 1 limited, 2 full; colour_space: AVColorSpace, 1 BT.709, 5 BT.601. Tags only, for YUV from RGB
            by the same rule.
        audio: "first" or "last" adds a tone before or behind the video stream.

    Returns:
        The path.
    """
    path = Path(path)
    if isinstance(content, str):
        make = {"numbers": numbered_frames, "texture": textured_frames}[content]
        content = make(frames, height, width, seed)
    frames, height, width = content.shape[:3]
    times = [i / fps for i in range(frames)] if times is None else times
    with av.open(str(path), "w", format=format, options=dict(container_options or {})) as container:
        tone = _add_tone(container) if audio == "first" else None
        stream = _add_video(container, codec, fps, width, height, pix_fmt, gop, crf, options)
        if colour_range:
            stream.codec_context.color_range = colour_range
        if colour_space:
            stream.codec_context.colorspace = colour_space
        tone = _add_tone(container) if audio == "last" else tone
        if tone is not None:
            _mux_tone(container, tone, times[-1])
        for picture, time in zip(content, times, strict=True):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), "rgb24").reformat(
                format=pix_fmt, dst_colorspace=colour_space, dst_color_range=colour_range
            )
            frame.pts, frame.time_base = round(time / _TIME_BASE), _TIME_BASE
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    if rotation:
        set_rotation(path, rotation)
    if cut_s:
        cut_start(path, cut_s)
    return path


def set_rotation(path: Path, degrees: int, mirror: bool = False) -> None:
    """Write a display matrix into the first track of an mp4: a turn counter-clockwise, mirrored if asked."""
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + _TKHD_MATRIX
    a, b, c, d = _TURNS[degrees % 360]
    a, b = (-a, -b) if mirror else (a, b)
    struct.pack_into(">9i", data, at, a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30)
    path.write_bytes(data)


def cut_start(path: Path, seconds: float) -> None:
    """Move the start of an mp4's first edit list `seconds` further into the media."""
    data = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        time_base = container.streams.video[0].time_base
    at = data.index(b"elst") + _ELST_DURATION
    duration, start = struct.unpack_from(">ii", data, at)
    struct.pack_into(">ii", data, at, duration - round(seconds * 1000), start + round(seconds / time_base))
    path.write_bytes(data)


def flip_bytes(path: Path, target: Path, seed: int, count: int = 20, start: float = 0.0) -> Path:
    """Copy `path` to `target` with `count` random bytes changed behind the first `start` part of the file."""
    rng = np.random.default_rng(seed)
    data = np.frombuffer(path.read_bytes(), np.uint8).copy()
    at = rng.integers(int(len(data) * start), len(data), count)
    data[at] ^= rng.integers(1, 256, count).astype(np.uint8)
    target.write_bytes(data.tobytes())
    return target


def _add_video(container, codec, fps, width, height, pix_fmt, gop, crf, options):
    # Some muxers and encoders want the frame rate itself as time base.
    stream = container.add_stream(codec, rate=Fraction(fps).limit_denominator(1001))
    stream.width, stream.height, stream.pix_fmt = width, height, pix_fmt
    stream.gop_size = gop
    if codec in ("libx264", "libx265", "libvpx", "libvpx-vp9"):
        stream.codec_context.time_base = _TIME_BASE
    options = dict(options or {})
    if codec == "libx265":
        options["x265-params"] = ":".join(filter(None, ("log-level=none", options.get("x265-params"))))
    if crf is not None:
        options["crf"] = str(crf)
    stream.options = options
    return stream


def _add_tone(container):
    return container.add_stream("aac" if container.format.name != "webm" else "libopus", rate=48000)


def _mux_tone(container, stream, seconds: float) -> None:
    time = np.arange(int(48000 * max(seconds, 0.1))) / 48000
    wave = (np.sin(2 * np.pi * 440 * time) * 0.1).astype(np.float32)[None]
    frame = av.AudioFrame.from_ndarray(wave, format="fltp", layout="mono")
    frame.sample_rate, frame.pts = 48000, 0
    container.mux(stream.encode(frame))
    container.mux(stream.encode(None))
