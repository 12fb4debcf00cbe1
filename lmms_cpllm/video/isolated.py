"""`decode` and `probe` in a process of their own: a codec library that crashes or hangs costs the one video.

Why, and why by default: whoever has a thousand videos of users has one that crashes a decoder, does not know it, and meets
it after six hours. A limit that is checked between packets does not help against a call that never returns, and nothing
inside a process helps against a segmentation fault. So videos are decoded in processes that are started once, used again
for video after video and replaced after a crash. What comes back are the same bits as `decode` gives; the way costs the
copy of two views (2 MB, about 1 ms a video) and half a second of start, which loading a model hides.

Threads call this: one process each while they decode. Idle ones stay for the next call and end with this process.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from dataclasses import asdict
from multiprocessing.connection import Connection

import numpy as np

from lmms_cpllm.errors import UserError, VideoError
from lmms_cpllm.raw_video import declared
from lmms_cpllm.sampling import ViewPlan
from lmms_cpllm.video.demux import check_file
from lmms_cpllm.video.limits import DEFAULT_LIMITS, Limits
from lmms_cpllm.video.views import Clip, VideoInfo
from lmms_cpllm.video.worker import GRACE_S, READY

_START_S = 300.0
_CODE = "import sys; sys.path[:] = sys.argv[2:]; from lmms_cpllm.video.worker import serve; serve(int(sys.argv[1]))"

_lock = threading.Lock()
_idle: list[_Process] = []


def decode(path: str | os.PathLike, plan: ViewPlan, *, threads: int = 0, limits: Limits = DEFAULT_LIMITS) -> Clip:
    """As `decoding.decode`, bit for bit. Thread-safe.

    Raises:
        VideoError: as there, or the decoder crashed or hung on the file.
        UserError: no process can be started.
    """
    header, arrays = _ask(os.fsdecode(path), asdict(plan), threads, limits)
    return Clip(VideoInfo(**header["info"]), *arrays)


def probe(path: str | os.PathLike, *, limits: Limits = DEFAULT_LIMITS) -> VideoInfo:
    """As `decoding.probe`. Thread-safe.

    Raises:
        VideoError: as there, or the decoder crashed or hung on the file.
        UserError: no process can be started.
    """
    header, _ = _ask(os.fsdecode(path), None, 0, limits)
    return VideoInfo(**header["info"])


def prestart() -> None:
    """Start one process and do not wait for it: it gets ready while a model is loaded."""
    with _lock:
        needed = not any(process.owner == os.getpid() for process in _idle)
    if needed:
        _give_back(_Process())


def stop() -> None:
    """End all idle processes."""
    with _lock:
        processes, _idle[:] = list(_idle), []
    for process in processes:
        process.end()


class _Process:
    """A running worker and the connection to it; belongs to one thread at a time."""

    def __init__(self) -> None:
        self.owner = os.getpid()
        self._ready = False
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                self._popen = subprocess.Popen(
                    # The module path of this process, as multiprocessing's spawn hands it on: the same package there,
                    # and nothing from the working folder.
                    [sys.executable, "-c", _CODE, str(theirs.fileno()), *sys.path],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    pass_fds=[theirs.fileno()],
                )
            except OSError as error:
                ours.close()
                raise _no_start(str(error)) from error
        self._connection = Connection(ours.detach())
        atexit.unregister(stop)
        atexit.register(stop)

    def ask(self, path: str, request: dict, limits: Limits) -> tuple[dict, list[np.ndarray]]:
        """The answer to a request. After any error but a `VideoError` in the answer the process is gone."""
        try:
            self._wait_until_ready()
            self._connection.send_bytes(json.dumps(request).encode())
            if not self._connection.poll(limits.seconds + GRACE_S):
                self.end(kill=True)
                raise VideoError(path, limits.too_slow)
            header = json.loads(self._connection.recv_bytes())
            return header, [self._array(described) for described in header.get("arrays", ())]
        except (EOFError, OSError) as error:
            self.end()
            raise VideoError(path, _how_it_ended(self._popen.returncode)) from error
        except BaseException:
            self.end(kill=True)  # half an answer may be on the way
            raise

    def end(self, kill: bool = False) -> None:
        self._connection.close()  # an idle worker sees it and ends
        if kill:
            self._popen.kill()
        try:
            self._popen.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()

    def forget(self) -> None:
        """Let go of a process that is not alive, or is another's."""
        self._connection.close()

    @property
    def alive(self) -> bool:
        """Whether it can be asked: it runs, and was started by this process and not by the one this is a fork of."""
        return self.owner == os.getpid() and self._popen.poll() is None

    def _wait_until_ready(self) -> None:
        if self._ready:
            return
        try:
            if not self._connection.poll(_START_S) or self._connection.recv_bytes() != READY:
                raise EOFError
        except (EOFError, OSError) as error:
            self.end(kill=True)
            raise _no_start(f"it ended with status {self._popen.returncode}") from error
        self._ready = True

    def _array(self, described: dict) -> np.ndarray:
        array = np.empty(described["shape"], described["type"])
        self._connection.recv_bytes_into(memoryview(array).cast("B"))
        return array


def _ask(path: str, plan: dict | None, threads: int, limits: Limits) -> tuple[dict, list[np.ndarray]]:
    check_file(path)
    raw = declared(path)
    request = {
        "path": path,
        "plan": plan,
        "threads": threads,
        "limits": asdict(limits),
        "raw": asdict(raw) if raw else None,
    }
    process = _take()
    header, arrays = process.ask(path, request, limits)
    _give_back(process)
    if "error" in header:
        raise RuntimeError(f"{path}: {header['error']}")
    if "reason" in header:
        raise VideoError(path, header["reason"])
    return header, arrays


def _take() -> _Process:
    with _lock:
        while _idle:
            process = _idle.pop()
            if process.alive:
                return process
            process.forget()
    return _Process()


def _give_back(process: _Process) -> None:
    with _lock:
        _idle.append(process)


def _how_it_ended(status: int) -> str:
    if status == -signal.SIGKILL:
        return "its decoder was killed (SIGKILL), as happens where memory runs out"
    if status < 0:
        with contextlib.suppress(ValueError):
            return f"its decoder crashed ({signal.Signals(-status).name})"
    return f"its decoder ended with status {status}"


def _no_start(found: str) -> UserError:
    return UserError(
        f"a process that decodes videos could not be started ({sys.executable}): {found}\n"
        "  what to do: see the lines above; with isolate=false videos are decoded in the process of the model"
    )
