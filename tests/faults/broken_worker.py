"""A decoder process that crashes, hangs or dies on files of certain names, in the place of the real one.

What it does, a codec library does now and then: a segmentation fault, a loop without end, memory that runs out.
"""

from __future__ import annotations

import os
import signal
import time

from lmms_cpllm.video import worker

CODE = "import sys; sys.path[:] = sys.argv[2:]; import broken_worker; broken_worker.serve(int(sys.argv[1]))"


def serve(descriptor: int) -> None:
    whole = worker.decode

    def decode(path, plan, *, threads, limits):
        if "segfault" in path:
            os.kill(os.getpid(), signal.SIGSEGV)
        if "no memory" in path:
            os.kill(os.getpid(), signal.SIGKILL)
        if "leaves" in path:
            os._exit(3)
        if "our bug" in path:
            raise KeyError("a bug")
        while "hangs" in path:
            time.sleep(1)
        return whole(path, plan, threads=threads, limits=limits)

    worker.decode = decode
    worker.serve(descriptor)
