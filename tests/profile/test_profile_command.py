"""`lmms-cpllm profile`: tables, JSON, files that cannot be read, and the console."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from lmms_cpllm import cli
from lmms_cpllm.errors import ArgumentError
from lmms_cpllm.profile.document import overall_ratio
from lmms_cpllm.profile.rendering import Film
from lmms_cpllm.profile.stages import STAGES, VideoProfile

KEYS = ["versions", "machine", "model", "repeats", "videos", "unreadable", "ratio", "peak_memory"]


def profile(*given: str | Path, checkpoint: Path) -> int:
    fast = ["--repeats", "1", "--model-args", "isolate=false,decode_workers=1", "--model", checkpoint]
    return cli.main(["profile", *map(str, (*given, *fast))])


def test_json_of_what_can_be_read(clips: list[Path], no_video: Path, checkpoint: Path, capsys) -> None:
    assert profile(clips[0], no_video, clips[1], "--json", checkpoint=checkpoint) == 0
    out, err = capsys.readouterr()
    assert f"{no_video}: the file is empty (0 bytes)\n" in err
    found = json.loads(out)
    assert list(found) == [*KEYS, "scaling", "throughput"]
    assert (found["scaling"], found["throughput"], found["repeats"]) == (None, None, 1)
    assert [video["path"] for video in found["videos"]] == [str(clip) for clip in clips]
    assert found["unreadable"] == [{"path": str(no_video), "reason": "the file is empty (0 bytes)"}]
    assert found["model"] == {"pretrained": str(checkpoint), "dtype": "float32", "mode": "score"}
    for video in found["videos"]:
        assert [stage["name"] for stage in video["stages"]] == list(STAGES)
        assert sum(stage["share"] for stage in video["stages"]) == pytest.approx(1)
        assert video["ratio"] == pytest.approx(video["end_to_end"]["median_s"] / video["full_decode"]["median_s"])
    ends, floors = (sum(v[key]["median_s"] for v in found["videos"]) for key in ("end_to_end", "full_decode"))
    assert found["ratio"] == pytest.approx(ends / floors)
    assert found["peak_memory"]["process_bytes"] > 0


def test_tables_and_a_file_beside_them(clips: list[Path], checkpoint: Path, tmp_path: Path, capsys) -> None:
    target = tmp_path / "out.json"
    assert profile("--describe", "--json", target, *clips, checkpoint=checkpoint) == 0
    out = capsys.readouterr().out
    for name in (*STAGES, "end to end", "full decode"):
        assert len(re.findall(rf"^[^\w\n]+{name} ", out, re.MULTILINE)) == 2, name
    assert len(re.findall(r"^end to end / full decode: [\d.]+ \(bound 1\.5, aim 1\.2\)", out, re.MULTILINE)) == 2
    assert re.search(r"^all videos: [\d.]+ x full decode", out, re.MULTILINE)
    assert re.search(r"^peak memory: \d+ MB", out, re.MULTILINE)
    found = json.loads(target.read_text())
    assert found["model"]["mode"] == "describe"
    assert f"{found['machine']['processor']}, " in out


def test_exit_status_without_a_video_that_can_be_read(no_video: Path, checkpoint: Path, capsys) -> None:
    missing = no_video.with_name("missing.mp4")
    assert profile(no_video, missing, "--json", checkpoint=checkpoint) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert f"{missing}: there is no such file\n" in err
    assert err.endswith("no video could be profiled\n")


def test_a_clip_is_rendered_where_none_is_given(checkpoint: Path, capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lmms_cpllm.profile.rendering.SHORT", Film(64, 36, 10, 0.8))
    assert profile("--json", checkpoint=checkpoint) == 0
    [video] = json.loads(capsys.readouterr().out)["videos"]
    assert (video["width"], video["frames"], video["codec"]) == (64, 8, "h264")
    assert not Path(video["path"]).exists(), "it lay in a temporary folder"


def test_a_video_behind_json_is_not_overwritten(clips: list[Path], checkpoint: Path) -> None:
    before = clips[0].read_bytes()
    with pytest.raises(ArgumentError, match=r"expected a file that ends with \.json"):
        profile("--json", clips[0], checkpoint=checkpoint)
    assert clips[0].read_bytes() == before


def test_the_same_thing_twice_is_refused(clips: list[Path], checkpoint: Path) -> None:
    with pytest.raises(ArgumentError, match="--threads 2 and --model-args threads=1: give one of the two"):
        cli.main(["profile", str(clips[0]), "--threads", "2", "--model-args", "threads=1"])


@pytest.mark.parametrize("given", [["--repeats", "0"], ["--throughput", "1"], ["--describe", "--score-only"]])
def test_wrong_usage(given: list[str], capsys) -> None:
    with pytest.raises(SystemExit) as stopped:
        cli.main(["profile", *given])
    assert stopped.value.code == 2
    assert "usage: lmms-cpllm profile" in capsys.readouterr().err


def test_the_overall_ratio_is_of_sums_over_videos_that_have_one(timing) -> None:
    def video(end: float, floor: float | None) -> VideoProfile:
        return VideoProfile(None, "", (), timing(end), None if floor is None else timing(floor), 0)

    assert overall_ratio([video(3.0, 2.0), video(5.0, None), video(1.0, 2.0)]) == 1.0
    assert overall_ratio([video(5.0, None)]) is None


def test_the_console(clips: list[Path]) -> None:
    """With the embedded checkpoint, as people run it."""
    script = str(Path(sys.executable).with_name("lmms-cpllm"))
    command = [script, "profile", str(clips[0]), "--repeats", "1", "--json"]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert answer.returncode == 0, answer.stderr[-3000:]
    found = json.loads(answer.stdout)
    assert found["model"]["pretrained"].endswith("cpllm-tiny")
    assert found["peak_memory"]["decoders_bytes"] > 0
    [video] = found["videos"]
    floors = {stage["name"]: stage["floor_s"] for stage in video["stages"]}
    assert all(floors[name] > 0 for name in ("decode", "context tower", "pixel tower", "prefill"))
    assert 0 <= json.loads(video["answer"])["quality"] <= 100
