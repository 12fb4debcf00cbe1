"""Multi-task training of projectors and decoder on cached features, on accelerate.

Every batch holds rated videos, each asked for its rating or its description, and pairs to compare. Losses: cross entropy
with the soft rating distribution, fidelity of the ranking inside the batch (FRank, Tsai et al. 2007), next-token cross
entropy of the descriptions and cross entropy of the choice in pairs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import torch
import torch.nn.functional as F
from accelerate import Accelerator
from tqdm import tqdm

from lmms_cpllm.metrics.correlation import srcc
from lmms_cpllm.model import CPLLMForConditionalGeneration, CPLLMProcessor
from lmms_cpllm.model.modeling_cpllm import IGNORED_LABEL, expected_quality
from lmms_cpllm.model.processing_cpllm import VIDEO_TOKEN
from lmms_cpllm.ratings import WEIGHTS
from lmms_cpllm.synthesis.language import description
from lmms_cpllm.training.examples import Example
from lmms_cpllm.training.tiny import END, PROMPTS

# Quality points within which two labels are called equal in a ranking.
_TIE = 3.0


@dataclass(frozen=True)
class TrainingConfig:
    """Settings of one run, saved beside the weights."""

    epochs: int = 20
    batch_size: int = 32
    """Rated videos per step."""
    pairs: int = 8
    """Compared pairs per step."""
    learning_rate: float = 1e-3
    weight_decay: float = 0.2
    warmup: float = 0.05
    """Share of the steps in which the learning rate rises."""
    description_share: float = 0.5
    """Share of the rated clips of known distortion that are asked for a description."""
    feature_noise: float = 0.3
    """Standard deviation of the noise on features, in standard deviations of each feature."""
    tower_dropout: float = 0.3
    """Chance that one of the two views of a video is silent."""
    ranking_weight: float = 1.0
    description_weight: float = 0.3
    choice_weight: float = 0.5
    label_spread: float = 0.35
    """Standard deviation of a label, in ACR categories: how soft the target distribution is."""
    half_precision: bool = True
    """bfloat16 products in training; twice as fast on a CPU that has them, weights and losses stay float32."""
    seed: int = 0


@dataclass(frozen=True)
class Features:
    """Cached features of all examples, standardised."""

    context: torch.Tensor
    """(N, tokens, features) float32"""
    pixel: torch.Tensor
    """(N, tokens, features) float32"""


def standardise(features: dict[str, torch.Tensor], train: Sequence[int]) -> tuple[Features, dict]:
    """Zero mean and unit variance of every feature over the training examples; also gives the moments, for `fold`."""
    moments, result = {}, {}
    for name, values in features.items():
        values = values.float()
        picked = values[list(train)].flatten(0, 1)
        mean, deviation = picked.mean(0), picked.std(0).clamp_min(1e-4)
        moments[name] = (mean, deviation)
        result[name] = (values - mean) / deviation
    return Features(**result), moments


@torch.no_grad()
def fold(model: CPLLMForConditionalGeneration, moments: dict) -> None:
    """Puts the standardisation into the first layer of each projector: the exported model takes raw features."""
    for name, projector in (("context", model.model.context_projector), ("pixel", model.model.pixel_projector)):
        mean, deviation = moments[name]
        layer = projector.linear_1
        layer.weight.div_(deviation)
        layer.bias.sub_(layer.weight @ mean)


def target_distribution(quality: torch.Tensor, spread: float) -> torch.Tensor:
    """Quality `(B,)` to the soft rating distribution `(B, 5)`, best first: a normal law over the five categories."""
    acr = 1 + quality / 25
    levels = torch.tensor(WEIGHTS, dtype=quality.dtype)
    return (-0.5 * ((levels - acr.unsqueeze(1)) / spread).square()).softmax(-1)


def ranking_loss(predicted: torch.Tensor, quality: torch.Tensor, source: torch.Tensor) -> torch.Tensor:
    """Fidelity loss over all pairs of one source whose labels differ: `(B,)` qualities, `(B,)` labels, `(B,)` sources."""
    difference = quality.unsqueeze(0) - quality.unsqueeze(1)
    mask = (difference > _TIE) & (source.unsqueeze(0) == source.unsqueeze(1))
    if not mask.any():
        return predicted.sum() * 0
    # Thurstone: the chance that one is rated above the other, with a deviation of ten points each.
    chance = torch.special.ndtr((predicted.unsqueeze(0) - predicted.unsqueeze(1))[mask] / 14.1)
    return (1 - chance.clamp_min(1e-6).sqrt()).mean()


class Prompts:
    """Token ids of the prompts and answers, made once."""

    def __init__(self, processor: CPLLMProcessor) -> None:
        self.processor = processor
        self._known: dict[tuple[str, str], list[int]] = {}

    def ids(self, task: str, answer: str, videos: int = 1) -> tuple[list[int], list[int]]:
        """Prompt ids up to where the rating or choice follows, and the ids of the answer from there on."""
        prefix = self.processor.compare_prefix if task == "compare" else self.processor.answer_prefix
        if (task, "") not in self._known:
            parts = [{"type": "video"}] * videos + [{"type": "text", "text": PROMPTS[task]}]
            prompt = self.processor.render([{"role": "user", "content": parts}], prefix)
            self._known[task, ""] = self._encode(prompt.replace(VIDEO_TOKEN, self.processor.media_tokens()))
        if (task, answer) not in self._known:
            self._known[task, answer] = self._encode(answer.removeprefix(prefix) + END)
        return self._known[task, ""], self._known[task, answer]

    def _encode(self, text: str) -> list[int]:
        return self.processor.tokenizer.encode(text, add_special_tokens=False)


def make_batch(sequences: Sequence[tuple[list[int], list[int]]], pad: int) -> dict[str, torch.Tensor]:
    """Right-padded `input_ids`, `attention_mask`, `labels` of the answers behind their first token, and `answer_at`."""
    length = max(len(p) + len(a) for p, a in sequences)
    ids = torch.full((len(sequences), length), pad)
    mask = torch.zeros(len(sequences), length, dtype=torch.long)
    labels = torch.full((len(sequences), length), IGNORED_LABEL)
    for row, (prompt, answer) in enumerate(sequences):
        end = len(prompt) + len(answer)
        ids[row, :end] = torch.tensor(prompt + answer)
        mask[row, :end] = 1
        # The first token of the answer has a soft target of its own.
        labels[row, len(prompt) + 1 : end] = torch.tensor(answer[1:])
    return {
        "input_ids": ids,
        "attention_mask": mask,
        "labels": labels,
        "answer_at": torch.tensor([len(p) - 1 for p, _ in sequences]),
    }


class Batches:
    """Draws batches: rated videos without repetition within an epoch, and random pairs."""

    def __init__(self, examples: Sequence[Example], prompts: Prompts, config: TrainingConfig) -> None:
        self.examples, self.prompts, self.config = examples, prompts, config
        self.train = [i for i, e in enumerate(examples) if e.split == "train"]
        self.by_content: dict[str, list[int]] = {}
        for index in self.train:
            self.by_content.setdefault(examples[index].content, []).append(index)

    def steps_per_epoch(self) -> int:
        return len(self.train) // self.config.batch_size

    def epoch(self, number: int) -> Iterator[dict]:
        rng = np.random.default_rng([self.config.seed, number])
        order = rng.permutation(self.train)
        for step in range(self.steps_per_epoch()):
            rated = order[step * self.config.batch_size : (step + 1) * self.config.batch_size]
            yield {"rated": self._rated(rated, rng), "pairs": self._pairs(rng)}

    def _rated(self, indices: np.ndarray, rng: np.random.Generator) -> dict:
        sequences = []
        for index in indices:
            example = self.examples[index]
            if example.families is not None and rng.random() < self.config.description_share:
                answer = description(example.families, example.quality, int(rng.integers(4)))
                sequences.append(self.prompts.ids("describe", answer))
            else:
                sentence = description((), example.quality).split(".")[0] + "."
                sequences.append(self.prompts.ids("rate", sentence))
        return {
            **make_batch(sequences, self.prompts.processor.tokenizer.pad_token_id),
            "videos": torch.tensor(indices),
            "quality": torch.tensor([self.examples[i].quality for i in indices]),
            "source": torch.tensor([hash_source(self.examples[i].source) for i in indices]),
        }

    def _pairs(self, rng: np.random.Generator) -> dict:
        pairs: list[tuple[int, int]] = []
        while len(pairs) < self.config.pairs:
            first = int(rng.choice(self.train))
            same = self.by_content[self.examples[first].content]
            second = int(rng.choice(same if rng.random() < 0.5 else self.train))
            known = self.examples[first], self.examples[second]
            if known[0].source == known[1].source and abs(known[0].quality - known[1].quality) > _TIE:
                pairs.append((first, second))
        words = ["first" if self.examples[a].quality > self.examples[b].quality else "second" for a, b in pairs]
        prefix = self.prompts.processor.compare_prefix
        sequences = [self.prompts.ids("compare", f"{prefix} {word}.", videos=2) for word in words]
        return {
            **make_batch(sequences, self.prompts.processor.tokenizer.pad_token_id),
            "videos": torch.tensor(pairs).flatten(),
            "choice": torch.tensor([0 if word == "first" else 1 for word in words]),
        }


def hash_source(source: str) -> int:
    return ("clips", "photographs").index(source)


def _run(
    model, batch: dict, features: Features, config: TrainingConfig, training: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits at the answer `(B, vocabulary)` and the loss of the answer's further tokens."""
    context, pixel = features.context[batch["videos"]], features.pixel[batch["videos"]]
    if training:
        context = context + config.feature_noise * torch.randn_like(context)
        pixel = pixel + config.feature_noise * torch.randn_like(pixel)
    context = model.model.context_projector(context)
    pixel = model.model.pixel_projector(pixel)
    if training:
        silent = torch.rand(len(context), 1, 1)
        context = context * (silent >= config.tower_dropout / 2)
        pixel = pixel * (silent <= 1 - config.tower_dropout / 2)
    embeds = model.get_input_embeddings()(batch["input_ids"])
    embeds = model.model.merge(batch["input_ids"], embeds, context, "context")
    embeds = model.model.merge(batch["input_ids"], embeds, pixel, "pixel")
    logits = model(inputs_embeds=embeds, attention_mask=batch["attention_mask"], use_cache=False).logits.float()
    labels = batch["labels"][:, 1:]
    language = F.cross_entropy(logits[:, :-1].flatten(0, 1), labels.flatten(), ignore_index=IGNORED_LABEL)
    return logits[torch.arange(len(logits)), batch["answer_at"]], language


