"""Where a release is fetched from: single files, zip archives, a public bucket, a repository of the Hugging Face hub."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Archive:
    """An archive that anybody may download."""

    url: str
    folder: str
    """Folder, inside the release's own, for the files of the archive; members named without it are put there too. ""
    for the release's own folder."""
    bytes: int | None = None
    """Size of the archive in bytes where its authors publish it."""
    unpacked_bytes_max: int = 16 * 2**30
    """More than this in the archive's table of contents is refused: it is not the release."""
    skip: tuple[str, ...] = ()
    """File names that are not unpacked."""
    keep: Callable[[str], bool] | None = None
    """Says of the name of a member, with its folders, whether it is unpacked; None for all."""


@dataclass(frozen=True)
class LabelFile:
    """A file of labels or questions that anybody may download as it is."""

    url: str
    name: str
    """In the release's own folder."""
    bytes_max: int = 64 * 2**20
    """A larger answer is refused: it is not the file."""
    places: tuple[str, ...] = ()
    """Folders below the release's own where the file may lie as well; then it is not fetched."""


@dataclass(frozen=True)
class Bucket:
    """Part of a public bucket of Google Cloud Storage: videos, one object each."""

    name: str
    prefix: str
    """What the names of the objects begin with, a folder with its slash; also their folder in the release's own."""
    name_of: Callable[[str], str]
    """What the release calls the video in an object of this name."""
    wanted: Callable[[Path], frozenset[str]]
    """Takes the release's folder, with its labels; names, as `name_of` gives them, of the videos that are needed."""
    bytes_max: int = 2**39
    """More than this in the listing is refused: it is not the release."""
    endpoint: str = "https://storage.googleapis.com"


@dataclass(frozen=True)
class HubFolder:
    """A data set repository of the Hugging Face hub: videos as they are, or in archives (zip, tar, tar.gz, in parts)."""

    repo: str
    """owner/name."""
    folder: str
    """Folder, inside the release's own, for the videos; "" for the release's own."""
    name_of: Callable[[str], str]
    """What the release calls the video in a file of this path, in the repository or in an archive."""
    wanted: Callable[[Path], frozenset[str]]
    """Takes the release's folder, with its labels; names, as `name_of` gives them, of the videos that are needed."""
    notice: str
    """What to know before the download: who publishes the repository, and who may have it."""
    revision: str = "main"
    unpacked_bytes_max: int = 2**39
    """Of one archive; more is refused."""
