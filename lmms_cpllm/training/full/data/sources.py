"""From a stage of a recipe to its sources, guarded, and the videos that validate it."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lmms_cpllm.errors import DataError
from lmms_cpllm.releases.places import DATA_VARIABLE
from lmms_cpllm.sampling import ViewPlan
from lmms_cpllm.training.full.data.conversations import Conversation, ConversationsSource, read_conversations
from lmms_cpllm.training.full.data.decoded import PieceReader, ViewReader, piece_shards, view_shards
from lmms_cpllm.training.full.data.guard import Evaluation, evaluation_videos, refused
from lmms_cpllm.training.full.data.samples import Source
from lmms_cpllm.training.full.data.scores import (
    LEAST_CORRELATED,
    Scored,
    ScoresSource,
    hold_out,
    read_list,
    read_release,
)
from lmms_cpllm.training.full.data.synthetic import SyntheticSource, find_clean
from lmms_cpllm.training.full.recipe import Conversations, Scores, Stage, Synthetic

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class StageData:
    """What a stage learns from."""

    sources: tuple[Source, ...]
    weights: tuple[float, ...]
    """Shares of the samples; they sum to 1."""
    held_out: tuple[tuple[str, tuple[Scored, ...]], ...]
    """Title of a source, and the videos that validate."""
    read: ViewReader
    """Gives the views of a file."""

    @property
    def count(self) -> int:
        """Distinct videos."""
        return len({video.path for source in self.sources for video in source.videos})

    @property
    def viewed(self) -> list[Path]:
        """The files of which views are taken, those that validate too."""
        sources = [source for source in self.sources if not isinstance(source, SyntheticSource)]
        learned = (video.path for source in sources for video in source.videos)
        return list(dict.fromkeys([*learned, *(one.video.path for _, scored in self.held_out for one in scored)]))

    @property
    def pieces(self) -> list[tuple[PieceReader, list[Path]]]:
        """The files of which frames are taken to be distorted, and how."""
        sources = [source for source in self.sources if isinstance(source, SyntheticSource)]
        return [(source.read_piece, [video.path for video in source.videos]) for source in sources]

    def cached(self) -> tuple[int, int]:
        """How many of the files, of how many, are taken from a cache."""
        every = [(self.read.shards, self.viewed), *((read.shards, paths) for read, paths in self.pieces)]
        return sum(path in shards for shards, paths in every if shards for path in paths), sum(
            len(paths) for _, paths in every
        )


def find_data(
    stage: Stage,
    place: Path,
    plan: ViewPlan,
    evaluation: Callable[[], Evaluation] = evaluation_videos,
    cache: Path | None = None,
) -> StageData:
    """Finds, reads and guards everything.

    Args:
        stage: of a recipe.
        place: the recipe's folder; relative names are looked for there, then below LMMS_CPLLM_DATA.
        plan: which views are taken of a video.
        evaluation: what the benchmarks show.
        cache: folder of decoded videos that `preparing` made; what is not in it is decoded on the fly.

    Raises:
        ArgumentError: a release is not known.
        DataError: something is not there, is not what it should be, or belongs to a benchmark.
    """
    shown = evaluation()
    if shown.absent:
        logger.warning(
            "contamination: these benchmarks are not on this disk, and nothing was compared with them: %s",
            ", ".join(shown.absent),
        )
    used = [(number, settings) for number, settings in enumerate(stage.data) if settings.weight]
    scores = {number: _scores(one, stage, place, shown) for number, one in used if isinstance(one, Scores)}
    held = [(title, kept) for title, _, kept in scores.values() if kept]
    kept_out = {one.video.path for _, scored in held for one in scored}
    sources, weights = [], []
    for number, settings in used:
        if isinstance(settings, Scores):
            title, training, _ = scores[number]
            left = [one for one in training if one.video.path not in kept_out]
            source = ScoresSource(title, left, settings.pairs, number)
        elif isinstance(settings, Conversations):
            source = _conversations(settings, place, shown, kept_out)
        else:
            source = _synthetic(settings, place, plan, shown, kept_out, cache)
        if not source.videos:
            raise DataError(f"{source.title}: no video is left to train on")
        sources.append(source)
        weights.append(settings.weight)
    read = ViewReader(plan, view_shards(cache, plan) if cache else None)
    return StageData(tuple(sources), tuple(w / sum(weights) for w in weights), tuple(held), read)


def locate(name: str, place: Path) -> Path:
    """A file or folder that a recipe names. Raises DataError with the places where it was looked for."""
    root = os.environ.get(DATA_VARIABLE, "").strip()
    places = [place / name, *([Path(root).expanduser() / name] if root else [])]
    found = next((path for path in places if path.exists()), None)
    if found is None:
        raise DataError(
            f"{name}: expected at {' or '.join(map(str, places))}, found nothing"
            + ("" if root else f"; {DATA_VARIABLE} is not set")
        )
    return found.absolute()


def _scores(
    settings: Scores, stage: Stage, place: Path, shown: Evaluation
) -> tuple[str, list[Scored], tuple[Scored, ...]]:
    """(title, videos for training, videos for validation)"""
    title = settings.release or settings.list
    if settings.release:
        scored = read_release(settings.release, settings.sd, stage.failed_share)
    else:
        scored = read_list(locate(settings.list, place), settings.sd, stage.failed_share)
    out = refused(title, [one.video for one in scored], shown, settings.evaluation)
    training, kept = hold_out([one for one in scored if one.video.path not in out], settings.held_out)
    if 0 < len(kept) < LEAST_CORRELATED:
        raise DataError(
            f"{title}: held_out {settings.held_out:g} holds {len(kept)} of {len(scored)} videos out; at least "
            f"{LEAST_CORRELATED} expected, since fewer have no SRCC: choose a larger held_out, or 0 for none"
        )
    return title, training, tuple(kept)


def _conversations(settings: Conversations, place: Path, shown: Evaluation, kept_out: set[Path]) -> ConversationsSource:
    found = read_conversations(locate(settings.file, place), locate(settings.videos, place))
    videos = list(dict.fromkeys(video for one in found for video in one.videos))
    out = refused(settings.file, videos, shown, settings.evaluation) | kept_out

    def stays(one: Conversation) -> bool:
        return all(video.path not in out for video in one.videos)

    return ConversationsSource(settings.file, [one for one in found if stays(one)])


def _synthetic(
    settings: Synthetic, place: Path, plan: ViewPlan, shown: Evaluation, kept_out: set[Path], cache: Path | None
) -> SyntheticSource:
    videos = find_clean(locate(settings.folder, place))
    out = refused(settings.folder, videos, shown, settings.evaluation) | kept_out
    read_piece = PieceReader(settings.seconds, piece_shards(cache, settings.seconds) if cache else None)
    return SyntheticSource(settings.folder, [v for v in videos if v.path not in out], plan, read_piece)
