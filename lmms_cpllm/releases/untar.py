"""Unpack a downloaded tar archive, with gzip or plain, without trusting it: the rules of `unpack.py`.

A tar archive has no table of contents, so it is read twice: once to look at every member and at the checksum at its end,
and only then to write.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import tarfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tqdm import tqdm

from lmms_cpllm.errors import DataError
from lmms_cpllm.releases.joined import open_joined
from lmms_cpllm.releases.origins import Archive
from lmms_cpllm.releases.unpack import (
    MEMBERS_MAX,
    DamagedArchive,
    require_space,
    target_of,
    unsafe_name,
    write_file,
)

_READ_BYTES_MAX = 4 << 20  # a header that is longer is refused: tarfile reads a header into memory at once
_REST_BYTES_MAX = 64 << 20  # zeros after the last member
_GZIP = b"\x1f\x8b"
# RecursionError: headers that only announce further headers.
_DAMAGED = (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError, RecursionError)


@dataclass(frozen=True)
class Contents:
    """What is in a tar archive that has been checked."""

    names: tuple[str, ...]
    """Of all the files."""
    targets: dict[str, PurePosixPath]
    """Name of a file to be unpacked -> its path below the release's folder."""
    sizes: dict[str, int]
    """Name of a file to be unpacked -> its bytes."""


class _Bounded(io.RawIOBase):
    """A file that refuses to be read in larger pieces than a tar archive of videos has headers."""

    def __init__(self, file: io.BufferedIOBase) -> None:
        super().__init__()
        self._file = file

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= _READ_BYTES_MAX:
            raise tarfile.ReadError(f"a header of {size:,} bytes")
        return self._file.read(size)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()


def check_tar(path: Path, archive: Archive, parts: Sequence[Path] = ()) -> Contents:
    """Refuse an archive that is damaged, dangerous or bigger inside than the release can be.

    Args:
        path: the archive, for the texts as well.
        archive: what it may hold.
        parts: the files that it was cut into, in order, where `path` itself is not there.

    Raises:
        DamagedArchive: not a tar archive, broken off, or the checksum at its end is wrong.
        DataError: a member has an unsafe name or type, or the bounds of `archive` are passed.
    """
    names, targets, sizes, taken, total = [], {}, {}, set(), 0
    with _opened(path, parts) as tar:
        for count, info in enumerate(tar, start=1):
            total += max(info.size, 0)
            if total > archive.unpacked_bytes_max or count > MEMBERS_MAX:
                raise DataError(
                    f"{path}: refused: at least {count:,} members and {total:,} bytes unpacked; at most "
                    f"{MEMBERS_MAX:,} members and {archive.unpacked_bytes_max:,} bytes expected. This is not the "
                    f"release's archive: delete it and fetch it from {archive.url}"
                )
            if info.isdir() and PurePosixPath(info.name) == PurePosixPath("."):
                continue
            reason = _unsafe(info)
            if reason:
                raise DataError(
                    f"{path}: refused: member {info.name!r} {reason}. Nothing was unpacked. "
                    f"Delete the file and fetch it from {archive.url}"
                )
            if info.isdir():
                continue
            names.append(info.name)
            target = target_of(info.name, archive)
            if target is None:
                continue
            if target in taken:
                raise DataError(f"{path}: refused: two members would be written to {target}. Nothing was unpacked.")
            taken.add(target)
            targets[info.name], sizes[info.name] = target, info.size
    return Contents(tuple(names), targets, sizes)


def extract_tar(path: Path, contents: Contents, folder: Path, parts: Sequence[Path] = ()) -> None:
    """Unpack a checked archive into the release's folder; files that are there already with the same size stay.

    Raises:
        DataError: a full disk, or a folder that cannot be written.
    """
    todo = {
        name: folder / target
        for name, target in contents.targets.items()
        if not ((folder / target).is_file() and (folder / target).stat().st_size == contents.sizes[name])
    }
    require_space(folder, sum(contents.sizes[name] for name in todo), f"unpack {path.name}")
    with (
        tqdm(total=len(todo), desc=f"unpack {path.name}", unit="file", leave=False) as bar,
        _opened(path, parts) as tar,
    ):
        for info in tar:
            if info.isreg() and info.name in todo:
                with tar.extractfile(info) as source:
                    write_file(source, todo[info.name])
                bar.update()


@contextlib.contextmanager
def _opened(path: Path, parts: Sequence[Path]) -> Iterator[tarfile.TarFile]:
    """The archive, to be read once from begin to end; what follows its last member is read too, for the checksum."""
    with open_joined(parts or (path,)) as whole:
        head = whole.read(16)
        whole.seek(0)
        try:
            with gzip.GzipFile(fileobj=whole) if head.startswith(_GZIP) else open_joined(parts or (path,)) as file:
                with tarfile.open(fileobj=_Bounded(file), mode="r:", errorlevel=2) as tar:
                    yield tar
                _read_rest(file)
        except _DAMAGED as error:
            raise DamagedArchive(f"{path}: not a whole tar archive ({error}); it begins with {head!r}") from error


def _read_rest(file: io.BufferedIOBase) -> None:
    rest = 0
    while chunk := file.read(1 << 20):
        rest += len(chunk)
        if rest > _REST_BYTES_MAX:
            raise tarfile.ReadError(f"more than {_REST_BYTES_MAX:,} bytes after the last member")


def _unsafe(info: tarfile.TarInfo) -> str:
    """Why a member must not be unpacked, or ""."""
    reason = unsafe_name(info.name)
    if not reason and not (info.isdir() or (info.type in (tarfile.REGTYPE, tarfile.AREGTYPE) and not info.issparse())):
        return "is a link or a special file"
    return reason
