"""One number for each of many files, computed in processes of their own."""

from __future__ import annotations

import logging
import multiprocessing
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from typing import NamedTuple

import cv2
import numpy as np

from lmms_cpllm.errors import UserError, VideoError
from lmms_cpllm.raw_video import RawFormat, declare, declared

logger = logging.getLogger(__name__)

# How many reasons are shown when files fail.
_REASONS = 5


class Measured(NamedTuple):
    """What a measure says of one file."""

    number: float
    """NaN where there is none, then `reason` says why."""
    reason: str


def measure_files(measure: Callable[..., float], arguments: Sequence[tuple], workers: int = 1) -> Iterator[Measured]:
    """The number of each file, in order, as they come.

    Args:
        measure: a function of a module, for it is sent to processes. A VideoError and NaN mean that there is no number.
        arguments: what it takes, first the path of a video.
        workers: processes; with one, this one does the work.

    Raises:
        UserError: a process was ended from outside or by the library that decodes.
    """
    work = partial(_measured, measure)
    # Raw video says nothing of its size; what was declared is not known in another process.
    jobs = [(declared(str(one[0])), one) for one in arguments]
    if workers == 1:
        yield from map(work, jobs)
        return
    # Spawned: OpenCV's threads of this process are not there in a fork of it, which then waits for them for ever.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, context, initializer=_in_a_process)
    try:
        yield from pool.map(work, jobs)
    except BrokenProcessPool as error:
        raise UserError(
            "a process that measures videos was killed: memory ran out, or a file crashed the library that decodes it\n"
            "  what to do: try again with fewer workers"
        ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def numbers_of(title: str, paths: Sequence[object], found: Iterable[Measured]) -> np.ndarray:
    """The numbers, (n,) float64, NaN for a file without; how many these are, and why, is logged as a warning."""
    found = list(found)
    failed = [f"{path}: {one.reason}" for path, one in zip(paths, found, strict=True) if one.reason]
    if failed:
        more = f"; {len(failed) - _REASONS} more" if len(failed) > _REASONS else ""
        reasons = "; ".join(failed[:_REASONS])
        logger.warning("%s: %d of %d files gave no number: %s%s", title, len(failed), len(paths), reasons, more)
    return np.array([one.number for one in found], np.float64)


def _in_a_process() -> None:
    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ^C reaches every process of the terminal; the first one says so


def _measured(measure: Callable[..., float], job: tuple[RawFormat | None, tuple]) -> Measured:
    raw, arguments = job
    if raw is not None:
        declare(str(arguments[0]), raw)
    try:
        number = float(measure(*arguments))
    except VideoError as error:
        return Measured(np.nan, error.reason)
    return Measured(number, "" if np.isfinite(number) else f"the measure gave {number}")
