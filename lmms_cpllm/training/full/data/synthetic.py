"""Clean videos, distorted on the fly: two rungs of a ladder to compare, or one to name the fault of.

Only what is certain is taught: of two strengths of one distortion the weaker is better, and what was done is known. What
changes nothing in the views, as lost frames of a scene that stands still, is no distortion. No score is made up.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from lmms_cpllm.errors import DataError
from lmms_cpllm.model.processing_cpllm import COMPARE_PREFIX
from lmms_cpllm.releases.files import videos_below
from lmms_cpllm.sampling import ViewPlan
from lmms_cpllm.synthesis.distortions import FAMILIES, TRAINING_RANGES
from lmms_cpllm.synthesis.facts import kind_of
from lmms_cpllm.training.draws import draw_strength
from lmms_cpllm.training.full.data.decoded import PieceReader
from lmms_cpllm.training.full.data.samples import CHOICES, Sample, Video, ask, wording
from lmms_cpllm.video import Clip, views_from_frames

# Two rungs are at least this factor of strength apart, so that the difference can be seen.
_APART = 1.6
_PAIRS, _CLEAN = 0.6, 0.25
_CLEAN_ANSWER = "Nothing is wrong with it."
# Families of which only the whole part of a strength counts.
_WHOLE = ("interlacing",)
_NAMING = (
    "What is wrong with this video?",
    "Which distortion does this video have?",
    "Name the main fault of this video.",
)


def find_clean(folder: Path) -> list[Video]:
    """The videos below a folder. Raises DataError where there is none."""
    found = [Video(path, path.relative_to(folder).as_posix()) for path in videos_below(folder)]
    if not found:
        raise DataError(f"{folder}: clean videos expected, found none; put some there, or correct folder in the recipe")
    return found


@dataclass(frozen=True)
class _Rung:
    """What is done to a clean video."""

    family: str | None
    """None for nothing."""
    strength: float
    """In the family's unit."""
    seed: int


class SyntheticSource:
    """Distorts the middle of clean videos.

    Args:
        title: for messages.
        videos: clean ones.
        plan: which views are taken.
        read_piece: gives the frames that are distorted.
    """

    def __init__(self, title: str, videos: Sequence[Video], plan: ViewPlan, read_piece: PieceReader) -> None:
        self.title, self.videos, self._plan, self.read_piece = title, videos, plan, read_piece

    def draw(self, rng: np.random.Generator, read: Callable[[Path], Clip]) -> Sample:
        video, rungs, sample = self._draw(rng)
        frames, fps = self.read_piece(video.path)
        clean = views_from_frames(np.stack(frames), fps, self._plan)
        clips = [self._clip(frames, fps, rung) if rung.family else clean for rung in rungs]
        if len(clips) == 2 and _look_equal(*clips):
            family = None if _look_equal(clips[0], clean) else rungs[0].family
            clips, sample = clips[:1], _naming(family, rng)
        elif len(clips) == 1 and _look_equal(clips[0], clean):
            sample = replace(sample, answer=_CLEAN_ANSWER)
        return replace(sample, clips=tuple(clips))

    def outline(self, rng: np.random.Generator) -> Sample:
        return self._draw(rng)[-1]

    def _draw(self, rng: np.random.Generator) -> tuple[Video, tuple[_Rung, ...], Sample]:
        """A video, what is done to it for each clip, and the sample without clips."""
        video = self.videos[rng.integers(len(self.videos))]
        family = str(rng.choice(list(FAMILIES)))
        strong = draw_strength(family, rng)
        low, high = TRAINING_RANGES[family]
        seed = int(rng.integers(1 << 30))
        if rng.random() >= _PAIRS:
            clean = rng.random() < _CLEAN
            rung = _Rung(None if clean else family, strong, seed)
            return video, (rung,), _naming(rung.family, rng)
        # The lower rung is the clean video, or a strength that is well below.
        strong = max(strong, min(high, low * _APART))
        # Rounding may put the upper end below the lower one.
        ends = np.log(low), np.log(max(low, strong / _APART))
        weak = float(np.exp(rng.uniform(*ends))) if rng.random() < 0.5 else None
        if weak and family in _WHOLE and int(weak) == int(strong):
            weak = None
        better = int(rng.integers(2))
        rungs = (_Rung(family if weak else None, weak or 0.0, seed), _Rung(family, strong, seed))
        answer = f" {CHOICES[better]}. The {CHOICES[1 - better]} has more {kind_of(family)}."
        sample = Sample(ask(wording("compare", rng), videos=2), COMPARE_PREFIX, answer, (None, None), choice=better)
        return video, rungs if better == 0 else rungs[::-1], sample

    def _clip(self, frames: list[np.ndarray], fps: int, rung: _Rung) -> Clip:
        done = FAMILIES[rung.family].apply(frames, rung.strength, rung.seed)
        return views_from_frames(np.stack(list(done)), fps, self._plan)


def _naming(family: str | None, rng: np.random.Generator) -> Sample:
    """Asks what is wrong; None: nothing is."""
    answer = f"It has {kind_of(family)}." if family else _CLEAN_ANSWER
    return Sample(ask(str(rng.choice(_NAMING))), "", answer, (None,))


def _look_equal(one: Clip, other: Clip) -> bool:
    """Whether the views of two clips are the same to the bit."""
    return np.array_equal(one.pixel, other.pixel) and np.array_equal(one.context, other.context)
