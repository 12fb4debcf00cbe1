"""Two hundred files with random damage, of six containers and codecs: frames or a reason, in bounded time and memory."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from fault_table import CODECS, whole

SEEDS = range(204)
# For each file, on a machine that is busy with other things; an idle core takes 0.02 s.
SECONDS = 20
# An interpreter with numpy and FFmpeg holds 100 MB.
PEAK_MB = 600


@pytest.mark.parametrize("kind", CODECS)
def test_changed_bytes(kind: str, tmp_path: Path) -> None:
    clip = whole(kind)(tmp_path)
    seeds = [str(seed) for seed in SEEDS if seed % len(CODECS) == list(CODECS).index(kind)]
    command = [
        sys.executable,
        str(Path(__file__).with_name("mutate.py")),
        str(clip),
        str(tmp_path),
        str(SECONDS),
        *seeds,
    ]
    tests = Path(__file__).resolve().parents[1]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tests), os.environ.get("PYTHONPATH", "")])}
    process = subprocess.run(command, env=env, capture_output=True, text=True, timeout=600, check=False)
    lines = process.stdout.splitlines()
    assert process.returncode == 0, f"{kind}: status {process.returncode} at {lines[-1]}\n{process.stderr[-2000:]}"
    assert lines[:-1:2] == [f"seed {seed}" for seed in seeds]
    times, outcomes = zip(*(line.split(" ", 1) for line in lines[1:-1:2]), strict=True)
    assert max(map(float, times)) < SECONDS
    assert int(lines[-1].removeprefix("peak ")) < PEAK_MB
    assert any(outcome.endswith(" frames") for outcome in outcomes), "some of them leave something to be seen"
    assert not any("decode_timeout" in outcome for outcome in outcomes)
