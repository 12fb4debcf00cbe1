"""Two processes on gloo: whole and sharded models learn the same, and go on after a kill as if nothing had been."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from full_training import WORKER, make_data, make_parts, stage, write_recipe
from safetensors.torch import load_file

from lmms_cpllm.training.full import checkpoints

RATES = {"projectors": 1e-3, "pixel_tower": 1e-3, "decoder": 1e-3}


@pytest.fixture(scope="module")
def recipe(tmp_path_factory) -> Path:
    """One stage of three steps, from a list of scores and conversations, with a validation."""
    folder = tmp_path_factory.mktemp("processes")
    make_data(folder)
    settings = stage("tasks", steps=3, batch=1, accumulate=2, rates=RATES, keep=3)
    return write_recipe(folder, [settings], make_parts(folder / "parts"))


def launch(recipe: Path, *jobs: str, **environment: str) -> subprocess.CompletedProcess:
    """Two processes, each of which does the jobs."""
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", "--standalone", str(WORKER)]
    variables = {name: value for name, value in os.environ.items() if not name.startswith("LMMS_CPLLM_")}
    variables |= {"OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "true", **environment}
    return subprocess.run(
        [*command, str(recipe), *jobs], env=variables, capture_output=True, text=True, timeout=900, check=False
    )


def weights(work: Path) -> dict[str, torch.Tensor]:
    return load_file(work / "1-tasks" / checkpoints.name_of(3) / "weights.safetensors")


def assert_same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor], tolerance: float) -> None:
    assert first.keys() == second.keys()
    for name, value in first.items():
        assert torch.allclose(value, second[name], rtol=tolerance, atol=tolerance), name


@pytest.fixture(scope="module")
def works(recipe, tmp_path_factory) -> Path:
    """A straight run of each sharding, and the sharded one again from its first state; the folder of all."""
    folder = tmp_path_factory.mktemp("works")
    jobs = [f"{folder / sharding}:{sharding}" for sharding in ("none", "zero2", "fsdp")]
    process = launch(recipe, *jobs, f"{folder / 'fsdp'}>{folder / 'resumed'}:configured")
    assert process.returncode == 0, process.stderr[-4000:]
    return folder


def test_sharded_weights_learn_what_whole_ones_do(works):
    assert_same(weights(works / "none"), weights(works / "zero2"), 1e-4)
    assert_same(weights(works / "none"), weights(works / "fsdp"), 1e-4)
    untouched = load_file(works / "none" / "start" / "model.safetensors")
    changed = weights(works / "none")
    assert all(not torch.equal(value, untouched[name]) for name, value in changed.items() if "projector" in name)


def test_a_sharded_run_goes_on_from_its_state(works):
    assert_same(weights(works / "fsdp"), weights(works / "resumed"), 1e-6)
    assert (works / "resumed-out" / "model.safetensors").is_file()


def test_two_processes_go_on_after_a_kill(recipe, works, tmp_path):
    job = f"{tmp_path / 'killed'}:none"
    killed = launch(recipe, job, KILL_AT=f"1-tasks/.{checkpoints.name_of(2)}")
    assert killed.returncode != 0
    assert checkpoints.latest(tmp_path / "killed" / "1-tasks").name == checkpoints.name_of(1)
    resumed = launch(recipe, job)
    assert resumed.returncode == 0, resumed.stderr[-4000:]
    assert_same(weights(works / "none"), weights(tmp_path / "killed"), 1e-6)
    lines = [path.read_text() for path in (tmp_path / "killed" / "1-tasks").glob("log.jsonl")]
    assert lines[0].count('"loss/rating"') == 3