def step_losses(model, batch: dict, features: Features, config: TrainingConfig) -> dict[str, torch.Tensor]:
    """The separate losses of one batch."""
    rated, pairs = batch["rated"], batch["pairs"]
    logits, language = _run(model, rated, features, config, training=True)
    ratings = logits[:, list(model.config.rating_token_ids)].log_softmax(-1)
    target = target_distribution(rated["quality"], config.label_spread).to(ratings.dtype)
    quality = expected_quality(ratings.exp())
    choice_logits, _ = _run(model, pairs, features, config, training=True)
    choices = choice_logits[:, list(model.config.choice_token_ids)]
    return {
        # The rating words must also win against the rest of the vocabulary: they are what is written.
        "rating": -(target * ratings).sum(-1).mean()
        - (logits.log_softmax(-1)[:, list(model.config.rating_token_ids)].logsumexp(-1)).mean(),
        "ranking": ranking_loss(quality, rated["quality"].to(quality.dtype), rated["source"]),
        "description": language,
        "choice": F.cross_entropy(choices, pairs["choice"])
        - (choice_logits.log_softmax(-1)[:, list(model.config.choice_token_ids)].logsumexp(-1)).mean(),
    }


@torch.inference_mode()
def predict(model, prompts: Prompts, features: Features, indices: Sequence[int]) -> np.ndarray:
    """Quality `(len(indices),)` of examples, with the prompt for ratings."""
    result = []
    for start in range(0, len(indices), 64):
        part = torch.tensor(list(indices[start : start + 64]))
        sequences = [prompts.ids("rate", END)] * len(part)
        batch = make_batch(sequences, prompts.processor.tokenizer.pad_token_id) | {"videos": part}
        logits, _ = _run(model, batch, features, TrainingConfig(), training=False)
        result.append(expected_quality(logits[:, list(model.config.rating_token_ids)].softmax(-1)).numpy())
    return np.concatenate(result)


