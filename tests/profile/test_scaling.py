"""What length and size cost: each in a process of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from lmms_cpllm.errors import UserError
from lmms_cpllm.profile.alone import measure_alone
from lmms_cpllm.profile.machine import Memory
from lmms_cpllm.profile.rendering import Film
from lmms_cpllm.profile.scaling import Cost, Scaling, measure_scaling


def test_ratios_are_long_over_short(timing) -> None:
    film = Film(64, 36, 10, 1.0)
    scaling = Scaling(
        Cost(film, timing(2.0, 1.0, 4.0), Memory(100, 50)), Cost(film, timing(5.0, 9.0, 3.0), Memory(120, 45))
    )
    assert scaling.cost_ratio == 2.5
    assert scaling.memory_ratio == 1.1


def test_both_are_rendered_and_measured_alone(checkpoint: Path, tmp_path: Path) -> None:
    arguments = {"pretrained": str(checkpoint), "decode_workers": 1}
    short, long = Film(64, 36, 10, 0.8), Film(96, 54, 10, 0.8, repeats=2)
    scaling = measure_scaling(arguments, False, 2, tmp_path, long, short)
    assert (scaling.short.film, scaling.long.film) == (short, long)
    for cost in (scaling.short, scaling.long):
        assert len(cost.end_to_end.seconds) == 2
        assert cost.end_to_end.lowest > 0
        assert cost.memory.process_bytes > 50_000_000, "PyTorch alone takes more"
        assert cost.memory.decoders_bytes > 10_000_000, "videos are decoded in a process of their own"
    assert scaling.memory_ratio == pytest.approx(1, abs=0.5)


def test_a_process_that_fails_is_told(checkpoint: Path, tmp_path: Path, capfd) -> None:
    # Longer than an argument of a process may be.
    rest = {"describe": False, "comment": "thousands of videos " * 20_000}
    request = {"task": "cost", "arguments": {"pretrained": str(tmp_path / "nothing")}, **rest}
    with pytest.raises(UserError, match="ended with status 1 and no figure"):
        measure_alone([request | {"videos": ["a.mp4"], "repeats": 1}])
    assert "nothing: expected a checkpoint folder" in capfd.readouterr().err
