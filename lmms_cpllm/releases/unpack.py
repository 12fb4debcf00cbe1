"""Unpack a downloaded zip archive without trusting it: names, links, sizes; each file whole or not at all."""

from __future__ import annotations

import os
import shutil
import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from tqdm import tqdm

from lmms_cpllm.errors import DataError
from lmms_cpllm.releases.base import Archive

MEMBERS_MAX = 200_000
_CHUNK_BYTES = 1 << 20
_IGNORED = ("__MACOSX", ".DS_Store", "Thumbs.db")


class DamagedArchive(DataError):
    """The file is no zip archive, or one of its members fails its checksum: downloading it again may help."""


def check_zip(path: Path, archive: Archive) -> None:
    """Refuse an archive that is damaged, dangerous or bigger inside than the release can be.

    Raises:
        DamagedArchive: not a zip file, or a checksum is wrong.
        DataError: a member has an unsafe name or type, or the bounds of `archive` are passed.
    """
    try:
        with zipfile.ZipFile(path) as file:
            plan_members(path, file, archive)  # before testzip, which unpacks every member
            damaged = file.testzip()
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        with path.open("rb") as file:
            head = file.read(16)
        raise DamagedArchive(f"{path}: not a whole zip archive ({error}); it begins with {head!r}") from error
    if damaged is not None:
        raise DamagedArchive(f"{path}: member {damaged} fails its checksum")


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
        target = _target(info, archive)
        if target is None:
            continue
        if target in targets:
            raise DataError(f"{path}: refused: two members would be written to {target}. Nothing was unpacked.")
        targets.add(target)
        plan.append((info, target))
    return plan


def extract(path: Path, archive: Archive, folder: Path) -> None:
    """Unpack a checked archive into the release's folder; files that are there already with the same content stay.

    Raises:
        DataError: unsafe members, a full disk, or a folder that cannot be written.
    """
    with zipfile.ZipFile(path) as file:
        plan = plan_members(path, file, archive)
        wanted = [(info, folder / target) for info, target in plan]
        todo = [(info, target) for info, target in wanted if not _same_content(target, info)]
        require_space(folder, sum(info.file_size for info, _ in todo), f"unpack {path.name}")
        with tqdm(total=len(todo), desc=f"unpack {path.name}", unit="file") as bar:
            for info, target in todo:
                _write_member(file, info, target)
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


def _unsafe(info: zipfile.ZipInfo) -> str:
    """Why a member must not be unpacked, or ""."""
    name = info.orig_filename  # as it stands in the archive: zipfile has already changed `filename`
    parts = PurePosixPath(name).parts
    if name.startswith("/") or "\\" in name or ":" in name.split("/")[0]:
        return "has an absolute or foreign name"
    if ".." in parts or not parts or "\0" in name:
        return "has a name that leads out of the folder"
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "is a link or a special file"
    if info.flag_bits & 0x1:
        return "is encrypted"
    return ""


def _target(info: zipfile.ZipInfo, archive: Archive) -> PurePosixPath | None:
    """Where a member goes below the release's folder: archives with and without a top folder end up the same."""
    parts = PurePosixPath(info.filename).parts
    if info.is_dir() or parts[-1] in archive.skip or set(parts) & set(_IGNORED):
        return None
    if archive.folder in parts:
        return PurePosixPath(*parts[parts.index(archive.folder) :])
    return PurePosixPath(archive.folder, *parts)


def _same_content(target: Path, info: zipfile.ZipInfo) -> bool:
    if not target.is_file() or target.stat().st_size != info.file_size:
        return False
    checksum = 0
    with target.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            checksum = zlib.crc32(chunk, checksum)
    return checksum == info.CRC


def _write_member(file: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path) -> None:
    part = target.with_name(target.name + ".part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with file.open(info) as source, part.open("wb") as sink:
            shutil.copyfileobj(source, sink, _CHUNK_BYTES)
        os.replace(part, target)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise write_error(target, error) from error
