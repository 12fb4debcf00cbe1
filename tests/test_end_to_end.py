"""The bare command of the README, through the console: `lmms-eval --model cpllm --tasks vqa_konvid`."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from clips import write_clip
from fake_konvid import labels_file, make_konvid

CONSOLE = Path(sys.executable).with_name("lmms-eval")


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """Six videos in the official layout, each a file of its own; the ids in the order of the labels."""
    clips = [
        write_clip(
            tmp_path / f".clip{i}.mp4",
            frames=24,
            content="texture",
            seed=i,
            crf=15 + 6 * i,
            container_options={"movflags": "faststart"},
        )
        for i in range(6)
    ]
    return make_konvid(tmp_path, 6, clips=clips)


def lmms_eval(root: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
    command = [str(CONSOLE), "--model", "cpllm", "--tasks", "vqa_konvid", *arguments]
    variables = {
        **os.environ,
        "LMMS_CPLLM_DATA": str(root),
        "LMMS_EVAL_DATASETS_CACHE": str(root / "datasets"),
        "HF_HUB_OFFLINE": "1",
        **environment,
    }
    return subprocess.run(command, env=variables, cwd=root, capture_output=True, text=True, timeout=240, check=False)


def test_a_baseline_and_its_replay(release: Path, tmp_path: Path) -> None:
    """Both commands of the README; then a file of which no row matches."""
    out = tmp_path / "bits.csv"
    script = str(Path(sys.executable).with_name("lmms-cpllm"))
    variables = {**os.environ, "LMMS_CPLLM_DATA": str(tmp_path), "LMMS_CPLLM_ALLOW_PARTIAL": "1"}
    command = [script, "baseline", "bitrate", "konvid", "--out", str(out)]
    run = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=240, check=False)
    assert run.returncode == 0, run.stderr[-3000:]
    replay = ("--model", "vqa_scores", "--model_args", f"path={out}")
    run = lmms_eval(tmp_path, *replay, LMMS_CPLLM_ALLOW_PARTIAL="1")
    assert run.returncode == 0, run.stderr[-3000:]
    assert re.search(r"\|answered *\|[^|]*\| *1\.0000\|", run.stdout), run.stdout[-3000:]
    out.write_text("name,score\na,1\n")
    run = lmms_eval(tmp_path, *replay, LMMS_CPLLM_ALLOW_PARTIAL="1")
    assert (run.returncode, "Traceback" in run.stderr) == (1, False)
    assert f"{out}: no row matches a video of vqa_konvid" in run.stderr


def videos(release: Path) -> list[Path]:
    return sorted((release / "KoNViD_1k_videos").iterdir())


def test_the_bare_command_scores_what_is_there_and_counts_what_is_not(release: Path, tmp_path: Path) -> None:
    """With an empty member, a truncated one and a missing one."""
    empty, truncated, missing, *whole = videos(release)
    empty.unlink()
    empty.touch()
    data = truncated.read_bytes()
    truncated.unlink()
    truncated.write_bytes(data[: len(data) * 6 // 10])
    missing.unlink()
    output = tmp_path / "results"
    run = lmms_eval(
        tmp_path, "--output_path", str(output), "--log_samples", LMMS_CPLLM_ALLOW_PARTIAL="1", OMP_NUM_THREADS="1"
    )
    assert run.returncode == 0, run.stderr[-3000:]
    said = run.stdout + run.stderr
    assert "5 of 1200" in said
    assert f"{empty}: the file is empty (0 bytes); it counts as unanswered" in said
    for metric in ("srcc", "plcc", "krcc", "rmse", "fit_lcc", "answered", "ci95_low", "ci95_high"):
        assert f"|{metric}" in said, metric
    [samples] = output.rglob("*_samples_vqa_konvid.jsonl")
    items = {item["video"]: item for item in (json.loads(line)["srcc"] for line in samples.read_text().splitlines())}
    assert set(items) == {path.stem for path in (empty, truncated, *whole)}
    assert items[empty.stem]["quality"] is None
    assert items[empty.stem]["reason"] == f"unreadable: {empty}: the file is empty (0 bytes)"
    for path in (truncated, *whole):
        item = items[path.stem]
        assert 0 <= item["quality"] <= 100
        assert sum(item["distribution"].values()) == pytest.approx(1, abs=1e-4)
        assert item["reason"] == ""
    [results] = output.rglob("*_results.json")
    assert json.loads(results.read_text())["results"]["vqa_konvid"]["answered,none"] == pytest.approx(4 / 5)


def test_an_incomplete_release_ends_with_1_and_says_what_is_missing(release: Path, tmp_path: Path) -> None:
    run = lmms_eval(tmp_path)
    assert run.returncode == 1
    assert "1200 videos expected, 6 labelled in KoNViD_1k_mos.csv, 6 found." in run.stderr
    assert str(release) in run.stderr
    assert "lmms-cpllm data get konvid" in run.stderr
    assert "Traceback" not in run.stderr


def test_no_release_ends_with_1_and_says_how_to_get_it(release: Path, tmp_path: Path) -> None:
    shutil.rmtree(release)
    run = lmms_eval(tmp_path)
    assert run.returncode == 1
    assert "KoNViD-1k was not found" in run.stderr
    assert "lmms-cpllm data get konvid" in run.stderr


def test_wrong_labels_end_with_1_even_when_partial_is_allowed(release: Path, tmp_path: Path) -> None:
    table = labels_file(release)
    lines = table.read_text().splitlines()
    name = lines[2].split(",")[0]
    table.write_text("\n".join([*lines[:2], f"{name},47.5", *lines[3:]]) + "\n")
    run = lmms_eval(tmp_path, LMMS_CPLLM_ALLOW_PARTIAL="1")
    assert run.returncode == 1
    assert "47.5" in run.stderr
    assert str(table) in run.stderr
