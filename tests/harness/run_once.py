"""One evaluation of `vqa_konvid` in a process of its own, for tests that kill it.

python run_once.py CHECKPOINT CACHE RESULTS LOG KILL_AFTER

Every batch that reaches the model adds a line to LOG. After KILL_AFTER batches (0: never) the process kills itself with
signal 9, as if the machine had been switched off.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

from evaluation import evaluate, metrics_of

from lmms_cpllm.harness import answers


def main(checkpoint: str, cache: str, results: str, log: str, kill_after: str) -> None:
    original, done = answers.answer_batch, []

    def answer_batch(*arguments):
        if int(kill_after) and len(done) == int(kill_after):
            os.kill(os.getpid(), signal.SIGKILL)
        done.append(1)
        with open(log, "a") as file:
            file.write("batch\n")
        return original(*arguments)

    answers.answer_batch = answer_batch
    metrics = metrics_of(evaluate("cpllm", ["vqa_konvid"], f"pretrained={checkpoint}", use_cache=cache), "vqa_konvid")
    Path(results).write_text(json.dumps(metrics))


if __name__ == "__main__":
    main(*sys.argv[1:])
