"""Several files read as the one they were cut from, without a copy of it on the disk."""

from __future__ import annotations

import io
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path


class JoinedParts(io.RawIOBase):
    """The bytes of `paths`, one file after the other; only one of them is open at a time."""

    def __init__(self, paths: Sequence[Path]) -> None:
        super().__init__()
        self._paths = tuple(paths)
        self._ends = list(accumulate(path.stat().st_size for path in self._paths))
        self._place = 0
        self._index = -1
        self._file: io.BufferedReader | None = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._ends[-1]}[whence]
        if base + offset < 0:
            raise ValueError(f"negative place {base + offset} in {self._paths[0]}")
        self._place = base + offset
        return self._place

    def readinto(self, buffer) -> int:
        index = bisect_right(self._ends, self._place)
        if index == len(self._paths):
            return 0
        if index != self._index:
            self._close_part()
            self._file, self._index = self._paths[index].open("rb"), index
        begin = self._ends[index - 1] if index else 0
        self._file.seek(self._place - begin)
        count = self._file.readinto(memoryview(buffer)[: self._ends[index] - self._place])
        self._place += count
        return count

    def close(self) -> None:
        self._close_part()
        super().close()

    def _close_part(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file, self._index = None, -1


def open_joined(paths: Sequence[Path]) -> io.BufferedReader:
    """A buffered file of the parts, read only."""
    return io.BufferedReader(JoinedParts(paths), 1 << 20)
