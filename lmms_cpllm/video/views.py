"""The two views of a video and the place where they are put together, one decoded frame at a time."""

from __future__ import annotations

from dataclasses import dataclass, replace

import av
import numpy as np

from lmms_cpllm.sampling import ViewPlan, centre_frames, crop_corners, frame_runs
from lmms_cpllm.video.colour import UNSPECIFIED, Converter, Orientation
from lmms_cpllm.video.demux import Timeline


@dataclass(frozen=True)
class VideoInfo:
    """What a file says about itself."""

    path: str
    """As named by the caller."""
    width: int
    """Pixels, upright."""
    height: int
    """Pixels, upright."""
    fps: float
    """Average over the timestamps; the declared rate for one frame, 0 for a still image."""
    duration_s: float
    """From the first frame to the end of the last one's display; 0 for a still image."""
    frames: int
    """Displayed frames, counted."""
    codec: str
    """FFmpeg's name, such as h264, hevc, vp9, av1, or the image format's; "array" for arrays."""
    pixel_format: str
    """FFmpeg's name, such as yuv420p."""
    bit_depth: int
    """Bits per component."""
    rotation: int
    """Degrees counter-clockwise by which the stored picture was turned to stand upright: 0, 90, 180 or 270."""
    bitrate_kbps: float
    """Of the video stream alone, in 1000 bit/s; 0 where there is no duration."""
    interlaced: bool
    """Whether the first frame that was looked at is marked so; its fields are left woven."""


@dataclass(frozen=True)
class Clip:
    """Both views of one video."""

    info: VideoInfo
    context: np.ndarray
    """(M, h, w, 3) uint8 RGB: whole frames, resized."""
    pixel: np.ndarray
    """(K, G, R, c, c, 3) uint8 RGB: crops at native resolution, mirrored at the border of frames smaller than c."""
    context_seconds: np.ndarray
    """(M,) float64: presentation time of each context frame, relative to the first frame of the video."""
    pixel_seconds: np.ndarray
    """(K, R) float64: presentation time of each frame of the crops."""


def describe(
    path: str, line: Timeline, codec: str, size_bytes: int, frame: av.VideoFrame, orientation: Orientation
) -> VideoInfo:
    """Facts of a video from its timeline, the bytes of its packets and one decoded frame."""
    height, width = orientation.upright_size(frame.height, frame.width)
    return VideoInfo(
        path=path,
        width=width,
        height=height,
        fps=line.fps,
        duration_s=line.duration_s,
        frames=len(line.keys),
        codec=codec,
        pixel_format=frame.format.name,
        bit_depth=frame.format.components[0].bits,
        rotation=orientation.rotation,
        bitrate_kbps=size_bytes * 8 / line.duration_s / 1000 if line.duration_s > 0 else 0.0,
        interlaced=frame.interlaced_frame,
    )


class Views:
    """Takes decoded frames in any order, converts those that the plan needs and holds nothing but the finished views."""

    def __init__(
        self,
        plan: ViewPlan,
        line: Timeline,
        codec: str,
        size_bytes: int = 0,
        transfer: int = UNSPECIFIED,
        near: np.ndarray | None = None,
    ) -> None:
        self._plan, self._line, self._codec, self._size_bytes = plan, line, codec, size_bytes
        self._context_at = centre_frames(line.seconds, line.duration_s, plan.context_frames, near)
        self._pixel_at = frame_runs(line.seconds, line.duration_s, plan.pixel_moments, plan.pixel_frames, near)
        side = plan.crop_size
        self._context = np.empty((plan.context_frames, *plan.context_size, 3), np.uint8)
        self._pixel = np.empty(
            (*self._pixel_at.shape[:1], plan.pixel_crops, plan.pixel_frames, side, side, 3), np.uint8
        )
        self._corners: dict[tuple[int, int], np.ndarray] = {}
        self._converter = Converter(transfer)
        self._facts: VideoInfo | None = None
        needed = np.union1d(self._context_at, self._pixel_at).tolist()
        self.wanted: dict[int, int] = {line.keys[index]: index for index in needed}
        """Frames that are still missing: key of the timeline -> index in display order, ascending."""

    def offer(self, key: int | None, frame: av.VideoFrame, orientation: Orientation) -> None:
        """Convert `frame` into its places, if the plan has any for the frame known by `key`."""
        index = self.wanted.pop(key, None)
        if index is None:
            return
        if self._facts is None:
            self._facts = describe("", self._line, self._codec, self._size_bytes, frame, orientation)
        at = np.flatnonzero(self._context_at == index)
        if len(at):
            self._context[at] = self._converter.resized(frame, self._plan.context_size, orientation)
        moments, runs = np.nonzero(self._pixel_at == index)
        if len(moments):
            self._offer_crops(moments, runs, frame, orientation)

    def clip(self, path: str) -> Clip:
        """The finished views; every wanted frame must have been offered."""
        if self.wanted or self._facts is None:
            raise RuntimeError(f"{len(self.wanted)} frames of the plan were never offered")
        seconds = self._line.seconds
        info = replace(self._facts, path=path)
        return Clip(info, self._context, self._pixel, seconds[self._context_at], seconds[self._pixel_at])

    def _offer_crops(
        self, moments: np.ndarray, runs: np.ndarray, frame: av.VideoFrame, orientation: Orientation
    ) -> None:
        size = orientation.upright_size(frame.height, frame.width)
        if size not in self._corners:  # some codecs change the size within a stream
            self._corners[size] = crop_corners(*size, self._plan)
        different = np.unique(moments)
        corners = self._corners[size][different]
        crops = self._converter.crops(frame, corners.reshape(-1, 2), self._plan.crop_size, orientation)
        crops = crops.reshape(*corners.shape[:2], *crops.shape[1:])
        for moment, run in zip(moments, runs, strict=True):
            self._pixel[moment, :, run] = crops[np.searchsorted(different, moment)]
