"""`lmms-cpllm compare RESULTS`: do the results hold, and did they drop? 0 all hold, 1 a check failed, 2 wrong usage."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from lmms_cpllm.compare.thresholds import parse_drop, parse_requirement
from lmms_cpllm.errors import DataError

if TYPE_CHECKING:
    from lmms_cpllm.compare.check import Check
    from lmms_cpllm.results import Results
    from lmms_cpllm.results.folder import LeftOut

FORMATS = ("table", "json", "junit", "github")

_T = TypeVar("_T")


def add(subparsers: argparse._SubParsersAction) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "compare",
        help="check results of lmms-eval, also against a baseline; exit 1 when a check fails",
        description="Check the newest complete run of each model and task in an output folder of lmms-eval. Missing, "
        "unfinished, limited and damaged results fail, as do values below --require and, on the same videos, drops "
        "below the baseline. Exit status 0: all hold, 1: a check failed, 2: wrong usage.",
    )
    parser.add_argument("results", metavar="RESULTS", type=Path, help="what lmms-eval wrote to --output_path")
    parser.add_argument(
        "--baseline",
        metavar="FILE|DIR|NAME",
        help="what to compare with: a file of `lmms-cpllm baseline save`, an output folder, or the name of a baseline "
        "that comes with this package",
    )
    parser.add_argument(
        "--require",
        metavar="METRIC:NUMBER",
        type=_argument(parse_requirement),
        nargs="+",
        action="extend",
        default=[],
        help="the least a metric has to be, or the most if lower is better: srcc:0.85 rmse:0.5",
    )
    parser.add_argument(
        "--max-drop",
        metavar="METRIC:NUMBER",
        type=_argument(parse_drop),
        nargs="+",
        action="extend",
        help="how much worse than the baseline it may be, by itself or in per cent of it: srcc:0.01 plcc:2%% (default: "
        "the first metric of each task, by 0)",
    )
    parser.add_argument(
        "--strict", action="store_true", help="a drop that is too large fails even where it is within noise"
    )
    parser.add_argument(
        "--min-answered",
        metavar="SHARE",
        type=_argument(_share),
        default=1.0,
        help="the least share of videos with an answer (default: %(default)s)",
    )
    add_selection(parser)
    parser.add_argument("--format", choices=FORMATS, default="table", help="of the output (default: %(default)s)")
    parser.set_defaults(run=run, parser=parser)


def add_selection(parser: argparse.ArgumentParser) -> None:
    """Add the options that choose among the runs of a folder."""
    parser.add_argument(
        "--tasks",
        metavar="TASK",
        nargs="+",
        action="extend",
        help="these tasks or groups (default: all that are there)",
    )
    parser.add_argument(
        "--models",
        metavar="MODEL",
        nargs="+",
        action="extend",
        help="these models, named with their arguments as in the table; * stands for anything (default: all)",
    )


def selected_tasks(args: argparse.Namespace) -> tuple[str, ...] | None:
    """The names after --tasks, which may be joined by commas as for lmms-eval."""
    if args.tasks is None:
        return None
    return tuple(task for word in args.tasks for task in word.split(",") if task)


def run(args: argparse.Namespace) -> int:
    """Check and print; 1 when a check failed."""
    from lmms_cpllm.compare.baselines import find
    from lmms_cpllm.compare.check import COMPLETE, SAME_DATA, Questions
    from lmms_cpllm.compare.judging import ThresholdError, judge
    from lmms_cpllm.compare.selecting import Selection
    from lmms_cpllm.results import read

    if args.max_drop and not args.baseline:
        args.parser.error("--max-drop needs --baseline")
    if args.strict and not args.baseline:
        args.parser.error("--strict needs --baseline")
    selection = Selection(tuple(args.models) if args.models else None, selected_tasks(args))
    drops = None if args.max_drop is None else tuple(args.max_drop)
    questions = Questions(args.min_answered, tuple(args.require), drops, args.strict)
    results, checks = _found(COMPLETE, lambda: read(args.results))
    baseline, faults = _found(SAME_DATA, lambda: read(find(args.baseline))) if args.baseline else (None, [])
    checks += faults
    if results is not None:
        try:
            checks += judge(results, baseline, selection, questions)
        except ThresholdError as error:
            args.parser.error(str(error))
    left_out = [one for found in (results, baseline) if found for one in found.left_out]
    _print(args.format, checks, left_out)
    return 0 if all(one.passed for one in checks) else 1


def _argument(parse: Callable[[str], _T]) -> Callable[[str], _T]:
    """What argparse says of a wrong value is the text of the error."""

    def convert(text: str) -> _T:
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return convert


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise ValueError(f"{text!r}: expected a share from 0 to 1")
    return share


def _found(name: str, look: Callable[[], Results]) -> tuple[Results | None, list[Check]]:
    """What is there, or a failed check: a server that reads a file of checks has to hear of it as well."""
    from lmms_cpllm.compare.check import Check

    try:
        return look(), []
    except DataError as error:
        return None, [Check("", "", name, False, str(error))]


def _print(form: str, checks: Sequence[Check], left_out: Sequence[LeftOut]) -> None:
    from lmms_cpllm.commands.tables import print_table
    from lmms_cpllm.compare import formats

    if form in ("json", "junit"):
        print(formats.to_json(checks, left_out) if form == "json" else formats.to_xml(checks))
        # Standard output is the file; the log of the job has to say why it failed.
        for line in (*formats.failures(checks), formats.verdict(checks)):
            print(line, file=sys.stderr)
        return
    print_table(formats.COLUMNS, [formats.cells(one) for one in checks])
    lines = formats.annotations(checks, left_out)
    if form == "table":
        lines = [*formats.failures(checks), *formats.not_counted(left_out)]
    for line in (*lines, formats.verdict(checks)):
        print(line)
