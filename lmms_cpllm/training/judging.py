"""Answers of a finished model to many videos whose features are known: ratings, descriptions, questions, comparisons."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from tqdm import tqdm

from lmms_cpllm.model import CPLLMForConditionalGeneration, CPLLMProcessor
from lmms_cpllm.synthesis.language import PROMPTS

_AT_ONCE = 32
_MOST_TOKENS = 128


class Judge:
    """A model with the features of the videos that it is asked about.

    Args:
        model: with the standardisation in its projectors (`features.fold`).
        processor: makes the prompts.
        features: `context` and `pixel` `(N, tokens, features)`, raw.
    """

    def __init__(
        self, model: CPLLMForConditionalGeneration, processor: CPLLMProcessor, features: dict[str, torch.Tensor]
    ) -> None:
        self.model, self.processor, self.features = model.eval(), processor, features

    def ratings(self, videos: Sequence[int]) -> np.ndarray:
        """Quality `(len(videos),)`, 0..100."""
        prompt = self._prompt(PROMPTS["rate"][0], self.processor.answer_prefix)
        parts = [
            self.model.score(**self._inputs([prompt] * len(part), part)).quality.numpy() for part in _parts(videos)
        ]
        return np.concatenate([np.zeros(0), *parts])

    def descriptions(self, videos: Sequence[int]) -> list[str]:
        """Descriptions, from their first word on."""
        prefix = self.processor.answer_prefix
        prompt = self._prompt(PROMPTS["describe"][0], prefix)
        texts = []
        for part in tqdm(list(_parts(videos)), desc="descriptions", unit="batch", leave=False):
            output = self.model.describe(
                **self._inputs([prompt] * len(part), part), max_new_tokens=_MOST_TOKENS, do_sample=False
            )
            texts += [f"{prefix} {text}" for text in self._decode(output.sequences)]
        return texts

    def answers(self, questions: Sequence[tuple[int, str]]) -> list[str]:
        """Free answers to `(video, prompt)`, in their order."""
        texts = []
        for part in tqdm(list(_parts(questions)), desc="questions", unit="batch", leave=False):
            inputs = self._inputs([self._prompt(text, "") for _, text in part], [video for video, _ in part])
            output = self.model.generate(**inputs, max_new_tokens=_MOST_TOKENS, do_sample=False)
            texts += self._decode(output[:, inputs["input_ids"].shape[1] :])
        return texts

    def choices(self, pairs: Sequence[tuple[int, int]]) -> np.ndarray:
        """Probability `(len(pairs),)` that the first of two is better."""
        prompt = self._prompt(PROMPTS["compare"][0], self.processor.compare_prefix, videos=2)
        parts = [
            self.model.compare(**self._inputs([prompt] * len(part), [i for pair in part for i in pair]))[:, 0].numpy()
            for part in _parts(pairs)
        ]
        return np.concatenate([np.zeros(0), *parts])

    def _prompt(self, text: str, prefix: str, videos: int = 1) -> str:
        parts = [{"type": "video"}] * videos + [{"type": "text", "text": text}]
        return self.processor.render([{"role": "user", "content": parts}], prefix)

    def _inputs(self, prompts: Sequence[str], videos: Sequence[int]) -> dict[str, torch.Tensor]:
        picked = torch.tensor(list(videos))
        media = {f"{name}_features": values[picked].float() for name, values in self.features.items()}
        return dict(self.processor.tokenize(list(prompts), len(picked), padding=True)) | media

    def _decode(self, sequences: torch.Tensor) -> list[str]:
        texts = self.processor.tokenizer.batch_decode(sequences, skip_special_tokens=True)
        return [text.strip() for text in texts]


def _parts(items: Sequence) -> Iterator[list]:
    for start in range(0, len(items), _AT_ONCE):
        yield list(items[start : start + _AT_ONCE])
