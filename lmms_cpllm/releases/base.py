"""What a release is, and the checks that every release has to pass. Where it lies on disk is found by `places.py`.

A release (KoNViD-1k, LIVE-VQC, ...) is one small file in this folder that describes itself as a `Release`: how its
labels are read and where its videos are. Counting, ranges, duplicates and the texts of the errors are here, once.
"""

from __future__ import annotations

import functools
import hashlib
import logging
import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lmms_cpllm.errors import ArgumentError, DataError
from lmms_cpllm.raw_video import RawFormat, declare, is_raw
from lmms_cpllm.releases.files import doubles
from lmms_cpllm.releases.origins import Archive, Bucket, HubFolder, LabelFile
from lmms_cpllm.releases.places import shorten
from lmms_cpllm.releases.questions import Question, QuestionFile, find_videos, reading_of

PARTIAL_VARIABLE = "LMMS_CPLLM_ALLOW_PARTIAL"
DOUBLES_REMEDY = "keep the file that its authors publish, and move resized and other copies out of the release's folder"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Row:
    """One video of a release and the opinion about it."""

    video: str
    """Absolute path of the video file."""
    name: str
    """What the release calls the video; unique in the release, always text."""
    mos: float
    """Mean opinion score in the release's own scale (`Release.mos_min` to `Release.mos_max`), higher is better."""
    sd: float | None = None
    """Standard deviation of the opinions, in the same scale; None where the release has none."""


@dataclass(frozen=True)
class Label:
    """One line of a label file."""

    name: str
    mos: float
    where: str
    """Where in the file it stands ("line 12"), for error texts."""
    sd: float | None = None
    """See `Row.sd`."""


@dataclass(frozen=True)
class Labels:
    """A label file as it was read, before any check that is the same for all releases."""

    path: Path
    labels: tuple[Label, ...]
    faults: tuple[str, ...] = ()
    """One sentence for every line that could not be read as a label."""


@dataclass(frozen=True)
class Release:
    """Everything there is to know about one release. `read` and `videos` take the release's folder."""

    name: str
    """Short name: `lmms-cpllm data check NAME`, task `vqa_NAME`."""
    title: str
    count: int
    """Number of videos, or of questions; 0 where any number is right."""
    licence: str
    source: str
    """Web page of its authors."""
    how_to_get: str
    """One or two sentences that end every error about missing data."""
    mos_min: float = -math.inf
    """Lower end of the MOS scale, in the release's own unit; with `mos_max` infinite where only the labels tell it, or
    where there is no MOS. A label outside the scale is an error unless `mos_beyond` allows it."""
    mos_max: float = math.inf
    folders: tuple[str, ...] = ()
    """Names under which people keep the release below the data root; the first is where `data get` puts it."""
    markers: tuple[str, ...] = ()
    """Files or folders by which the release's own folder is known, as glob patterns; any one will do, all is better."""
    read: Callable[[Path], Labels] | None = None
    questions: Callable[[Path], QuestionFile] | None = None
    """Set instead of `read` for a release that asks questions and has no MOS."""
    videos: Callable[[Path], Mapping[str, Path]] | None = None
    """Name of a video -> its file, for all the files that are there."""
    archives: tuple[Archive, ...] = ()
    """Smallest first: a release whose videos are there needs only its labels."""
    label_files: tuple[LabelFile, ...] = ()
    """What is not in an archive."""
    buckets: tuple[Bucket, ...] = ()
    hub_folders: tuple[HubFolder, ...] = ()
    other_counts: tuple[int, ...] = ()
    """Further counts that are official too, where several versions circulate."""
    withdrawn: bool = False
    """Whether videos are withdrawn that the labels still name: then as many videos as one of the counts are whole, and
    the labels may be more."""
    mos_beyond: bool = False
    """Whether the official labels go beyond the ends of the scale."""
    direction: str = "higher is better"
    """Of the MOS as `read` gives it."""
    split: str = "all videos"
    """Which part of the release is scored."""
    raw: RawFormat | None = None
    """Layout of the release's .yuv files, where it has such."""
    variable: str = ""
    """Environment variable that names the label file itself; then there is no folder below the data root to look for,
    and `read` and `videos` take the file."""
    embedded: Callable[[], Sequence[Row]] | None = None
    """Set for the benchmark that is made by this package: returns its rows; then there is no folder to look for."""
    recipe: Callable[[], str] | None = None
    """Set with `embedded`: digits that change with any setting by which its clips are made, whatever the bytes that the
    encoders of a machine write."""
    references: Callable[[Sequence[Row]], Mapping[str, str]] | None = None
    """Set where clean videos belong to the release: path of each row's video -> path of its reference."""
    coded_sizes: Callable[[Sequence[Row]], Mapping[str, int]] | None = None
    """Set where some videos are not delivered in the codec that they are about: their path -> bytes in that codec."""


