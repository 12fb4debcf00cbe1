"""Find the files of a release: labels under several names, videos at any depth, names with and without an ending."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from lmms_cpllm.errors import DataError
from lmms_cpllm.releases.places import describe_folder

ENDINGS = (".mp4", ".mkv", ".avi", ".mov", ".webm", ".m4v", ".mpg", ".mpeg", ".ts", ".y4m", ".yuv")
"""Endings of video files; where one video is there in several containers the earlier one is taken."""


def without_ending(name: str) -> str:
    """A name without the ending of a video file; other dots stay, for `x_ss_00_t_20.0` has no ending."""
    stem, dot, ending = name.rpartition(".")
    return stem if dot and f".{ending.lower()}" in ENDINGS else name


def stem_of(name: str) -> str:
    """The last part of a name or path, without the ending of a video file."""
    return without_ending(name.replace("\\", "/").rstrip("/").rpartition("/")[2])


def last_two(name: str) -> str:
    """The last folder and the name, without the ending of a video file: `yfcc-batch1/7`; for ids unique in a folder."""
    return "/".join(without_ending(name.replace("\\", "/").strip("/")).split("/")[-2:])


def find_file(title: str, folder: Path, names: Sequence[str], places: Sequence[str], how_to_get: str) -> Path:
    """The first of `names` that is in one of `places` in the release's folder, or beside them, where people unpack it flat.

    Raises:
        DataError: none is there; names what was looked for, what is there and how to get the release.
    """
    looked = [*(folder / place for place in places), folder]
    for place in looked:
        for name in names:
            if (place / name).is_file():
                return place / name
    raise DataError(
        f"{title} in {folder} has no labels.\n"
        f"  looked for: {' or '.join(names)} in {' and '.join(map(str, looked))}\n"
        f"  found: {'; '.join(describe_folder(place) for place in looked)}\n"
        f"  how to get it: {how_to_get}"
    )


def videos_below(folder: Path) -> Iterator[Path]:
    """Every video file at any depth, links followed, hidden ones left out; better containers first, then by path."""
    found = []
    for place, folders, names in os.walk(folder, followlinks=True):
        folders[:] = sorted(name for name in folders if not name.startswith((".", "__MACOSX")))
        found += [Path(place, name) for name in names if not name.startswith(".") and _rank(name) is not None]
    return iter(sorted(found, key=lambda path: (_rank(path.name), str(path))))


def _rank(name: str) -> int | None:
    ending = os.path.splitext(name)[1].lower()
    return ENDINGS.index(ending) if ending in ENDINGS else None


class ByName(Mapping[str, Path]):
    """Files by what their release calls them; a name that differs in upper and lower case only is found too."""

    def __init__(self, files: Iterator[Path], name: Callable[[Path], str]) -> None:
        """The first file of a name wins.

        Args:
            files: the video files that are there.
            name: what the release calls a file.
        """
        self._files: dict[str, Path] = {}
        for path in files:
            self._files.setdefault(name(path), path)
        self._folded = {key.casefold(): path for key, path in reversed(self._files.items())}

    def __getitem__(self, name: str) -> Path:
        return self._files[name] if name in self._files else self._folded[name.casefold()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


def videos_by_stem(folder: Path) -> ByName:
    """All videos below a release's folder by the name of the file without its ending."""
    return ByName(videos_below(folder), lambda path: stem_of(path.name))


def videos_by_folder(folder: Path) -> ByName:
    """All videos below a release's folder by the name of their own folder and file: `yfcc-batch1/7`."""
    return ByName(videos_below(folder), lambda path: f"{path.parent.name}/{stem_of(path.name)}")
