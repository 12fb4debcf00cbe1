"""Fetch the videos of a release from a data set repository of the Hugging Face hub, by the hub's own library.

HF_ENDPOINT, HF_TOKEN, `hf auth login` and HF_HUB_OFFLINE mean what they mean there. One file is downloaded after the other
into a hidden folder beside the videos, where an interrupted one is continued; an archive is unpacked and deleted before
the next one comes. What each archive held is written down, so that it is not fetched again for a video that is not in it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from lmms_cpllm.errors import DataError
from lmms_cpllm.releases.files import without_ending
from lmms_cpllm.releases.origins import Archive, HubFolder
from lmms_cpllm.releases.transfer import announce, digest_of, size_of, size_text
from lmms_cpllm.releases.unpack import DamagedArchive, check_zip, extract, require_space, unsafe_name, write_error
from lmms_cpllm.releases.untar import check_tar, extract_tar

RECORD = ".lmms-cpllm-hub.json"
DOWNLOADS = ".lmms-cpllm-download"
_ARCHIVE = re.compile(
    r"(?P<whole>.+\.(?:zip|tar\.gz|tgz|tar))(?P<part>\.(?!gz|xz|bz)(?:part)?[._-]?(?:[a-z]{2}|\d{2,4}))?", re.IGNORECASE
)


@dataclass(frozen=True)
class HubFile:
    """One file of a repository."""

    path: str
    bytes: int
    id: str
    """Changes with the content."""
    sha256: str | None
    """Of the content, in hex, where the hub tells it."""


@dataclass(frozen=True)
class HubArchive:
    """An archive, whole or in parts."""

    path: str
    """As it is called when it is whole."""
    parts: tuple[HubFile, ...]
    """In order; one where it is whole."""

    @property
    def id(self) -> str:
        return " ".join(part.id for part in self.parts)

    @property
    def bytes(self) -> int:
        return sum(part.bytes for part in self.parts)


def fetch_hub(hub: HubFolder, folder: Path, videos: Callable[[Path], Mapping[str, Path]]) -> None:
    """Download and unpack the videos that the labels in `folder` name and that are not there yet.

    Args:
        hub: what to fetch.
        folder: the release's own, with its labels.
        videos: `Release.videos`; what it finds is not fetched.

    Raises:
        DataError: no network, no such repository, no access to it, no room, a damaged or a dangerous archive.
    """
    wanted = hub.wanted(folder)
    announce(hub.notice)
    files = list_files(hub)
    record = _read_record(folder)
    archives = [one for one in archives_of(files) if _may_hold(one, record, _missing(wanted, videos(folder)))]
    loose = _loose(hub, files, _missing(wanted, videos(folder)))
    if not loose and not archives:
        announce(
            f"{_page(hub)}: none of the {len(_missing(wanted, videos(folder)))} videos that are missing is there, as a "
            "video or in a zip, tar or tar.gz archive"
        )
        return
    announce(
        f"{_page(hub)}: {len(loose)} videos, {size_text(sum(file.bytes for file in loose))}, and {len(archives)} archives, "
        f"{size_text(sum(one.bytes for one in archives))}, which are fetched one by one and deleted when unpacked"
    )
    largest = max((one.bytes for one in archives), default=0)
    require_space(folder, sum(file.bytes for file in loose) + largest, f"download from {hub.repo}")
    for file in loose:
        target = folder / hub.folder / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(_download(hub, file, folder), target)
    for one in archives:
        missing = _missing(wanted, videos(folder))
        if not missing:
            break
        if _may_hold(one, record, missing):
            record[one.path] = {"id": one.id, "names": _fetch_archive(hub, one, folder, missing)}
            _write_record(folder, record)
    shutil.rmtree(folder / DOWNLOADS, ignore_errors=True)


def list_files(hub: HubFolder) -> list[HubFile]:
    """Every file of the repository, by path. Raises DataError."""
    from huggingface_hub import HfApi
    from huggingface_hub.hf_api import RepoFile

    try:
        tree = list(HfApi().list_repo_tree(hub.repo, recursive=True, repo_type="dataset", revision=hub.revision))
    except _failures() as error:
        raise _explained(hub, hub.repo, error) from error
    files = [
        HubFile(entry.path, entry.size, entry.blob_id, entry.lfs.sha256 if entry.lfs else None)
        for entry in tree
        if isinstance(entry, RepoFile)
    ]
    for file in files:
        if unsafe_name(file.path):
            raise DataError(f"{_page(hub)}: refused: file {file.path!r} {unsafe_name(file.path)}")
    return sorted(files, key=lambda file: file.path)


def archives_of(files: Sequence[HubFile]) -> list[HubArchive]:
    """The archives among the files; `x.tar.gz.partaa`, `x.tar.gz.partab` and the like are one, in the order of names."""
    groups: dict[str, list[HubFile]] = {}
    for file in sorted(files, key=lambda file: file.path):
        match = _ARCHIVE.fullmatch(file.path)
        if match:
            groups.setdefault(match["whole"], []).append(file)
    found = []
    for path, parts in groups.items():
        whole = [file for file in parts if file.path == path]
        found.append(HubArchive(path, tuple(whole or parts)))
    return found


def _loose(hub: HubFolder, files: Sequence[HubFile], missing: Sequence[str]) -> list[HubFile]:
    names = {name.casefold() for name in missing}
    return [file for file in files if _is_video(file.path) and hub.name_of(file.path).casefold() in names]


def _is_video(path: str) -> bool:
    return without_ending(path) != path


def _missing(wanted: frozenset[str], there: Mapping[str, Path]) -> list[str]:
    return sorted(name for name in wanted if name not in there)


def _may_hold(archive: HubArchive, record: Mapping[str, dict], missing: Sequence[str]) -> bool:
    """Whether a missing video can be in the archive: it was never opened, has changed since, or holds one."""
    known = record.get(archive.path, {})
    if known.get("id") != archive.id:
        return bool(missing)
    return not {name.casefold() for name in missing}.isdisjoint(known["names"])


def _fetch_archive(hub: HubFolder, one: HubArchive, folder: Path, missing: Sequence[str]) -> list[str]:
    """Unpack the missing videos of an archive; gives the names, folded, of all the videos that it holds."""
    names = {name.casefold() for name in missing}
    archive = Archive(
        f"{_page(hub)}/blob/{hub.revision}/{one.path}",
        hub.folder,
        unpacked_bytes_max=hub.unpacked_bytes_max,
        keep=lambda name: _is_video(name) and hub.name_of(name).casefold() in names,
    )
    parts = [_download(hub, part, folder) for part in one.parts]
    path = folder / DOWNLOADS / one.path
    try:
        if one.path.lower().endswith(".zip"):
            members = check_zip(path, archive, parts)
            extract(path, archive, folder, parts)
        else:
            contents = check_tar(path, archive, parts)
            members = contents.names
            extract_tar(path, contents, folder, parts)
    except DamagedArchive as error:
        _delete(parts)
        raise DataError(
            f"{archive.url}: what was downloaded is damaged and was deleted: {error}. Run the same command again."
        ) from error
    _delete(parts)
    return sorted({hub.name_of(name).casefold() for name in members if _is_video(name)})


def _download(hub: HubFolder, file: HubFile, folder: Path) -> Path:
    """One file of the repository, checked against its size and SHA-256."""
    from huggingface_hub import hf_hub_download

    place = folder / DOWNLOADS
    require_space(folder, file.bytes - size_of(place / file.path), f"download {PurePosixPath(file.path).name}")
    try:
        path = Path(
            hf_hub_download(hub.repo, file.path, repo_type="dataset", revision=hub.revision, local_dir=place),
        )
    except _failures() as error:
        raise _explained(hub, file.path, error) from error
    size, digest = size_of(path), None
    if size == file.bytes and file.sha256:
        digest = digest_of(path, "sha256").hex()
    if size != file.bytes or digest != file.sha256:
        path.unlink()
        raise DataError(
            f"{_page(hub)}/blob/{hub.revision}/{file.path}: {file.bytes:,} bytes with SHA-256 {file.sha256} expected, "
            f"found {size:,} with {digest}; they were deleted. Run the same command again."
        )
    return path


def _failures() -> tuple[type[Exception], ...]:
    """What the hub's library raises when a request or a download fails."""
    from huggingface_hub import errors

    # HTTPError is that of the HTTP library below, whichever it is; RuntimeError and the last come from its storage client.
    return (errors.HTTPError, OSError, RuntimeError, getattr(errors, "XetDownloadError", OSError))


