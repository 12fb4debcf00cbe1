"""The fault matrix: what can be wrong with a file, how it is made, and what has to come of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import faulty_files as make
import numpy as np

NO_MEDIA = "this is not a media file, or its header is missing or damaged"
NO_FRAME = "no frame of it can be decoded"
REASONS = (
    *(NO_MEDIA, NO_FRAME, "there is no decoder for its video stream", "the file has no video stream (found: data)"),
    *("the file has no video stream (found: no stream)", "the file has no video stream (found: audio)"),
    "FFmpeg cannot read it: Input/output error; the file is cut off, or its disk fails",
    *("FFmpeg cannot read it: Invalid data found when processing input", "FFmpeg cannot read it: End of file"),
)
"""What may be said of a file that is damaged at random."""

CODECS = {
    "mp4 h264": ("mp4", "libx264", {}),
    "ts h264": ("ts", "libx264", {}),
    "mkv hevc": ("mkv", "libx265", {"preset": "ultrafast"}),
    "webm vp9": ("webm", "libvpx-vp9", {"deadline": "realtime", "cpu-used": "8"}),
    "avi mpeg4": ("avi", "mpeg4", {}),
    "mp4 av1": ("mp4", "libaom-av1", {"cpu-used": "8", "usage": "realtime"}),
}
"""Six containers and codecs: ending, encoder, its options."""


@dataclass(frozen=True)
class Fault:
    """One file that is odd or broken."""

    name: str
    """Unique; the test's id."""
    line: str
    """First cell of its line in the README's table."""
    make: make.Maker
    """Empty folder -> path."""
    reason: str | None = None
    """Why it cannot be read, literally; None: it has a quality."""
    facts: Mapping[str, object] = field(default_factory=dict)
    """What `VideoInfo` says of a file with a quality, field -> value."""


def whole(kind: str, **options) -> make.Maker:
    """One of `CODECS`, 12 frames of 64x48 with two key frames."""
    ending, codec, coded = CODECS[kind]
    return make.clip(f"a.{ending}", codec=codec, options=coded, gop=6, **options)


def _broken(name: str, line: str, maker: make.Maker, reason: str) -> Fault:
    return Fault(name, line, maker, reason)


def _read(name: str, line: str, maker: make.Maker, **facts: object) -> Fault:
    return Fault(name, line, maker, None, facts)


_FRONT = {"container_options": {"movflags": "faststart"}}  # the index before the pictures
_NO_FILE, _NOTHING, _NO_VIDEO = "no regular file", "no content", "no video in it"
_SHORT, _SIZES, _RATES = "1 or 2 frames", "1x1, odd sizes, 8192x4320", "1 fps, 120 fps, variable rate"
_STAMPS, _DEPTH, _HDR = "negative, huge, repeated, unordered timestamps", "10 and 12 bits, alpha, grey", "HDR: PQ, HLG"
_SHAPE = "rotated, interlaced, anamorphic"
_STILL, _NAMES = "still image, animated GIF, WebP, PNG", "unicode, 250 bytes or spaces in the name, symlink"
_FFV1 = {"name": "a.mkv", "codec": "ffv1"}

