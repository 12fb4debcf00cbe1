"""The other end of `isolated.py`: a process that decodes one video at a time and may crash on it.

It takes a line of JSON and answers with one, then with the arrays as bytes. There is no pickle on the way: what a codec
library did to this process must not reach the other.
"""

from __future__ import annotations

import contextlib
import json
import signal
import traceback
from dataclasses import asdict
from multiprocessing.connection import Connection
from pathlib import Path

from lmms_cpllm.errors import VideoError
from lmms_cpllm.memory import keep_freed_memory
from lmms_cpllm.raw_video import RawFormat, declare
from lmms_cpllm.sampling import ViewPlan
from lmms_cpllm.video.decoding import decode, probe
from lmms_cpllm.video.limits import Limits
from lmms_cpllm.video.views import Clip

ARRAYS = ("context", "pixel", "context_seconds", "pixel_seconds")
READY = b"ready"
GRACE_S = 5.0
"""How much longer than its limit a decoder may take to notice it, before the process is ended."""


def serve(descriptor: int) -> None:
    """Answer requests until the other end is closed.

    Args:
        descriptor: of a connected socket.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ^C reaches every process of the terminal; the first one says so
    with contextlib.suppress(OSError):
        # Where memory runs out, this process goes and not the one that holds the results.
        Path("/proc/self/oom_score_adj").write_text("800")
    keep_freed_memory()
    # The other end may be gone at any time, before the first request too: then nobody waits for an answer.
    with Connection(descriptor) as connection, contextlib.suppress(EOFError, ConnectionError):
        connection.send_bytes(READY)
        while True:
            request = json.loads(connection.recv_bytes())
            # An orphan whose decoder hangs ends itself, whatever holds the interpreter.
            signal.setitimer(signal.ITIMER_REAL, request["limits"]["seconds"] + 2 * GRACE_S)
            header, arrays = _answer(request)
            signal.setitimer(signal.ITIMER_REAL, 0)
            connection.send_bytes(json.dumps(header).encode())
            for array in arrays:
                connection.send_bytes(memoryview(array).cast("B"))


def _answer(request: dict) -> tuple[dict, list]:
    """What goes back: the facts and the arrays, why there are none, or the trace of an error that is ours."""
    path, limits = request["path"], Limits(**request["limits"])
    if request["raw"]:
        declare(path, RawFormat(**request["raw"]))
    try:
        if request["plan"] is None:
            return {"info": asdict(probe(path, limits=limits)), "arrays": []}, []
        plan = ViewPlan(**request["plan"])
        return _packed(decode(path, plan, threads=request["threads"], limits=limits))
    except VideoError as error:
        return {"reason": error.reason}, []
    except MemoryError:
        return {"reason": "a frame of it does not fit into memory"}, []
    except Exception:  # noqa: BLE001 - told to the other side, which raises it there
        return {"error": traceback.format_exc()}, []


def _packed(clip: Clip) -> tuple[dict, list]:
    arrays = [getattr(clip, name) for name in ARRAYS]
    described = [{"shape": array.shape, "type": array.dtype.str} for array in arrays]
    return {"info": asdict(clip.info), "arrays": described}, arrays
