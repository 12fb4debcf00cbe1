"""What is decoded of a video for training: from a cache that `lmms-cpllm train prepare` has made, else from the file.

Both give the same bits. The cache of views holds all that most sources take of a video; that of pieces the frames of clean
videos before they are distorted, which are larger by far.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path

import av
import numpy as np

import lmms_cpllm
from lmms_cpllm.sampling import ViewPlan
from lmms_cpllm.training.full.data.shards import Record, Shards
from lmms_cpllm.video import Clip, VideoInfo, decode
from lmms_cpllm.video.pieces import plan_piece, read_piece

_VIEWS = ("context", "pixel", "context_seconds", "pixel_seconds")
# What decides which frames are taken of a video and what becomes of them.
_DECODING = ("sampling.py", "raw_video.py", "video/*.py")


@cache
def versions() -> dict[str, str]:
    """Of what decodes: others may give other bits. The code itself goes in: it changes more often than its version."""
    package, digest = Path(lmms_cpllm.__file__).parent, hashlib.sha256()
    for path in sorted(path for pattern in _DECODING for path in package.glob(pattern)):
        digest.update(path.read_bytes())
    return {"decoding": digest.hexdigest()[:16], "av": av.__version__}


def view_shards(folder: Path, plan: ViewPlan) -> Shards:
    """The cached views of a plan. Raises DamagedShard."""
    return Shards(folder, "views", asdict(plan) | versions())


def piece_shards(folder: Path, seconds: float) -> Shards:
    """The cached frames of the middle `seconds` of videos. Raises DamagedShard."""
    return Shards(folder, "pieces", {"seconds": seconds} | versions())


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
