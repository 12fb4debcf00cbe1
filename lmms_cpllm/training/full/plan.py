"""What a recipe needs before anything is rented: parameters, tokens, memory of each GPU, operations, time."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from lmms_cpllm.errors import ArgumentError
from lmms_cpllm.model import CPLLMConfig
from lmms_cpllm.sampling import ViewPlan
from lmms_cpllm.training.full.building import counts, empty_model, layers, plan_config, plan_views, prepare
from lmms_cpllm.training.full.recipe import SHARDINGS, Recipe, Scores, Stage, Synthetic
from lmms_cpllm.training.full.simulation import Cost, Shapes, simulate

# The synthetic source shows two videos in so many of its samples; conversations are counted as of one video.
_SYNTHETIC_PAIRS = 0.6
# Share of the text of a batch's samples at whose places logits are needed.
_ANSWERS = 0.5


@dataclass(frozen=True)
class Setup:
    """On what a recipe is to run."""

    gpus: int = 1
    sharding: str = "none"
    """One of `SHARDINGS`."""
    memory_gb: float = 80.0
    """Of one GPU, in 1e9 bytes."""
    tflops: float = 200.0
    """What one GPU does in practice, in 1e12 operations a second; about half of what its maker says for bfloat16."""
    device: str = "GPU"
    """What it is called."""

    def __post_init__(self) -> None:
        if self.sharding not in SHARDINGS:
            raise ArgumentError(f"sharding: expected one of {', '.join(SHARDINGS)}, found {self.sharding!r}")
        for name in ("gpus", "memory_gb", "tflops"):
            if getattr(self, name) <= 0:
                raise ArgumentError(f"{name}: expected more than 0, found {getattr(self, name)}")


@dataclass(frozen=True)
class StagePlan:
    """What a stage costs."""

    name: str
    learning: int
    """Parameters that learn, adapters among them."""
    weights_gb: float
    """On one GPU, in 1e9 bytes, as all of these."""
    optimizer_gb: float
    working_gb: float
    """Gradients and activations at the worst moment, gathered weights among them."""
    step_flops: float
    """Of one step on one GPU."""
    hours: float

    @property
    def memory_gb(self) -> float:
        return self.weights_gb + self.optimizer_gb + self.working_gb


@dataclass(frozen=True)
class Plan:
    """What a recipe costs."""

    parameters: dict[str, int]
    """Of each part."""
    tokens: dict[str, int]
    """Of a sample with one video: context, pixel, text."""
    stages: tuple[StagePlan, ...]
    setup: Setup


def make_plan(recipe: Recipe, setup: Setup) -> Plan:
    """The plan of all stages, the optional ones too. Nothing is downloaded, and no weight is made."""
    config = plan_config(recipe.model)
    empty = empty_model(config)
    views = plan_views(recipe.model, empty)
    return Plan(
        counts(empty),
        tokens_of(config, views) | {"text": recipe.text_tokens},
        tuple(_plan_stage(recipe, stage, config, views, setup) for stage in recipe.stages),
        setup,
    )


def tokens_of(config: CPLLMConfig, views: ViewPlan) -> dict[str, int]:
    """Tokens of one video in the decoder."""
    return {
        "context": views.context_frames * config.context_grid**2,
        "pixel": views.pixel_moments * views.pixel_crops * config.pixel_grid**2,
    }


def _plan_stage(recipe: Recipe, stage: Stage, config: CPLLMConfig, views: ViewPlan, setup: Setup) -> StagePlan:
    media = sum(tokens_of(config, views).values())
    share = pair_share(stage)
    answers = max(1, round(_ANSWERS * recipe.text_tokens))
    one = Shapes(stage.batch, stage.batch, media + recipe.text_tokens, answers)
    two = replace(one, videos=2 * stage.batch, length=2 * media + recipe.text_tokens)
    costs = [simulate(config, views, stage, recipe.precision, shapes) for shapes in ([one, two] if share else [one])]
    with torch.device("meta"):
        model = prepare(empty_model(config), stage, recipe.precision)
    units = [_bytes(layer) for layer in layers(model.model.language_model)]
    memory = memory_of(costs[-1], max(units, default=0), _bytes(model) - sum(units), setup)
    flops = (costs[0].flops * (1 - share) + costs[-1].flops * share) * stage.accumulate
    learned = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    hours = flops * stage.steps / (setup.tflops * 1e12) / 3600
    return StagePlan(stage.name, learned, *(part / 1e9 for part in memory), step_flops=flops, hours=hours)


def pair_share(stage: Stage) -> float:
    """Share of a stage's samples that show two videos."""
    shares = {Scores: lambda source: source.pairs, Synthetic: lambda source: _SYNTHETIC_PAIRS}
    weights = sum(source.weight for source in stage.data)
    return sum(source.weight * shares.get(type(source), lambda _: 0.0)(source) for source in stage.data) / weights


def memory_of(cost: Cost, unit: int, rest: int, setup: Setup) -> tuple[float, float, float]:
    """Bytes on one GPU: weights, optimizer, and what works.

    Args:
        cost: of a batch.
        unit: bytes of the largest layer of the decoder.
        rest: bytes of all other weights, which stay gathered through a step.
        setup: GPUs and sharding.
    """
    moments = 2 * cost.learning
    if setup.sharding == "none" or setup.gpus == 1:
        return cost.weights, moments, max(cost.peak, cost.learning)
    gathered = rest + 2 * unit if setup.sharding == "fsdp" else cost.weights
    working = cost.learning / setup.gpus + cost.activations + gathered
    return cost.weights / setup.gpus, moments / setup.gpus, working


def _bytes(module: torch.nn.Module) -> int:
    return sum(parameter.numel() * parameter.element_size() for parameter in module.parameters())


def plan_lines(plan: Plan) -> list[str]:
    """The plan for people."""
    setup = plan.setup
    lines = [f"{'part':<16}{'parameters':>16}"]
    lines += [
        f"{name:<16}{count:>16,}" for name, count in (*plan.parameters.items(), ("all", sum(plan.parameters.values())))
    ]
    lines += [
        "",
        "tokens of a sample with one video: " + ", ".join(f"{count} {name}" for name, count in plan.tokens.items()),
    ]
    lines += [
        "",
        f"{setup.gpus} {setup.device}{'s' if setup.gpus > 1 else ''}, sharding {setup.sharding}; GB (1e9 bytes) of one "
        f"{setup.device}, beside some that {'its driver' if setup.device == 'GPU' else 'the process'} takes",
        f"{'stage':<14}{'learning':>16}{'weights':>9}{'optimizer':>11}{'working':>9}{'all':>8}{'TFLOP/step':>12}{'hours':>8}",
    ]
    for stage in plan.stages:
        fits = "" if stage.memory_gb <= setup.memory_gb else f"  more than {setup.memory_gb:g} GB"
        lines.append(
            f"{stage.name:<14}{stage.learning:>16,}{stage.weights_gb:>9.1f}{stage.optimizer_gb:>11.1f}"
            f"{stage.working_gb:>9.1f}{stage.memory_gb:>8.1f}{stage.step_flops / 1e12:>12.3g}{stage.hours:>8.1f}{fits}"
        )
    lines.append(
        f"hours at {setup.tflops:g} TFLOP/s in practice on each {setup.device}, without decoding and validation"
    )
    return lines
