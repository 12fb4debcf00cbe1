"""Releases that ask questions instead of having a MOS: what a question is, and which videos it shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lmms_cpllm.errors import DataError


@dataclass(frozen=True)
class Question:
    """One question about one video or two, and its answer."""

    name: str
    """Where it stands in the file and what it shows; unique, and in the order of the file when sorted."""
    question: str
    """The question alone, without options and without what the answer should look like."""
    options: tuple[str, ...]
    """What can be answered, in the order of the letters A, B, ...; () for an open question."""
    answer: str
    """The right one of the options; for an open question the answer that its authors expect."""
    facets: tuple[str, ...] = ()
    """What it counts under, such as `yes_no` or `technical`."""
    part: str = ""
    """The part of the release that it belongs to, where there are several."""
    written: str = ""
    """The whole prompt as its authors wrote it, where the file holds it."""
    videos: tuple[str, ...] = ()
    """Absolute paths, in the order shown; () until they are looked for."""

    @property
    def identity(self) -> str:
        """Everything about it but where its videos lie."""
        return repr(replace(self, videos=()))


@dataclass(frozen=True)
class Entry:
    """A question as it stands in a file."""

    question: Question
    readings: tuple[tuple[str, ...], ...]
    """Names of the videos it shows, as `Release.videos` has them: one or more ways to read the file, likeliest first."""


@dataclass(frozen=True)
class QuestionFile:
    """A file of questions as it was read, before any video is looked for."""

    path: Path
    entries: tuple[Entry, ...]
    faults: tuple[str, ...] = ()
    """One sentence for every entry that could not be read as a question."""
    notes: tuple[str, ...] = ()
    """One sentence for everything that is odd and does no harm."""


def read_text(path: Path) -> str:
    """The text of a file of questions, without a byte order mark at its beginning. Raises DataError."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not a text file in UTF-8: {error}. Put the official file back.") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error


def reading_of(entry: Entry, files: Mapping[str, Path]) -> tuple[str, ...] | None:
    """The names of the videos that a question shows: the likeliest reading whose videos are all there, or None."""
    return next((names for names in entry.readings if all(name in files for name in names)), None)


def find_videos(entries: Sequence[Entry], files: Mapping[str, Path]) -> tuple[tuple[Question, ...], tuple[str, ...]]:
    """The questions whose videos are all there, in the order of the file, and the names of the videos that are not.

    Args:
        entries: as read.
        files: name of a video -> its file.

    Returns:
        the questions with their videos; each missing video once, sorted.
    """
    questions, missing = [], set()
    for entry in entries:
        reading = reading_of(entry, files)
        if reading is None:
            missing.update(name for name in entry.readings[0] if name not in files)
        else:
            questions.append(replace(entry.question, videos=tuple(str(files[name]) for name in reading)))
    return tuple(questions), tuple(sorted(missing))
