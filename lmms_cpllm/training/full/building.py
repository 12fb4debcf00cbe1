"""From a recipe to a model: its configuration without weights, the assembled start, and the parts that learn in a stage."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from pathlib import Path

import torch
from torch.utils.checkpoint import checkpoint
from transformers import AutoConfig, AutoTokenizer, PreTrainedConfig
from transformers.modeling_layers import GradientCheckpointingLayer

from lmms_cpllm.errors import ArgumentError
from lmms_cpllm.model import CPLLMConfig, CPLLMForConditionalGeneration, CPLLMProcessor, CPLLMVideoProcessor, assemble
from lmms_cpllm.model.assemble import view_sizes
from lmms_cpllm.model.tokens import prepare_tokenizer
from lmms_cpllm.sampling import ViewPlan
from lmms_cpllm.training.full.recipe import PARTS, Lora, Model, Part, Recipe, Stage

_OF_PARTS = {
    "context_tower": "model.context_tower.",
    "pixel_tower": "model.pixel_tower.",
    "projectors": ("model.context_projector.", "model.pixel_projector."),
    "decoder": ("model.language_model.", "lm_head."),
}


def part_of(name: str) -> str:
    """The part of a model, one of `PARTS`, that a parameter belongs to."""
    return next(part for part in PARTS if name.startswith(_OF_PARTS[part]))


def counts(model: CPLLMForConditionalGeneration) -> dict[str, int]:
    """Parameters of each part; weights that two layers share count once."""
    found = dict.fromkeys(PARTS, 0)
    for name, parameter in model.named_parameters():
        found[part_of(name)] += parameter.numel()
    return found


def plan_config(model: Model) -> CPLLMConfig:
    """The configuration of the assembled model, without a download: from the recipe, or from folders."""
    text, ids = _config(model.text), {}
    if Path(model.text.source).is_dir():
        tokenizer = AutoTokenizer.from_pretrained(model.text.source)
        ids = prepare_tokenizer(tokenizer)
        text.vocab_size = max(text.vocab_size, len(tokenizer))
    return CPLLMConfig(
        context_config=_config(model.context).to_dict(),
        pixel_config=_config(model.pixel).to_dict(),
        text_config=text.to_dict(),
        **ids,
        **model.options,
    )


def _config(part: Part) -> PreTrainedConfig:
    if part.config is not None:
        values = dict(part.config)
        config = AutoConfig.for_model(values.pop("model_type"), **values)
    else:
        config = AutoConfig.from_pretrained(part.source)
    config = getattr(config, "vision_config", config).get_text_config()
    for name, value in part.options.items():
        setattr(config, name, value)
    return config


def empty_model(config: CPLLMConfig) -> CPLLMForConditionalGeneration:
    """The model on the meta device: shapes without memory."""
    with torch.device("meta"):
        return CPLLMForConditionalGeneration._from_config(config, dtype=torch.float32)


def plan_views(model: Model, empty: CPLLMForConditionalGeneration) -> ViewPlan:
    """Number and size of frames and crops."""
    sizes = view_sizes(empty.model.context_tower.config, empty.model.pixel_tower)
    return CPLLMVideoProcessor(**sizes | model.views).plan


def assemble_start(recipe: Recipe) -> tuple[CPLLMForConditionalGeneration, CPLLMProcessor]:
    """The published parts put together, projectors new and the same for the same seed.

    Raises:
        ArgumentError: a published part is not what the recipe says of it.
    """
    model = recipe.model
    torch.manual_seed(recipe.seed)
    built, processor = assemble(
        model.context.source,
        model.pixel.source,
        model.text.source,
        context_options=model.context.options,
        pixel_options=model.pixel.options,
        views=model.views,
        dtype="float32",
        **model.options,
    )
    planned, found = counts(empty_model(plan_config(model))), counts(built)
    for part in PARTS:
        if planned[part] != found[part]:
            raise ArgumentError(
                f"the {part} of the recipe has {planned[part]:,} parameters, the published one {found[part]:,}; correct "
                "the config under model, or take the source that it is of"
            )
    return built, processor


def lora_targets(lora: Lora) -> str:
    """Which linear layers get adapters, as the regular expression that PEFT matches whole names with."""
    return rf"(?:.*\.)?language_model\..*\.(?:{'|'.join(map(re.escape, lora.targets))})"


def attach_lora(model: CPLLMForConditionalGeneration, lora: Lora):
    """Puts adapters into the decoder, in place, and returns PEFT's handle, which can merge and save them.

    Raises:
        ArgumentError: PEFT is missing, or no layer has one of the names.
    """
    try:
        from peft import LoraConfig, get_peft_model
    except ImportError as error:
        raise ArgumentError("lora: PEFT is needed; install it with: pip install 'lmms-cpllm[train]'") from error
    config = LoraConfig(
        r=lora.rank, lora_alpha=lora.alpha, lora_dropout=lora.dropout, target_modules=lora_targets(lora), bias="none"
    )
    try:
        return get_peft_model(model, config)
    except ValueError as error:
        raise ArgumentError(
            f"lora.targets: expected layers of the decoder, found none named {', '.join(lora.targets)}"
        ) from error


def prepare(model: CPLLMForConditionalGeneration, stage: Stage, precision: str) -> CPLLMForConditionalGeneration:
    """A model made ready for a stage, in place: adapters, parts that learn, checkpointing of activations."""
    if stage.lora:
        attach_lora(model, stage.lora)
    open_parts(model, stage, precision)
    if stage.checkpointing:
        for layer in layers(model):
            # Not by the model's own switch: it lets embeddings ask for gradients, and frozen towers would keep everything.
            layer.gradient_checkpointing = True
            layer._gradient_checkpointing_func = functools.partial(checkpoint, use_reentrant=False)
    return model


def layers(model: torch.nn.Module) -> list[GradientCheckpointingLayer]:
    """The transformer layers of towers and decoder: what is computed again, or gathered, one at a time."""
    return [module for module in model.modules() if isinstance(module, GradientCheckpointingLayer)]


def open_parts(model: CPLLMForConditionalGeneration, stage: Stage, precision: str) -> None:
    """Lets the parts of a stage learn, freezes the others, and gives each its precision (see `Recipe.precision`)."""
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(is_adapter(name) or part_of(name) in stage.rates)
        if parameter.is_floating_point():
            frozen = torch.bfloat16 if precision == "bf16" else torch.float32
            parameter.data = parameter.data.to(torch.float32 if parameter.requires_grad else frozen)


def is_adapter(name: str) -> bool:
    return ".lora_" in name


def learning(model: CPLLMForConditionalGeneration) -> Iterator[tuple[str, torch.nn.Parameter]]:
    """What learns, by name."""
    return ((name, parameter) for name, parameter in model.named_parameters() if parameter.requires_grad)


def parameter_groups(model: CPLLMForConditionalGeneration, stage: Stage) -> list[dict]:
    """Groups for the optimizer: each part at its rate; biases, norms and other vectors do not decay."""
    groups: dict[tuple[float, bool], list[torch.nn.Parameter]] = {}
    for name, parameter in learning(model):
        rate = stage.lora.rate if is_adapter(name) else stage.rates[part_of(name)]
        groups.setdefault((rate, parameter.ndim > 1), []).append(parameter)
    return [
        {"params": members, "lr": rate, "rate": rate, "weight_decay": stage.weight_decay if decays else 0.0}
        for (rate, decays), members in groups.items()
    ]


def set_modes(model: CPLLMForConditionalGeneration, stage: Stage) -> None:
    """Training mode, but frozen towers, and every layer with running statistics, stay as they are published."""
    model.train()
    for part in ("context_tower", "pixel_tower"):
        tower = getattr(model.model, part)
        if part not in stage.rates:
            tower.eval()
        for module in tower.modules():
            if getattr(module, "running_mean", None) is not None:
                module.eval()
