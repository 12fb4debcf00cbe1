"""All stages of a recipe, one after the other, each from the model that the one before has left."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from accelerate import Accelerator

from lmms_cpllm.errors import ArgumentError, DataError
from lmms_cpllm.model import CPLLMForConditionalGeneration, CPLLMProcessor
from lmms_cpllm.model.scaling import quantisation
from lmms_cpllm.training.corpus import write_json
from lmms_cpllm.training.full.building import assemble_start, prepare
from lmms_cpllm.training.full.data.sources import find_data
from lmms_cpllm.training.full.export import check_target, export_state, save_whole
from lmms_cpllm.training.full.launching import take_sharding
from lmms_cpllm.training.full.loop import run_stage
from lmms_cpllm.training.full.recipe import Recipe, Stage
from lmms_cpllm.training.full.sharding import make_accelerator

logger = logging.getLogger(__name__)
_SETTINGS, _RECORD = "settings.json", "record.json"


def run(
    recipe: Recipe,
    path: Path,
    work: Path,
    out: Path,
    *,
    sharding: str | None = None,
    only: Sequence[str] | None = None,
    cache: Path | None = None,
) -> dict:
    """Trains and exports; goes on where it was stopped.

    Args:
        recipe: the settings.
        path: its file; what it names is looked for beside it.
        work: for the start, the states and models of all stages.
        out: the finished folder.
        sharding: over the processes that run this; None for what accelerate was configured for, or none.
        only: names of the stages; None for all that are not optional.
        cache: folder of decoded videos; that of the recipe if None.

    Returns:
        The record that is saved as training.json beside the weights.

    Raises:
        ArgumentError: a stage is not known, or something that the recipe asks for cannot be had here.
        DataError: data are missing or not as expected, the work folder is of another recipe, or `out` holds something else.
    """
    stages = chosen(recipe, only)
    check_target(out)  # before days of training
    cache = _find_cache(recipe, path, cache)
    configured = take_sharding(os.environ)
    sharding = sharding or configured or "none"
    accelerator = make_accelerator(recipe.trackers, str(work))
    if recipe.trackers:
        accelerator.init_trackers("lmms-cpllm")
    start = work / "start"
    settings = {"model": asdict(recipe.model), "seed": recipe.seed}
    if accelerator.is_main_process:
        _claim(work, settings, "delete it to begin anew")
        if not start.is_dir():
            torch.manual_seed(recipe.seed)
            save_whole(*assemble_start(recipe), start)
    accelerator.wait_for_everyone()
    records = []
    for number, stage in enumerate(stages, 1):
        folder, last = work / f"{number}-{stage.name}", number == len(stages)
        # What a stage began with is told by the settings of all before it.
        settings = {"stage": asdict(stage), "start": _digest(settings)}
        settings |= {name: getattr(recipe, name) for name in ("precision", "text_tokens", "seed")}
        if accelerator.is_main_process:
            _claim(folder, settings, "delete this folder and those of the stages after it to train these anew")
        accelerator.wait_for_everyone()
        records.append(_run_one(recipe, stage, path, start, folder, accelerator, sharding, cache))
        accelerator.free_memory()
        if accelerator.is_main_process:
            state = folder / records[-1]["kept"]
            if last:
                merge = recipe.merge_lora
                dtype = torch.bfloat16 if recipe.precision == "bf16" else torch.float32
                export_state(stage, start, state, out, merge, dtype)
            elif not (folder / "model").is_dir():
                export_state(stage, start, state, folder / "model", True, torch.float32)
        accelerator.wait_for_everyone()
        start = folder / "model"
    record = {"recipe": asdict(recipe), "stages": records}
    if accelerator.is_main_process:
        write_json(out / "training.json", record)
    for tracker in accelerator.trackers:
        tracker.finish()
    return record


def chosen(recipe: Recipe, only: Sequence[str] | None) -> list[Stage]:
    """The stages to run, in the order of the recipe. Raises ArgumentError for a name that is none."""
    names = [stage.name for stage in recipe.stages]
    unknown = [name for name in only or () if name not in names]
    if unknown:
        raise ArgumentError(f"stages: expected some of {', '.join(names)}, found {unknown[0]!r}")
    return [stage for stage in recipe.stages if (stage.name in only if only else not stage.optional)]


def cache_of(recipe: Recipe, path: Path, asked: Path | None) -> Path | None:
    """The folder of decoded videos that was asked for, or that of the recipe; None without one. It need not be there."""
    return asked or (path.parent / recipe.cache if recipe.cache else None)


def _find_cache(recipe: Recipe, path: Path, asked: Path | None) -> Path | None:
    cache = cache_of(recipe, path, asked)
    if cache is not None and not cache.is_dir():
        raise DataError(f"{cache}: a folder that `lmms-cpllm train prepare` made expected, found none")
    return cache


def _run_one(
    recipe: Recipe,
    stage: Stage,
    path: Path,
    start: Path,
    folder: Path,
    accelerator: Accelerator,
    sharding: str,
    cache: Path | None,
) -> dict:
    """The record of a stage; one that is finished is not run again."""
    if (folder / _RECORD).is_file():
        return json.loads((folder / _RECORD).read_text())
    scored = any(source.kind == "scores" for source in stage.data)
    if accelerator.is_main_process and scored and stage.batch == 1 and stage.losses.ranking:
        logger.warning("%s: its batch is 1, so no two videos are ranked; take a larger one for that", stage.name)
    processor = CPLLMProcessor.from_pretrained(start)
    data = find_data(stage, path.parent, processor.video_processor.plan, cache=cache)
    if cache and accelerator.is_main_process:
        found, count = data.cached()
        logger.info("%s: %d of %d videos are in %s, the others are decoded on the fly", stage.name, found, count, cache)
    model = prepare(_load(start, stage, accelerator), stage, recipe.precision)
    state, record = run_stage(model, processor, data, stage, recipe, folder, accelerator, sharding)
    if accelerator.is_main_process:
        logger.info("%s: kept %s", stage.name, state)
        write_json(folder / _RECORD, record)
    return record


def _claim(folder: Path, settings: dict, remedy: str) -> None:
    """Refuses a folder that holds what was made with other settings."""
    path = folder / _SETTINGS
    settings = json.loads(json.dumps(settings))
    held = json.loads(path.read_text()) if path.is_file() else settings
    other = [name for name, value in settings.items() if held.get(name) != value]
    if other:
        known = held.get("stage", {})
        changed = [key for key, value in settings.get("stage", {}).items() if known.get(key) != value]
        raise DataError(
            f"{folder}: was made with another {', another '.join(other)}"
            + (f" ({', '.join(changed)})" if changed else "")
            + f"; take another --work, or {remedy}"
        )
    folder.mkdir(parents=True, exist_ok=True)
    write_json(path, settings)


def _digest(settings: dict) -> str:
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]


def _load(start: Path, stage: Stage, accelerator: Accelerator) -> CPLLMForConditionalGeneration:
    if not (stage.lora and stage.lora.quantised):
        return CPLLMForConditionalGeneration.from_pretrained(start, dtype=torch.float32, use_safetensors=True)
    return CPLLMForConditionalGeneration.from_pretrained(
        start,
        dtype=torch.float32,
        use_safetensors=True,
        device_map={"": accelerator.device},
        quantization_config=quantisation("4bit", f"stages.{stage.name}.lora.quantised"),
    )
