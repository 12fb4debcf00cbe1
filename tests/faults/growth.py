"""Judges a few clips again and again and prints what is held on the way: python growth.py CHECKPOINT VIDEOS CLIP...

Prints a line of JSON for every hundredth of the way: `videos`, `mb` (this process and the one that decodes for it) and
`files` (open descriptors).
"""

from __future__ import annotations

import gc
import itertools
import json
import os
import sys
from pathlib import Path

from lmms_cpllm.harness.direct import judge_files
from lmms_cpllm.memory import keep_freed_memory
from lmms_cpllm.video import isolated


def held_mb(pid: int | str) -> float:
    """Memory of a process that is its own: shared libraries are not counted."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private")) / 1024


def main(checkpoint: str, count: str, *clips: str) -> None:
    keep_freed_memory()
    total = int(count)
    paths = itertools.islice(itertools.cycle(clips), total)
    arguments = {"pretrained": checkpoint, "decode_workers": 1, "prefetch": 1}
    for number, _ in enumerate(judge_files(([path] for path in paths), "score", arguments), start=1):
        if number % (total // 30) == 0:
            gc.collect()
            workers = [process._popen.pid for process in isolated._idle]
            held = sum(map(held_mb, ["self", *workers]))
            print(json.dumps({"videos": number, "mb": held, "files": len(os.listdir("/proc/self/fd"))}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
