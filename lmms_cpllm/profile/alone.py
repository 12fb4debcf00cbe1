"""A measurement in a process of its own, whose memory and cores nothing else has used.

The process reads a request as a line of JSON, loads what it needs, says "ready", waits for a line, measures and answers
with one line of JSON. So several can be started and set going at once.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from lmms_cpllm.errors import UserError
from lmms_cpllm.memory import keep_freed_memory
from lmms_cpllm.profile.rendering import Film, render_film

_CODE = "import sys; sys.path[:] = sys.argv[1:]; from lmms_cpllm.profile.alone import main; main()"
_READY = "ready"
_END_S = 60.0
"""How long a process that has closed its output may take to end."""
QUIET = {"TQDM_DISABLE": "1"}
"""For processes that run side by side: their progress bars would only overwrite each other."""


def measure_alone(requests: Sequence[Mapping], variables: Mapping[str, str] | None = None) -> list[dict]:
    """Answers of processes that are set going together, one for each request.

    Args:
        requests: `{"task": "cost" or "harness", "arguments": ..., "describe": ..., "videos": [...], "repeats": ...}`, or
            `{"task": "render", "film": ..., "videos": [path]}`.
        variables: of their environment, beside those of this process.

    Raises:
        UserError: one of them failed; its own lines on stderr say why.
    """
    environment = os.environ | (variables or {})
    processes = [_start(request, environment) for request in requests]
    try:
        for process in processes:
            if process.stdout.readline().strip() != _READY:
                raise _failed(process)
        for process in processes:
            process.stdin.write("go\n")
            process.stdin.flush()
        answers = [process.stdout.readline() for process in processes]
        for process in processes:
            process.stdin.close()
            if process.wait():
                raise _failed(process)
        return [json.loads(answer) for answer in answers]
    finally:
        for process in processes:
            process.kill()
            process.wait()
            process.stdin.close()
            process.stdout.close()


def render_alone(film: Film, path: Path) -> Path:
    """As `render_film`, so that what an encoder takes of memory is not counted as ours."""
    measure_alone([{"task": "render", "film": asdict(film), "videos": [str(path)]}])
    return path


def _start(request: Mapping, environment: Mapping[str, str]) -> subprocess.Popen:
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", _CODE, *sys.path]
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, env=dict(environment), text=True)
    # Not as an argument, which may not be longer than 128 KiB: thousands of videos are. One that failed is found out later.
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(json.dumps(request) + "\n")
        process.stdin.flush()
    return process


def _failed(process: subprocess.Popen) -> UserError:
    try:
        status = process.wait(_END_S)
    except subprocess.TimeoutExpired:
        process.kill()
        status = process.wait()
    return UserError(f"a process that measures ended with status {status} and no figure\n  the lines above say why")


def main() -> None:
    """The other end."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints is no answer
    request = json.loads(sys.stdin.readline())
    keep_freed_memory()
    task: Callable = {"cost": _cost, "harness": _harness, "render": _render}[request["task"]]

    def go() -> None:
        print(_READY, file=answers, flush=True)
        sys.stdin.readline()

    print(json.dumps(task(request, go)), file=answers, flush=True)


def _cost(request: Mapping, go: Callable[[], None]) -> dict:
    """Seconds of each repeat end to end, and the peak memory of a process that does nothing else."""
    from lmms_cpllm.profile.machine import peak_memory
    from lmms_cpllm.profile.stages import answer_once, set_up
    from lmms_cpllm.profile.timing import clocked

    [path] = request["videos"]
    with set_up(request["arguments"], request["describe"]) as bench:
        go()
        answer_once(bench, path)
        seconds = [clocked(lambda: answer_once(bench, path))[1] for _ in range(request["repeats"])]
        return {"seconds": seconds, "memory": asdict(peak_memory())}


def _render(request: Mapping, go: Callable[[], None]) -> dict:
    go()
    render_film(Film(**request["film"]), Path(request["videos"][0]))
    return {}


def _harness(request: Mapping, go: Callable[[], None]) -> dict:
    """When the harness began with the videos and when it ended, by the clock that all processes share."""
    from lmms_cpllm.profile.throughput import harness_run

    started, ended = harness_run(request["arguments"], request["videos"], request["describe"], go)
    return {"started": started, "ended": ended}
