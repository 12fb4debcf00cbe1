"""Unpack a downloaded zip archive without trusting it: names, links, sizes; each file whole or not at all.

What holds for every kind of archive is here too; `untar.py` does the same for tar archives.
"""

from __future__ import annotations

import os
import shutil
import stat
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import IO

from tqdm import tqdm

from lmms_cpllm.errors import DataError
from lmms_cpllm.releases.joined import open_joined
from lmms_cpllm.releases.origins import Archive

MEMBERS_MAX = 200_000
_CHUNK_BYTES = 1 << 20
_IGNORED = ("__MACOSX", ".DS_Store", "Thumbs.db")


class DamagedArchive(DataError):
    """The file is no zip archive, or one of its members fails its checksum: downloading it again may help."""


def check_zip(path: Path, archive: Archive, parts: Sequence[Path] = ()) -> tuple[str, ...]:
    """Refuse an archive that is damaged, dangerous or bigger inside than the release can be.

    Args:
        path: the archive, for the texts as well.
        archive: what it may hold.
        parts: the files that it was cut into, in order, where `path` itself is not there.

    Returns:
        the names of all the files in it.

    Raises:
        DamagedArchive: not a zip file, or a checksum is wrong.
        DataError: a member has an unsafe name or type, or the bounds of `archive` are passed.
    """
    try:
        with open_joined(parts or (path,)) as whole, zipfile.ZipFile(whole) as file:
            plan_members(path, file, archive)  # before testzip, which unpacks every member
            damaged = file.testzip()
            names = tuple(info.filename for info in file.infolist() if not info.is_dir())
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        with open_joined(parts or (path,)) as file:
            head = file.read(16)
        raise DamagedArchive(f"{path}: not a whole zip archive ({error}); it begins with {head!r}") from error
    if damaged is not None:
        raise DamagedArchive(f"{path}: member {damaged} fails its checksum")
    return names


def plan_members(path: Path, file: zipfile.ZipFile, archive: Archive) -> list[tuple[zipfile.ZipInfo, PurePosixPath]]:
    """(member, relative path to write) for every file to be unpacked. Raises DataError for the first unsafe one."""
    infos = file.infolist()
    total = sum(info.file_size for info in infos)
    if total > archive.unpacked_bytes_max or len(infos) > MEMBERS_MAX:
        raise DataError(
            f"{path}: refused: {len(infos)} members, {total:,} bytes unpacked; at most {MEMBERS_MAX:,} members and "
            f"{archive.unpacked_bytes_max:,} bytes expected. This is not the release's archive: delete it and fetch "
            "it from "
            f"{archive.url}"
        )
    plan, targets = [], set()
    for info in infos:
        reason = _unsafe(info)
        if reason:
            raise DataError(
                f"{path}: refused: member {info.filename!r} {reason}. Nothing was unpacked. "
                f"Delete the file and fetch it from {archive.url}"
            )
        target = None if info.is_dir() else target_of(info.filename, archive)
        if target is None:
            continue
        if target in targets:
            raise DataError(f"{path}: refused: two members would be written to {target}. Nothing was unpacked.")
        targets.add(target)
        plan.append((info, target))
    return plan


def extract(path: Path, archive: Archive, folder: Path, parts: Sequence[Path] = ()) -> None:
    """Unpack a checked zip archive into the release's folder; files that are there already with the same content stay.

    Raises:
        DataError: unsafe members, a full disk, or a folder that cannot be written.
    """
    with open_joined(parts or (path,)) as whole, zipfile.ZipFile(whole) as file:
        plan = plan_members(path, file, archive)
        wanted = [(info, folder / target) for info, target in plan]
        todo = [(info, target) for info, target in wanted if not _same_content(target, info)]
        require_space(folder, sum(info.file_size for info, _ in todo), f"unpack {path.name}")
        with tqdm(total=len(todo), desc=f"unpack {path.name}", unit="file") as bar:
            for info, target in todo:
                with file.open(info) as source:
                    write_file(source, target)
                bar.update()


def require_space(folder: Path, needed_bytes: int, purpose: str) -> None:
    """Raises DataError unless the disk of `folder` has room."""
    free = shutil.disk_usage(folder).free
    if needed_bytes > free:
        raise DataError(
            f"{folder}: not enough room to {purpose}: {needed_bytes:,} bytes needed, {free:,} free. "
            "Free some, or choose another folder with --to."
        )


def write_error(target: Path, error: OSError) -> DataError:
    """The message for a file that could not be written, a full disk in particular."""
    return DataError(
        f"{target}: cannot be written: {error.strerror or error}. "
        "Free some room or choose another folder with --to, then run the same command again; it goes on where it "
        "stopped."
    )


def unsafe_name(name: str) -> str:
    """Why nothing may be written under this name from elsewhere, or ""."""
    parts = PurePosixPath(name).parts
    if name.startswith("/") or "\\" in name or ":" in name.split("/")[0]:
        return "has an absolute or foreign name"
    if ".." in parts or not parts or "\0" in name:
        return "has a name that leads out of the folder"
    return ""


def target_of(name: str, archive: Archive) -> PurePosixPath | None:
    """Where a file of an archive goes below the release's folder, None for nowhere.

    Archives with and without a top folder end up the same.
    """
    parts = PurePosixPath(name).parts
    if parts[-1] in archive.skip or set(parts) & set(_IGNORED) or not (archive.keep is None or archive.keep(name)):
        return None
    if archive.folder in parts:
        return PurePosixPath(*parts[parts.index(archive.folder) :])
    return PurePosixPath(archive.folder, *parts)


def write_file(source: IO[bytes], target: Path) -> None:
    """Copy a member to its place, whole or not at all. Raises DataError where the disk refuses."""
    part = target.with_name(target.name + ".part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as sink:
            shutil.copyfileobj(source, sink, _CHUNK_BYTES)
        os.replace(part, target)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise write_error(target, error) from error


def _unsafe(info: zipfile.ZipInfo) -> str:
    """Why a member must not be unpacked, or ""."""
    reason = unsafe_name(info.orig_filename)  # as it stands in the archive: zipfile has already changed `filename`
    if reason:
        return reason
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "is a link or a special file"
    if info.flag_bits & 0x1:
        return "is encrypted"
    return ""


def _same_content(target: Path, info: zipfile.ZipInfo) -> bool:
    if not target.is_file() or target.stat().st_size != info.file_size:
        return False
    checksum = 0
    with target.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            checksum = zlib.crc32(chunk, checksum)
    return checksum == info.CRC
