"""BRISQUE and NIQE of videos: two measures of how natural a picture is, which need no clean one beside it.

BRISQUE (Mittal, Moorthy, Bovik 2012) is the package `brisque` with the model that it carries; NIQE (Mittal, Soundararajan,
Bovik 2013) is the package `scikit-video`, whose author fitted the model of natural pictures anew. Figures are those of the
packages, not of the authors' code. Both look at single frames of a video, at its own size. Lower is better.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import ModuleType, SimpleNamespace

import cv2
import numpy as np
import scipy
from PIL import Image

from lmms_cpllm.errors import UserError, VideoError
from lmms_cpllm.sampling import reflected
from lmms_cpllm.video import ViewPlan, decode, probe

# scikit-video's NIQE takes patches of 96 pixels at two scales and asks for more than 2 * 96 + 1 on both sides.
_NIQE_LEAST = 194
# What the packages raise over pictures that are too small to be halved, or without any variance.
_OF_THE_PACKAGES = (cv2.error, ValueError, ArithmeticError)


def brisque(path: str | Path, frames: int) -> float:
    """BRISQUE, about 0 (good) to 100 (bad): the mean over frames from the middles of equal parts of the video.

    A frame that has no number, such as one of a single colour, is left out of the mean.

    Args:
        path: a video or photograph.
        frames: how many parts, at least 1; fewer where the video has fewer frames.

    Raises:
        VideoError: the file cannot be read, or no frame has a number.
        UserError: the package is missing.
    """
    return _mean(_brisque_of_frame, path, frames)


def niqe(path: str | Path, frames: int) -> float:
    """NIQE, above 0, lower is better; arguments and errors are those of `brisque`.

    A side of fewer than 194 pixels is mirrored at both ends up to there.
    """
    return _mean(_niqe_of_frame, path, frames)


def check_brisque() -> None:
    """UserError where BRISQUE's package is missing."""
    _brisque_model()


def check_niqe() -> None:
    """UserError where NIQE's package is missing."""
    _niqe_function()


def _mean(measure: Callable[[np.ndarray], float], path: str | Path, frames: int) -> float:
    numbers, failure = [], ""
    with np.errstate(all="ignore"):
        for frame in _frames(path, frames):
            try:
                numbers.append(measure(frame))
            except _OF_THE_PACKAGES as error:
                failure = f": {error}"
    numbers = [number for number in numbers if np.isfinite(number)]
    if not numbers:
        raise VideoError(str(path), f"no frame of it has statistics{failure}")
    return float(np.mean(numbers))


def _frames(path: str | Path, frames: int) -> np.ndarray:
    """uint8 `(frames, height, width, 3)` RGB at the video's own size, one frame of a photograph."""
    info = probe(path)
    plan = ViewPlan(min(frames, info.frames), (info.height, info.width), 1, 1, 1, 1)
    return decode(path, plan, threads=1).context


def _brisque_of_frame(picture: np.ndarray) -> float:
    return _brisque_model().score(picture)


@cache
def _brisque_model():
    package = _package("brisque", "BRISQUE")

    class Brisque(package.BRISQUE):
        # Some features are arrays of one number, which NumPy 2.4 no longer takes for numbers (brisque 0.2.0).
        def scale_features(self, features: np.ndarray) -> np.ndarray:
            return super().scale_features(np.concatenate([np.ravel(feature) for feature in features]))

    return Brisque()


def _niqe_of_frame(picture: np.ndarray) -> float:
    luma = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    rows, columns = (reflected(side, max(side, _NIQE_LEAST)) for side in luma.shape)
    return float(_niqe_function()(luma[rows[:, None], columns])[0])


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
