"""Makes a CP-LLM out of published parts: a context tower, a pixel tower and a decoder, by name or path."""

from __future__ import annotations

import json
import logging
from os import PathLike

import torch
from transformers import (
    MODEL_FOR_BACKBONE_MAPPING,
    AutoConfig,
    AutoImageProcessor,
    AutoModel,
    AutoModelForCausalLM,
    AutoTokenizer,
    AutoVideoProcessor,
    PreTrainedConfig,
    PreTrainedModel,
)
from transformers.image_utils import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD

from lmms_cpllm.errors import CheckpointError
from lmms_cpllm.model.configuration_cpllm import CPLLMConfig
from lmms_cpllm.model.hub import find_file
from lmms_cpllm.model.modeling_cpllm import CPLLMForConditionalGeneration
from lmms_cpllm.model.processing_cpllm import CPLLMProcessor
from lmms_cpllm.model.tokens import chat_template, prepare_tokenizer
from lmms_cpllm.model.towers import cut_off, is_backbone, takes_video
from lmms_cpllm.model.video_processing_cpllm import CPLLMVideoProcessor

Source = str | PathLike
# What an image tower without a stated input size gets.
_IMAGE_SIZE = 224
_PIXEL_FRAMES = 2
_PREPROCESSING = ("video_preprocessor_config.json", "preprocessor_config.json")
_COMBINED = "processor_config.json"
"""May hold the preprocessing too, beside what else a processor has."""

logger = logging.getLogger(__name__)


def assemble(
    context: Source,
    pixel: Source,
    text: Source,
    *,
    context_options: dict | None = None,
    pixel_options: dict | None = None,
    views: dict | None = None,
    dtype: str | torch.dtype = "auto",
    **options,
) -> tuple[CPLLMForConditionalGeneration, CPLLMProcessor]:
    """Builds a CP-LLM whose towers and decoder are pretrained and whose projectors are new, to be trained.

    ```python
    model, processor = assemble(
        context="google/siglip2-so400m-patch14-384", pixel="google/videoprism-base-f16r288", text="Qwen/Qwen3-4B"
    )
    model.save_pretrained("my-cpllm")
    processor.save_pretrained("my-cpllm")
    ```

    Args:
        context: image encoder, hub id or folder; of a two-tower model the vision tower is taken.
        pixel: video or image encoder.
        text: causal language model with its tokenizer.
        context_options: overrides of the tower's configuration, for instance `{"out_indices": [1, 2, 3]}`.
        pixel_options: the same for the pixel tower.
        views: overrides of the [`CPLLMVideoProcessor`], for instance `{"pixel_moments": 8}`.
        dtype: of the weights; `auto` keeps the decoder's.
        **options: further fields of [`CPLLMConfig`], for instance `pixel_grid=3`.

    Returns:
        Model and processor; save both into one folder for `--model_args pretrained=`.

    Raises:
        ValueError: the decoder's logits are changed behind its output layer, which is ours here.
        CheckpointError: whether a tower states its preprocessing cannot be known, or it cannot be read.
    """
    context_tower = _load_tower(context, context_options, dtype)
    pixel_tower = _load_tower(pixel, pixel_options, dtype)
    decoder = AutoModelForCausalLM.from_pretrained(text, dtype=dtype, use_safetensors=True)
    text_config = decoder.config.get_text_config()
    _refuse_changed_logits(text_config)
    tokenizer = AutoTokenizer.from_pretrained(text)
    ids = prepare_tokenizer(tokenizer)
    if len(tokenizer) > decoder.get_input_embeddings().num_embeddings:
        decoder.resize_token_embeddings(len(tokenizer))
    config = CPLLMConfig(
        context_config=context_tower.config.to_dict(),
        pixel_config=pixel_tower.config.to_dict(),
        text_config=decoder.config.get_text_config().to_dict(),
        **ids,
        **options,
    )
    model = CPLLMForConditionalGeneration._from_config(config, dtype=decoder.dtype)
    model.model.context_tower.load_state_dict(context_tower.state_dict())
    model.model.pixel_tower.load_state_dict(pixel_tower.state_dict())
    model.model.language_model.load_state_dict(decoder.get_decoder().state_dict())
    model.lm_head.load_state_dict(decoder.get_output_embeddings().state_dict())
    model.generation_config = decoder.generation_config
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    processor = CPLLMProcessor(
        CPLLMVideoProcessor(
            **{
                **view_sizes(context_tower.config, pixel_tower),
                **_normalisation(context, "context"),
                **_normalisation(pixel, "pixel"),
                **(views or {}),
            }
        ),
        tokenizer,
        chat_template=chat_template(tokenizer),
        context_tokens=config.context_grid**2,
        pixel_tokens=config.pixel_grid**2,
    )
    return model.eval(), processor


