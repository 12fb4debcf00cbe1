"""A decoder that crashes, hangs or reads for too long costs one video, and nothing of it stays behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import broken_worker
import pytest
from clips import write_clip
from same_views import PLAN, assert_same

from lmms_cpllm.errors import UserError, VideoError
from lmms_cpllm.harness.direct import judge_files
from lmms_cpllm.report.videos import probe_all, thumbnails
from lmms_cpllm.video import decode, isolated, probe
from lmms_cpllm.video.limits import Limits

CRASHES = {
    "segfault": "its decoder crashed (SIGSEGV)",
    "no memory": "its decoder was killed (SIGKILL), as happens where memory runs out",
    "leaves": "its decoder ended with status 3",
    "hangs": "decoding it takes longer than 1 s (decode_timeout)",
}


@pytest.fixture
def breaking(monkeypatch: pytest.MonkeyPatch):
    """The processes that decode are those of `broken_worker`."""
    isolated.stop()
    monkeypatch.setattr(isolated, "_CODE", broken_worker.CODE)
    monkeypatch.setattr(isolated, "GRACE_S", 1.0)
    yield
    isolated.stop()


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "a.mp4", frames=30, content="texture")


def copies(clip: Path, *names: str) -> list[Path]:
    paths = [clip.with_name(f"{name}.mp4") for name in names]
    for path in paths:
        path.write_bytes(clip.read_bytes())
    return paths


def test_a_crash_costs_one_video(breaking: None, clip: Path, tiny_checkpoint: Path, tmp_path: Path) -> None:
    names = ["good 1", "segfault", "good 2", "hangs", "no memory", "good 3", "leaves", "good 4"]
    paths, failures = copies(clip, *names), tmp_path / "failures.csv"
    arguments = {
        "pretrained": str(tiny_checkpoint),
        "decode_timeout": 1,
        "failures": str(failures),
        "decode_workers": 2,
    }
    said = [answer for _, answer in judge_files(([str(path)] for path in paths), "score", arguments)]
    [(_, clean)] = judge_files([[str(clip)]], "score", {"pretrained": str(tiny_checkpoint), "isolate": False})
    for name, path, answer in zip(names, paths, said, strict=True):
        if name in CRASHES:
            assert isinstance(answer, VideoError)
            assert (answer.path, answer.reason) == (str(path), CRASHES[name])
        else:
            assert answer == clean, name
    lines = [
        f'{path},"{CRASHES[name]}"' if "," in CRASHES[name] else f"{path},{CRASHES[name]}"
        for name, path in zip(names, paths, strict=True)
        if name in CRASHES
    ]
    assert failures.read_text().splitlines() == ["video,reason", *lines]


def test_a_crash_costs_a_report_one_picture(breaking: None, clip: Path) -> None:
    paths = {path.stem: path for path in copies(clip, "good", "segfault")}
    infos = probe_all(paths, workers=2)
    assert sorted(infos) == ["good", "segfault"]
    assert list(thumbnails(paths, infos, workers=2)) == ["good"]


def test_an_error_of_ours_is_no_broken_video(breaking: None, clip: Path) -> None:
    [path] = copies(clip, "our bug")
    with pytest.raises(RuntimeError, match=r"our bug\.mp4: Traceback[^$]*KeyError: 'a bug'"):
        isolated.decode(path, PLAN)
    assert_same(isolated.decode(clip, PLAN), decode(clip, PLAN))
    assert_same(isolated.decode(clip, PLAN, threads=1), decode(clip, PLAN))


def test_a_process_that_cannot_start_is_said_at_once(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    isolated.stop()
    monkeypatch.setattr(isolated, "_CODE", "import sys; sys.exit(5)")
    with pytest.raises(UserError, match=r"could not be started \(.*\): it ended with status 5\n.*isolate=false"):
        isolated.decode(clip, PLAN)
    monkeypatch.setattr(isolated.sys, "executable", "/no/such/python")
    with pytest.raises(UserError, match=r"could not be started \(/no/such/python\): .*No such file"):
        isolated.decode(clip, PLAN)


def test_one_process_serves_one_thread_again_and_again(clip: Path) -> None:
    isolated.stop()
    isolated.prestart()
    isolated.prestart()
    [process] = isolated._idle
    for _ in range(3):
        isolated.decode(clip, PLAN)
    assert isolated._idle == [process]
    threads = [threading.Thread(target=isolated.decode, args=(clip, PLAN)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert process in isolated._idle
    assert len(isolated._idle) <= 3
    pids = [process._popen.pid for process in isolated._idle]
    isolated.stop()
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_an_idle_process_that_was_ended_is_replaced(clip: Path) -> None:
    isolated.stop()
    isolated.decode(clip, PLAN)
    [process] = isolated._idle
    process._popen.send_signal(signal.SIGKILL)
    process._popen.wait(10)
    assert_same(isolated.decode(clip, PLAN), decode(clip, PLAN))


def test_no_process_outlives_one_that_is_killed() -> None:
    code = "from lmms_cpllm.video import isolated\nimport time\nisolated.prestart()\n"
    code += "print(isolated._idle[0]._popen.pid, flush=True)\ntime.sleep(600)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        pid = int(parent.stdout.readline())
        os.kill(pid, 0)
        parent.kill()
    deadline = time.monotonic() + 60
    while _runs(pid):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # What nobody waits for stays as a zombie in a container whose first process is no init.
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or status.read_text().rsplit(")", 1)[1].split()[0] != "Z"


@pytest.mark.parametrize("read", [decode, isolated.decode])
@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (Limits(seconds=1e-6), "decoding it takes longer than 1e-06 s (decode_timeout)"),
        (Limits(frames=29), "it has more than 29 frames (decode_frames)"),
    ],
)
@pytest.mark.parametrize("ending", ["mp4", "gif"])
def test_limits(clip: Path, tmp_path: Path, read, limits: Limits, reason: str, ending: str) -> None:
    path = clip if ending == "mp4" else write_clip(tmp_path / "a.gif", codec="gif", pix_fmt="rgb8", frames=30, fps=10)
    with pytest.raises(VideoError) as error:
        read(path, PLAN, limits=limits)
    assert error.value.reason == reason
    assert read(path, PLAN, limits=Limits(frames=30)).info.frames == 30


@pytest.mark.parametrize("read", [probe, isolated.probe])
def test_limits_of_a_probe(clip: Path, read) -> None:
    with pytest.raises(VideoError, match="more than 29 frames"):
        read(clip, limits=Limits(frames=29))
    assert read(clip) == probe(clip)


@pytest.mark.parametrize("limits", [{"seconds": 0}, {"seconds": float("nan")}, {"frames": 0}])
def test_limits_are_checked(limits: dict) -> None:
    with pytest.raises(ValueError, match="expected more than 0 seconds and at least 1 frame, found"):
        Limits(**limits)


def test_a_list_of_failures_that_cannot_be_written(tiny_checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    arguments = {"pretrained": str(tiny_checkpoint), "failures": str(tmp_path / "file" / "list.csv")}
    with pytest.raises(UserError, match=r"failures=.*list\.csv: expected a file that can be written, found: "):
        list(judge_files([["a.mp4"]], "score", arguments))