@dataclass(frozen=True)
class Listing:
    """A release as it lies on disk."""

    folder: Path
    labels: Path
    rows: tuple[Row, ...] | tuple[Question, ...]
    """Labelled videos that are there, in the order of their names; or questions whose videos are, in that of the file."""
    missing: tuple[str, ...]
    """Videos that are not there, in the order of their names."""
    faults: tuple[str, ...]
    """One sentence for everything that is wrong with the labels themselves."""
    labelled: int
    """Labelled videos, or questions, whether their videos are there or not."""
    notes: tuple[str, ...] = ()
    """One sentence for everything that is odd and does no harm."""
    doubles: tuple[str, ...] = ()
    """One sentence for every video of which two files are there, in different folders: which is meant cannot be known."""


def mos_scale(release: Release, rows: Sequence[Row]) -> tuple[float, float]:
    """(lower, upper end) of the MOS scale; that of the rows where the release has none of its own."""
    if math.isfinite(release.mos_min):
        return release.mos_min, release.mos_max
    scores = [row.mos for row in rows]
    low, high = min(scores), max(scores)
    return (low, high) if low < high else (low - 0.5, high + 0.5)


def unit(release: Release) -> str:
    """What a release counts."""
    return "questions" if release.questions else "videos"


def scale_text(release: Release) -> str:
    """The MOS scale for people."""
    if release.questions:
        return "none: questions"
    return f"{release.mos_min:g} to {release.mos_max:g}" if math.isfinite(release.mos_min) else "that of the list"


def allow_partial() -> bool:
    """Whether LMMS_CPLLM_ALLOW_PARTIAL=1 asks to score an incomplete release. Raises ArgumentError for other values."""
    value = os.environ.get(PARTIAL_VARIABLE, "").strip()
    if value not in ("", "0", "1"):
        raise ArgumentError(f"{PARTIAL_VARIABLE}={value}: expected 1 (score an incomplete release) or 0 (refuse it)")
    return value == "1"


def inspect(release: Release, folder: Path) -> Listing:
    """Read the labels in `folder` and compare them with the videos there. Raises DataError without labels.

    Raw videos are declared with their size and rate, so that they can be opened afterwards.
    """
    if release.questions:
        return _inspect_questions(release, folder)
    labels = release.read(folder)
    files = release.videos(folder)
    seen: dict[str, Label] = {}
    faults = list(labels.faults)
    for label in labels.labels:
        if label.name in seen:
            faults.append(f"{label.where}: {label.name} stands on {seen[label.name].where} already")
            continue
        seen[label.name] = label
        if not release.mos_beyond and not release.mos_min <= label.mos <= release.mos_max:
            faults.append(
                f"{label.where}: MOS {label.mos:g} of {label.name} is outside {release.mos_min:g} to "
                f"{release.mos_max:g}"
            )
    if release.count and not release.withdrawn and len(seen) > max(release.count, *release.other_counts, 0):
        faults.append(f"{len(seen)} videos are labelled, {counts(release)} expected")
    names = sorted(seen)
    if release.raw:
        for path in map(str, files.values()):
            if is_raw(path):
                declare(path, release.raw)
    return Listing(
        folder=folder if folder.is_dir() else folder.parent,
        labels=labels.path,
        rows=tuple(Row(str(files[name]), name, seen[name].mos, seen[name].sd) for name in names if name in files),
        missing=tuple(name for name in names if name not in files),
        faults=tuple(faults),
        labelled=len(names),
        doubles=doubles((name for name in names if name in files), files),
    )


def _inspect_questions(release: Release, folder: Path) -> Listing:
    file = release.questions(folder)
    files = release.videos(folder)
    rows, missing = find_videos(file.entries, files)
    shown = {name for entry in file.entries for name in reading_of(entry, files) or ()}
    faults = file.faults
    if release.count and len(file.entries) > max(release.count, *release.other_counts, 0):
        faults = (*faults, f"{len(file.entries)} questions, {counts(release)} expected")
    return Listing(
        folder, file.path, rows, missing, faults, len(file.entries), file.notes, doubles=doubles(shown, files)
    )


