"""Find the files of a release: labels under several names, videos at any depth, names with and without an ending."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from lmms_cpllm.errors import DataError
from lmms_cpllm.releases.places import describe_folder

ENDINGS = (".mp4", ".mkv", ".avi", ".mov", ".webm", ".m4v", ".mpg", ".mpeg", ".ts", ".y4m", ".yuv")
"""Endings of video files; where one video is there in several containers the earlier one is taken."""
_FURTHER_ENDINGS = ".wmv .asf .flv .mts .m2ts .vob .ogv .3gp .mxf .nut .h264 .hevc"
VIDEO_ENDINGS = (*ENDINGS, *_FURTHER_ENDINGS.split())
"""Endings of video files that people have; no release is published in one of the further ones."""
_PICTURE_ENDINGS = ".gif .webp .png .apng .jpg .jpeg .bmp .tif .tiff"
JUDGED_ENDINGS = (*VIDEO_ENDINGS, *_PICTURE_ENDINGS.split())
"""Those, and endings of still and moving pictures, which are judged as videos are."""


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


def files_below(folder: Path) -> list[Path]:
    """Every file at any depth, by path, links followed, hidden ones left out."""
    found = []
    for place, folders, names in os.walk(folder, followlinks=True):
        folders[:] = [name for name in folders if not name.startswith((".", "__MACOSX"))]
        found += [Path(place, name) for name in names if not name.startswith(".")]
    return sorted(found)


def videos_below(folder: Path) -> Iterator[Path]:
    """Every video file at any depth, links followed, hidden ones left out; better containers first, then by path."""
    found = [path for path in files_below(folder) if _rank(path) is not None]
    return iter(sorted(found, key=lambda path: (_rank(path), str(path))))


def _is_same(one: Path, other: Path) -> bool:
    """Whether one is a link to the other, or both lie in a folder that is there under two names."""
    return one.exists() and other.exists() and one.samefile(other)


def _rank(path: Path) -> int | None:
    ending = os.path.splitext(path.name)[1].lower()
    return ENDINGS.index(ending) if ending in ENDINGS else None


class ByName(Mapping[str, Path]):
    """Files by what their release calls them; a name that differs in upper and lower case only is found too.

    Of several files of one name that in the better container is taken; of those, one in the folders where the release has
    its videos; of those the first. `rival` says whether another one could be taken as well.
    """

    def __init__(self, files: Iterable[Path], name: Callable[[Path], str], homes: Sequence[Path] = ()) -> None:
        """
        Args:
            files: the video files that are there.
            name: what the release calls a file.
            homes: the folders in which the release has its videos.
        """
        self._homes = tuple(homes)
        self._files: dict[str, list[Path]] = {}
        self._folded: dict[str, list[Path]] = {}
        for path in sorted(files, key=self._grade):
            self._files.setdefault(name(path), []).append(path)
            self._folded.setdefault(name(path).casefold(), []).append(path)

    def __getitem__(self, name: str) -> Path:
        return self._candidates(name)[0]

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)

    def rival(self, name: str) -> Path | None:
        """Another file that could be the one of that name as well: as good a container, in a folder that is as good."""
        taken, *others = self._candidates(name)
        equals = (path for path in others if path.parent != taken.parent and self._grade(path) == self._grade(taken))
        return next((path for path in equals if not _is_same(path, taken)), None)

    def _candidates(self, name: str) -> list[Path]:
        return self._files[name] if name in self._files else self._folded[name.casefold()]

    def _grade(self, path: Path) -> tuple[int, bool]:
        return _rank(path), not any(path.is_relative_to(home) for home in self._homes)


def doubles(names: Iterable[str], files: Mapping[str, Path]) -> tuple[str, ...]:
    """One sentence for every name that two files have of which either could be taken; in the order of the names.

    Args:
        names: of videos that are there.
        files: name of a video -> its file; where a release can have but one file of a name there is nothing to say.
    """
    if not isinstance(files, ByName):
        return ()
    rivals = ((name, files.rival(name)) for name in sorted(names))
    return tuple(f"{name} is both {files[name]} and {rival}" for name, rival in rivals if rival)


def videos_by_stem(folder: Path, places: Sequence[str] = ()) -> ByName:
    """All videos below a release's folder by the name of the file without its ending.

    Args:
        folder: the release's own.
        places: folders in it, where the release documents in which its videos are; see `ByName`.
    """
    return ByName(videos_below(folder), lambda path: stem_of(path.name), [folder / place for place in places])


def videos_by_folder(folder: Path) -> ByName:
    """All videos below a release's folder by the name of their own folder and file: `yfcc-batch1/7`."""
    return ByName(videos_below(folder), lambda path: f"{path.parent.name}/{stem_of(path.name)}")
