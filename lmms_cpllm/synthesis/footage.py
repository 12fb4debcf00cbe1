"""A user's own clean clip in the place of a scene: the seconds in its middle, told by the content of its file."""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from lmms_cpllm.video.pieces import plan_piece, read_piece

SECONDS = 2.0
_BLOCK_BYTES = 2**20


@dataclass(frozen=True)
class Footage:
    """A clip before any distortion."""

    name: str
    """Short name, unique in a recipe and fit for a file's name."""
    sha256: str
    """First 16 hexadecimal digits of the file's SHA-256."""
    fps: int
    """Frames per second, constant."""
    path: Path = field(compare=False)
    """The file; where it lies is no part of a recipe's digest."""
    seconds: float = SECONDS
    """How much of its middle is taken."""

    @property
    def seed(self) -> int:
        return int(self.sha256[:8], 16)


def footage_of(path: Path, name: str) -> Footage:
    """The footage in a file. Reads all of the file, decodes nothing.

    Raises:
        VideoError: as `video.pieces.plan_piece`.
    """
    piece = _plan(*_identity(path))
    return Footage(name, file_digest(path), piece.fps, path)


def file_digest(path: Path) -> str:
    """First 16 hexadecimal digits of the SHA-256 of a file's content."""
    return _digest(*_identity(path))


def frames(footage: Footage) -> list[np.ndarray]:
    """The frames, uint8 (height, width, 3) RGB of even sides, at most 1920x1080 or 1080x1920.

    Raises:
        VideoError: as `video.pieces.read_piece`.
    """
    return read_piece(str(footage.path), _plan(*_identity(footage.path)))


def _identity(path: Path) -> tuple[str, int, int]:
    status = path.stat()
    return str(path), status.st_size, status.st_mtime_ns


# A task asks for its rows several times, and reading gigabytes once is enough. A file that changes is read again.
@functools.lru_cache(maxsize=1024)
def _digest(path: str, size: int, changed_ns: int) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()[:16]


@functools.lru_cache(maxsize=1024)
def _plan(path: str, size: int, changed_ns: int):
    return plan_piece(path, SECONDS)