def counts(release: Release) -> str:
    """The number of videos or questions that is right, or the several that are; neighbours as a range."""
    if not release.count:
        return "any number"
    runs: list[list[int]] = []
    for count in sorted({release.count, *release.other_counts}, reverse=True):
        if runs and runs[-1][-1] == count + 1:
            runs[-1].append(count)
        else:
            runs.append([count])
    return " or ".join(f"{run[-1]} to {run[0]}" if len(run) > 2 else " or ".join(map(str, run)) for run in runs)


def official(release: Release, number: int) -> bool:
    """Whether the release has been published with this number of videos or questions."""
    return number in (release.count, *release.other_counts) or (not release.count and number > 0)


def is_complete(release: Release, listing: Listing) -> bool:
    """Every video labelled and there, nothing wrong with the labels; or as many as remain of a shrinking release."""
    if listing.faults:
        return False
    if listing.missing:
        return release.withdrawn and official(release, len(listing.rows))
    return official(release, listing.labelled)


def checked_rows(release: Release, place: Path) -> list[Row] | list[Question]:
    """The rows of a release in `place` (see `find_place`), in the order of `Listing.rows`.

    Raises:
        DataError: the labels or videos are missing, a label is wrong, or a video is there twice. LMMS_CPLLM_ALLOW_PARTIAL=1
            lets missing videos and labels pass, with a warning that says n of how many; the others never pass.
    """
    listing = inspect(release, place)
    if listing.faults:
        wrong, remedy = f"not the labels that {release.title} publishes", "put the official file back"
        if release.questions:
            wrong = f"not the questions that {release.title} publishes"
        elif release.variable:
            wrong, remedy = "not a list of videos and scores", "correct these entries"
        raise DataError(
            f"{listing.labels}: {wrong}, {len(listing.faults)} faults.\n"
            f"  {shorten(listing.faults, separator=chr(10) + '  ')}\n"
            f"  what to do: {remedy}. {release.how_to_get}"
        )
    if listing.doubles:
        raise DataError(
            f"{release.title} in {listing.folder}: one file for each video expected, found two for "
            f"{len(listing.doubles)} of them, in different folders.\n"
            f"  {shorten(listing.doubles, separator=chr(10) + '  ')}\n"
            f"  what to do: {DOUBLES_REMEDY}"
        )
    for note in listing.notes:
        _warn_once(f"{listing.labels}: {note}")
    expected = counts(release) if release.count else str(listing.labelled)
    if is_complete(release, listing):
        if listing.missing:
            log.warning(
                "%s: scoring %d of %d labelled videos; lists of %s circulate, say n with the figures.",
                release.title,
                len(listing.rows),
                listing.labelled,
                counts(release),
            )
        return list(listing.rows)
    incomplete = (
        f"{release.title} in {listing.folder} is incomplete: {expected} {unit(release)} expected, {listing.labelled} "
        f"{'asked' if release.questions else 'labelled'} in {listing.labels.name}, {len(listing.rows)} "
        f"{'with their videos' if release.questions else 'found'}"
    )
    if not listing.rows or not allow_partial():
        raise DataError(
            f"{incomplete}.\n"
            + (f"  missing: {shorten(listing.missing)}\n" if listing.missing else "")
            + f"  how to get it: {release.how_to_get}\n"
            f"  or set {PARTIAL_VARIABLE}=1 to score what is there (at least one {unit(release).removesuffix('s')})"
        )
    log.warning(
        "%s: scoring %d of %s %s, because %s=1. The figures are not those of the release.",
        release.title,
        len(listing.rows),
        expected,
        unit(release),
        PARTIAL_VARIABLE,
    )
    return list(listing.rows)


def videos_of(row: Row | Question) -> tuple[str, ...]:
    """Absolute paths of what a row shows."""
    return row.videos if isinstance(row, Question) else (row.video,)


@functools.cache
def _warn_once(text: str) -> None:
    # Every task of a release reads it anew.
    log.warning("%s", text)


def fingerprint(rows: Sequence[Row] | Sequence[Question]) -> str:
    """16 hex digits that change when a row, its MOS or answer, the order or the size of a video file changes; folders do
    not matter.

    The host keys its answer cache by row number. With this in the task's metadata, answers for another list, or for a
    file that was truncated and has been replaced since, are never taken from the cache.
    """
    digest = hashlib.sha256()
    for row in rows:
        identity = row.identity if isinstance(row, Question) else f"{row.name}\t{row.mos!r}"
        sizes = (path.stat().st_size if path.is_file() else -1 for path in map(Path, videos_of(row)))
        digest.update(("\t".join([identity, *map(str, sizes)]) + "\n").encode())
    return digest.hexdigest()[:16]
