"""From a state of a stage to a folder that `--model_args pretrained=` loads, with adapters merged or beside."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import torch

from lmms_cpllm.errors import DataError
from lmms_cpllm.model import CPLLMConfig, CPLLMForConditionalGeneration, CPLLMProcessor
from lmms_cpllm.model.loading import ADAPTER
from lmms_cpllm.training.corpus import write_json
from lmms_cpllm.training.full.building import attach_lora, open_parts
from lmms_cpllm.training.full.checkpoints import load_weights
from lmms_cpllm.training.full.recipe import Stage


def export_state(stage: Stage, start: Path, state: Path, target: Path, merge: bool, dtype: torch.dtype) -> None:
    """Writes the model after a stage.

    Args:
        stage: its settings.
        start: the model before the stage, in full precision.
        state: of the stage.
        target: the folder; it appears when it is whole, in the place of an older one.
        merge: whether adapters go into the weights, or into `adapter/`.
        dtype: of the weights.
    """
    model = CPLLMForConditionalGeneration.from_pretrained(start, dtype=torch.float32, use_safetensors=True)
    handle = attach_lora(model, stage.lora) if stage.lora else None
    open_parts(model, stage, "fp32")
    load_weights(state, model)
    part = _part_of(target)
    shutil.rmtree(part, ignore_errors=True)
    if handle is not None and not merge:
        handle.save_pretrained(part / ADAPTER, save_embedding_layers=False)
        config = part / ADAPTER / "adapter_config.json"
        # It names the folder that training began with, which nobody else has.
        write_json(config, json.loads(config.read_text()) | {"base_model_name_or_path": None})
    if handle is not None:
        model = handle.merge_and_unload() if merge else handle.unload()
    save_whole(model.eval().to(dtype), CPLLMProcessor.from_pretrained(start), target)


def check_target(target: Path) -> None:
    """Refuses a place that holds anything but a CP-LLM, for what is there is replaced.

    Raises:
        DataError: it does.
    """
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return
    config = target / "config.json"
    if not config.is_file() or f'"{CPLLMConfig.model_type}"' not in config.read_text(errors="replace"):
        raise DataError(
            f"{target}: expected a new or an empty folder, or a CP-LLM to replace; found something else. Choose another "
            "--out"
        )


def save_whole(model: CPLLMForConditionalGeneration, processor: CPLLMProcessor, target: Path) -> None:
    """Saves beside `target` and moves it there in one step."""
    part = _part_of(target)
    model.save_pretrained(part)
    processor.save_pretrained(part)
    shutil.rmtree(target, ignore_errors=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    part.rename(target)


def _part_of(target: Path) -> Path:
    return target.with_name(f".{target.name}.part")
