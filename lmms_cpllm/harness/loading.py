"""Model and processor as the model arguments ask for them."""

from __future__ import annotations

import torch

from lmms_cpllm.errors import ArgumentError
from lmms_cpllm.harness.arguments import Arguments
from lmms_cpllm.model import fold_towers, load
from lmms_cpllm.model.scaling import compile_parts


def load_model(arguments: Arguments, rank_device: torch.device | None = None):
    """Model and processor with the views and the ablation that were asked for.

    Args:
        arguments: see there.
        rank_device: the device of this process where there are several.

    Raises:
        ArgumentError: a device, a compiler or a package that is not there.
        CheckpointError: `pretrained` or `adapter` cannot be loaded.
    """
    model, processor = load(
        arguments.pretrained,
        dtype=arguments.dtype,
        device=_place(arguments, rank_device),
        device_map=arguments.device_map,
        attn_implementation=arguments.attn_implementation,
        adapter=arguments.adapter,
        quantization=arguments.quantization,
    )
    if arguments.cache_implementation:
        model.generation_config.cache_implementation = arguments.cache_implementation
    for name, value in arguments.view_settings().items():
        setattr(processor.video_processor, name, value)
    model.set_ablation(arguments.ablate)
    if is_on_cpu(model, arguments) and model.dtype == torch.float32:
        fold_towers(model)
    if arguments.compile:
        compile_parts(model, arguments.compile)
    return model, processor


def is_on_cpu(model, arguments: Arguments) -> bool:
    """Whether threads may run the towers of several videos side by side.

    Not with a device_map: its hooks move weights in and out and are no matter for several threads.
    """
    return model.device.type == "cpu" and not arguments.device_map


def _place(arguments: Arguments, rank_device: torch.device | None) -> str | None:
    """The device that the whole model is put on; None leaves that to `device_map`."""
    asked = arguments.device
    if arguments.device_map:
        return None
    if asked and asked.startswith("cuda") and not torch.cuda.is_available():
        raise ArgumentError(f"device={asked}: expected a device that PyTorch sees, found no CUDA; use --device cpu")
    if rank_device is not None and asked in (None, "cuda"):
        return str(rank_device)
    return asked or ("cuda" if torch.cuda.is_available() else "cpu")
