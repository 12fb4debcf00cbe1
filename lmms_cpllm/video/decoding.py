"""A video file -> its two views, in one decoding pass. `sampling.py` says which frames and crops, `colour.py` makes RGB.

    clip = decode("clip.mp4", ViewPlan(8, (224, 224), pixel_moments=4, pixel_crops=4, pixel_frames=2, crop_size=224))

The file is demuxed once for its real timestamps, the frames are planned, and only those are converted to RGB. The pass runs
through the file or jumps between key frames, whichever decodes less; the frames are the same.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

import av
import numpy as np

from lmms_cpllm.errors import VideoError
from lmms_cpllm.sampling import ViewPlan, anchors
from lmms_cpllm.video.colour import Orientation, orientation_of
from lmms_cpllm.video.demux import (
    Packets,
    Timeline,
    check_file,
    codec_name,
    displayed,
    is_image,
    key_frames,
    open_video,
    read_packets,
    timeline,
)
from lmms_cpllm.video.limits import DEFAULT_LIMITS, Limits, Watch
from lmms_cpllm.video.reading import Unseekable, jump, plan_spans, run_through
from lmms_cpllm.video.stills import exif_orientation, open_still, still_pictures
from lmms_cpllm.video.views import Clip, VideoInfo, Views, describe

__all__ = ["STRATEGIES", "Clip", "VideoInfo", "ViewPlan", "decode", "probe", "views_from_frames"]

STRATEGIES = ("auto", "linear", "seek")

_NO_FRAME = "no frame of it can be decoded"


def decode(
    path: str | os.PathLike,
    plan: ViewPlan,
    *,
    threads: int = 0,
    strategy: str = "auto",
    limits: Limits = DEFAULT_LIMITS,
) -> Clip:
    """Decode both views of a video or image file. Thread-safe; the same bits for every `threads` and `strategy`.

    Args:
        path: a local file.
        plan: what to take from it.
        threads: decoder threads; 0 lets the codec choose.
        strategy: "linear" runs through the file up to the last frame needed, "seek" jumps to the key frame before each
            group of frames needed, "auto" takes whichever decodes fewer frames.
        limits: what the video may cost.

    Raises:
        VideoError: nothing can be decoded, or a limit is passed, with the reason. A truncated or damaged file gives the
            frames it holds.
        ValueError: unknown strategy or negative threads.
    """
    if strategy not in STRATEGIES:
        raise ValueError(f"strategy: expected one of {', '.join(STRATEGIES)}, found {strategy!r}")
    if threads < 0:
        raise ValueError(f"threads: expected 0 (the codec chooses) or more, found {threads}")
    path = os.fsdecode(path)
    check_file(path)
    watch = Watch(path, limits)
    try:
        views = _decode_video(path, plan, threads, strategy, watch)
    except VideoError:
        views = _decode_still(path, plan, watch)
        if views is None:
            raise
    return views.clip(path)


def probe(path: str | os.PathLike, *, limits: Limits = DEFAULT_LIMITS) -> VideoInfo:
    """What a file says, by demuxing it and decoding its first frame (PyAV shows the rotation on frames only).

    Raises:
        VideoError: as `decode`.
    """
    path = os.fsdecode(path)
    check_file(path)
    watch = Watch(path, limits)
    try:
        return _probe_video(path, watch)
    except VideoError:
        views = _decode_still(path, ViewPlan(1, (1, 1), 1, 1, 1, 1), watch)
        if views is None:
            raise
    return views.clip(path).info


def views_from_frames(frames: np.ndarray, fps: float, plan: ViewPlan, name: str = "array") -> Clip:
    """Both views of a video that is already decoded, by the code that `decode` uses.

    Args:
        frames: (T, H, W, 3) uint8 RGB, T >= 1.
        fps: frames per second, > 0; 0 for a single picture.
        plan: what to take from it.
        name: stands for the path in `Clip.info`.

    Raises:
        ValueError: wrong shape or type, or no fps for several frames.
    """
    if frames.ndim != 4 or frames.shape[3] != 3 or frames.dtype != np.uint8 or 0 in frames.shape:
        raise ValueError(f"{name}: expected frames (T, H, W, 3) uint8, found {frames.shape} {frames.dtype}")
    if fps <= 0 and len(frames) > 1:
        raise ValueError(f"{name}: expected fps > 0 for {len(frames)} frames, found {fps}")
    count, interval = len(frames), 1 / fps if fps > 0 else 0.0
    line = Timeline(list(range(count)), False, np.arange(count) * interval, count * interval, float(max(fps, 0)))
    views = Views(plan, line, "array")
    for index in list(views.wanted):
        views.offer(index, _array_frame(frames[index]), Orientation())
    return views.clip(name)


def _probe_video(path: str, watch: Watch) -> VideoInfo:
    with open_video(path, threads=1) as (container, stream):
        packets, codec = read_packets(container, stream, watch), codec_name(stream)
    line = displayed(packets)
    if line is None:
        raise VideoError(path, _NO_FRAME)
    with open_video(path, threads=1) as (container, stream):
        for frame in run_through(container, stream, packets, watch):
            if frame is not None:
                return describe(path, line, codec, packets.size_bytes, frame, _orientation(path, container, frame))
    raise VideoError(path, _NO_FRAME)


def _decode_video(path: str, plan: ViewPlan, threads: int, strategy: str, watch: Watch) -> Views:
    """The views of a file by FFmpeg: in one clean pass, or else with the frames that a damaged file holds."""
    with open_video(path, threads, strict=True) as (container, stream):
        packets, codec = read_packets(container, stream, watch), codec_name(stream)
        line = displayed(packets)
        if line is None:
            raise VideoError(path, _NO_FRAME)
        views = _views(plan, line, packets, codec)
        needed = set(views.wanted) if line.by_pts else None
        spans = plan_spans(packets, line, views.wanted, strategy)
        try:
            frames = jump(container, stream, packets, spans, needed, watch)
            intact = _take(path, views, line, container, frames, strict=True)
        except Unseekable:
            intact = False
    if not intact:
        # Not to be had by jumping or by leaving frames out; or damaged, which then shows at the first error.
        views = _views(plan, line, packets, codec)
        intact = _run_through(path, views, line, packets, threads, watch, strict=True)
    if intact:
        return views
    # Damaged. On one thread from the beginning there is one answer, whatever was asked for.
    for _ in range(2):
        views, arrived = _views(plan, line, packets, codec), []
        if _run_through(path, views, line, packets, 1, watch, strict=False, arrived=arrived):
            return views
        # Some of the planned frames never come: plan again over those that do.
        line = timeline(packets, arrived)
        if line is None:
            break
    raise VideoError(path, _NO_FRAME)


def _views(plan: ViewPlan, line: Timeline, packets: Packets, codec: str) -> Views:
    near = anchors(key_frames(packets, line), len(line.keys))
    return Views(plan, line, codec, packets.size_bytes, packets.transfer, near)


def _run_through(
    path: str,
    views: Views,
    line: Timeline,
    packets: Packets,
    threads: int,
    watch: Watch,
    *,
    strict: bool,
    arrived: list[int | None] | None = None,
) -> bool:
    """`_take` from all frames of the file, opened anew."""
    with open_video(path, threads, strict=strict) as (container, stream):
        frames = run_through(container, stream, packets, watch)
        return _take(path, views, line, container, frames, strict=strict, arrived=arrived)


def _take(
    path: str,
    views: Views,
    line: Timeline,
    container: av.container.InputContainer,
    frames: Iterable[av.VideoFrame | None],
    *,
    strict: bool,
    arrived: list[int | None] | None = None,
) -> bool:
    """Offer frames to the views until these are complete; returns whether they are.

    Args:
        strict: give up at the first sign of damage.
        arrived: receives the timestamps of the frames as they come.
    """
    number = 0
    for frame in frames:
        if strict and (frame is None or frame.is_corrupt):
            return False
        if frame is None:
            continue
        key = frame.pts if line.by_pts else number
        number += 1
        if arrived is not None:
            arrived.append(frame.pts)
        if key in views.wanted:
            views.offer(key, frame, _orientation(path, container, frame))
            if not views.wanted:
                return True
    return False


def _orientation(path: str, container: av.container.InputContainer, frame: av.VideoFrame) -> Orientation:
    # FFmpeg reads the Exif data of JPEG and passes them on with the frame.
    if is_image(container) and container.format.name != "jpeg_pipe":
        return exif_orientation(path)
    return orientation_of(frame)


def _decode_still(path: str, plan: ViewPlan, watch: Watch) -> Views | None:
    """The views of an image file that only Pillow can read, such as an animated WebP; None for any other file."""
    still = open_still(path, watch)
    if still is None:
        return None
    count = len(still.seconds)
    fps = count / still.duration_s if count > 1 else 0.0
    line = Timeline(list(range(count)), False, np.array(still.seconds), still.duration_s, fps)
    views = Views(plan, line, still.format, os.path.getsize(path))
    for index, picture in still_pictures(path, list(views.wanted)):
        views.offer(index, _array_frame(picture), Orientation())
    return views


def _array_frame(picture: np.ndarray) -> av.VideoFrame:
    return av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), "rgb24")
