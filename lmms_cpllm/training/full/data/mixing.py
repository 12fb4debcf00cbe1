"""Which sample comes when: a function of seed and place alone, so that a resumed run draws what the straight one does."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch

from lmms_cpllm.errors import DataError, VideoError
from lmms_cpllm.releases.places import shorten
from lmms_cpllm.training.full.data.collating import UNKNOWN, Encoded, Encoder, TooLong
from lmms_cpllm.training.full.data.samples import Source
from lmms_cpllm.training.full.data.shards import DamagedShard
from lmms_cpllm.training.full.data.sources import StageData

# Samples drawn in the place of one that failed; that so many fail by chance is out of question.
_ATTEMPTS = 10


class Samples(torch.utils.data.Dataset):
    """The samples of a stage by their place; a video that cannot be read is named, and another sample takes its place.

    Args:
        data: of the stage.
        encoder: makes token ids.
        length: how many samples the stage draws.
        seed: of all draws.
    """

    def __init__(self, data: StageData, encoder: Encoder, length: int, seed: int) -> None:
        self._data, self._encoder, self._length, self._seed = data, encoder, length, seed

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, place: int) -> Encoded:
        failed: list[tuple[str, str]] = []
        for attempt in range(_ATTEMPTS):
            source, rng = self._choose(place, attempt)
            try:
                return self._encoder.encode(source.draw(rng, self._data.read), tuple(failed))
            except VideoError as error:
                failed.append((error.path, error.reason))
            except TooLong as error:
                failed.append((f"a conversation of {source.title}", str(error)))
            except DamagedShard as error:
                return _nothing(failed, str(error))
        last = ": ".join(failed[-1])
        return _nothing(
            failed, f"sample after sample failed, the last: {last}. Check the data: `lmms-cpllm data check`"
        )

    def length(self, place: int) -> int:
        """Tokens of the sample at a place if its videos can be read; no video is opened."""
        for attempt in range(_ATTEMPTS):
            source, rng = self._choose(place, attempt)
            try:
                return self._encoder.length(source.outline(rng))
            except TooLong:
                continue
        return 0

    def _choose(self, place: int, attempt: int) -> tuple[Source, np.random.Generator]:
        rng = np.random.default_rng([self._seed, place, attempt])
        return self._data.sources[rng.choice(len(self._data.sources), p=self._data.weights)], rng


def _nothing(failed: list[tuple[str, str]], stop: str) -> Encoded:
    """An error that ends the run would be lost in a worker process; the loop raises it."""
    return Encoded(None, (), float("nan"), 0.0, 0, UNKNOWN, tuple(failed), stop)


@dataclass
class Failures:
    """What failed so far in a stage, each once, and how much may."""

    videos: int
    """Distinct videos of the stage."""
    share: float
    """Of them that may fail."""
    found: dict[str, str] = field(default_factory=dict)
    """Name -> reason."""

    def add(self, failed: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """Takes failures in; those that are new come back.

        Raises:
            DataError: more failed than may.
        """
        new = [(name, reason) for name, reason in dict(failed).items() if name not in self.found]
        self.found.update(new)
        if len(self.found) > self.share * self.videos:
            examples = shorten([f"{name}: {reason}" for name, reason in self.found.items()], "\n  ")
            raise DataError(
                f"{len(self.found)} of {self.videos} videos failed, more than the share of {self.share:g} that may "
                f"(failed_share of the stage):\n  {examples}\n  what to do: get these files again, or raise failed_share"
            )
        return new
