"""One sample: what is asked about which videos, and the answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from lmms_cpllm.synthesis.language import PROMPTS
from lmms_cpllm.video import Clip

# How often the first wording of a prompt is taken, the one that the tasks use.
_CANONICAL = 0.7
CHOICES = ("first", "second")


@dataclass(frozen=True)
class Video:
    """A video that may be trained on."""

    path: Path
    name: str
    """What its release or file calls it."""


@dataclass(frozen=True)
class Sample:
    """One prompt and its answer."""

    messages: tuple[dict, ...]
    """In the form of chat templates; the last one is the user's."""
    prefix: str
    """With which the answer begins, as part of the prompt."""
    answer: str
    """Behind the prefix; its first token is a rating or choice if `quality` or `choice` is set."""
    clips: tuple[Clip | None, ...]
    """None only in outlines."""
    quality: float | None = None
    """0..100"""
    sd: float = 0.0
    """Standard deviation of the opinions, in ACR categories."""
    group: int = 0
    """Qualities are ranked within one group: scales of two studies are not the same."""
    choice: int | None = None
    """0 if the first video is the better one, 1 if the second is."""


class Source(Protocol):
    """Where samples come from."""

    title: str
    videos: Sequence[Video]

    def draw(self, rng: np.random.Generator, read: Callable[[Path], Clip]) -> Sample:
        """One sample. Raises VideoError for a video that cannot be read."""
        ...

    def outline(self, rng: np.random.Generator) -> Sample:
        """The same sample with None in the place of each clip: nothing is read."""
        ...


def read_nothing(path: Path) -> None:
    """In the place of a reader, for outlines."""


def ask(text: str, videos: int = 1) -> tuple[dict, ...]:
    """The messages of one question about some videos, which stand in front of it as in the tasks."""
    return ({"role": "user", "content": [{"type": "video"}] * videos + [{"type": "text", "text": text}]},)


def wording(task: str, rng: np.random.Generator | None) -> str:
    """A wording of a task's prompt, the canonical one without `rng`."""
    wordings = PROMPTS[task]
    return wordings[0] if rng is None or rng.random() < _CANONICAL else str(rng.choice(wordings))
