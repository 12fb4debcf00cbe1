"""Make the table of labels that the embedded benchmark ships.

    python -m lmms_cpllm.synthesis make-table [--out FILE] [--clips FOLDER] [--workers N]

Needs imageio-ffmpeg (`pip install 'lmms-cpllm[train]'`). Run it after every change of recipe.py, or of RENDERER there.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from lmms_cpllm.synthesis.recipe import items
from lmms_cpllm.synthesis.table import make_table

_SHIPPED = Path(__file__).resolve().parent.parent / "releases" / "mini.csv"


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m lmms_cpllm.synthesis", description="Makes synthetic benchmarks.")
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("make-table", help="render vqa_mini, measure VMAF and write the table of labels")
    command.add_argument("--out", type=Path, default=_SHIPPED, help="the CSV file (default: the one of this package)")
    command.add_argument("--clips", type=Path, help="keep the rendered clips in this folder")
    command.add_argument("--workers", type=int, default=2, help="threads (default: %(default)s)")
    args = parser.parse_args(argv)
    make_table(items(), args.out, args.clips, args.workers)
    print(f"{args.out}: {len(items())} rows")


if __name__ == "__main__":
    main()