def _load_tower(source: Source, options: dict | None, dtype: str | torch.dtype) -> PreTrainedModel:
    config = AutoConfig.from_pretrained(source)
    config = getattr(config, "vision_config", config)
    for name, value in (options or {}).items():
        setattr(config, name, value)
    if not is_backbone(config):
        return AutoModel.from_pretrained(source, config=config, dtype=dtype, use_safetensors=True)
    if type(config) not in MODEL_FOR_BACKBONE_MAPPING:
        raise ValueError(f"{source}: a {config.model_type} tower has no stages, found out_indices={config.out_indices}")
    # Not AutoBackbone.from_pretrained: it asks the hub first and takes a folder for the name of a timm model.
    backbone = MODEL_FOR_BACKBONE_MAPPING[type(config)]
    load = PreTrainedModel.from_pretrained.__func__
    return cut_off(load(backbone, source, config=config, dtype=dtype, use_safetensors=True))


def _refuse_changed_logits(config: PreTrainedConfig) -> None:
    for name, neutral in (("final_logit_softcapping", None), ("logits_scaling", 1.0), ("logit_scale", 1.0)):
        value = getattr(config, name, neutral)
        if value not in (neutral, 1.0):
            raise ValueError(
                f"text: a {config.model_type} decoder with {name}={value} changes its logits behind the output layer, "
                "which CP-LLM does not do; choose a decoder without it"
            )


def _side(config: PreTrainedConfig, fallback: int) -> int:
    size = getattr(config, "image_size", None) or fallback
    return size[0] if isinstance(size, (list, tuple)) else size


def view_sizes(context: PreTrainedConfig, pixel: PreTrainedModel) -> dict:
    """What two towers take by nature: side of a key frame and of a crop in pixels, frames in a crop."""
    side = _side(context, _IMAGE_SIZE)
    if context.model_type == "siglip2_vision_model":
        side = context.patch_size * int(context.num_patches**0.5)
    return {
        "context_size": {"height": side, "width": side},
        "pixel_size": _side(pixel.config, _IMAGE_SIZE),
        "pixel_frames": pixel.config.num_frames if takes_video(pixel) else _PIXEL_FRAMES,
    }


def _normalisation(source: Source, view: str) -> dict[str, list[float]]:
    """Mean and deviation that the tower of a view was trained with; ImageNet's where its folder has no preprocessing."""
    mean, std = _published_normalisation(source)
    return {f"{view}_mean": mean, f"{view}_std": std}


def _published_normalisation(source: Source) -> tuple[list[float], list[float]]:
    stated = _stated_preprocessing(source)  # first, so that the files are in the cache and no failure hides one of them
    reasons = []
    for auto in (AutoVideoProcessor, AutoImageProcessor):
        try:
            processor = auto.from_pretrained(source)
        except (OSError, ValueError, TypeError, KeyError) as error:
            reasons.append(f"{type(error).__name__}: {error}")
            continue  # this tower's preprocessing is stored as the other kind, or not at all
        if getattr(processor, "do_normalize", True) is False:
            return [0.0] * 3, [1.0] * 3
        return list(processor.image_mean), list(processor.image_std)
    if stated:
        raise CheckpointError(
            f"{source}: expected mean and deviation in {' or '.join(stated)}, found a file that cannot be read: "
            f"{reasons[-1]}\n  what to do: put the published file there, or take another tower"
        )
    logger.warning("%s: states no preprocessing; ImageNet's mean and deviation are taken", source)
    return list(IMAGENET_DEFAULT_MEAN), list(IMAGENET_DEFAULT_STD)


def _stated_preprocessing(source: Source) -> list[str]:
    """The files of a tower that state its preprocessing. Raises CheckpointError where that cannot be known."""
    try:
        found = [name for name in _PREPROCESSING if find_file(source, name)]
        combined = find_file(source, _COMBINED)
        parts = json.loads(combined.read_text(encoding="utf-8")) if combined else {}
    except (OSError, ValueError) as error:
        raise CheckpointError(
            f"{source}: expected to learn whether it states its preprocessing, mean and deviation among it, and could not: "
            f"{error}\n  what to do: try again with a network, or give a folder with all of its files"
        ) from error
    return found + [_COMBINED] * any(part in parts for part in ("image_processor", "video_processor"))
