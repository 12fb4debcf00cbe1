"""The video files behind a task: where they lie, what they say of themselves, and small pictures of them.

Nothing here fails for a video: one that is not there, cannot be read, or crashes its decoder, has no facts and no picture.
"""

from __future__ import annotations

import base64
import io
import logging
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import numpy as np
from tqdm import tqdm

from lmms_cpllm.errors import UserError, VideoError
from lmms_cpllm.releases import RELEASES, mini
from lmms_cpllm.releases.base import inspect
from lmms_cpllm.releases.places import find_place
from lmms_cpllm.report.resampling import BAR_DELAY_S
from lmms_cpllm.video import VideoInfo, ViewPlan, isolated

WIDTH = 144
"""Pixels of a picture's longer side; the page shows it at two thirds of that."""
_QUALITY = 55

log = logging.getLogger(__name__)

_T = TypeVar("_T")


def release_of(task: str) -> str:
    """The release that a task is about, by its name: `vqa_pairs_konvid` is about `konvid`. Empty for other tasks."""
    named = [name for name in RELEASES if f"_{name}_" in f"{task}_"]
    return max(named, key=len, default="")


def locate(task: str, names: Iterable[str], folders: Sequence[Path] = ()) -> dict[str, Path]:
    """Name of a video -> its file, for those that are there. Nothing is rendered or downloaded.

    Args:
        task: tells the release, which is looked for where the other commands look for it.
        names: of the videos.
        folders: are searched for files of that name or stem as well, and come first.
    """
    wanted = set(names)
    found = {name: path for name, path in _of_release(release_of(task)).items() if name in wanted and path.is_file()}
    for folder in reversed(folders):
        found |= {name: path for name, path in _in_folder(folder).items() if name in wanted}
    return found


def _of_release(release: str) -> dict[str, Path]:
    try:
        if release == mini.NAME:
            return mini.places()
        if not release or RELEASES[release].questions:
            return {}
        listing = inspect(RELEASES[release], find_place(RELEASES[release]))
        return {row.name: Path(row.video) for row in listing.rows}
    except (UserError, OSError) as error:
        log.info("%s: its videos are not looked at: %s", release, error)
        return {}


def _in_folder(folder: Path) -> dict[str, Path]:
    files = sorted(Path(root, name) for root, _, names in os.walk(folder) for name in names)
    by_stem = {path.stem: path for path in reversed(files)}
    return by_stem | {path.name: path for path in reversed(files)}


def families_of(task: str, names: Iterable[str]) -> dict[str, str]:
    """Name of a video -> what was done to it, where this package made it; {} for other tasks."""
    if release_of(task) != mini.NAME:
        return {}
    known = {row.name: row.family for row in mini.table()}
    return {name: known[name] for name in names if name in known}


def probe_all(paths: Mapping[str, Path], workers: int) -> dict[str, VideoInfo]:
    """Name -> what the file says, for those that can be read."""
    return _for_each("videos", paths, _info, workers)


def thumbnails(paths: Mapping[str, Path], infos: Mapping[str, VideoInfo], workers: int) -> dict[str, str]:
    """Name -> the middle of the video as a WebP in a `data:` address.

    Args:
        paths: of the videos.
        infos: of the same; a video without one has no picture.
        workers: threads.
    """

    def picture(name: str, path: Path) -> str | None:
        info = infos.get(name)
        return None if info is None else thumbnail(path, info)

    return _for_each("thumbnails", paths, picture, workers)


def thumbnail(path: Path, info: VideoInfo) -> str | None:
    """The middle frame as a `data:` address; None where it cannot be decoded."""
    from PIL import Image

    longer = max(info.width, info.height)
    size = tuple(max(1, round(side * min(1.0, WIDTH / longer))) for side in (info.height, info.width))
    try:
        frame = isolated.decode(path, ViewPlan(1, size, 1, 1, 1, 1), threads=1).context[0]
    except VideoError as error:
        log.info("no picture of %s", error)
        return None
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(frame)).save(buffer, "WEBP", quality=_QUALITY, method=4)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def _info(name: str, path: Path) -> VideoInfo | None:
    try:
        return isolated.probe(path)
    except VideoError as error:
        log.info("nothing is known of %s", error)
        return None


def _for_each(
    title: str, paths: Mapping[str, Path], make: Callable[[str, Path], _T | None], workers: int
) -> dict[str, _T]:
    with (
        ThreadPoolExecutor(max(1, workers)) as pool,
        tqdm(total=len(paths), desc=title, unit="video", delay=BAR_DELAY_S, dynamic_ncols=True) as bar,
    ):
        found = {}
        for name, made in zip(paths, pool.map(make, paths.keys(), paths.values()), strict=True):
            bar.update()
            if made is not None:
                found[name] = made
    return found
