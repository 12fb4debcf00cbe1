"""The training loop: one stage of a recipe, on accelerate, resumable at every epoch, best epoch of the validation kept.

A stage is the same whether the towers are frozen (cached features) or trained (live ones): draw a batch, take its features,
add the losses up, step. What the stages of `cpllm-tiny` are is in `training.recipe`.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from accelerate import Accelerator
from safetensors.torch import load_file, save_file
from tqdm import tqdm

from lmms_cpllm.errors import DataError
from lmms_cpllm.metrics.correlation import srcc
from lmms_cpllm.model import CPLLMForConditionalGeneration
from lmms_cpllm.model.modeling_cpllm import expected_quality
from lmms_cpllm.training.batches import SOURCES, Batches, Mix
from lmms_cpllm.training.corpus import write_json
from lmms_cpllm.training.labelling import Example
from lmms_cpllm.training.losses import answer_logits, are_answered, kind_head, project, step_losses
from lmms_cpllm.training.precision import has_fast_bfloat16, quick_attention
from lmms_cpllm.training.texts import Texts, collate

logger = logging.getLogger(__name__)
_EXAMINED_AT_ONCE = 64


class FeatureSource(Protocol):
    """Where a step's features come from: `CachedFeatures` or `LiveFeatures`."""

    def begin(self, epoch: int) -> None: ...

    def take(self, videos: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]: ...

    def push_back(self) -> None: ...


@dataclass(frozen=True)
class Stage:
    """Settings of one stage, saved beside the weights."""

    name: str
    epochs: int
    mix: Mix = field(default_factory=Mix)
    steps: int = 0
    """Of an epoch; 0 for as many as show about all examples once."""
    learning_rate: float = 1e-3
    """Of projectors and decoder."""
    tower_rate: float = 0.0
    """Of the pixel tower; 0 while it is frozen."""
    weight_decay: float = 0.3
    warmup: float = 0.05
    """Share of the steps in which the rates rise."""
    feature_noise: float = 0.5
    """In standard deviations of each feature."""
    mixup: float = 0.0
    """Of `losses.mixed`; 0 for none."""
    silence: float = 0.3
    """Chance that one of the two views of a video is silent."""
    weights: dict[str, float] = field(
        default_factory=lambda: {"rating": 1.0, "ranking": 1.0, "language": 0.5, "choice": 0.5, "kinds": 2.0}
    )
    average: float = 0.998
    """Decay of the running mean of the weights, which is what is validated and kept; single steps are noisy."""
    patience: int = 1000
    """Epochs without a better validation after which the stage ends."""
    half_precision: bool = True
    """bfloat16 products where the processor has them; weights and losses stay float32."""
    validated: int = 0
    """At most so many examples of each source in the validation of an epoch, the same in all; 0 for all."""
    seed: int = 0


def run_stage(
    model: CPLLMForConditionalGeneration,
    texts: Texts,
    examples: Sequence[Example],
    features: FeatureSource,
    validation: FeatureSource,
    stage: Stage,
    folder: Path,
) -> dict:
    """Trains in place and leaves the weights of the epoch with the best mean of the validation (`validate`) in the model;
    those of the last epoch where no source has three examples to validate.

    Args:
        model: its parameters that require a gradient are trained.
        texts: makes the turns.
        examples: all of them.
        features: of the training split.
        validation: of the validation split, by the same numbers; for towers that are being trained another source.
        stage: the settings.
        folder: state and log; a stage that was cut off goes on after its last whole epoch.

    Returns:
        The record: settings, examples, losses and validation of every epoch, the kept epoch.

    Raises:
        DataError: the folder holds a stage with other settings or examples, or one that began with other weights.
    """
    accelerator = Accelerator()
    half_precision = stage.half_precision and has_fast_bfloat16(accelerator.device.type)
    folder.mkdir(parents=True, exist_ok=True)
    counts, corpus = count_examples(examples), digest_examples(examples)
    _claim(folder, {"stage": asdict(stage), "corpus": corpus, "began_with": _digest(model)})
    batches = Batches(examples, texts, stage.mix, stage.seed, stage.steps)
    kinds = kind_head(model, stage.seed)
    trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
    trained |= {f"kinds.{name}": p for name, p in kinds.named_parameters()}
    optimizer = torch.optim.AdamW(_groups(trained, stage), weight_decay=stage.weight_decay)
    total = batches.steps * stage.epochs
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step, total, stage.warmup))
    average = Average(trained, stage.average)
    state = _State(folder, trained, average, optimizer, schedule)
    history = state.restore()
    parameters = list(trained.values())
    with (
        quick_attention(accelerator.device.type, half_precision),
        tqdm(total=total, initial=len(history) * batches.steps, desc=stage.name, unit="step") as bar,
    ):
        for epoch in range(len(history), stage.epochs):
            if _is_over(history, stage.patience):
                break
            # Every epoch draws from its own seed, so that a resumed run is the straight one.
            torch.manual_seed(stage.seed * 1000 + epoch)
            features.begin(epoch)
            sums: dict[str, float] = {}
            model.train()
            _keep_statistics(model)
            for batch in batches.epoch(epoch):
                context, pixel = features.take(batch.videos)
                with torch.autocast(accelerator.device.type, torch.bfloat16, enabled=half_precision):
                    projected = project(model, context, pixel, stage.feature_noise, stage.silence)
                    losses = step_losses(model, batch, *projected, kinds, stage.mixup)
                accelerator.backward(sum(stage.weights[name] * loss for name, loss in losses.items()))
                features.push_back()
                accelerator.clip_grad_norm_(parameters, 1.0)
                optimizer.step()
                average.update()
                schedule.step()
                optimizer.zero_grad()
                for name, loss in losses.items():
                    sums[name] = sums.get(name, 0.0) + float(loss.detach())
                bar.update()
            model.eval()
            with average.in_place():
                validated = validate(model, texts, validation, examples, stage.validated)
            history.append({"losses": {k: v / batches.steps for k, v in sums.items()}, **validated})
            bar.set_postfix({name: f"{value:.3f}" for name, value in validated["validation"].items()})
            logger.info("%s epoch %d: %s", stage.name, epoch + 1, json.dumps(history[-1]))
            state.save(history, is_best=_best(history) == len(history) - 1)
    state.load_best()
    best = _best(history)
    return {
        "stage": asdict(stage),
        "examples": counts,
        "corpus": corpus,
        "bfloat16": half_precision,
        "epoch": best + 1,
        "validation": history[best]["validation"],
        "questions": history[best]["questions"],
        "history": history,
    }


