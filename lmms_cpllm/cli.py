"""The console script `lmms-cpllm`. Exit status: 0 done, 1 a check failed or something is missing, 2 wrong usage.

Every subcommand is a module of `lmms_cpllm.commands` with `add(subparsers)`. Those modules import what they need when
they run, so that `lmms-cpllm --help` answers at once.
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Sequence

from lmms_cpllm import __version__
from lmms_cpllm.commands import baseline, compare, data, export, profile, report, score, tasks_path, train

COMMANDS = (score, compare, report, baseline, data, train, export, profile, tasks_path)


def build_parser() -> argparse.ArgumentParser:
    """The parser with all subcommands; each sets `run`, a function of the arguments that returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="lmms-cpllm",
        description="Video quality assessment for lmms-eval: what surrounds a run of `lmms-eval --model cpllm`.",
    )
    parser.add_argument("--version", action="version", version=f"lmms-cpllm {__version__}")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add(subparsers)
    return parser


def _keep_names() -> None:
    """A file name that is no UTF-8 is printed as it is, byte for byte, instead of ending the command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="surrogateescape")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status. A `UserError` ends the process with its message and status 1."""
    args = build_parser().parse_args(argv)
    _keep_names()
    try:
        return args.run(args)
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        return 130
