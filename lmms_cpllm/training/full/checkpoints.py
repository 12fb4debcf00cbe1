"""States of a stage on disk, safetensors only: what learns, its optimizer, and what is known of the run.

A folder appears under its name in one move when it is whole, so that a process may be killed at any time. Everything else
that a run depends on (draws, rates, noise) is a function of the step.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import torch
from huggingface_hub import split_torch_state_dict_into_shards
from safetensors.torch import load_file, save_file

from lmms_cpllm.errors import DataError
from lmms_cpllm.model import CPLLMForConditionalGeneration
from lmms_cpllm.training.corpus import write_json
from lmms_cpllm.training.full.building import learning
from lmms_cpllm.training.full.sharding import as_held, whole

WEIGHTS, OPTIMIZER, STATE = "weights", "optimizer", "state.json"
_PREFIX = "checkpoint-"


def name_of(step: int) -> str:
    return f"{_PREFIX}{step:08d}"


def latest(folder: Path) -> Path | None:
    """The newest whole state below a folder, or None."""
    found = sorted(path for path in folder.glob(f"{_PREFIX}*") if path.is_dir())
    return found[-1] if found else None


def save(
    folder: Path,
    step: int,
    model: CPLLMForConditionalGeneration,
    optimizer: torch.optim.Optimizer,
    record: Mapping,
    is_main: bool,
) -> None:
    """Writes the state after a step; every process calls it, the main one writes."""
    weights = {name: whole(parameter) for name, parameter in learning(model)}
    moments = {
        f"{name}.{key}": whole(value)
        for name, parameter in learning(model)
        for key, value in optimizer.state[parameter].items()
    }
    if not is_main:
        return
    part = folder / f".{name_of(step)}"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    _write(weights, part, WEIGHTS)
    _write(moments, part, OPTIMIZER)
    write_json(part / STATE, dict(record))
    target = folder / name_of(step)
    shutil.rmtree(target, ignore_errors=True)
    part.rename(target)


def keep(folder: Path, newest: int, best: int | None) -> None:
    """Deletes all states but the newest and the best."""
    found = sorted(path for path in folder.glob(f"{_PREFIX}*") if path.is_dir())
    for path in found[:-newest]:
        if best is None or path.name != name_of(best):
            shutil.rmtree(path)


def read_state(path: Path) -> dict:
    """What is known of the run at a state."""
    return json.loads((path / STATE).read_text())


def load_weights(path: Path, model: CPLLMForConditionalGeneration) -> None:
    """The weights of a state into a model. Raises DataError if other parts learned in it."""
    saved, held = _read(path, WEIGHTS), dict(learning(model))
    if saved.keys() != held.keys():
        other = sorted(saved.keys() ^ held.keys())
        raise DataError(f"{path}: {len(held)} weights expected, found {len(saved)}; {other[0]} is in one of them only")
    with torch.no_grad():
        for name, parameter in held.items():
            parameter.copy_(as_held(saved[name].to(parameter.dtype), parameter))


def load(path: Path, model: CPLLMForConditionalGeneration, optimizer: torch.optim.Optimizer) -> dict:
    """Weights and optimizer of a state, in place; returns what is known of the run."""
    load_weights(path, model)
    saved = _read(path, OPTIMIZER)
    for name, parameter in learning(model):
        moments = {key: saved[f"{name}.{key}"] for key in ("step", "exp_avg", "exp_avg_sq") if f"{name}.{key}" in saved}
        optimizer.state[parameter] = {
            key: value.to(parameter.device) if key == "step" else as_held(value, parameter)
            for key, value in moments.items()
        }
        if not moments:
            del optimizer.state[parameter]
    return read_state(path)


def _write(tensors: dict[str, torch.Tensor], folder: Path, name: str) -> None:
    split = split_torch_state_dict_into_shards(tensors, filename_pattern=f"{name}{{suffix}}.safetensors")
    for file, keys in split.filename_to_tensors.items():
        save_file({key: tensors[key] for key in keys}, folder / file)


def _read(folder: Path, name: str) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = {}
    for file in sorted(folder.glob(f"{name}*.safetensors")):
        found |= load_file(file)
    return found
