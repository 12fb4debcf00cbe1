"""Trains in a process that tests start: `full_worker.py RECIPE WORK:SHARDING ...`, alone or under torchrun.

The sharding `configured` is left to a configuration of accelerate, for FSDP.

KILL_AT=STAGE/.STATE kills it with signal 9 while it writes that state. A job `WORK>COPY:SHARDING` copies what a kill after
the first state would have left of WORK, and goes on from there.
"""

import os
import shutil
import signal
import sys
from pathlib import Path

import torch

from lmms_cpllm.cli import main
from lmms_cpllm.training.full import checkpoints

write = checkpoints.write_json


def write_or_die(path: Path, *rest) -> None:
    """The last file of a state; the weights are written by then, and the folder is not yet moved."""
    if os.environ.get("KILL_AT") == f"{path.parent.parent.name}/{path.parent.name}":
        os.kill(os.getpid(), signal.SIGKILL)
    write(path, *rest)


def copy_first_state(work: Path, copy: Path) -> None:
    """The work folder as it was when its only stage had its first state."""
    shutil.copytree(work, copy)
    for path in copy.glob("1-*/checkpoint-*"):
        if path.name != checkpoints.name_of(1):
            shutil.rmtree(path)
    for path in copy.glob("1-*/record.json"):
        path.unlink()


if __name__ == "__main__":
    torch.set_num_threads(1)
    checkpoints.write_json = write_or_die
    recipe, *jobs = sys.argv[1:]
    for job in jobs:
        work, sharding = job.rsplit(":", 1)
        if ">" in work:
            source, work = work.split(">")
            if os.environ.get("RANK", "0") == "0":
                copy_first_state(Path(source), Path(work))
        arguments = ["--work", work, "--out", f"{work}-out"]
        if sharding == "configured":
            # As `accelerate launch` hands on a configuration for DeepSpeed or FSDP.
            os.environ |= {"ACCELERATE_USE_FSDP": "true", "ACCELERATE_MIXED_PRECISION": "bf16"}
        else:
            arguments += ["--sharding", sharding]
        assert main(["train", "recipe", recipe, *arguments]) == 0
