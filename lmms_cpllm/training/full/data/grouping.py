"""Which samples stand in one batch: among a window of batches those of like length, so that little of a batch is padding.

A function of seed, place and length alone: every process finds the same, and so does a resumed run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

# Beside the seeds of samples, which are followed by an attempt.
_OF_WINDOWS = 1_000_003


@dataclass(frozen=True)
class GroupedBatches:
    """The places of the samples of each batch of one process.

    Batches of one number are alike in all processes, which wait for each other; those of one window come in a random order.
    """

    length_of: Callable[[int], int]
    """Tokens of the sample at a place."""
    first: int
    """Number of the first batch, other than 0 in a resumed run."""
    count: int
    """Batches of the stage, of one process."""
    batch: int
    """Samples of a batch."""
    world: int
    """Processes."""
    rank: int
    """Of this process."""
    window: int
    """Batches of one process among which samples change places; 1 for none."""
    seed: int

    def __len__(self) -> int:
        return self.count - self.first

    def __iter__(self) -> Iterator[list[int]]:
        chunks: list[list[int]] = []
        for number in range(self.first, self.count):
            place = number % self.window
            if place == 0 or not chunks:
                chunks = self._chunks(number // self.window)
            yield chunks[place][self.rank * self.batch : (self.rank + 1) * self.batch]

    def _chunks(self, window: int) -> list[list[int]]:
        """The places of a window for each number of a batch, those of all processes together."""
        size = self.world * self.batch
        start, end = (min((window + i) * self.window, self.count) for i in (0, 1))
        places = list(range(start * size, end * size))
        if self.window > 1:
            places.sort(key=self.length_of)
        chunks = [places[i : i + size] for i in range(0, len(places), size)]
        if self.window == 1:
            return chunks
        order = np.random.default_rng([self.seed, window, _OF_WINDOWS]).permutation(len(chunks))
        return [chunks[i] for i in order]
