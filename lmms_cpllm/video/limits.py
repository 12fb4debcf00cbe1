"""How long and how far a video is read before it counts as unreadable.

A file can promise ten million frames in ten kilobytes, or keep a decoder busy for hours; among a thousand videos of users
there is one. The time is measured between packets, so a decoder that never comes back is not stopped here: see `isolated`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from lmms_cpllm.errors import VideoError


@dataclass(frozen=True)
class Limits:
    """What one video may cost. The defaults are far above any benchmark: an hour of 1080p on one slow core is within."""

    seconds: float = 600.0
    """Wall time of reading and decoding, > 0. Slow machines and shared disks need it generous, for a video that is given
    up on one machine and not on another changes the result."""
    frames: int = 500_000
    """Packets of the video stream, >= 1: 4.6 hours at 30 frames per second, 0.2 GB of timestamps."""

    def __post_init__(self) -> None:
        if not (self.seconds > 0 and self.frames >= 1):
            raise ValueError(f"limits: expected more than 0 seconds and at least 1 frame, found {self}")

    @property
    def too_slow(self) -> str:
        """The reason that a video which takes longer is given."""
        return f"decoding it takes longer than {self.seconds:g} s (decode_timeout)"

    @property
    def too_long(self) -> str:
        """The reason that a video with more frames is given."""
        return f"it has more than {self.frames} frames (decode_frames)"


DEFAULT_LIMITS = Limits()


class Watch:
    """The limits of one video that is being read, from now on."""

    def __init__(self, path: str, limits: Limits) -> None:
        self._path, self._limits = path, limits
        self._end = time.monotonic() + limits.seconds

    def check(self, frames: int = 0) -> None:
        """Raises a VideoError once the time is over, or where `frames` are more than allowed."""
        if frames > self._limits.frames:
            raise VideoError(self._path, self._limits.too_long)
        if time.monotonic() > self._end:
            raise VideoError(self._path, self._limits.too_slow)
