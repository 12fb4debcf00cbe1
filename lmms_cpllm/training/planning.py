"""What the recipe of `cpllm-tiny` needs: parameters, tokens, memory and operations, by the means of `full.plan`."""

from __future__ import annotations

from dataclasses import replace

from lmms_cpllm.model import CPLLMConfig
from lmms_cpllm.sampling import ViewPlan
from lmms_cpllm.training.full import recipe as full
from lmms_cpllm.training.full.building import counts
from lmms_cpllm.training.full.plan import Plan, Setup, StagePlan, memory_of, tokens_of
from lmms_cpllm.training.full.simulation import Shapes, simulate
from lmms_cpllm.training.live import cut_size
from lmms_cpllm.training.loop import Stage
from lmms_cpllm.training.recipe import Recipe
from lmms_cpllm.training.tiny import build

EXAMPLES = 15_000
"""About as many as the contents and photographs of the embedded checkpoint give."""
_TEXT_TOKENS, _ANSWERS = 64, 40
# Of a view whose features are cached, or that is not encoded: too small to count.
_NO_VIEW = {"context_frames": 1, "context_size": (32, 32), "pixel_moments": 1, "pixel_crops": 1, "crop_size": 32}


def tiny_plan(recipe: Recipe, setup: Setup) -> Plan:
    """The plan: the tower's stage where there is one, the features of all examples, the tasks' stage."""
    model, processor = build(recipe.seed, pretrained=False, texts=recipe.texts)
    config, views = model.config, processor.video_processor.plan
    tokens = tokens_of(config, views)
    length = sum(tokens.values()) + _TEXT_TOKENS
    unseen = replace(views, **_NO_VIEW)
    stages = [_features(config, views, setup), _plan_stage(config, unseen, recipe.tasks, length, setup)]
    if recipe.tower:
        # What `live.thinned` leaves of a video.
        seen = {"pixel_moments": max(1, views.pixel_moments // 2), "crop_size": cut_size(views.crop_size)}
        stages.insert(0, _plan_stage(config, replace(unseen, **seen), recipe.tower, length, setup))
    return Plan(counts(model), tokens | {"text": _TEXT_TOKENS}, tuple(stages), setup)


def _plan_stage(config: CPLLMConfig, views: ViewPlan, stage: Stage, length: int, setup: Setup) -> StagePlan:
    """A stage in which projectors and decoder learn, and the pixel tower where it has a rate."""
    mix, learning = stage.mix, ("projectors", "decoder", *(["pixel_tower"] if stage.tower_rate else []))
    turns = mix.rated + mix.questions + 2 * mix.pairs
    shapes = Shapes(turns, mix.rated if stage.tower_rate else 1, length, _ANSWERS)
    found = simulate(config, views, _full_stage(learning), "fp32", shapes)
    steps = stage.epochs * (stage.steps or EXAMPLES // mix.rated)
    memory = [part / 1e9 for part in memory_of(found, 0, 0, setup)]
    return StagePlan(stage.name, found.learning // 4, *memory, found.flops, _hours(found.flops * steps, setup))


def _features(config: CPLLMConfig, views: ViewPlan, setup: Setup) -> StagePlan:
    """Both towers see every example once; nothing learns."""
    # A simulation learns something; projectors of one token cost nothing beside the towers.
    found = simulate(config, views, _full_stage(("projectors",)), "fp32", Shapes(1, 1, 1, 1))
    return StagePlan(
        "features", 0, found.weights / 1e9, 0.0, found.peak / 1e9, found.flops, _hours(found.flops * EXAMPLES, setup)
    )


def _full_stage(learning: tuple[str, ...]) -> full.Stage:
    """What the simulation asks about a stage."""
    data = (full.Synthetic("synthetic", "."),)
    return full.Stage("tiny", 1, data, dict.fromkeys(learning, 1.0), checkpointing=False)


def _hours(flops: float, setup: Setup) -> float:
    return flops / (setup.tflops * 1e12) / 3600
