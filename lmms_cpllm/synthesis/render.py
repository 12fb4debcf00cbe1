"""Render a list of items into a folder, once, whoever else is at it and whatever happened before."""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import logging
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout
from tqdm import tqdm

from lmms_cpllm.errors import DataError
from lmms_cpllm.synthesis import footage, scenes
from lmms_cpllm.synthesis.distortions import distort
from lmms_cpllm.synthesis.encode import CODECS, check_encoders, encode, lossless_copy
from lmms_cpllm.synthesis.recipe import Item, digest

MANIFEST = "manifest.json"
# A worker holds one scene as an array, 0.05 GB in the embedded benchmark; the workers of a single scene share it.
_MAX_WORKERS = 8
# lmms-eval takes .webm for audio where a model gets plain prompts, and some of its models take no .mkv.
_CONTAINERS = {"webm": "avi"}
_SILENT_WAIT_SECONDS = 3.0

logger = logging.getLogger(__name__)


def folder_of(items: Sequence[Item], root: Path, name: str) -> Path:
    """Where the clips live: a folder of their own for every recipe."""
    return root / f"{name}-{digest(*items)}"


def clip_path(folder: Path, item: Item) -> Path:
    return folder / f"{item.name}.{_container(item)}"


def clip_bytes(item: Item, clean: Sequence[np.ndarray]) -> bytes:
    """The finished file of an item: MP4, or AVI of a codec that MP4 does not hold. What most models could not open is
    decoded and written as lossless H.264: the picture counts, and the comparison is to be fair.

    Args:
        item: what to render.
        clean: the frames of `item.scene`, uint8 (height, width, 3) RGB.
    """
    data = coded_bytes(item, clean)
    return data if CODECS[item.delivery.codec].widely_decoded else lossless_copy(data, item.scene.fps)


def coded_bytes(item: Item, clean: Sequence[np.ndarray]) -> bytes:
    """An item in its own codec, whoever can open it.

    Args:
        item: what to render.
        clean: the frames of `item.scene`, uint8 (height, width, 3) RGB.
    """
    # In memory, so that an error while writing the file is one of the disk's and not one of the muxer's.
    buffer = io.BytesIO()
    encode(distort(clean, item.steps), buffer, item.delivery, item.scene.fps, _container(item))
    return buffer.getvalue()


def is_complete(folder: Path, items: Sequence[Item]) -> bool:
    """Whether there is a manifest and every clip has the size that it states."""
    sizes = _manifest_sizes(folder)
    return bool(sizes) and all(_size(clip_path(folder, item)) == sizes.get(item.name, -1) for item in items)


def render(items: Sequence[Item], root: Path, name: str, workers: int | None = None, hint: str = "") -> dict[str, Path]:
    """The clips of `items` below `root`, rendered where they are not there yet.

    One process renders, under a lock that the operating system lifts when the process dies; the others wait. A clip
    appears under its name only when it is whole, the manifest only when all clips are there; so a killed run is resumed
    and a complete folder is used without a lock, even where it cannot be written.

    Args:
        items: what to render, neighbours of one scene together.
        root: the cache.
        name: of the benchmark: first part of the folder's name, and what the progress bar says.
        workers: threads; default the processors that this process may use, at most 8.
        hint: what to do about a folder that cannot be written, the end of that error's text.

    Returns:
        name of the item -> absolute path.

    Raises:
        DataError: the folder cannot be written; a photograph or an encoder is missing.
        VideoError: the file of a footage cannot be read.
        av.FFmpegError, ValueError: an encoder refused a picture of this size.
    """
    folder = folder_of(items, root.absolute(), name)
    try:
        if not is_complete(folder, items):
            folder.mkdir(parents=True, exist_ok=True)
            with _locked(folder, name):
                if not is_complete(folder, items):
                    _render_missing(items, folder, name, workers or _default_workers())
    except OSError as error:
        raise DataError(f"{name}: its clips cannot be written to {folder}: {error}. {hint}".strip()) from error
    return {item.name: clip_path(folder, item) for item in items}