def _explained(hub: HubFolder, what: str, error: Exception) -> Exception:
    """What the hub's library says, as an error with a remedy."""
    from huggingface_hub import errors

    page = _page(hub)
    if isinstance(error, errors.GatedRepoError):
        return DataError(
            f"{page}: only those to whom its authors granted access may download it. Ask for access on that page, log in "
            "with `hf auth login` or set HF_TOKEN, and run the same command again when it is granted."
        )
    if isinstance(
        error, errors.RepositoryNotFoundError | errors.RevisionNotFoundError | errors.EntryNotFoundError
    ) and (not isinstance(error, errors.LocalEntryNotFoundError)):
        return DataError(
            f"{page}: {what} was not found there: {_first_line(error)}. It was renamed or withdrawn, or is shown "
            "only to those who log in (`hf auth login`); look at the page."
        )
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status == 429:
        return DataError(f"{page}: HTTP 429: too many requests. Log in with `hf auth login`, or try again later.")
    if status:
        return DataError(f"{page}: {what}: HTTP {status}: {_first_line(error)}. Run the same command again later.")
    if isinstance(error, OSError) and error.errno and not isinstance(error, ConnectionError):
        return write_error(Path(error.filename or hub.folder), error)
    return DataError(
        f"{page}: {what} could not be downloaded: {_first_line(error)}. Check the network (HF_ENDPOINT, HF_HUB_OFFLINE, "
        "proxies) and run the same command again; it goes on where it stopped."
    )


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__).rstrip(".")


def _page(hub: HubFolder) -> str:
    return f"https://huggingface.co/datasets/{hub.repo}"


def _delete(paths: Sequence[Path]) -> None:
    for path in paths:
        path.unlink()


def _read_record(folder: Path) -> dict[str, dict]:
    """Archive -> its id and the names in it; empty where there is none, so that everything is fetched."""
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        return {path: {"id": str(known["id"]), "names": list(known["names"])} for path, known in record.items()}
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _write_record(folder: Path, record: Mapping[str, dict]) -> None:
    part = folder / f"{RECORD}.part"
    part.write_text(json.dumps(record), encoding="utf-8")
    os.replace(part, folder / RECORD)
