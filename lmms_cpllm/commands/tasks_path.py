"""`lmms-cpllm tasks-path`: the folder for `lmms-eval --include_path`, should the plugin hook not be available."""

from __future__ import annotations

import argparse

from lmms_cpllm.plugin import tasks_path


def add(subparsers: argparse._SubParsersAction) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser("tasks-path", help="print the folder of the tasks, for lmms-eval --include_path")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the folder that holds the task files."""
    print(tasks_path())
    return 0
