"""Fetch the releases that anybody may download: resume, retry, verify, unpack.

A download is written to `<name>.zip.part`, checked, and only then renamed to `<name>.zip`; an archive that was put
there by hand is used as it is. Killed at any point, the same command goes on where it stopped.
"""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from urllib.parse import urlsplit

import requests
from filelock import FileLock, Timeout
from tqdm import tqdm

from lmms_cpllm.errors import DataError
from lmms_cpllm.releases.base import Archive, LabelFile, Release, inspect, is_complete
from lmms_cpllm.releases.places import DATA_VARIABLE, locate
from lmms_cpllm.releases.unpack import DamagedArchive, check_zip, extract, require_space, write_error

MIRROR_VARIABLE = "LMMS_CPLLM_MIRROR"
ATTEMPTS = 5  # in a row without one new byte
_TIMEOUT_S = (15, 60)  # to connect, and between two pieces of data
_CHUNK_BYTES = 1 << 16  # what a broken connection loses at most: requests drops an unfinished chunk
_DROPPED = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)


class _TryAgain(Exception):
    """The connection or the server failed in a way that may pass; the text says how."""


def get(release: Release, root: Path, *, mirror: str | None = None, pause_s: float = 1.0) -> Path:
    """Download and unpack what is missing of a release below `root`; returns the release's folder.

    Args:
        release: one with archives or label files.
        root: the data root; made if it does not exist. A release that lies there already is completed where it lies.
        mirror: address that stands in for everything before the archive's file name; default LMMS_CPLLM_MIRROR, else
            the authors' own.
        pause_s: seconds before the second attempt after a dropped connection; doubled for each one after that.

    Raises:
        DataError: the release is not open to everybody, or the download failed; names the address and what to do.
    """
    if not release.archives and not release.label_files:
        raise DataError(f"{release.title} has nothing to download: {release.how_to_get}")
    mirror = mirror or os.environ.get(MIRROR_VARIABLE, "").strip() or None
    try:
        root.mkdir(parents=True, exist_ok=True)
        folder = locate(release, root) or root / release.folders[0]
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise write_error(root, error) from error
    lock = FileLock(folder / ".lmms-cpllm.lock")
    try:
        with lock.acquire(timeout=0):
            for file in release.label_files:
                if not (folder / file.name).is_file():
                    fetch_file(file, folder, mirror=mirror, pause_s=pause_s)
            for archive in release.archives:
                if not _is_there(release, folder):
                    path = fetch_archive(archive, folder, mirror=mirror, pause_s=pause_s)
                    extract(path, archive, folder)
                    path.unlink()
    except Timeout as error:
        raise DataError(
            f"{folder}: another download into this folder is running (lock file {lock.lock_file}). Wait until it is "
            "done."
        ) from error
    except OSError as error:
        raise write_error(folder, error) from error
    return folder


def fetch_file(file: LabelFile, folder: Path, *, mirror: str | None = None, pause_s: float = 1.0) -> Path:
    """Download one file of labels into `folder`; returns its path. Raises DataError."""
    url = _address(file.url, mirror)
    target = folder / file.name
    part = target.with_name(target.name + ".part")
    download(url, part, pause_s=pause_s)
    size = _size(part)
    if size > file.bytes_max:
        part.unlink()
        raise DataError(
            f"{url}: {size:,} bytes came, at most {file.bytes_max:,} expected; they were deleted. Fetch the file by hand "
            f"and put it at {target}"
        )
    os.replace(part, target)
    return target


def _address(url: str, mirror: str | None) -> str:
    return f"{mirror.rstrip('/')}/{Path(urlsplit(url).path).name}" if mirror else url


def fetch_archive(archive: Archive, folder: Path, *, mirror: str | None = None, pause_s: float = 1.0) -> Path:
    """Download one archive into `folder` and check it; returns its path. Raises DataError."""
    url = _address(archive.url, mirror)
    target = folder / Path(urlsplit(url).path).name
    if target.exists():
        try:
            check_zip(target, archive)
        except DamagedArchive as error:
            raise DataError(f"{error}. Delete it and run the same command again.") from error
        return target
    part = target.with_name(target.name + ".part")
    resumed = part.exists()
    download(url, part, expected_bytes=archive.bytes, pause_s=pause_s)
    try:
        check_zip(part, archive)
    except DamagedArchive as error:
        part.unlink()
        if resumed:  # the earlier half may be of another version of the archive: once from the start, then give up
            return fetch_archive(archive, folder, mirror=mirror, pause_s=pause_s)
        raise DataError(
            f"{url}: what was downloaded is damaged and was deleted: {error}. Run the same command again; if that "
            "does not "
            f"help, fetch the file by hand and put it at {target}"
        ) from error
    os.replace(part, target)
    return target


