"""What is decoded of a video for training: from a cache that `lmms-cpllm train prepare` has made, else from the file.

Both give the same bits. The cache of views holds all that most sources take of a video; that of pieces the frames of clean
videos before they are distorted, which are larger by far.
"""

from __future__ import annotations

import os
from dataclasses import asdict, replace
from pathlib import Path

import av
import numpy as np

from lmms_cpllm import __version__
from lmms_cpllm.sampling import ViewPlan
from lmms_cpllm.training.full.data.shards import Record, Shards
from lmms_cpllm.video import Clip, VideoInfo, decode
from lmms_cpllm.video.pieces import plan_piece, read_piece

_VIEWS = ("context", "pixel", "context_seconds", "pixel_seconds")
_VERSIONS = {"lmms_cpllm": __version__, "av": av.__version__}
"""Other versions may decode other bits."""


def view_shards(folder: Path, plan: ViewPlan) -> Shards:
    """The cached views of a plan. Raises DamagedShard."""
    return Shards(folder, "views", asdict(plan) | _VERSIONS)


def piece_shards(folder: Path, seconds: float) -> Shards:
    """The cached frames of the middle `seconds` of videos. Raises DamagedShard."""
    return Shards(folder, "pieces", {"seconds": seconds} | _VERSIONS)


def view_record(clip: Clip) -> Record:
    """A clip as it is cached."""
    return Record({name: getattr(clip, name) for name in _VIEWS}, asdict(clip.info))


def piece_record(frames: list[np.ndarray], fps: int) -> Record:
    """Frames (height, width, 3) uint8 as they are cached, `(T, height, width, 3)`."""
    return Record({"frames": np.stack(frames)}, {"fps": fps})


def decode_piece(path: Path, seconds: float) -> tuple[list[np.ndarray], int]:
    """The frames in the middle of a video, uint8 (height, width, 3) RGB, and how many there are a second.

    Raises:
        VideoError: as `video.pieces`.
    """
    piece = plan_piece(str(path), seconds)
    return read_piece(str(path), piece), piece.fps


class ViewReader:
    """File -> clip.

    Args:
        plan: which views.
        shards: of a cache, or None.
    """

    def __init__(self, plan: ViewPlan, shards: Shards | None = None) -> None:
        self.plan, self.shards = plan, shards

    def __call__(self, path: Path) -> Clip:
        """Both views. Raises VideoError, and DamagedShard."""
        record = self.shards.read(path) if self.shards else None
        if record is None:
            return decode(path, self.plan)
        return Clip(replace(VideoInfo(**record.about), path=os.fspath(path)), **record.arrays)


class PieceReader:
    """File -> frames in its middle, and their number a second.

    Args:
        seconds: of the video.
        shards: of a cache, or None.
    """

    def __init__(self, seconds: float, shards: Shards | None = None) -> None:
        self.seconds, self.shards = seconds, shards

    def __call__(self, path: Path) -> tuple[list[np.ndarray], int]:
        """See `decode_piece`. Raises VideoError, and DamagedShard."""
        record = self.shards.read(path) if self.shards else None
        if record is None:
            return decode_piece(path, self.seconds)
        return list(record.arrays["frames"]), record.about["fps"]