@contextlib.contextmanager
def _locked(folder: Path, name: str) -> Iterator[None]:
    # Beside the folder, so that the folder may be deleted while somebody waits.
    lock = FileLock(folder.with_name(f"{folder.name}.lock"))
    try:
        lock.acquire(timeout=_SILENT_WAIT_SECONDS)
    except Timeout:
        logger.warning("%s: another process renders its clips into %s; waiting for it", name, folder)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _render_missing(items: Sequence[Item], folder: Path, name: str, workers: int) -> None:
    check_encoders({item.delivery.encoder for item in items})
    folder.mkdir(exist_ok=True)
    _forget_damaged(items, folder)
    missing = [item for item in items if not _size(clip_path(folder, item))]
    groups = [list(group) for _, group in itertools.groupby(missing, key=lambda item: item.scene)]
    with tqdm(total=len(items), initial=len(items) - len(missing), desc=f"rendering {name}", unit="clip") as bar:
        _render_groups(groups, folder, workers, bar.update)
    sizes = {item.name: _size(clip_path(folder, item)) for item in items}
    _write(folder / MANIFEST, json.dumps({"recipe": digest(*items), "bytes": sizes}, indent=1).encode())


def _forget_damaged(items: Sequence[Item], folder: Path) -> None:
    """Delete what a killed run left behind, and clips that somebody changed. What stays is whole."""
    for leftover in folder.glob("*.part"):
        leftover.unlink()
    sizes = _manifest_sizes(folder)
    for item in items:
        path = clip_path(folder, item)
        if sizes and _size(path) != sizes.get(item.name):
            path.unlink(missing_ok=True)
    # Last: without the manifest, the clips that are there count as whole.
    (folder / MANIFEST).unlink(missing_ok=True)


def _render_groups(groups: Sequence[list[Item]], folder: Path, workers: int, done: Callable[[], object]) -> None:
    stop = threading.Event()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="render")
    try:
        parts = [part for group in groups for part in _parts(group, -(-workers // len(groups)))]
        for future in as_completed([pool.submit(_render_part, *part, folder, done, stop) for part in parts]):
            future.result()
    finally:
        # After an error or ^C: nothing new is begun, running groups end with the clip they are at.
        stop.set()
        pool.shutdown(wait=True, cancel_futures=True)


def _parts(group: list[Item], count: int) -> list[tuple[list[Item], list[np.ndarray] | None]]:
    """The clips of one scene, for `count` workers, and its frames where several share them."""
    if count == 1:
        return [(group, None)]
    clean = _clean(group[0])
    return [(part, clean) for start in range(count) if (part := group[start::count])]


def _render_part(
    part: list[Item], clean: list[np.ndarray] | None, folder: Path, done: Callable[[], object], stop: threading.Event
) -> None:
    """Clips of one scene, which is drawn once."""
    clean = clean or _clean(part[0])
    for item in part:
        if stop.is_set():
            return
        _write(clip_path(folder, item), clip_bytes(item, clean))
        done()


def _clean(item: Item) -> list[np.ndarray]:
    """The frames of an item before any distortion."""
    scene = item.scene
    return footage.frames(scene) if isinstance(scene, footage.Footage) else list(scenes.frames(scene))


def _container(item: Item) -> str:
    container = CODECS[item.delivery.codec].container
    return _CONTAINERS.get(container, container)


def _write(path: Path, data: bytes) -> None:
    """Whole or not at all, also when the power fails."""
    part = path.with_name(f"{path.name}.part")
    with open(part, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)


def _manifest_sizes(folder: Path) -> dict[str, int]:
    """Bytes of every clip by name; empty where there is no manifest, or a damaged one."""
    try:
        return json.loads((folder / MANIFEST).read_text())["bytes"]
    except (FileNotFoundError, NotADirectoryError, json.JSONDecodeError):
        return {}


def _size(path: Path) -> int:
    """Bytes; 0 for a file that is not there."""
    try:
        return path.stat().st_size
    except (FileNotFoundError, NotADirectoryError):
        return 0


def _default_workers() -> int:
    # Not os.cpu_count(): a container or a job scheduler may lend fewer.
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(available, _MAX_WORKERS)
