"""Opening a media file and reading what its packets say, without decoding: real timestamps, key frames, discarded frames.

Every error of FFmpeg or of the file system leaves this file as a `VideoError` that names the reason.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from statistics import median

import av
import numpy as np
from av.stream import Disposition

from lmms_cpllm.errors import VideoError
from lmms_cpllm.raw_video import declared, is_raw
from lmms_cpllm.video.colour import UNSPECIFIED
from lmms_cpllm.video.limits import DEFAULT_LIMITS, Watch

# Where it knows no rate FFmpeg gives its clock's, 90,000 a second for MPEG.
_MOST_FPS = 10_000
# Text that FFmpeg would draw as a picture, and lists that name other files: neither is the video that was asked for.
_NOT_VIDEO = {"tty", "bin", "xbin", "idf", "adf", "hls", "dash", "concat", "concatf", "sdp", "imf", "lavfi"}


@dataclass(frozen=True)
class Packets:
    """The packets of one video stream in decoding order; P of them."""

    pts: list[int | None]
    """Presentation timestamps in units of the stream's time base."""
    dts: list[int | None]
    """Decoding timestamps in the same unit."""
    keys: list[bool]
    """Whether a decoder can start here."""
    shown: list[bool]
    """Whether the frame is displayed: False for what an edit list cuts off and for VP8's hidden frames."""
    durations: list[int]
    """Display time of each frame in the same unit; 0 where the container does not say."""
    size_bytes: int
    """Sum of the packets' sizes."""
    time_base: float
    """Seconds per unit."""
    rate: float
    """Frames per second that the container declares; 0 where it does not."""
    transfer: int = UNSPECIFIED
    """AVColorTransferCharacteristic that the stream declares: 16 is PQ, 18 HLG."""

    @cached_property
    def positions(self) -> dict[int, int] | None:
        """pts -> position in decoding order; None where a pts is missing or doubled and does not identify a packet.

        Decoding timestamps would not do: after a jump FFmpeg derives those of Matroska anew.
        """
        table = {pts: position for position, pts in enumerate(self.pts) if pts is not None}
        return table if len(table) == len(self.pts) else None


@dataclass(frozen=True)
class Timeline:
    """The displayed frames of a video in display order; N >= 1 of them."""

    keys: list[int]
    """(N,) what a decoded frame is known by: its pts, or its number where timestamps are missing or doubled."""
    by_pts: bool
    """Whether `keys` are timestamps."""
    seconds: np.ndarray
    """(N,) float64, ascending, relative to the first frame."""
    duration_s: float
    """From the first frame's timestamp to the end of the last frame's display."""
    fps: float
    """Average over the timestamps; the declared rate for a single frame, 0 for a still image."""


def is_image(container: av.container.InputContainer) -> bool:
    """Whether the file is a still image: one frame, no duration, whatever else it holds (previews, further pages)."""
    return container.format.name.endswith("_pipe") or container.format.name == "image2"


