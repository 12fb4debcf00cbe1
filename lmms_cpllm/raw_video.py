"""What a file of bare pixels (.yuv) does not say about itself: its size, rate and format.

A release that holds such files knows these numbers and declares them for every file when its rows are read; opening a
file looks them up. They are kept per process, because nothing but the path of a video goes through lmms-eval.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RawFormat:
    """How the bytes of a raw video are laid out: frame after frame, plane after plane, without a header."""

    width: int
    """Pixels."""
    height: int
    """Pixels."""
    fps: int
    """Frames per second."""
    pixel_format: str = "yuv420p"
    """FFmpeg's name; yuv420p is planar 4:2:0 with 8 bits."""

    def __post_init__(self) -> None:
        if min(self.width, self.height, self.fps) < 1:
            raise ValueError(f"raw video: expected width, height and fps of 1 or more, found {self}")

    @property
    def options(self) -> dict[str, str]:
        """Options of FFmpeg's `rawvideo` demuxer."""
        return {
            "video_size": f"{self.width}x{self.height}",
            "framerate": str(self.fps),
            "pixel_format": self.pixel_format,
        }


_declared: dict[str, RawFormat] = {}


def is_raw(path: str) -> bool:
    """Whether the ending says that the file holds bare pixels."""
    return path.lower().endswith(".yuv")


def declare(path: str, raw: RawFormat) -> None:
    """Say how the raw video at the absolute `path` is laid out."""
    _declared[path] = raw


def declared(path: str) -> RawFormat | None:
    """What was declared for `path`, None if nothing was."""
    return _declared.get(path)
