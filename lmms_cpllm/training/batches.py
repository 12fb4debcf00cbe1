"""What a training step holds: videos to rate or describe, questions about them, and pairs to compare.

Scored photographs are in every batch: what people said of real pictures must not be drowned by what was made up.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from lmms_cpllm.metrics.lexicon import KINDS
from lmms_cpllm.synthesis.facts import kind_of
from lmms_cpllm.synthesis.language import INVISIBLE
from lmms_cpllm.synthesis.language.findings import CERTAIN
from lmms_cpllm.training.labelling import Example
from lmms_cpllm.training.texts import Texts, collate

SOURCES = ("synthetic", "still", "human")
# Rankings are compared within one kind of label: fitted opinions, or opinions of people.
_LABEL_KIND = {"synthetic": 0, "still": 1, "human": 1}
# Quality points within which two labels are called equal.
TIE = 3.0


@dataclass(frozen=True)
class Mix:
    """How many of what are in a step."""

    synthetic: int = 24
    """Clips made of clean scenes."""
    still: int = 16
    """Scored photographs as they are."""
    human: int = 8
    """Moving and compressed scored photographs."""
    questions: int = 12
    """Of the videos above, how many are also asked about."""
    pairs: int = 12
    describe_share: float = 0.5
    """Share of the rated videos that are asked for a description instead of the rating alone."""
    fresh_pairs: bool = True
    """Pairs of any videos; else of those above only, where every video costs a pass through the towers."""

    @property
    def rated(self) -> int:
        return self.synthetic + self.still + self.human


@dataclass(frozen=True)
class Batch:
    """One step. `rated` and `pairs` are what `collate` gives, with the places of their videos in `videos`."""

    videos: list[int]
    """Numbers of the examples whose features are needed, each once."""
    rated: dict[str, torch.Tensor]
    """Turns of one video: first those with a rating, then the questions; `place` `(B,)`."""
    quality: torch.Tensor
    """(R,) labels of the turns with a rating, 0..100."""
    sd: torch.Tensor
    """(R,) ACR categories."""
    kind: torch.Tensor
    """(R,) which labels may be ranked against each other."""
    alone: torch.Tensor
    """(R,) bool, whether the answer is the rating and nothing else."""
    there: torch.Tensor
    """(R, kinds) 1 for a kind of distortion that can be seen, 0 for one that cannot, nan where that is not known."""
    pairs: dict[str, torch.Tensor]
    """Turns of two videos; `place` `(2 P,)`, `choice` `(P,)` 0 for the first."""


class Batches:
    """Draws batches of the training split; the same for the same seed and epoch."""

    def __init__(self, examples: Sequence[Example], texts: Texts, mix: Mix, seed: int, steps: int = 0) -> None:
        self.examples, self.texts, self.mix, self.seed, self._steps = examples, texts, mix, seed, steps
        self.by_source = {
            s: [i for i, e in enumerate(examples) if e.split == "train" and e.source == s] for s in SOURCES
        }
        self.by_scene: dict[str, list[int]] = {}
        for index in (*self.by_source["synthetic"], *self.by_source["human"]):
            self.by_scene.setdefault(examples[index].scene, []).append(index)

    @property
    def steps(self) -> int:
        """Of one epoch: about as many videos as there are, where no number is given."""
        if self._steps:
            return self._steps
        shares = {s: getattr(self.mix, s) for s in SOURCES if self.by_source[s] and getattr(self.mix, s)}
        return max(1, sum(len(self.by_source[s]) for s in shares) // sum(shares.values()))

    def epoch(self, number: int) -> Iterator[Batch]:
        rng = np.random.default_rng([self.seed, number])
        decks = {s: _deck(self.by_source[s], rng) for s in SOURCES if self.by_source[s]}
        for _ in range(self.steps):
            rated = [next(decks[s]) for s in decks for _ in range(getattr(self.mix, s))]
            yield self._batch(rated, rng)

    def _batch(self, rated: list[int], rng: np.random.Generator) -> Batch:
        asked = [rated[i] for i in rng.permutation(len(rated))[: self.mix.questions]]
        pairs = self._pairs(rated, rng)
        videos = list(dict.fromkeys([*rated, *(i for pair in pairs for i in pair)]))
        place = {index: at for at, index in enumerate(videos)}
        known = [self.examples[i] for i in rated]
        described = rng.random(len(rated)) < self.mix.describe_share
        turns = [
            self.texts.describe(e.facts, rng) if is_described else self.texts.rate(e.facts, rng)
            for e, is_described in zip(known, described, strict=True)
        ]
        turns += [self.texts.ask(self.examples[i].asked, rng) for i in asked]
        pad = self.texts.processor.tokenizer.pad_token_id
        return Batch(
            videos=videos,
            rated=collate(turns, pad) | {"place": torch.tensor([place[i] for i in (*rated, *asked)])},
            quality=torch.tensor([e.quality for e in known], dtype=torch.float32),
            sd=torch.tensor([e.sd for e in known], dtype=torch.float32),
            kind=torch.tensor([_LABEL_KIND[e.source] for e in known]),
            # Where the faults are not known a description ends with the rating.
            alone=torch.tensor([e.facts.impairments is None for e in known]) | ~torch.from_numpy(described),
            there=torch.tensor([kinds_there(e) for e in known]),
            pairs=self._collate_pairs(pairs, place, pad, rng),
        )

    def _collate_pairs(self, pairs, place: dict[int, int], pad: int, rng: np.random.Generator) -> dict:
        if not pairs:
            return {}
        known = [(self.examples[a], self.examples[b]) for a, b in pairs]
        return collate([self.texts.compare(a.facts, b.facts, rng) for a, b in known], pad) | {
            "place": torch.tensor([place[i] for pair in pairs for i in pair]),
            "choice": torch.tensor([int(a.quality < b.quality) for a, b in known]),
        }

    def _pairs(self, rated: list[int], rng: np.random.Generator) -> list[tuple[int, int]]:
        """Half of one scene, half of any two videos whose labels are of one kind."""
        pool = [i for s in SOURCES for i in self.by_source[s]] if self.mix.fresh_pairs else rated
        pairs: list[tuple[int, int]] = []
        for _ in range(self.mix.pairs * 20):
            if len(pairs) == self.mix.pairs:
                break
            first = int(pool[rng.integers(len(pool))])
            same = self.by_scene.get(self.examples[first].scene, []) if self.mix.fresh_pairs else []
            others = same if same and rng.random() < 0.6 else pool
            second = int(others[rng.integers(len(others))])
            a, b = self.examples[first], self.examples[second]
            if _LABEL_KIND[a.source] == _LABEL_KIND[b.source] and abs(a.quality - b.quality) > TIE:
                pairs.append((first, second))
        return pairs


def kinds_there(example: Example) -> list[float]:
    """For each of `KINDS` whether it can be seen: 1, 0, or nan where that is not known or a matter of taste."""
    worst: dict[str, float] = {}
    for done in example.facts.impairments or ():
        kind = kind_of(done.family)
        worst[kind] = min(done.acr, worst.get(kind, INVISIBLE))
    found = []
    for kind in KINDS:
        if kind in worst:
            found.append(1.0 if worst[kind] < CERTAIN else float("nan"))
        else:
            found.append(0.0 if example.closed and example.facts.impairments is not None else float("nan"))
    return found


def _deck(indices: Sequence[int], rng: np.random.Generator) -> Iterator[int]:
    """The examples in random order, and again in another one when they are used up."""
    while True:
        yield from (int(indices[i]) for i in rng.permutation(len(indices)))
