"""Losses go to any tracker of accelerate; activations that are computed again change nothing that is learned."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from accelerate import tracking
from full_training import make_data, make_parts, stage, write_recipe
from safetensors.torch import load_file

from lmms_cpllm.cli import main
from lmms_cpllm.errors import ArgumentError
from lmms_cpllm.training.full.building import layers
from lmms_cpllm.training.full.sharding import make_accelerator


class FakeTracker(tracking.GeneralTracker):
    """Keeps what it is given."""

    name = "fake"
    requires_logging_directory = True
    main_process_only = True
    made: list[FakeTracker] = []  # noqa: RUF012

    def __init__(self, run_name: str, logging_dir: str, **_) -> None:
        super().__init__()
        self.run_name, self.folder, self.logged, self.finished = run_name, logging_dir, [], False
        FakeTracker.made.append(self)

    @property
    def tracker(self) -> FakeTracker:
        return self

    def store_init_configuration(self, values: dict) -> None:
        """Nothing is kept."""

    def log(self, values: dict, step: int | None = None, **_) -> None:
        self.logged.append((step, dict(values)))

    def finish(self) -> None:
        self.finished = True


@pytest.fixture
def fake(monkeypatch):
    monkeypatch.setitem(tracking.LOGGER_TYPE_TO_CLASS, "fake", FakeTracker)
    FakeTracker.made.clear()
    return FakeTracker


def test_trackers_get_what_the_log_gets_and_checkpointing_changes_nothing(tmp_path, fake, monkeypatch):
    for name in ("LMMS_CPLLM_DATA", "LMMS_CPLLM_CUSTOM"):
        monkeypatch.delenv(name, raising=False)
    make_data(tmp_path)
    parts, counted = make_parts(tmp_path / "parts"), []
    recomputed = torch.utils.checkpoint.checkpoint

    def count(*args, **options):
        counted.append(None)
        return recomputed(*args, **options)

    monkeypatch.setattr("lmms_cpllm.training.full.building.checkpoint", count)
    every = {"projectors": 1e-3, "context_tower": 1e-3, "pixel_tower": 1e-3, "decoder": 1e-3}
    found = []
    for checkpointing in (False, True):
        settings = stage("tasks", steps=2, rates=every, checkpointing=checkpointing)
        path = write_recipe(tmp_path, [settings], parts, trackers=["fake"])
        work, out = tmp_path / f"work-{checkpointing}", tmp_path / f"out-{checkpointing}"
        assert main(["train", "recipe", str(path), "--work", str(work), "--out", str(out)]) == 0
        found.append(load_file(out / "model.safetensors"))
        assert bool(counted) is checkpointing
    for name, value in found[0].items():
        assert torch.allclose(value, found[1][name], rtol=1e-5, atol=1e-6), name

    first = fake.made[0]
    assert (first.run_name, Path(first.folder), first.finished) == ("lmms-cpllm", tmp_path / "work-False", True)
    lines = [json.loads(line) for line in (tmp_path / "work-False" / "1-tasks" / "log.jsonl").read_text().splitlines()]
    assert [{"step": step} | values for step, values in first.logged] == lines
    assert [step for step, values in first.logged if "validation/srcc" in values] == [2]
    assert [step for step, values in first.logged if "loss/rating" in values] == [1, 2]


def test_a_tracker_that_is_not_installed_is_no_silent_one(tmp_path, monkeypatch):
    monkeypatch.setattr(tracking, "get_available_trackers", lambda: [])
    with pytest.raises(ArgumentError, match="trackers: the packages of tensorboard expected, found none; install them"):
        make_accelerator(("tensorboard",), str(tmp_path))
    with pytest.raises(
        ArgumentError, match=r"trackers: expected those that accelerate knows, installed; found \('tb',\)"
    ):
        make_accelerator(("tb",), str(tmp_path))


def test_every_transformer_layer_can_be_computed_again(tmp_path):
    from lmms_cpllm.training.full import reading
    from lmms_cpllm.training.full.building import empty_model, plan_config

    recipe = reading.read(write_recipe(tmp_path, [stage("tasks")], make_parts(tmp_path / "parts")))
    model = empty_model(plan_config(recipe.model))
    parts = (model.model.context_tower, model.model.pixel_tower, model.model.language_model)
    assert [len(layers(part)) for part in parts] == [2, 2, 2]
