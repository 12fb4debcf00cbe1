"""Videos with a MOS: one to rate, or two to compare."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from lmms_cpllm.errors import DataError
from lmms_cpllm.model.processing_cpllm import ANSWER_PREFIX, COMPARE_PREFIX
from lmms_cpllm.ratings import level_of
from lmms_cpllm.releases import TRAINING_RELEASES, Release, find_release, mos_scale
from lmms_cpllm.releases.base import inspect
from lmms_cpllm.releases.custom import CUSTOM
from lmms_cpllm.releases.places import find_place, shorten
from lmms_cpllm.training.batches import TIE
from lmms_cpllm.training.full.data.samples import CHOICES, Sample, Video, ask, read_nothing, wording
from lmms_cpllm.video import Clip

logger = logging.getLogger(__name__)
LEAST_CORRELATED = 3
"""Videos that an SRCC needs."""
_ATTEMPTS = 20


@dataclass(frozen=True)
class Scored:
    """A video and the opinion of it."""

    video: Video
    quality: float
    """0..100"""
    sd: float
    """Of the opinions, in ACR categories."""


def read_release(name: str, sd: float, failed_share: float) -> list[Scored]:
    """The videos of a release that are there, by name.

    Args:
        name: of `releases`, or of `TRAINING_RELEASES`.
        sd: in ACR categories, for a video whose release has none.
        failed_share: of the labelled videos that may be missing.

    Raises:
        ArgumentError: no release has this name.
        DataError: it is not there, has no MOS, wrong labels, or too few of its videos.
    """
    release = TRAINING_RELEASES.get(name) or find_release(name)
    if release.questions:
        raise DataError(f"{name}: a release with a MOS expected, found one of questions; take another source")
    if release.embedded:
        raise DataError(f"{name}: is the embedded benchmark and has no training part; take another source")
    return _scored(release, find_place(release), sd, failed_share)


def read_list(path: Path, sd: float, failed_share: float) -> list[Scored]:
    """The videos of a list of one's own; see `read_release`."""
    if not path.is_file():
        raise DataError(f"{path}: a list of videos and scores expected, found no such file")
    return _scored(replace(CUSTOM, title=path.name), path, sd, failed_share)


def _scored(release: Release, place: Path, sd: float, failed_share: float) -> list[Scored]:
    listing = inspect(release, place)
    if listing.faults:
        raise DataError(f"{listing.labels}: {len(listing.faults)} faults: {shorten(listing.faults, '; ')}")
    missing = len(listing.missing)
    # Some videos of a shrinking release are gone for everybody.
    if not listing.rows or (missing > failed_share * listing.labelled and not release.withdrawn):
        raise DataError(
            f"{release.title} in {listing.folder}: {listing.labelled} videos expected, {len(listing.rows)} found; missing: "
            f"{shorten(listing.missing)}. Get the others, or raise failed_share ({failed_share:g}) of the stage"
        )
    if missing:
        logger.warning(
            "%s: %d of %d videos, the others are not there", release.title, len(listing.rows), listing.labelled
        )
    low, high = mos_scale(release, listing.rows)
    # A scale that its labels may leave ends where it ends.
    return [
        Scored(
            Video(Path(row.video), row.name),
            float(np.clip((row.mos - low) / (high - low) * 100, 0, 100)),
            sd if row.sd is None else row.sd / (high - low) * 4,
        )
        for row in listing.rows
    ]


def hold_out(scored: Sequence[Scored], share: float) -> tuple[list[Scored], list[Scored]]:
    """(for training, for validation): the same videos for the same names, whatever else is in the list."""
    held = [one for one in scored if _place(one.video.name) < share]
    return [one for one in scored if _place(one.video.name) >= share], held


def _place(name: str) -> float:
    """0 up to 1, even over names."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") / 2**64


class ScoresSource:
    """Draws videos to rate and, `pairs` of the time, two to compare."""

    def __init__(self, title: str, scored: Sequence[Scored], pairs: float, group: int) -> None:
        self.title, self.scored, self.group = title, scored, group
        self.videos = [one.video for one in scored]
        qualities = [one.quality for one in scored]
        self.pairs = pairs if qualities and max(qualities) - min(qualities) > TIE else 0.0

    def draw(self, rng: np.random.Generator, read: Callable[[Path], Clip]) -> Sample:
        if rng.random() < self.pairs:
            pair = self._pair(rng)
            if pair is not None:
                return compare_sample(*pair, rng, read)
        return rate_sample(self.scored[rng.integers(len(self.scored))], self.group, rng, read)

    def outline(self, rng: np.random.Generator) -> Sample:
        return self.draw(rng, read_nothing)

    def _pair(self, rng: np.random.Generator) -> tuple[Scored, Scored] | None:
        for _ in range(_ATTEMPTS):
            first, second = (self.scored[i] for i in rng.integers(len(self.scored), size=2))
            if abs(first.quality - second.quality) > TIE:
                return first, second
        return None


def rate_sample(one: Scored, group: int, rng: np.random.Generator | None, read: Callable[[Path], Clip]) -> Sample:
    """A video to rate, by the prompt of the tasks without `rng`."""
    return Sample(
        ask(wording("rate", rng)),
        ANSWER_PREFIX,
        f" {level_of(one.quality)}.",
        (read(one.video.path),),
        quality=one.quality,
        sd=one.sd,
        group=group,
    )


def compare_sample(first: Scored, second: Scored, rng: np.random.Generator, read: Callable[[Path], Clip]) -> Sample:
    """Two videos of which one is better."""
    better = int(first.quality < second.quality)
    return Sample(
        ask(wording("compare", rng), videos=2),
        COMPARE_PREFIX,
        f" {CHOICES[better]}.",
        (read(first.video.path), read(second.video.path)),
        choice=better,
    )
