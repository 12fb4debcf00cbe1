"""Decodes randomly changed copies of one clip, in a process of its own: python mutate.py CLIP FOLDER SECONDS SEED...

Before each it prints the seed, after it what came of it, so that what it crashes on can be named. The last line is the most
memory that the process ever held, in MB.
"""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path

import numpy as np
from same_views import PLAN

from lmms_cpllm.errors import VideoError
from lmms_cpllm.video import decode
from lmms_cpllm.video.limits import Limits


def changed(data: bytes, seed: int) -> bytes:
    """Between one bit and a hundred bytes changed, or a piece cut out, or repeated, anywhere in the file."""
    rng = np.random.default_rng(seed)
    values = np.frombuffer(data, np.uint8).copy()
    kind = seed % 4
    if kind == 0:
        values[rng.integers(len(values))] ^= 1 << rng.integers(8)
    elif kind == 1:
        at = rng.integers(0, len(values), rng.integers(2, 100))
        values[at] = rng.integers(0, 256, len(at))
    else:
        start, length = rng.integers(0, len(values) - 1), rng.integers(1, len(values) // 4)
        piece = values[start : start + length]
        values = np.delete(values, np.s_[start : start + length]) if kind == 2 else np.insert(values, start, piece)
    return values.tobytes()


def peak_mb() -> int:
    """The most memory that this program held. Linux counts in `ru_maxrss` what the process was before it."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text().split("VmHWM:")[1].split()[0]) // 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024**2  # macOS counts bytes


def main(clip: str, folder: str, seconds: str, *seeds: str) -> None:
    data = Path(clip).read_bytes()
    target = Path(folder, f"changed{Path(clip).suffix}")
    for seed in seeds:
        print("seed", seed, flush=True)
        target.write_bytes(changed(data, int(seed)))
        start = time.monotonic()
        try:
            outcome = f"{decode(target, PLAN, limits=Limits(seconds=float(seconds))).info.frames} frames"
        except VideoError as error:
            outcome = error.reason
        print(f"{time.monotonic() - start:.3f}", outcome, flush=True)
    print("peak", peak_mb(), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