def count_examples(examples: Sequence[Example]) -> dict[str, int]:
    """Examples by source and side of the split."""
    counts: dict[str, int] = {}
    for example in examples:
        key = f"{example.source} {example.split}"
        counts[key] = counts.get(key, 0) + 1
    return counts


def digest_examples(examples: Sequence[Example]) -> str:
    """16 digits that change with what is learned from and validated on, its labels and its sides of the split."""
    taken = (e for e in examples if e.split != "test")
    lines = (f"{e.path.parent.name}/{e.path.name} {e.split} {e.quality:.4f} {e.sd:.4f}" for e in taken)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def _claim(folder: Path, settings: dict) -> None:
    """Notes down what is trained in a folder: another stage must not go on with its weights."""
    path = folder / "settings.json"
    held = json.loads(path.read_text()) if path.is_file() else {}
    other = [name for name, value in held.items() if settings.get(name) != value]
    if other:
        raise DataError(
            f"{folder}: holds a stage with another {', another '.join(other)} (see its settings.json); take another work "
            "folder, or delete this one to train anew"
        )
    write_json(path, settings)


def _digest(model: CPLLMForConditionalGeneration) -> str:
    """16 digits that change with any weight."""
    digest = hashlib.sha256()
    for value in model.state_dict().values():
        digest.update(value.contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def examine(
    model: CPLLMForConditionalGeneration, texts: Texts, features: FeatureSource, examples: Sequence[Example], indices
) -> tuple[np.ndarray, np.ndarray]:
    """Quality `(len(indices),)` of examples with the prompt for ratings, and whether a question about each, always the
    same one, is answered word for word, bool."""
    pad, ids = texts.processor.tokenizer.pad_token_id, list(model.config.rating_token_ids)
    quality, right = [np.zeros(0)], [np.zeros(0, bool)]
    for start in range(0, len(indices), _EXAMINED_AT_ONCE):
        part = list(indices[start : start + _EXAMINED_AT_ONCE])
        ratings = collate([texts.rate(examples[i].facts) for i in part], pad)
        questions = collate([texts.ask(examples[i].asked, np.random.default_rng(i)) for i in part], pad)
        with torch.inference_mode():
            views = project(model, *features.take(part), 0.0, 0.0)
            logits, _ = answer_logits(model, ratings, *views)
            quality.append(expected_quality(logits[:, ids].softmax(-1)).numpy())
            right.append(are_answered(model, questions, *views).numpy())
    return np.concatenate(quality), np.concatenate(right)


def validate(
    model: CPLLMForConditionalGeneration,
    texts: Texts,
    features: FeatureSource,
    examples: Sequence[Example],
    most: int = 0,
) -> dict:
    """`validation`, the SRCC of the validation examples of each source that has three or more, by the code that the tasks
    use, and `questions`, the share of the questions about them that are answered right, None where there are none.

    `most` draws so many of a source, always the same; 0 takes all.
    """
    scores, answered = {}, []
    for source in SOURCES:
        indices = [i for i, e in enumerate(examples) if e.split == "validation" and e.source == source]
        if most:
            # Drawn and not every n-th: the clips of a scene stand in the same order everywhere.
            indices = sorted(np.random.default_rng(0).permutation(indices)[:most].tolist())
        if len(indices) >= 3:
            quality, right = examine(model, texts, features, examples, indices)
            scores[source] = srcc(quality.tolist(), [examples[i].quality for i in indices])
            answered.append(right)
    return {"validation": scores, "questions": float(np.concatenate(answered).mean()) if answered else None}


class Average:
    """Running mean of weights (Polyak averaging); young means follow faster, so that the first steps are forgotten."""

    def __init__(self, trained: dict[str, torch.nn.Parameter], decay: float) -> None:
        self.trained, self.decay, self.steps = trained, decay, 0
        self.mean = {name: p.detach().clone() for name, p in trained.items()}

    @torch.no_grad()
    def update(self) -> None:
        """Takes the weights after a step in."""
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        torch._foreach_lerp_(list(self.mean.values()), [p.detach() for p in self.trained.values()], 1 - decay)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """The model with the mean for weights."""
        current = {name: p.detach().clone() for name, p in self.trained.items()}
        _assign(self.trained, self.mean)
        try:
            yield
        finally:
            _assign(self.trained, current)


class _State:
    """What a stage needs to go on: weights, their mean, optimiser and history after the last epoch, and the best mean."""

    def __init__(
        self, folder: Path, trained: dict[str, torch.nn.Parameter], average: Average, optimizer, schedule
    ) -> None:
        self.folder, self.trained, self.average = folder, trained, average
        self.optimizer, self.schedule = optimizer, schedule

    def save(self, history: list[dict], is_best: bool) -> None:
        weights = {name: p.detach() for name, p in self.trained.items()}
        if is_best:
            _write(self.average.mean, self.folder / "best.safetensors")
        moments = {f"average.{name}": value for name, value in self.average.mean.items()}
        for number, state in self.optimizer.state_dict()["state"].items():
            moments |= {f"optimizer.{number}.{key}": value for key, value in state.items()}
        number = len(history)
        _write(weights | moments, self.folder / f"epoch-{number:03d}.safetensors")
        # Written last: the epoch counts once its history is there.
        write_json(self.folder / "history.json", history)
        (self.folder / f"epoch-{number - 1:03d}.safetensors").unlink(missing_ok=True)

    def restore(self) -> list[dict]:
        path = self.folder / "history.json"
        if not path.is_file():
            return []
        history = json.loads(path.read_text())
        saved = load_file(self.folder / f"epoch-{len(history):03d}.safetensors")
        _assign(self.trained, saved)
        state = self.optimizer.state_dict()
        for name, value in saved.items():
            if name.startswith("optimizer."):
                _, number, key = name.split(".")
                state["state"].setdefault(int(number), {})[key] = value
        self.optimizer.load_state_dict(state)
        steps = int(max((s["step"] for s in state["state"].values()), default=0))
        self.average.steps = steps
        for name, mean in self.average.mean.items():
            mean.copy_(saved[f"average.{name}"])
        self.schedule.last_epoch = steps
        for group, base, rate in zip(
            self.optimizer.param_groups, self.schedule.base_lrs, self.schedule.lr_lambdas, strict=True
        ):
            group["lr"] = base * rate(steps)
        return history

    def load_best(self) -> None:
        _assign(self.trained, load_file(self.folder / "best.safetensors"))


@torch.no_grad()
def _assign(trained: dict[str, torch.nn.Parameter], saved: dict[str, torch.Tensor]) -> None:
    for name, parameter in trained.items():
        parameter.copy_(saved[name])


def _write(tensors: dict[str, torch.Tensor], path: Path) -> None:
    part = path.with_suffix(".part")
    save_file({name: value.contiguous() for name, value in tensors.items()}, part)
    part.replace(path)


def _groups(trained: dict[str, torch.nn.Parameter], stage: Stage) -> list[dict]:
    """Parameters by their rate: those of the towers learn slower."""
    towers = [p for name, p in trained.items() if "_tower." in name]
    others = [p for name, p in trained.items() if "_tower." not in name]
    groups = [{"params": others, "lr": stage.learning_rate}]
    return [*groups, {"params": towers, "lr": stage.tower_rate}] if towers else groups


def _keep_statistics(model: CPLLMForConditionalGeneration) -> None:
    """Batch norms of the towers use what ImageNet taught them: batches here are too small and too mixed."""
    model.model.context_tower.eval()
    model.model.pixel_tower.eval()


def _mean(entry: dict) -> float:
    """Mean over the sources and the questions: ratings are learned first and language last, and what is kept is to have
    both. What has no correlation, as constant predictions have none, counts as 0."""
    scores = [score if math.isfinite(score) else 0.0 for score in entry["validation"].values()]
    return sum(scores, entry["questions"]) / (len(scores) + 1)


def _best(history: Sequence[dict]) -> int:
    """The first of the best epochs; the last epoch where no source has enough examples to validate."""
    if not history[-1]["validation"]:
        return len(history) - 1
    return max(range(len(history)), key=lambda i: _mean(history[i]))


def _is_over(history: Sequence[dict], patience: int) -> bool:
    return bool(history) and len(history) - 1 - _best(history) >= patience


def _rate(step: int, total: int, warmup: float) -> float:
    """Linear rise, then a half cosine down to nothing."""
    rise = max(1, round(total * warmup))
    if step < rise:
        return (step + 1) / rise
    return 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, total - rise)))