def download(url: str, part: Path, *, expected_bytes: int | None = None, pause_s: float = 1.0) -> None:
    """Download `url` into the file `part`, going on after the bytes that it holds already.

    Raises:
        DataError: the server refuses, the size is wrong, the disk is full, or the connection was lost `ATTEMPTS` times
        in a row
            without a new byte. The bytes so far are kept for the next run, except where the size shows that they are
            wrong.
    """
    furthest, failures = _size(part), 0
    while True:
        try:
            _stream(url, part, expected_bytes)
            return
        except requests.exceptions.SSLError as error:
            raise DataError(
                f"{url}: the server's certificate could not be verified: {error}. Fetch the file by hand and put it at "
                f"{part.with_suffix('')}, or name a mirror with --mirror; then run the same command again."
            ) from error
        except (*_DROPPED, _TryAgain) as error:
            if _size(part) > furthest:
                furthest, failures = _size(part), 0
            failures += 1
            if failures >= ATTEMPTS:
                raise DataError(
                    f"{url}: gave up after {failures} attempts without progress; {_size(part):,} bytes are kept in "
                    f"{part}. "
                    f"Last: {error}. Run the same command again later; it goes on where it stopped."
                ) from error
            time.sleep(pause_s * 2 ** (failures - 1))
        except requests.RequestException as error:
            raise DataError(f"{url}: cannot be requested: {error}. Check the address given with --mirror.") from error


def _stream(url: str, part: Path, expected_bytes: int | None) -> None:
    """One request. Returns when the file is whole, raises _TryAgain or a requests error when it is not yet."""
    start = _size(part)
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
    with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT_S) as response:
        if response.status_code == 416:
            return _after_the_end(response, part, start)
        if response.status_code in (408, 429) or response.status_code >= 500:
            raise _TryAgain(f"HTTP {response.status_code} {response.reason}")
        if response.status_code not in (200, 206):
            raise DataError(
                f"{url}: HTTP {response.status_code} {response.reason}. If the archive has moved, name a mirror with "
                "--mirror, "
                f"or fetch {part.stem} by hand and put it at {part.with_suffix('')}"
            )
        start, total = _announced(response, start)
        if expected_bytes is not None and total is not None and total != expected_bytes:
            raise DataError(
                f"{url}: the server announces {total:,} bytes, the release has {expected_bytes:,}. Not downloaded: "
                "the archive "
                "was changed, or the mirror holds another file."
            )
        if total is not None:
            require_space(part.parent, total - start, f"download {part.stem}")
        _write(response, part, start, total)
    size = _size(part)
    if total is not None and size < total:
        raise _TryAgain(f"the connection ended after {size:,} of {total:,} bytes")
    _refuse_size(url, part, total if total is not None else expected_bytes)


def _announced(response: requests.Response, start: int) -> tuple[int, int | None]:
    """(byte the answer begins at, size of the whole file if known). A server may ignore the Range asked for."""
    if response.status_code == 206:
        match = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
        if match is None or int(match[1]) != start:
            raise DataError(
                f"{response.url}: byte {start} was asked for, the server answers with Content-Range "
                f"{response.headers.get('Content-Range')!r}. Delete the .part file and run the same command again."
            )
        return start, None if match[2] == "*" else int(match[2])
    length = response.headers.get("Content-Length", "")
    return 0, int(length) if length.isdigit() else None


def _write(response: requests.Response, part: Path, start: int, total: int | None) -> None:
    with tqdm(total=total, initial=start, desc=part.stem, unit="B", unit_scale=True, unit_divisor=1024) as bar:
        try:
            with part.open("ab" if start else "wb") as file:
                for chunk in response.iter_content(_CHUNK_BYTES):
                    file.write(chunk)
                    bar.update(len(chunk))
        except requests.RequestException:
            raise  # is an OSError too, but not one of the disk
        except OSError as error:
            raise write_error(part, error) from error


def _after_the_end(response: requests.Response, part: Path, start: int) -> None:
    """HTTP 416: the bytes that are there are all there is, or more than there is."""
    total = response.headers.get("Content-Range", "").rpartition("/")[2]
    if total.isdigit() and int(total) == start:
        return
    part.unlink()
    raise _TryAgain(f"the file so far had {start:,} bytes, the server's has {total or 'another number of'}")


def _refuse_size(url: str, part: Path, expected_bytes: int | None) -> None:
    size = _size(part)
    if expected_bytes is not None and size != expected_bytes:
        part.unlink()
        raise DataError(
            f"{url}: {size:,} bytes were downloaded, {expected_bytes:,} expected; they were deleted. Run the same "
            "command again."
        )


def _is_there(release: Release, folder: Path) -> bool:
    try:
        return is_complete(release, inspect(release, folder))
    except DataError:  # no labels yet
        return False


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def default_root() -> Path:
    """Where `data get` puts releases without --to: LMMS_CPLLM_DATA, which need not exist yet. Raises DataError."""
    value = os.environ.get(DATA_VARIABLE, "").strip()
    if not value:
        raise DataError(
            f"no folder to download into: give one with --to, or set {DATA_VARIABLE} to the folder of the releases"
        )
    return Path(value).expanduser().absolute()
