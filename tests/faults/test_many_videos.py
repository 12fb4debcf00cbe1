"""A long run with one broken video in twenty, through the real command line, and what it leaves in memory."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from clips import textured_frames, write_clip
from fault_table import FAULTS

from lmms_cpllm.harness.direct import judge_files

# The run of the README; 2,000 take a few minutes.
COUNT = int(os.environ.get("LMMS_CPLLM_FAULT_VIDEOS", "400")) // 20 * 20
GOOD = 10
# One view of one video is 24 KB here: a process that kept anything of its videos would grow by more.
GROWTH_VIDEOS, GROWTH_KB = 300, 15
# A list of videos names files: what is none is missing there, and not unreadable.
BROKEN = tuple(fault for fault in FAULTS if fault.line in ("no content", "no video in it"))
TESTS = Path(__file__).resolve().parents[1]


def is_broken(index: int) -> bool:
    return index % 20 == 7


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Ten clips that differ."""
    folder = tmp_path_factory.mktemp("good")
    frames = [textured_frames(6, 48, 64, seed=index) // (1 + index % 3) for index in range(GOOD)]
    return [write_clip(folder / f"{index}.mp4", content=content) for index, content in enumerate(frames)]


def offline() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(TESTS)}


def test_the_run_ends_well_and_names_what_failed(good: list[Path], tiny_checkpoint: Path, tmp_path: Path) -> None:
    videos, output, failures = tmp_path / "videos", tmp_path / "output", tmp_path / "failures.csv"
    videos.mkdir()
    broken, reasons = [], {}
    for number, fault in enumerate(BROKEN):
        (tmp_path / f"broken{number}").mkdir()
        broken.append(fault.make(tmp_path / f"broken{number}"))
    for index in range(COUNT):
        path = videos / f"{index:05}.mp4"
        if is_broken(index):
            path.symlink_to(broken[index // 20 % len(broken)])
            reasons[str(path)] = BROKEN[index // 20 % len(broken)].reason
        else:
            path.symlink_to(good[index % GOOD])
    rows = [f"{index:05}.mp4,{1 + index % 50 / 12.5}" for index in range(COUNT)]
    (videos / "list.csv").write_text("\n".join(["video,mos", *rows, ""]))
    run = subprocess.run(
        [
            *(sys.executable, "-m", "lmms_eval", "--model", "cpllm", "--tasks", "vqa_custom", "--device", "cpu"),
            *("--model_args", f"pretrained={tiny_checkpoint},failures={failures}", "--batch_size", "4"),
            *("--log_samples", "--output_path", str(output)),
        ],
        env=offline()
        | {"LMMS_CPLLM_CUSTOM": str(videos / "list.csv"), "LMMS_EVAL_DATASETS_CACHE": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
        timeout=3000,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    [results] = output.rglob("*_results.json")
    metrics = json.loads(results.read_text())["results"]["vqa_custom"]
    assert metrics["answered,none"] == pytest.approx(0.95, abs=1e-12)
    with failures.open(newline="") as file:
        assert {row["video"]: row["reason"] for row in csv.DictReader(file)} == reasons
    [samples] = output.rglob("*_samples_vqa_custom.jsonl")
    items = {item["video"]: item for item in (json.loads(line)["srcc"] for line in samples.read_text().splitlines())}
    assert (len(items), len(reasons)) == (COUNT, COUNT // 20)
    clean = judge_files([[str(path)] for path in good], "score", {"pretrained": str(tiny_checkpoint), "batch_size": 4})
    expected = [json.loads(answer)["quality"] for _, answer in clean]
    assert len(set(expected)) > GOOD / 2, "equal scores would prove nothing"
    for name, item in items.items():
        path = str(videos / name)
        if path in reasons:
            assert (item["quality"], item["reason"]) == (None, f"unreadable: {path}: {reasons[path]}")
        else:
            assert item["quality"] == expected[int(Path(name).stem) % GOOD]


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="memory is read from Linux's /proc")
def test_memory_and_open_files_do_not_grow(good: list[Path], tiny_checkpoint: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty.mp4"
    empty.write_bytes(b"no video " * 50)
    command = [sys.executable, str(Path(__file__).with_name("growth.py")), str(tiny_checkpoint), str(GROWTH_VIDEOS)]
    run = subprocess.run(
        [*command, *map(str, [*good[:4], empty])],
        env=offline(),
        capture_output=True,
        text=True,
        timeout=1200,
        check=True,
    )
    held = [json.loads(line) for line in run.stdout.splitlines()]
    assert [step["videos"] for step in held][-1] == GROWTH_VIDEOS
    # The first third warms up: caches of PyTorch, arenas of the C library.
    videos, megabytes, files = (np.array([step[key] for step in held[10:]]) for key in ("videos", "mb", "files"))
    assert files.max() == files.min()
    slope_kb = np.polyfit(videos, megabytes, 1)[0] * 1024
    assert slope_kb < GROWTH_KB, f"{slope_kb:.1f} KB more for every video: {megabytes.round(1).tolist()}"
