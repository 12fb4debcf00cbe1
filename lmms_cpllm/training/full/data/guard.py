"""Nothing of a benchmark is trained on: videos that a task shows, by name and by content.

The benchmarks are the releases below LMMS_CPLLM_DATA, as far as they are there, and the embedded one. A name counts if it
is long enough to be no accident; content is compared by SHA-256, of files that have the size of one of a benchmark.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lmms_cpllm.errors import DataError
from lmms_cpllm.releases import RELEASES, Release, data_root
from lmms_cpllm.releases.base import inspect, videos_of
from lmms_cpllm.releases.files import last_two, stem_of
from lmms_cpllm.releases.places import find_place, shorten
from lmms_cpllm.synthesis.footage import file_digest
from lmms_cpllm.training.full.data.samples import Video

logger = logging.getLogger(__name__)
LEAST_NAME = 8
"""Shorter names, such as 0042, are those of many data sets."""


@dataclass(frozen=True)
class Evaluation:
    """What the benchmarks show."""

    names: dict[str, str]
    """Name of a video -> title of its benchmark."""
    sizes: dict[int, tuple[tuple[Path, str], ...]]
    """Bytes of a file -> files of that size, and titles."""
    absent: tuple[str, ...]
    """Benchmarks that are not on this disk, or cannot be read."""


def evaluation_videos() -> Evaluation:
    """The videos of all benchmarks that are on this disk."""
    names: dict[str, str] = {}
    sizes: dict[int, list[tuple[Path, str]]] = defaultdict(list)
    absent = []
    for release in RELEASES.values():
        try:
            rows = list(_rows(release))
        except DataError:
            absent.append(release.title)
            continue
        for name, path in rows:
            names[name] = release.title
            if path.is_file():
                sizes[path.stat().st_size].append((path, release.title))
    return Evaluation(names, {size: tuple(files) for size, files in sizes.items()}, tuple(absent))


def _rows(release: Release) -> Iterator[tuple[str, Path]]:
    """Name and file of every video that a release shows. Raises DataError where it is not there."""
    if release.embedded:
        from lmms_cpllm.releases import mini  # only here: it knows of rendering

        for row in mini.table():
            yield row.name, Path(row.video)
        return
    if not release.variable:
        data_root()
    for row in inspect(release, find_place(release)).rows:
        for video in videos_of(row):
            name = last_two(row.name) if hasattr(row, "mos") else stem_of(video)
            yield name, Path(video)


def overlap(videos: Sequence[Video], evaluation: Evaluation) -> dict[Video, str]:
    """The videos that belong to a benchmark, and why: its title, and whether name or content told."""
    found: dict[Video, str] = {}
    digests: dict[int, dict[str, str]] = {}
    for video in videos:
        for name in (last_two(str(video.path)), stem_of(str(video.path)), last_two(video.name)):
            if len(name) >= LEAST_NAME and name in evaluation.names:
                found[video] = f"the name is in {evaluation.names[name]}"
        size = video.path.stat().st_size if video.path.is_file() else -1
        if video in found or size not in evaluation.sizes:
            continue
        if size not in digests:
            digests[size] = {file_digest(path): title for path, title in evaluation.sizes[size]}
        title = digests[size].get(file_digest(video.path))
        if title:
            found[video] = f"the content is in {title}"
    return found


def refused(title: str, videos: Sequence[Video], evaluation: Evaluation, policy: str) -> set[Path]:
    """The files of a source that are not trained on.

    Args:
        title: of the source, for messages.
        videos: of the source.
        evaluation: what the benchmarks show.
        policy: `refuse` raises, `drop` leaves them out, `allow` trains on them; both say how many.

    Raises:
        DataError: there are some, and the policy is `refuse`.
    """
    found = overlap(videos, evaluation)
    if not found:
        return set()
    examples = shorten([f"{video.name} ({why})" for video, why in found.items()])
    text = f"{title}: {len(found)} of {len(videos)} videos belong to a benchmark: {examples}"
    if policy == "refuse":
        raise DataError(
            f"{text}\n  what to do: write `evaluation: drop` to leave them out, or `evaluation: allow` if no figure of "
            "that benchmark will be reported"
        )
    logger.warning("%s; they are %s", text, "left out" if policy == "drop" else "trained on, as the recipe says")
    return {video.path for video in found} if policy == "drop" else set()
