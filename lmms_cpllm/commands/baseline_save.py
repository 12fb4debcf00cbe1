"""`lmms-cpllm baseline save RESULTS --out FILE`: a run as a small file to commit, for `lmms-cpllm compare --baseline`."""

from __future__ import annotations

import argparse
from pathlib import Path

from lmms_cpllm.commands.compare import add_selection, selected_tasks
from lmms_cpllm.errors import DataError


def add_action(actions: argparse._SubParsersAction) -> None:
    """Add `save` to the actions of `lmms-cpllm baseline`."""
    parser = actions.add_parser(
        "save",
        help="freeze runs of lmms-eval as a small JSON file",
        description="Freeze the newest complete run of each model and task in an output folder of lmms-eval: scores of "
        "each video, task versions, fingerprints of data and checkpoint. Needs --log_samples. Exit status 1 when "
        "anything that was asked for is missing or incomplete.",
    )
    parser.add_argument("results", metavar="RESULTS", type=Path, help="what lmms-eval wrote to --output_path")
    parser.add_argument("--out", metavar="FILE", type=Path, required=True, help="the baseline, *.json")
    add_selection(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write the baseline and say what is in it."""
    from lmms_cpllm.compare.presence import missing
    from lmms_cpllm.compare.selecting import Selection
    from lmms_cpllm.results import frozen, read

    selection = Selection(tuple(args.models) if args.models else None, selected_tasks(args))
    results = read(args.results)
    runs = selection.runs(results)
    faults = missing(results, selection, runs)
    if faults:
        lines = "\n  ".join(
            " ".join(part for part in (one.task, one.model) if part) + f": {one.reason}" for one in faults
        )
        raise DataError(f"{args.results}: nothing is frozen, because of what is missing:\n  {lines}")
    frozen.save(runs, args.out)
    for one in runs:
        print(f"{one.task} of {one.model}: {one.count} rows, run of {one.date}")
    print(f"saved to {args.out}")
    return 0
