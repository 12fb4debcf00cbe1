"""Arrays of videos in safetensors files of bounded size, found by the identity of the video's file and by settings.

A shard appears under its name in one move when it is whole, so that writing may be killed at any time. What other settings
have made lies in another folder and is never taken.
"""

from __future__ import annotations

import hashlib
import json
import os
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from lmms_cpllm.errors import DataError
from lmms_cpllm.training.corpus import write_json

_ENTRIES, _SETTINGS = "entries", "settings.json"


class DamagedShard(DataError):
    """A shard is not what was written."""

    def __init__(self, path: Path, found: str) -> None:
        super().__init__(
            f"{path}: expected a whole shard of decoded videos, found {found}\n"
            "  what to do: delete this file, and run `lmms-cpllm train prepare` again; it decodes what was in it"
        )


@dataclass(frozen=True)
class Record:
    """What is kept of one video."""

    arrays: Mapping[str, np.ndarray]
    about: Mapping
    """Anything that JSON can hold."""

    @property
    def size(self) -> int:
        """Bytes of the arrays."""
        return sum(array.nbytes for array in self.arrays.values())


@dataclass(frozen=True)
class _Place:
    shard: Path
    number: int
    names: tuple[str, ...]
    checksum: int
    about: Mapping


def identity(path: Path) -> str:
    """Of a video's file: where it lies, its bytes and when it was changed. Raises OSError where it is not there."""
    status = path.stat()
    return f"{path.absolute()}\t{status.st_size}\t{status.st_mtime_ns}"


class Shards:
    """The shards of one kind and of one set of settings below a folder. Reads only; see `Writer`.

    Args:
        folder: the cache; it need not be there.
        kind: `views`, `pieces`.
        settings: everything on which the arrays depend beside the file.

    Raises:
        DamagedShard: the head of a shard cannot be read, or its end is missing.
    """

    def __init__(self, folder: Path, kind: str, settings: Mapping) -> None:
        text = json.dumps(settings, sort_keys=True)
        self.settings = settings
        self.folder = folder / f"{kind}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
        self._places: dict[str, _Place] = {}
        for path in sorted(self.folder.glob("*.safetensors")):
            self._places |= _places(path)

    def __contains__(self, path: Path) -> bool:
        return self._key(path) in self._places

    def __len__(self) -> int:
        return len(self._places)

    def read(self, path: Path) -> Record | None:
        """What is kept of a video; None if nothing is, or the file has changed since.

        Raises:
            DamagedShard: bits have changed, or the shard is not there any more.
        """
        place = self._places.get(self._key(path))
        if place is None:
            return None
        try:
            with safe_open(place.shard, "np") as saved:
                arrays = {name: saved.get_tensor(f"{place.number}.{name}") for name in place.names}
        except (SafetensorError, OSError) as error:
            raise DamagedShard(place.shard, str(error)) from error
        if _checksum(arrays) != place.checksum:
            raise DamagedShard(place.shard, f"other bits of {path}")
        return Record(arrays, place.about)

    def _key(self, path: Path) -> str:
        try:
            return identity(path)
        except OSError:
            return ""


class Writer:
    """Adds records to the folder of `Shards`, which does not see them before it is made again.

    Args:
        shards: that are there.
        most_bytes: of the arrays of one shard; one video alone may be larger.
    """

    def __init__(self, shards: Shards, most_bytes: int) -> None:
        self._shards, self._most = shards, most_bytes
        self._waiting: list[tuple[str, Record]] = []
        self.bytes, self.shards = 0, 0
        """Of what was written, and how many files."""

    def add(self, key: str, record: Record) -> None:
        """Takes a record in, and writes a shard when it is full.

        Args:
            key: `identity` of the file, from before it was decoded.
            record: of the video.
        """
        if self._waiting and sum(one.size for _, one in self._waiting) + record.size > self._most:
            self.flush()
        self._waiting.append((key, record))

    def flush(self) -> None:
        """Writes what waits. Raises DataError where that cannot be."""
        if not self._waiting:
            return
        entries = [
            {"key": key, "names": list(one.arrays), "checksum": _checksum(one.arrays), "about": dict(one.about)}
            for key, one in self._waiting
        ]
        arrays = {
            f"{number}.{name}": np.ascontiguousarray(array)
            for number, (_, one) in enumerate(self._waiting)
            for name, array in one.arrays.items()
        }
        text = json.dumps(entries)
        path = self._shards.folder / f"{hashlib.sha256(text.encode()).hexdigest()[:16]}.safetensors"
        part = path.with_name(f".{path.stem}.{os.getpid()}.part")
        try:
            self._shards.folder.mkdir(parents=True, exist_ok=True)
            write_json(self._shards.folder / _SETTINGS, self._shards.settings)
            save_file(arrays, part, {_ENTRIES: text})
            os.replace(part, path)
        except (OSError, SafetensorError) as error:
            part.unlink(missing_ok=True)
            raise DataError(f"{self._shards.folder}: a shard cannot be written: {error}") from error
        self.bytes += path.stat().st_size
        self.shards += 1
        self._waiting = []


def _places(path: Path) -> dict[str, _Place]:
    """Key -> place of everything in a shard; only its head is read."""
    try:
        with safe_open(path, "np") as saved:
            entries = json.loads((saved.metadata() or {})[_ENTRIES])
        return {
            entry["key"]: _Place(path, number, tuple(entry["names"]), entry["checksum"], entry["about"])
            for number, entry in enumerate(entries)
        }
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise DamagedShard(path, f"{type(error).__name__}: {error}") from error


def _checksum(arrays: Mapping[str, np.ndarray]) -> int:
    """CRC-32 of all arrays, one after the other."""
    value = 0
    for array in arrays.values():
        value = zlib.crc32(np.ascontiguousarray(array).reshape(-1).view(np.uint8), value)
    return value
