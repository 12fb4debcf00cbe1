"""Decodes what a recipe trains on, once: views of every video, and on request the frames of clean ones, into a cache.

What is in the cache already is not decoded again, so that a preparation that was stopped goes on.
"""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from tqdm import tqdm

from lmms_cpllm.errors import DataError, VideoError
from lmms_cpllm.sampling import ViewPlan
from lmms_cpllm.training.full.building import empty_model, plan_config, plan_views
from lmms_cpllm.training.full.data.decoded import decode_piece, piece_record, piece_shards, view_record, view_shards
from lmms_cpllm.training.full.data.guard import evaluation_videos
from lmms_cpllm.training.full.data.mixing import Failures
from lmms_cpllm.training.full.data.shards import Record, Shards, Writer, identity
from lmms_cpllm.training.full.data.sources import find_data
from lmms_cpllm.training.full.recipe import Recipe, Stage
from lmms_cpllm.video import isolated

logger = logging.getLogger(__name__)
_BYTES_MB = 1e6


@dataclass
class Prepared:
    """What was done for one kind of arrays."""

    kind: str
    folder: Path
    known: int
    """Videos that were in the cache before."""
    added: int = 0
    """Videos."""
    shards: int = 0
    """Files."""
    written: int = 0
    """Bytes of the shards."""
    taken: int = 0
    """Bytes of the video files that were decoded."""
    seconds: float = 0.0
    failed: dict[str, str] = field(default_factory=dict)
    """File -> why it could not be read."""


def prepare_views(
    recipe: Recipe,
    path: Path,
    cache: Path,
    stages: Sequence[Stage],
    *,
    pieces: bool = False,
    workers: int = 0,
    shard_bytes: int = 512_000_000,
) -> list[Prepared]:
    """Fills a cache with what some stages of a recipe take of their videos.

    Args:
        recipe: the settings; its model is not built, and nothing is downloaded.
        path: its file; what it names is looked for beside it.
        cache: a folder, which is made.
        stages: of the recipe.
        pieces: also the frames of clean videos, as they are before they are distorted: 6 MB for each of 1920x1080.
        workers: videos that are decoded at once; 0 for one on each core.
        shard_bytes: the most that one file holds, beside a single video that is larger.

    Returns:
        What was done, for views and for the pieces of each length.

    Raises:
        DataError: data are missing or not as expected, more videos fail than may (`failed_share`), or the disk is
            full.
    """
    plan = plan_views(recipe.model, empty_model(plan_config(recipe.model)))
    shown = evaluation_videos()
    workers = workers or os.cpu_count() or 1
    done: dict[Path, Prepared] = {}
    for stage in stages:
        data = find_data(stage, path.parent, plan, lambda: shown)
        jobs = [("views", view_shards(cache, plan), partial(_read_views, plan=plan), data.viewed)]
        for reader, paths in data.pieces if pieces else ():
            shards = piece_shards(cache, reader.seconds)
            jobs.append(("pieces", shards, partial(_read_piece, seconds=reader.seconds), paths))
        failures = Failures(len({path for *_, paths in jobs for path in paths}), stage.failed_share)
        for kind, shards, read, paths in jobs:
            prepared = done.setdefault(shards.folder, Prepared(kind, shards.folder, len(shards)))
            if kind == "views":
                _check_room(cache, plan, sum(video not in shards for video in paths))
            _fill(prepared, shards, read, paths, failures, workers, shard_bytes, f"{stage.name}: {kind}")
        left = sum(len(paths) for _, paths in data.pieces)
        if left and not pieces:
            logger.info(
                "%s: %d clean videos are decoded when they are distorted; --pieces keeps them too", stage.name, left
            )
    return list(done.values())


def _read_views(path: Path, plan: ViewPlan) -> Record:
    # In processes of their own: a file that crashes its decoder is one that cannot be read.
    return view_record(isolated.decode(path, plan))


