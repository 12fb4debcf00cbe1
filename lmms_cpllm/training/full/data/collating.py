"""From samples to tensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from lmms_cpllm.model import CPLLMProcessor
from lmms_cpllm.model.modeling_cpllm import IGNORED_LABEL
from lmms_cpllm.model.processing_cpllm import VIDEO_TOKEN
from lmms_cpllm.training.full.data.samples import Sample
from lmms_cpllm.training.texts import Turn, collate
from lmms_cpllm.video import Clip

UNKNOWN = -1
"""In `choice`, and in `answer_at`: this sample has none."""


class TooLong(ValueError):
    """A sample has more text than the recipe has room for."""


@dataclass(frozen=True)
class Encoded:
    """A sample as token ids, with what failed before it was found."""

    turn: Turn | None
    """None where none could be had."""
    clips: tuple[Clip, ...]
    quality: float
    """0..100, nan where it is not known."""
    sd: float
    group: int
    choice: int
    """0, 1 or `UNKNOWN`."""
    failed: tuple[tuple[str, str], ...]
    stop: str = ""
    """Why there is no sample, for whoever can fix it."""


class Encoder:
    """Makes token ids.

    Args:
        processor: of the model.
        text_tokens: room for prompt and answer, without the placeholders of videos.
    """

    def __init__(self, processor: CPLLMProcessor, text_tokens: int) -> None:
        self.processor, self.text_tokens = processor, text_tokens

    def encode(self, sample: Sample, failed: tuple[tuple[str, str], ...] = ()) -> Encoded:
        """A sample. Raises TooLong."""
        prompt = self.processor.render(list(sample.messages), sample.prefix)
        text, answer = self._ids(prompt), self._ids(sample.answer + self.processor.tokenizer.eos_token)
        if len(text) + len(answer) > self.text_tokens:
            raise TooLong(f"{len(text) + len(answer)} tokens, room for {self.text_tokens} (text_tokens of the recipe)")
        whole = self._ids(prompt.replace(VIDEO_TOKEN, self.processor.media_tokens()))
        soft = sample.quality is not None or sample.choice is not None
        return Encoded(
            Turn(whole, answer, soft),
            sample.clips,
            float("nan") if sample.quality is None else sample.quality,
            sample.sd,
            sample.group,
            UNKNOWN if sample.choice is None else sample.choice,
            failed,
        )

    def length(self, sample: Sample) -> int:
        """Tokens of a sample or its outline, those of its videos among them. Raises TooLong."""
        turn = self.encode(sample).turn
        return len(turn.prompt) + len(turn.answer)

    def _ids(self, text: str) -> tuple[int, ...]:
        return tuple(self.processor.tokenizer.encode(text, add_special_tokens=False))


@dataclass(frozen=True)
class Batch:
    """Samples that go through the model at once; nothing but failures, and why, where one could not be had."""

    inputs: dict[str, torch.Tensor]
    """`input_ids` and `attention_mask` `(B, L)`, `context_values` `(V, M, 3, h, w)`, `pixel_values`
    `(V, K, G, R, 3, c, c)`, and `logits_to_keep` `(K,)`: the places of which the losses need logits."""
    targets: dict[str, torch.Tensor]
    """`labels` `(B, K)` of the next token at these places, -100 for none; `answer_at` `(B,)`, the one of these places where
    the rating or choice follows, or `UNKNOWN`; `quality`, `sd` `(B,)` float32; `group`, `choice` `(B,)`."""
    failed: tuple[tuple[str, str], ...] = ()
    """Name of a video, and why it could not be read."""
    stop: str = ""
    """Why training cannot go on."""

    def to(self, device: torch.device) -> Batch:
        """On another device."""
        move = {"device": device, "non_blocking": True}
        return Batch(
            {name: value.to(**move) for name, value in self.inputs.items()},
            {name: value.to(**move) for name, value in self.targets.items()},
            self.failed,
            self.stop,
        )

    def pin_memory(self) -> Batch:
        """In memory that a GPU copies from while it computes."""
        return Batch(
            {name: value.pin_memory() for name, value in self.inputs.items()},
            {name: value.pin_memory() for name, value in self.targets.items()},
            self.failed,
            self.stop,
        )


def collate_batch(samples: Sequence[Encoded], processor: CPLLMProcessor) -> Batch:
    """One batch.

    Args:
        samples: at least one.
        processor: pads and normalises.
    """
    failed = tuple(failure for sample in samples for failure in sample.failed)
    stop = next((sample.stop for sample in samples if sample.turn is None), "")
    if stop:
        return Batch({}, {}, failed, stop)
    text = collate([sample.turn for sample in samples], processor.tokenizer.pad_token_id)
    soft = torch.tensor([sample.turn.soft for sample in samples])
    following = torch.cat((text["labels"][:, 1:], torch.full((len(samples), 1), IGNORED_LABEL)), 1)
    # Logits of one place are as many as the vocabulary is large; most places are placeholders of videos.
    needed = (following != IGNORED_LABEL).any(0)
    needed[text["answer_at"][soft]] = True
    kept = needed.nonzero().squeeze(1)
    views = processor.video_processor([clip for sample in samples for clip in sample.clips])
    return Batch(
        {
            "input_ids": text["input_ids"],
            "attention_mask": text["attention_mask"],
            "context_values": views["context_values"],
            "pixel_values": views["pixel_values"],
            "logits_to_keep": kept,
        },
        {
            "labels": following[:, kept],
            "answer_at": torch.where(soft, torch.searchsorted(kept, text["answer_at"]), UNKNOWN),
            "quality": torch.tensor([sample.quality for sample in samples], dtype=torch.float32),
            "sd": torch.tensor([sample.sd for sample in samples], dtype=torch.float32),
            "group": torch.tensor([sample.group for sample in samples]),
            "choice": torch.tensor([sample.choice for sample in samples]),
        },
        failed,
    )