FAULTS = (
    _broken("zero bytes", _NOTHING, make.content(b""), "the file is empty (0 bytes)"),
    _broken("text", _NOTHING, make.content(b"this is not a video\n" * 100), NO_MEDIA),
    _broken("type alone", _NOTHING, make.before_box(whole("mp4 h264"), b"mdat"), NO_MEDIA),
    _broken("index without pictures", _NOTHING, make.before_box(whole("mp4 h264", **_FRONT), b"mdat"), NO_FRAME),
    _broken("sound alone", _NO_VIDEO, make.sound(False), "the file has no video stream (found: audio)"),
    _broken("sound and cover", _NO_VIDEO, make.sound(True), "the file has no video stream (found: audio, cover art)"),
    _broken("directory", _NO_FILE, make.directory, "this is a directory, not a video file"),
    _broken("fifo", _NO_FILE, make.fifo, "this is not a regular file (a pipe, socket or device)"),
    _broken("vanished", _NO_FILE, make.vanished, "there is no such file"),
    _broken("dangling link", _NO_FILE, make.dangling, "there is no such file"),
    _read("audio first", "audio before video", make.clip(audio="first"), frames=12, codec="h264"),
    _read("one frame", _SHORT, make.clip(frames=1), frames=1),
    _read("two frames", _SHORT, make.clip(frames=2), frames=2),
    _read("1x1", _SIZES, make.clip(**_FFV1, width=1, height=1), width=1, height=1, frames=12),
    _read("odd size", _SIZES, make.clip(width=63, height=47, pix_fmt="yuv444p"), width=63, height=47),
    _read("odd chroma", _SIZES, make.clip(**_FFV1, width=17, height=35), width=17, height=35),
    _read(
        "8192x4320",
        _SIZES,
        make.clip(codec="mjpeg", pix_fmt="yuvj420p", content=np.zeros((1, 4320, 8192, 3), np.uint8)),
        width=8192,
        height=4320,
    ),
    _read("1 fps", _RATES, make.clip(fps=1), fps=1, duration_s=12),
    _read("120 fps", _RATES, make.clip(fps=120), fps=120, duration_s=0.1),
    _read(
        "variable rate",
        _RATES,
        make.clip(times=[0, 0.01, 0.02, 0.5, 0.9, 1, 3, 3.1, 3.2, 5, 8, 9]),
        frames=12,
        fps=11 / 9,
    ),
    _read("negative timestamps", _STAMPS, make.before_zero, frames=12, fps=25, duration_s=0.48),
    _read("huge timestamps", _STAMPS, make.stamped("a.nut", [2**55 + 40 * i for i in range(12)]), frames=12, fps=25),
    _read(
        "a clock that wraps",
        _STAMPS,
        make.clip("a.ts", times=[2**33 / 90000 - 0.2 + i / 25 for i in range(12)]),
        frames=12,
        fps=25,
    ),
    _read(
        "a gap of hours", _STAMPS, make.stamped("a.mkv", [0, 40, 80, 10**7, 10**7 + 40]), frames=5, duration_s=10_000.08
    ),
    _read("unordered", _STAMPS, make.stamped("a.mkv", [0, 80, 40, 160, 120, 240, 200, 280]), frames=8, fps=25),
    _read("repeated", _STAMPS, make.stamped("a.mkv", [0, 0, 40, 40, 80, 80]), frames=6),
    _read("10 bits", _DEPTH, make.clip(pix_fmt="yuv420p10le"), bit_depth=10),
    _read(
        "12 bits",
        _DEPTH,
        make.clip(codec="libx265", pix_fmt="yuv422p12le", options={"preset": "ultrafast"}),
        bit_depth=12,
    ),
    _read("alpha", _DEPTH, make.clip(**_FFV1, pix_fmt="yuva420p"), pixel_format="yuva420p"),
    _read("grey", _DEPTH, make.clip(**_FFV1, pix_fmt="gray"), pixel_format="gray"),
    _read("pq", _HDR, make.hdr(16), bit_depth=10),
    _read("hlg", _HDR, make.hdr(18), bit_depth=10),
    _read("rotated", _SHAPE, make.clip(rotation=90), width=48, height=64, rotation=90),
    _read("interlaced", _SHAPE, make.clip(options={"x264-params": "interlaced=1"}), interlaced=True),
    _read("anamorphic", _SHAPE, make.clip(options={"x264-params": "sar=2/1"}), width=64, height=48),
    _read("png", _STILL, make.picture("a.png"), frames=1, duration_s=0),
    _read("jpeg", _STILL, make.picture("a.jpg"), frames=1, duration_s=0),
    _read("animated gif", _STILL, make.picture("a.gif", 6), frames=6, duration_s=0.6),
    _read("animated webp", _STILL, make.picture("a.webp", 6), frames=6, duration_s=0.6),
    _read("animated png", _STILL, make.picture("a.png", 6), frames=6, duration_s=0.6),
    _read("unicode name", _NAMES, make.clip("vidéo 视频 🎬.mp4"), frames=12),
    _read("name of 250 bytes", _NAMES, make.clip("n" * 246 + ".mp4"), frames=12),
    _read("spaces in the name", _NAMES, make.clip(" two  words .mp4"), frames=12),
    _read("symlink", _NAMES, make.linked(make.clip()), frames=12),
)
LINES_ELSEWHERE = {
    "truncated at every tenth": "test_truncated.py",
    "random changed bytes": "test_mutations.py",
    "a decoder that crashes or hangs": "test_isolation.py",
    "too long, too slow": "test_isolation.py",
    "a full disk": "test_full_disk.py",
}
"""Lines of the README's table that have a test file of their own."""
