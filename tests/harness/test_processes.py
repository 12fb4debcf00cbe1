"""What only shows in processes of their own: a run that is killed, and two ranks."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from evaluation import environment, evaluate, items_of, metrics_of
from fake_konvid import konvid_ids, labels_file


@pytest.fixture
def agreeing(konvid: Path, checkpoint: Path) -> Path:
    """The fake release with MOS that the tiny model nearly agrees with.

    With MOS that have nothing to do with the scores, the best logistic is a step between two videos, and where on it the
    search ends is decided by the last bit.
    """
    items = items_of(evaluate("cpllm", ["vqa_konvid"], f"pretrained={checkpoint}"), "vqa_konvid")
    qualities = {name: item["quality"] for name, item in items.items()}
    low, high = min(qualities.values()), max(qualities.values())
    lines = [
        f"{name},{1.5 + 3 * (quality - low) / (high - low) + 0.3 * (place % 2):.2f}"
        for place, (name, quality) in enumerate(qualities.items())
    ]
    labels_file(konvid).write_text("\n".join(["flickr_id,mos", *lines, ""]))
    return konvid


def test_a_killed_run_computes_only_what_is_missing(agreeing: Path, checkpoint: Path, tmp_path: Path) -> None:
    log, results, cache = tmp_path / "log", tmp_path / "results.json", tmp_path / "cache"
    command = [
        sys.executable,
        str(Path(__file__).with_name("run_once.py")),
        str(checkpoint),
        str(cache),
        str(results),
        str(log),
    ]

    def run(kill_after: int) -> int:
        log.write_text("")
        return subprocess.run(
            [*command, str(kill_after)], env=environment(LMMS_CPLLM_ALLOW_PARTIAL="1"), timeout=120, check=False
        ).returncode

    assert run(kill_after=3) == -signal.SIGKILL
    assert not results.exists()
    assert len(log.read_text().split()) == 3
    assert run(kill_after=0) == 0
    assert len(log.read_text().split()) == 8 - 3
    assert json.loads(results.read_text()) == metrics_of(
        evaluate("cpllm", ["vqa_konvid"], f"pretrained={checkpoint}"), "vqa_konvid"
    )


def on_two_ranks(*arguments: str, **more: str) -> subprocess.CompletedProcess:
    """lmms-eval in two processes."""
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc_per_node",
        "2",
        "-m",
        "lmms_eval",
    ]
    return subprocess.run(
        [*command, *arguments, "--device", "cpu"],
        env=environment(CUDA_VISIBLE_DEVICES="", **more),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_two_ranks_give_the_metrics_of_one(agreeing: Path, checkpoint: Path, tmp_path: Path) -> None:
    """Through the real command line, with a video that no rank can read and a number of videos that is not even."""
    mos = dict(line.split(",") for line in labels_file(agreeing).read_text().split()[1:])
    videos = sorted((agreeing / "KoNViD_1k_videos").iterdir(), key=lambda path: float(mos[path.stem]))
    broken, missing = videos[0], videos[5]  # the worst one: the middle of the scale is less than all of the scores
    broken.unlink()
    broken.write_bytes(b"this is no video")
    missing.unlink()
    output = tmp_path / "output"
    arguments = [
        "--model",
        "cpllm",
        "--model_args",
        f"pretrained={checkpoint}",
        "--tasks",
        "vqa_konvid,vqa_konvid_describe",
    ]
    result = on_two_ranks(*(*arguments, "--log_samples", "--output_path", str(output)), LMMS_CPLLM_ALLOW_PARTIAL="1")
    # The host exits 0 after most errors, and says them on stdout.
    assert result.returncode == 0, result.stderr[-3000:]
    assert list(output.rglob("*_results.json")), result.stdout[-3000:]
    [file] = output.rglob("*_results.json")
    both = json.loads(file.read_text())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LMMS_CPLLM_ALLOW_PARTIAL", "1")
        one = evaluate("cpllm", ["vqa_konvid", "vqa_konvid_describe"], f"pretrained={checkpoint}")
    for task in ("vqa_konvid", "vqa_konvid_describe"):
        expected = metrics_of(one, task)
        assert metrics_of(both, task) == pytest.approx(expected, abs=1e-9, nan_ok=True)
        assert expected["srcc"] > 0.3
        assert expected["answered"] == pytest.approx(6 / 7)
    [samples] = output.rglob("*_samples_vqa_konvid.jsonl")
    items = [json.loads(line)["srcc"] for line in samples.read_text().splitlines()]
    assert sorted(item["video"] for item in items) == sorted(path.stem for path in videos if path != missing)
    assert [item["video"] for item in items if item["reason"]] == [broken.stem]


def test_two_ranks_replay_scores(konvid: Path, tmp_path: Path) -> None:
    """Of seven videos, on an odd number of which one rank has one request more; one video has no score."""
    next((konvid / "KoNViD_1k_videos").iterdir()).unlink()
    scores = {name: -10 + 3 * place % 7 for place, name in enumerate(konvid_ids(8)[:7])}
    path, output = tmp_path / "scores.csv", tmp_path / "output"
    path.write_text("\n".join(["name,score", *(f"{name},{score}" for name, score in scores.items())]))
    task = ("--model", "vqa_scores", "--model_args", f"path={path}", "--tasks", "vqa_konvid")
    result = on_two_ranks(*task, "--log_samples", "--output_path", str(output), LMMS_CPLLM_ALLOW_PARTIAL="1")
    assert result.returncode == 0, result.stderr[-3000:]
    [file] = output.rglob("*_results.json")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LMMS_CPLLM_ALLOW_PARTIAL", "1")
        one = evaluate("vqa_scores", ["vqa_konvid"], f"path={path}")
    both = json.loads(file.read_text())
    assert metrics_of(both, "vqa_konvid") == pytest.approx(metrics_of(one, "vqa_konvid"), abs=1e-12, nan_ok=True)
    [samples] = output.rglob("*_samples_vqa_konvid.jsonl")
    items = [json.loads(line)["srcc"] for line in samples.read_text().splitlines()]
    assert {item["video"]: item["quality"] for item in items} == {
        path.stem: scores.get(path.stem) for path in (konvid / "KoNViD_1k_videos").iterdir()
    }
    path.write_text("name,score\na,1\nb,2\n")
    result = on_two_ranks(*task, LMMS_CPLLM_ALLOW_PARTIAL="1")
    assert result.returncode == 1
    assert f"{path}: no row matches a video of vqa_konvid" in result.stderr