def check_file(path: str) -> None:
    """Refuse what is no file with content, before anything opens it: reading a FIFO would wait for ever.

    Raises:
        VideoError: missing, a directory, no regular file, empty, not permitted, or no possible file name.
    """
    try:
        status = os.stat(path)
    except FileNotFoundError as error:
        raise VideoError(path, "there is no such file") from error
    except OSError as error:
        raise VideoError(path, f"cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise VideoError(path, f"this is not a file name: {error}") from error
    if stat.S_ISDIR(status.st_mode):
        raise VideoError(path, "this is a directory, not a video file")
    if not stat.S_ISREG(status.st_mode):
        raise VideoError(path, "this is not a regular file (a pipe, socket or device)")
    if status.st_size == 0:
        raise VideoError(path, "the file is empty (0 bytes)")


@contextlib.contextmanager
def open_video(
    path: str, threads: int, strict: bool = False
) -> Iterator[tuple[av.container.InputContainer, av.VideoStream]]:
    """Open `path` and choose its video stream; closed again on leaving.

    Args:
        path: a file that `check_file` let pass.
        threads: decoder threads; 0 lets the codec choose.
        strict: the decoder reports damage in a frame instead of hiding it, which it does in another way for each number
            of threads.

    Raises:
        VideoError: no media file, no video stream, no decoder; and any error of FFmpeg inside the `with` block.
    """
    with contextlib.ExitStack() as stack, _translated(path):
        container = stack.enter_context(_open(path, stack))
        if container.format.name in _NOT_VIDEO:
            raise VideoError(path, f"this is not a media file but text or a list ({container.format.long_name})")
        stream = _pick_stream(path, container)
        stream.thread_type = "AUTO"
        stream.thread_count = threads
        if strict:
            stream.codec_context.options = {"err_detect": "explode"}
        yield container, stream


def codec_name(stream: av.VideoStream) -> str:
    """FFmpeg's name of the codec itself ("av1"), whichever decoder reads it ("libdav1d")."""
    return stream.codec_context.codec.canonical_name


def iterate(container: av.container.InputContainer, stream: av.VideoStream, watch: Watch) -> Iterator[av.Packet]:
    """The packets of the stream that hold data, to its end or to the place where a damaged container breaks off.

    Raises:
        VideoError: the time of `watch` is over, or there are more packets than it allows.
    """
    packets, count = container.demux(stream), 0
    while True:
        watch.check(count)
        try:
            packet = next(packets, None)
        except (av.FFmpegError, IndexError):
            # IndexError: at the end PyAV stumbles over streams that appeared after opening; all packets have come by then.
            return
        if packet is None:
            return
        if packet.size:  # not the flush packet at the end, nor "show the last frame again" in AVI
            count += 1
            yield packet


def read_packets(container: av.container.InputContainer, stream: av.VideoStream, watch: Watch | None = None) -> Packets:
    """Demux the stream to its end, or to the place where a truncated file breaks off; `watch` is as for `iterate`."""
    watch = watch or Watch(container.name, DEFAULT_LIMITS)
    pts, dts, keys, shown, durations, size = [], [], [], [], [], 0
    hidden_bit = 0x10 if stream.codec_context.name in ("vp8", "libvpx") else 0
    broken_off = False
    for packet in iterate(container, stream, watch):
        pts.append(packet.pts)
        dts.append(packet.dts)
        keys.append(packet.is_keyframe)
        shown.append(not packet.is_discard and (not hidden_bit or bool(memoryview(packet)[0] & hidden_bit)))
        durations.append(packet.duration or 0)
        size += packet.size
        broken_off = packet.is_corrupt
    if broken_off and len(pts) > 1:
        # The last packet is cut short: half a frame is no frame.
        for column in (pts, dts, keys, shown, durations):
            column.pop()
    if is_image(container):
        pts, dts, keys, shown, durations = pts[:1], dts[:1], keys[:1], shown[:1], [0]
    if container.format.name == "avi" and pts != dts:
        # AVI stores no display times; where frames are reordered FFmpeg guesses them, and wrongly for H.264.
        pts = [None] * len(pts)
    rate = stream.average_rate or stream.guessed_rate
    rate = 0.0 if is_image(container) or not rate or rate > _MOST_FPS else float(rate)
    transfer = int(stream.codec_context.color_trc or UNSPECIFIED)
    return Packets(pts, dts, keys, shown, durations, size, float(stream.time_base or 0), rate, transfer)


def displayed(packets: Packets) -> Timeline | None:
    """The timeline that the packets promise; None where no frame is displayed."""
    return timeline(packets, [p for p, shown in zip(packets.pts, packets.shown, strict=True) if shown])


def timeline(packets: Packets, pts: list[int | None]) -> Timeline | None:
    """The timeline of frames with these timestamps, in any order; None for no frames.

    Where a timestamp is missing or occurs twice, the frames are numbered as they come, at the average rate of the decoding
    timestamps or, without those, the declared rate.
    """
    count = len(pts)
    if count == 0:
        return None
    rate = packets.rate
    if None in pts or len(set(pts)) < count:
        rate = _decoding_rate(packets) or rate
        interval = 1 / rate if rate else 0.0
        return Timeline(list(range(count)), False, np.arange(count) * interval, count * interval, rate)
    pts = sorted(pts)
    seconds = np.array([p - pts[0] for p in pts], np.float64) * packets.time_base
    durations = dict(zip(packets.pts, packets.durations, strict=True))
    last = durations.get(pts[-1], 0) * packets.time_base
    if last <= 0:
        last = median(np.diff(seconds).tolist()) if count > 1 else (1 / rate if rate else 0.0)
    span = float(seconds[-1])
    return Timeline(pts, True, seconds, span + last, (count - 1) / span if span > 0 else rate)


def key_frames(packets: Packets, line: Timeline) -> np.ndarray:
    """Where a decoder can start, as ascending int64 indices of the timeline; none where timestamps do not say."""
    if not line.by_pts:
        return np.zeros(0, np.int64)
    starts = {pts for pts, is_key in zip(packets.pts, packets.keys, strict=True) if is_key}
    return np.array([index for index, key in enumerate(line.keys) if key in starts], np.int64)


@contextlib.contextmanager
def _translated(path: str) -> Iterator[None]:
    """Errors of FFmpeg, of the file system and of memory inside the block leave it as `VideoError`."""
    try:
        yield
    except av.FFmpegError as error:
        raise VideoError(path, f"FFmpeg cannot read it: {_text(error)}") from error
    except OSError as error:
        raise VideoError(path, f"cannot be read: {error.strerror or error}") from error
    except MemoryError as error:
        raise VideoError(path, "a frame of it does not fit into memory") from error


def _decoding_rate(packets: Packets) -> float:
    """Packets per second by their decoding timestamps; 0 where these are missing or do not ascend."""
    if len(packets.dts) < 2 or None in packets.dts or packets.dts[-1] <= packets.dts[0]:
        return 0.0
    return (len(packets.dts) - 1) / ((packets.dts[-1] - packets.dts[0]) * packets.time_base)


def _open(path: str, stack: contextlib.ExitStack) -> av.container.InputContainer:
    # "file:" keeps FFmpeg from reading a colon in the name as a protocol; nothing but local files is ever opened.
    try:
        path.encode()
        source = "file:" + path
    except UnicodeEncodeError:  # a name that is not UTF-8
        source = stack.enter_context(io.FileIO(path))
    raw = declared(path)
    if raw is None and is_raw(path):
        raise VideoError(
            path,
            "raw video does not say its size and rate: read it as part of its release, or put it into a container "
            "(ffmpeg -f rawvideo -video_size WxH -framerate FPS -pix_fmt yuv420p -i IN.yuv -c:v ffv1 OUT.mkv)",
        )
    options = {"protocol_whitelist": "file"} | (raw.options if raw else {})
    try:
        # Not `options=`: PyAV would crash on formats that find their streams late (MPEG program and transport streams).
        return av.open(source, format="rawvideo" if raw else None, metadata_errors="replace", container_options=options)
    except av.InvalidDataError as error:
        raise VideoError(path, "this is not a media file, or its header is missing or damaged") from error


def _pick_stream(path: str, container: av.container.InputContainer) -> av.VideoStream:
    # Cover art and thumbnails are video streams to FFmpeg.
    streams = [
        s
        for s in container.streams.video
        if not s.disposition & (Disposition.attached_pic | Disposition.timed_thumbnails)
    ]
    if not streams:
        raise VideoError(path, f"the file has no video stream (found: {_kinds(container)})")
    decodable = [s for s in streams if s.codec_context is not None]
    if not decodable:
        raise VideoError(path, "there is no decoder for its video stream")
    # The largest picture; of equals the one marked as default, then the first.
    return max(
        decodable,
        key=lambda s: (
            s.codec_context.width * s.codec_context.height,
            bool(s.disposition & Disposition.default),
            -s.index,
        ),
    )


def _kinds(container: av.container.InputContainer) -> str:
    """What a file holds instead. Not by `stream.type`: PyAV reads address 0 where FFmpeg has no name for it."""
    streams = container.streams
    found = {"audio": streams.audio, "cover art": streams.video, "data": streams.data, "subtitle": streams.subtitles}
    found |= {"attachment": streams.attachments}
    others = len(streams) - sum(map(len, found.values()))
    kinds = [kind for kind, held in found.items() if held] + (["unknown"] if others else [])
    return ", ".join(sorted(kinds)) or "no stream"


def _text(error: av.FFmpegError) -> str:
    if error.errno == errno.EIO:  # also what FFmpeg's readers say at the end of a file that promises more
        return "Input/output error; the file is cut off, or its disk fails"
    return (error.strerror or str(error)).rstrip(".")