def validate(model, prompts: Prompts, features: Features, examples: Sequence[Example]) -> dict[str, float]:
    """SRCC of the validation examples of each source."""
    scores = {}
    for source in sorted({e.source for e in examples}):
        indices = [i for i, e in enumerate(examples) if e.split == "validation" and e.source == source]
        if len(indices) >= 3:
            predicted = predict(model, prompts, features, indices)
            scores[source] = srcc(predicted.tolist(), [examples[i].quality for i in indices])
    return scores


def train(
    model: CPLLMForConditionalGeneration,
    processor: CPLLMProcessor,
    examples: Sequence[Example],
    features: dict[str, torch.Tensor],
    config: TrainingConfig,
) -> dict:
    """Trains projectors and decoder in place, towers frozen, and keeps the epoch of the best mean validation SRCC.

    Returns:
        The record of the run: configuration, examples per source and split, scores of the kept epoch.
    """
    accelerator = Accelerator()
    torch.manual_seed(config.seed)
    train_indices = [i for i, e in enumerate(examples) if e.split == "train"]
    standard, moments = standardise(features, train_indices)
    for tower in (model.model.context_tower, model.model.pixel_tower):
        tower.requires_grad_(False)
    prompts = Prompts(processor)
    batches = Batches(examples, prompts, config)
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, config.learning_rate, weight_decay=config.weight_decay)
    total = batches.steps_per_epoch() * config.epochs
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step, total, config.warmup))
    model, optimizer, schedule = accelerator.prepare(model, optimizer, schedule)
    weights = {
        "rating": 1.0,
        "ranking": config.ranking_weight,
        "description": config.description_weight,
        "choice": config.choice_weight,
    }
    best: dict = {"mean": -math.inf}
    with tqdm(total=total, desc="training", unit="step") as bar:
        for epoch in range(config.epochs):
            for batch in batches.epoch(epoch):
                # Not accelerate's own: its precision belongs to the process and cannot be chosen again for a second run.
                with torch.autocast(accelerator.device.type, torch.bfloat16, enabled=config.half_precision):
                    losses = step_losses(model, batch, standard, config)
                accelerator.backward(sum(weights[name] * loss for name, loss in losses.items()))
                accelerator.clip_grad_norm_(trained, 1.0)
                optimizer.step()
                schedule.step()
                optimizer.zero_grad()
                bar.update()
            scores = validate(model, prompts, standard, examples)
            mean = sum(scores.values()) / len(scores)
            bar.set_postfix({name: f"{value:.3f}" for name, value in scores.items()})
            if mean > best["mean"]:
                weights_now = {n: p.detach().clone() for n, p in model.named_parameters() if p.requires_grad}
                best = {"mean": mean, "epoch": epoch + 1, "srcc": scores, "weights": weights_now}
    model.load_state_dict(best.pop("weights"), strict=False)
    fold(model, moments)
    counts: dict[str, int] = {}
    for example in examples:
        key = f"{example.source} {example.split}"
        counts[key] = counts.get(key, 0) + 1
    return {"config": asdict(config), "examples": counts, "validation": best}


def _rate(step: int, total: int, warmup: float) -> float:
    """Linear rise, then a half cosine down to nothing."""
    rise = max(1, round(total * warmup))
    if step < rise:
        return (step + 1) / rise
    return 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, total - rise)))
