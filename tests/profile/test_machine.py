"""Rates, names and peaks of this machine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from lmms_cpllm import __version__
from lmms_cpllm.profile.machine import matmul_rate, measure_machine, peak_memory, processor_name, versions

needs_proc = pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="there is no /proc here")


def test_a_machine_has_a_name_and_a_rate_for_each_type() -> None:
    machine = measure_machine([torch.float64, torch.float32], seconds=0.01)
    expected = {"float32", "float64"} | ({"bfloat16"} if torch.cpu._is_avx512_bf16_supported() else set())
    assert set(machine.matmul_flops) == expected
    assert all(rate > 1e6 for rate in machine.matmul_flops.values())
    assert machine.threads == torch.get_num_threads()
    assert machine.cores >= 1
    assert machine.processor == processor_name() != ""


def test_the_rate_is_that_of_the_best_product(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter([0.0, *(tick for start, took in enumerate([4, 2, 3, 5, 6]) for tick in (9.0, start, start + took))])
    monkeypatch.setattr("lmms_cpllm.profile.machine.time.perf_counter", lambda: next(ticks, 99.0))
    assert matmul_rate(torch.float32, seconds=0.5, side=10) == 2 * 10**3 / 2


def test_versions_are_those_that_are_installed() -> None:
    found = versions()
    assert found["lmms-cpllm"] == __version__
    assert found["torch"].split("+")[0] == torch.__version__.split("+")[0]
    assert set(found) == {"lmms-cpllm", "python", "torch", "av", "transformers", "lmms-eval"}


@needs_proc
def test_the_peak_counts_what_was_freed_and_the_children() -> None:
    before = peak_memory()
    held = b"x" * (before.process_bytes + 50_000_000)
    del held
    assert peak_memory().process_bytes > before.process_bytes
    code = "import sys; held = b'x' * 60_000_000; del held; print(flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        child.stdout.readline()
        more = peak_memory().decoders_bytes - before.decoders_bytes
        assert 60_000_000 < more < 200_000_000, "its own peak, not that of the process that started it"
        child.stdin.close()
    assert peak_memory().total_bytes == sum((peak_memory().process_bytes, peak_memory().decoders_bytes))
