"""BRISQUE and NIQE of files: two measures of how natural a picture is, which need no clean one beside it.

BRISQUE (Mittal, Moorthy, Bovik 2012) is the package `brisque` with the model that it carries; NIQE (Mittal, Soundararajan,
Bovik 2013) is the package `scikit-video`, whose author fitted the model of natural pictures anew. Figures are those of the
packages, not of the authors' code. Both look at three frames of a video. Higher is better: the sign is turned.
"""

from __future__ import annotations

import importlib
import logging
import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from pathlib import Path
from types import ModuleType, SimpleNamespace

import cv2
import numpy as np
import scipy
from PIL import Image
from tqdm import tqdm

from lmms_cpllm.errors import UserError, VideoError
from lmms_cpllm.sampling import reflected
from lmms_cpllm.video import ViewPlan, decode, probe

logger = logging.getLogger(__name__)

FRAMES = 3
"""Of each video, from the middles of as many equal parts."""
# scikit-video's NIQE takes patches of 96 pixels at two scales and asks for more than 2 * 96 + 1 on both sides.
_NIQE_LEAST = 194
# How many reasons are shown when files fail.
_REASONS = 5


def brisque(paths: Sequence[Path], workers: int = 2) -> np.ndarray:
    """BRISQUE with its sign turned, about -100 (bad) to 0 (good).

    Args:
        paths: videos and photographs.
        workers: processes.

    Returns:
        (n,) float64, NaN for a file that gives no number; how many these are, and why, is logged as a warning.

    Raises:
        UserError: the package is missing.
    """
    _brisque_model()
    return _over_files("BRISQUE", _negative_brisque, paths, workers)


def niqe(paths: Sequence[Path], workers: int = 2) -> np.ndarray:
    """NIQE with its sign turned, below 0; arguments, result and error are those of `brisque`.

    A side of fewer than 194 pixels is mirrored at both ends up to there.
    """
    _niqe_function()
    return _over_files("NIQE", _negative_niqe, paths, workers)


def check_packages() -> None:
    """UserError where one of the packages is missing."""
    _brisque_model()
    _niqe_function()


def reported(title: str, paths: Sequence[Path], found: Sequence[tuple[float, str]]) -> np.ndarray:
    """The numbers of `found`, (number, reason why there is none or "") for each path; warns of those that are missing."""
    failed = [f"{path}: {reason}" for path, (_, reason) in zip(paths, found, strict=True) if reason]
    if failed:
        more = f"; {len(failed) - _REASONS} more" if len(failed) > _REASONS else ""
        reasons = "; ".join(failed[:_REASONS])
        logger.warning("%s: %d of %d files gave no number: %s%s", title, len(failed), len(paths), reasons, more)
    return np.array([number for number, _ in found], np.float64)


def _over_files(title: str, measure: Callable[[np.ndarray], float], paths: Sequence[Path], workers: int) -> np.ndarray:
    # Spawned: OpenCV's threads of this process are not there in a fork of it, which then waits for them for ever.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, initializer=cv2.setNumThreads, initargs=(1,)) as pool:
        running = pool.map(partial(_of_file, measure), paths, chunksize=4)
        found = list(tqdm(running, desc=title, unit="video", total=len(paths)))
    return reported(title, paths, found)


def _of_file(measure: Callable[[np.ndarray], float], path: Path) -> tuple[float, str]:
    """The mean over the frames that have a number, or NaN and why: a frame of one colour has no statistics."""
    try:
        frames = _frames(path)
    except VideoError as error:
        return np.nan, error.reason
    with np.errstate(all="ignore"):
        numbers = np.array([measure(frame) for frame in frames])
    numbers = numbers[np.isfinite(numbers)]
    return (float(numbers.mean()), "") if len(numbers) else (np.nan, "no frame of it has statistics")


def _frames(path: Path) -> np.ndarray:
    """uint8 `(3, height, width, 3)` RGB at the video's own size, one frame of a photograph."""
    info = probe(path)
    plan = ViewPlan(min(FRAMES, info.frames), (info.height, info.width), 1, 1, 1, 1)
    return decode(path, plan, threads=1).context


def _negative_brisque(picture: np.ndarray) -> float:
    return -_brisque_model().score(picture)


@cache
def _brisque_model():
    package = _package("brisque", "BRISQUE")

    class Brisque(package.BRISQUE):
        # Some features are arrays of one number, which NumPy 2.4 no longer takes for numbers (brisque 0.2.0).
        def scale_features(self, features: np.ndarray) -> np.ndarray:
            return super().scale_features(np.concatenate([np.ravel(feature) for feature in features]))

    return Brisque()


def _negative_niqe(picture: np.ndarray) -> float:
    luma = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    rows, columns = (reflected(side, max(side, _NIQE_LEAST)) for side in luma.shape)
    return -float(_niqe_function()(luma[rows[:, None], columns])[0])


@cache
def _niqe_function() -> Callable[[np.ndarray], np.ndarray]:
    module = _package("skvideo.measure.niqe", "NIQE")
    # scikit-video 1.1.11 calls two names that NumPy 1.24 and SciPy 1.3 dropped; they are given back to its NIQE alone.
    module.np = _With(np, int=int)
    module.scipy = _With(scipy, misc=SimpleNamespace(imresize=_imresize))
    return module.niqe


class _With:
    """A module with names that it no longer has."""

    def __init__(self, module: ModuleType, **names: object) -> None:
        self.__dict__ |= {"_module": module, **names}

    def __getattr__(self, name: str) -> object:
        return getattr(self._module, name)


def _imresize(picture: np.ndarray, factor: float, interp: str, mode: str) -> np.ndarray:
    """What `scipy.misc.imresize` did with pictures of floats (`mode` "F"): Pillow's resizing."""
    size = tuple(int(side * factor) for side in reversed(picture.shape))
    return np.asarray(Image.fromarray(picture.astype(np.float32)).resize(size, Image.Resampling[interp.upper()]))


def _package(name: str, wanted_for: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise UserError(
            f"{wanted_for} needs a package that is missing ({error}): pip install 'lmms-cpllm[baselines]'"
        ) from error
