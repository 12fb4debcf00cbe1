"""Make what the labels rest on: the table of the embedded benchmark, and the constants of opinion.

    python -m lmms_cpllm.synthesis make-table [--out FILE] [--clips FOLDER] [--workers N]
    python -m lmms_cpllm.synthesis fit-opinion --severity CSV --photographs FOLDER [--count N] [--out FILE]

Both need imageio-ffmpeg (`pip install 'lmms-cpllm[train]'`). Run `make-table` after every change of recipe.py, of
RENDERER there, and of opinion.json; `fit-opinion` needs the opinions of KADID-10k and is run by who changes the fit.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from lmms_cpllm.synthesis.calibration import fit_opinion
from lmms_cpllm.synthesis.opinion import CONSTANTS
from lmms_cpllm.synthesis.recipe import items
from lmms_cpllm.synthesis.table import make_table

_SHIPPED = Path(__file__).resolve().parent.parent / "releases" / "mini.csv"


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m lmms_cpllm.synthesis", description="Makes synthetic benchmarks.")
    commands = parser.add_subparsers(dest="command", required=True)
    table = commands.add_parser("make-table", help="render vqa_mini, measure it and write the table of labels")
    table.add_argument("--out", type=Path, default=_SHIPPED, help="the CSV file (default: the one of this package)")
    table.add_argument("--clips", type=Path, help="keep the rendered clips in this folder")
    table.add_argument("--workers", type=int, default=2, help="threads (default: %(default)s)")
    fit = commands.add_parser("fit-opinion", help="fit full-reference metrics to mean opinions and write the constants")
    fit.add_argument("--severity", type=Path, required=True, help="CSV with columns distortion, level, mean_dmos")
    fit.add_argument("--photographs", type=Path, required=True, help="folder of photographs, 1024x768 or larger")
    fit.add_argument("--count", type=int, default=40, help="how many of them are used (default: %(default)s)")
    fit.add_argument("--out", type=Path, default=CONSTANTS, help="the JSON file (default: the one of this package)")
    args = parser.parse_args(argv)
    if args.command == "make-table":
        make_table(items(), args.out, args.clips, args.workers)
        print(f"{args.out}: {len(items())} rows")
    else:
        written = fit_opinion(args.severity, args.photographs, args.out, args.count)
        unseen = written["fidelity"]["figures"]["cross_validated"]["fidelity"]
        print(f"{args.out}: cross-validated " + ", ".join(f"{name} {value}" for name, value in unseen.items()))


if __name__ == "__main__":
    main()
