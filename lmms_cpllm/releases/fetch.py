"""Fetch the releases that anybody may download: resume, retry, verify, unpack.

A download is written to `<name>.zip.part`, checked, and only then renamed to `<name>.zip`; an archive that was put
there by hand is used as it is. Killed at any point, the same command goes on where it stopped. Single files and archives
are fetched here, buckets in `bucket.py`, repositories of the hub in `hub.py`.
"""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

from filelock import FileLock, Timeout

from lmms_cpllm.errors import DataError
from lmms_cpllm.releases.base import Release, inspect, is_complete
from lmms_cpllm.releases.bucket import fetch_bucket
from lmms_cpllm.releases.hub import fetch_hub
from lmms_cpllm.releases.origins import Archive, LabelFile
from lmms_cpllm.releases.places import DATA_VARIABLE, locate
from lmms_cpllm.releases.transfer import download, size_of
from lmms_cpllm.releases.unpack import DamagedArchive, check_zip, extract, write_error

MIRROR_VARIABLE = "LMMS_CPLLM_MIRROR"


def get(release: Release, root: Path, *, mirror: str | None = None, pause_s: float = 1.0) -> Path:
    """Download and unpack what is missing of a release below `root`; returns the release's folder.

    Args:
        release: one that says where its files are fetched from.
        root: the data root; made if it does not exist. A release that lies there already is completed where it lies.
        mirror: address that stands in for everything before the file name of an archive, and for the host of a bucket;
            default LMMS_CPLLM_MIRROR, else the authors' own. Repositories of the hub have HF_ENDPOINT for this.
        pause_s: seconds before the second attempt after a dropped connection; doubled for each one after that.

    Raises:
        DataError: the release is not open to everybody, or the download failed; names the address and what to do.
    """
    if not (release.archives or release.label_files or release.buckets or release.hub_folders):
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
            for file in () if _is_there(release, folder) else release.label_files:
                if not any((folder / place / file.name).is_file() for place in ("", *file.places)):
                    fetch_file(file, folder, mirror=mirror, pause_s=pause_s)
            for archive in release.archives:
                if not _is_there(release, folder):
                    path = fetch_archive(archive, folder, mirror=mirror, pause_s=pause_s)
                    extract(path, archive, folder)
                    path.unlink()
            for bucket in release.buckets:
                if not _is_there(release, folder):
                    fetch_bucket(bucket, folder, release.videos, mirror=mirror, pause_s=pause_s)
            for hub in release.hub_folders:
                if not _is_there(release, folder):
                    fetch_hub(hub, folder, release.videos)
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
    size = size_of(part)
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


def _is_there(release: Release, folder: Path) -> bool:
    try:
        return is_complete(release, inspect(release, folder))
    except DataError:  # no labels yet
        return False


def default_root() -> Path:
    """Where `data get` puts releases without --to: LMMS_CPLLM_DATA, which need not exist yet. Raises DataError."""
    value = os.environ.get(DATA_VARIABLE, "").strip()
    if not value:
        raise DataError(
            f"no folder to download into: give one with --to, or set {DATA_VARIABLE} to the folder of the releases"
        )
    return Path(value).expanduser().absolute()