def _read_piece(path: Path, seconds: float) -> Record:
    return piece_record(*decode_piece(path, seconds))


def view_bytes(plan: ViewPlan) -> int:
    """Bytes of both views of one video."""
    height, width = plan.context_size
    crops = plan.pixel_moments * plan.pixel_crops * plan.pixel_frames
    return 3 * (plan.context_frames * height * width + crops * plan.crop_size**2)


def _check_room(cache: Path, plan: ViewPlan, videos: int) -> None:
    """Before hours of decoding. Raises DataError."""
    there = next(folder for folder in (cache, *cache.absolute().parents) if folder.exists())
    needed, free = videos * view_bytes(plan), shutil.disk_usage(there).free
    if needed > free:
        raise DataError(
            f"{cache}: {needed / 1e9:.1f} GB expected for the views of {videos} videos, found {free / 1e9:.1f} GB free; "
            "choose another --cache, or fewer stages"
        )


def _fill(
    prepared: Prepared,
    shards: Shards,
    read: Callable[[Path], Record],
    paths: Sequence[Path],
    failures: Failures,
    workers: int,
    shard_bytes: int,
    title: str,
) -> None:
    """Decodes what is missing, writes it in its order, and counts."""
    missing = [path for path in paths if path not in shards]
    writer, started = Writer(shards, shard_bytes), time.perf_counter()
    bar = tqdm(total=len(paths), initial=len(paths) - len(missing), desc=title, unit="video", dynamic_ncols=True)
    try:
        with bar:
            for path, key, found in _ahead(partial(_try, read=read, known=prepared.failed), missing, workers):
                bar.update()
                if isinstance(found, VideoError):
                    prepared.failed[found.path] = found.reason
                    bar.set_postfix(failed=len(prepared.failed), refresh=False)
                    for name, reason in failures.add([(found.path, found.reason)]):
                        logger.warning("left out: %s: %s", name, reason)
                    continue
                writer.add(key, found)
                prepared.added += 1
                prepared.taken += path.stat().st_size
    finally:
        writer.flush()
        prepared.shards += writer.shards
        prepared.written += writer.bytes
        prepared.seconds += time.perf_counter() - started


def _try(path: Path, read: Callable[[Path], Record], known: dict[str, str]) -> tuple[Path, str, Record | VideoError]:
    """A video, its identity, and what is kept of it or why it cannot be read. Called in threads."""
    if str(path) in known:
        return path, "", VideoError(str(path), known[str(path)])
    try:
        # From before it is read: a file that changes meanwhile is another one.
        return path, identity(path), read(path)
    except VideoError as error:
        return path, "", error
    except OSError as error:
        return path, "", VideoError(str(path), error.strerror or str(error))


def _ahead(work: Callable[[Path], tuple], paths: Iterable[Path], workers: int) -> Iterator[tuple]:
    """Results in the order of the paths; so many are under way or wait as there are workers, and one more."""
    waiting: deque[Future] = deque()
    with ThreadPoolExecutor(workers) as pool:
        try:
            for path in paths:
                waiting.append(pool.submit(work, path))
                if len(waiting) > workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def prepared_lines(prepared: Prepared) -> list[str]:
    """What was done, with figures, for people."""
    one = prepared
    lines = [f"{one.kind} in {one.folder}: {one.known} videos were there, {one.added} added, {len(one.failed)} failed"]
    if one.added:
        lines.append(
            f"  {one.added / one.seconds:.1f} videos/s, {one.taken / one.seconds / _BYTES_MB:.1f} MB/s of files, "
            f"{one.written / one.seconds / _BYTES_MB:.1f} MB/s of {one.kind}; {one.written / _BYTES_MB:.1f} MB in "
            f"{one.shards} files, {one.written / one.added / _BYTES_MB:.2f} MB a video"
        )
    return lines + [f"  failed: {name}: {reason}" for name, reason in one.failed.items()]
