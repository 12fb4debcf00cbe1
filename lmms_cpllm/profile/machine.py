"""What this machine can do, and what a process has taken of it."""

from __future__ import annotations

import contextlib
import os
import platform
import resource
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import torch

from lmms_cpllm import __version__

_SIDE = 1024
_FEWEST_PRODUCTS = 5


@dataclass(frozen=True)
class Machine:
    """The processor, as far as the figures depend on it."""

    processor: str
    """Its name."""
    cores: int
    """That this process may use."""
    instructions: str
    """The widest that PyTorch uses, such as AVX2."""
    threads: int
    """Of one operation of a model, and of the products that were measured."""
    matmul_flops: dict[str, float]
    """Type -> floating-point operations a second in products of 1024 x 1024 matrices, best run."""


@dataclass(frozen=True)
class Memory:
    """The largest resident set that each process has had."""

    process_bytes: int
    decoders_bytes: int
    """Of the processes that decode for it, together."""

    @property
    def total_bytes(self) -> int:
        return self.process_bytes + self.decoders_bytes


def measure_machine(dtypes: Sequence[torch.dtype] = (), seconds: float = 0.5) -> Machine:
    """Measures products in float32, in bfloat16 where the CPU has instructions for it, and in `dtypes`.

    Args:
        dtypes: further floating types.
        seconds: that are spent on each type.
    """
    types = [torch.float32, *([torch.bfloat16] if torch.cpu._is_avx512_bf16_supported() else []), *dtypes]
    rates = {str(dtype).removeprefix("torch."): matmul_rate(dtype, seconds) for dtype in dict.fromkeys(types)}
    return Machine(processor_name(), _cores(), torch.backends.cpu.get_cpu_capability(), torch.get_num_threads(), rates)


def matmul_rate(dtype: torch.dtype, seconds: float = 0.5, side: int = _SIDE) -> float:
    """Floating-point operations a second in products of square matrices, by the threads that PyTorch uses now.

    The best run counts: what disturbs a run only makes it slower, and a floor must not be too high.
    """
    left, right = (torch.rand(side, side).to(dtype) for _ in range(2))
    out = torch.empty(side, side, dtype=dtype)
    times: list[float] = []
    with torch.inference_mode():
        torch.mm(left, right, out=out)
        end = time.perf_counter() + seconds
        while time.perf_counter() < end or len(times) < _FEWEST_PRODUCTS:
            started = time.perf_counter()
            torch.mm(left, right, out=out)
            times.append(time.perf_counter() - started)
    return 2 * side**3 / min(times)


def peak_memory() -> Memory:
    """Of this process, and of its children that are alive.

    On Linux not by `getrusage`: there a child starts with the peak of the process that forked it.
    """
    own = _peak_bytes("self")
    if own is None:
        unit = 1 if sys.platform == "darwin" else 1024
        kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        return Memory(*(resource.getrusage(kind).ru_maxrss * unit for kind in kinds))
    return Memory(own, sum(_peak_bytes(child) or 0 for child in _children()))


def versions() -> dict[str, str]:
    """Of what the figures depend on."""
    names = ("torch", "av", "transformers", "lmms-eval")
    return {
        "lmms-cpllm": __version__,
        "python": platform.python_version(),
        **{name: metadata.version(name) for name in names},
    }


def processor_name() -> str:
    """As the operating system calls it."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _children() -> list[str]:
    """Process ids, where the kernel lists them."""
    found: list[str] = []
    with contextlib.suppress(OSError):
        for path in Path("/proc/self/task").glob("*/children"):
            found += path.read_text().split()
    return found


def _peak_bytes(pid: str) -> int | None:
    """VmHWM of a process; None where there is no such process or no /proc."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return None
