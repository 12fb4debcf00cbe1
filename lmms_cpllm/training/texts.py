"""Prompts and answers as token ids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from lmms_cpllm.model import CPLLMProcessor
from lmms_cpllm.model.modeling_cpllm import IGNORED_LABEL
from lmms_cpllm.model.processing_cpllm import VIDEO_TOKEN
from lmms_cpllm.ratings import level_of
from lmms_cpllm.synthesis.facts import Facts
from lmms_cpllm.synthesis.language import PROMPTS, ask, compare, describe
from lmms_cpllm.training.tiny import END

# How often the first wording of a prompt is taken, the one that the tasks use.
_CANONICAL = 0.7
# Questions about distortions, which need both the words and the picture, are learned last; those about the scene, of which
# every clip has many, are learned early.
_KIND_WEIGHTS = {"fault": 6.0, "clean": 4.0, "choice": 4.0, "strength": 4.0, "worst": 2.0, "level": 2.0}


@dataclass(frozen=True)
class Turn:
    """One prompt and its answer."""

    prompt: tuple[int, ...]
    """Up to where the answer, or behind its prefix the rating or choice, follows."""
    answer: tuple[int, ...]
    soft: bool
    """Whether the first token of the answer is a rating or choice, which has a soft target of its own."""


class Texts:
    """Makes turns; what was encoded once is kept."""

    def __init__(self, processor: CPLLMProcessor) -> None:
        self.processor = processor
        self._prompts: dict[tuple[str, str, int], tuple[int, ...]] = {}
        self._answers: dict[str, tuple[int, ...]] = {}

    def rate(self, facts: Facts, rng: np.random.Generator | None = None) -> Turn:
        """The rating alone; without `rng` with the canonical prompt."""
        answer = f" {level_of(facts.quality)}."
        return Turn(self._prompt(_wording("rate", rng), self.processor.answer_prefix), self._answer(answer), True)

    def describe(self, facts: Facts, rng: np.random.Generator) -> Turn:
        """The rating and the description; where the faults are not known only the rating, and no end."""
        found = describe(facts, rng, self.processor.answer_prefix)
        text = found.text.removeprefix(self.processor.answer_prefix)
        answer = self._answer(text, end=found.complete)
        return Turn(self._prompt(_wording("describe", rng), self.processor.answer_prefix), answer, True)

    def ask(self, facts: Facts, rng: np.random.Generator) -> Turn:
        """One question about the facts: a kind of question by its weight, then one of that kind."""
        questions = ask(facts, rng)
        kinds = list(dict.fromkeys(question.kind for question in questions))
        weights = np.array([_KIND_WEIGHTS.get(kind, 1.0) for kind in kinds])
        kind = kinds[rng.choice(len(kinds), p=weights / weights.sum())]
        of_kind = [question for question in questions if question.kind == kind]
        question = of_kind[rng.integers(len(of_kind))]
        return self.question(question.prompt, question.answer)

    def question(self, prompt: str, answer: str) -> Turn:
        return Turn(self._prompt(prompt, ""), self._answer(answer), False)

    def compare(self, first: Facts, second: Facts, rng: np.random.Generator) -> Turn:
        """Which of two is better, and why; where the faults of one are not known there is no reason, and no end."""
        prefix = self.processor.compare_prefix
        known = first.impairments is not None and second.impairments is not None
        text = compare(first, second, rng, prefix).removeprefix(prefix)
        return Turn(self._prompt(_wording("compare", rng), prefix, videos=2), self._answer(text, end=known), True)

    def _prompt(self, text: str, prefix: str, videos: int = 1) -> tuple[int, ...]:
        key = (text, prefix, videos)
        if key not in self._prompts:
            parts = [{"type": "video"}] * videos + [{"type": "text", "text": text}]
            whole = self.processor.render([{"role": "user", "content": parts}], prefix)
            self._prompts[key] = self._encode(whole.replace(VIDEO_TOKEN, self.processor.media_tokens()))
        return self._prompts[key]

    def _answer(self, text: str, end: bool = True) -> tuple[int, ...]:
        text = text + END if end else text
        if text not in self._answers:
            self._answers[text] = self._encode(text)
        return self._answers[text]

    def _encode(self, text: str) -> tuple[int, ...]:
        return tuple(self.processor.tokenizer.encode(text, add_special_tokens=False))


def _wording(task: str, rng: np.random.Generator | None) -> str:
    wordings = PROMPTS[task]
    if rng is None or rng.random() < _CANONICAL:
        return wordings[0]
    return str(rng.choice(wordings))


def collate(turns: Sequence[Turn], pad: int) -> dict[str, torch.Tensor]:
    """Right-padded `input_ids`, `attention_mask`, `labels` `(B, L)`; `answer_at` `(B,)`, where the answer is predicted."""
    length = max(len(turn.prompt) + len(turn.answer) for turn in turns)
    ids = torch.full((len(turns), length), pad)
    mask = torch.zeros(len(turns), length, dtype=torch.long)
    labels = torch.full((len(turns), length), IGNORED_LABEL)
    for row, turn in enumerate(turns):
        start, end = len(turn.prompt), len(turn.prompt) + len(turn.answer)
        ids[row, :end] = torch.tensor(turn.prompt + turn.answer)
        mask[row, :end] = 1
        labels[row, start + turn.soft : end] = torch.tensor(turn.answer[turn.soft :], dtype=torch.long)
    return {
        "input_ids": ids,
        "attention_mask": mask,
        "labels": labels,
        "answer_at": torch.tensor([len(turn.prompt) - 1 for turn in turns]),
    }
