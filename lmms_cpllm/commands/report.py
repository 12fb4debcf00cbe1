"""`lmms-cpllm report RESULTS... --out FILE`: results as a page, and as tables for papers. 0 written, 2 wrong usage."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from lmms_cpllm.commands.compare import add_selection, selected_tasks
from lmms_cpllm.errors import DataError, UserError

_TITLE = "Video quality assessment: results"
_PICTURES = 240


def add(subparsers: argparse._SubParsersAction) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "report",
        help="results of lmms-eval as one HTML page, and as tables for papers",
        description="Write one self-contained HTML page about any number of results of lmms-eval: leaderboard with "
        "intervals, significance, predictions against MOS, best and worst videos, ladders, descriptions, failures and how "
        "the runs were made. The newest complete run of each model and task counts; every other one is named. Exit "
        "status 0: written, 2: wrong usage, or nothing to read.",
    )
    parser.add_argument(
        "results",
        metavar="RESULTS",
        type=Path,
        nargs="+",
        help="what lmms-eval wrote to --output_path, or files of `lmms-cpllm baseline save`",
    )
    parser.add_argument("--out", metavar="FILE", type=Path, required=True, help="the page, *.html")
    parser.add_argument("--markdown", metavar="FILE", type=Path, help="the leaderboard as a table of Markdown")
    parser.add_argument("--latex", metavar="FILE", type=Path, help="the leaderboard as a table of LaTeX (booktabs)")
    parser.add_argument(
        "--csv", metavar="FILE", type=Path, help="every metric, one line for each model, task and metric"
    )
    parser.add_argument("--title", default=_TITLE, help="heading of the page (default: %(default)s)")
    parser.add_argument(
        "--videos",
        metavar="DIR",
        type=Path,
        nargs="+",
        action="extend",
        default=[],
        help="folders with the videos, known by name, beside LMMS_CPLLM_DATA and the cache",
    )
    parser.add_argument(
        "--no-videos",
        action="store_true",
        help="open no video: no pictures, and no error by size, length and codec",
    )
    parser.add_argument(
        "--thumbnails",
        metavar="N",
        type=_count,
        default=_PICTURES,
        help="at most so many pictures on the page (default: %(default)s)",
    )
    add_selection(parser)
    parser.set_defaults(run=run, parser=parser)


def run(args: argparse.Namespace) -> int:
    """Read, compute, write, and say what was left out."""
    from datetime import datetime

    from lmms_cpllm.compare.selecting import Selection
    from lmms_cpllm.report import exports, page
    from lmms_cpllm.report.building import Options, build
    from lmms_cpllm.report.gather import gather
    from lmms_cpllm.results import read

    page.check_packages()
    for folder in args.videos:
        if not folder.is_dir():
            args.parser.error(f"argument --videos: {folder}: expected a folder with videos, found none")
    selection = Selection(tuple(args.models) if args.models else None, selected_tasks(args))
    try:
        found = [read(path, progress=True) for path in args.results]
    except DataError as error:
        args.parser.error(str(error))
    gathered = gather(
        found, lambda model, task, groups: selection.has_model(model) and selection.has_task(task, groups)
    )
    left_out = [_line(one) for one in gathered.left_out]
    if not gathered.runs and not gathered.partial:
        args.parser.error("\n  ".join([f"nothing to read in {', '.join(map(str, args.results))}", *left_out]))
    report = build(gathered, Options(tuple(args.videos), not args.no_videos, args.thumbnails))
    written = {args.out: page.render(report, args.title, datetime.now().astimezone())}
    labels = gathered.labels
    for path, text in (
        (args.markdown, lambda: exports.markdown(report.board, labels)),
        (args.latex, lambda: exports.latex(report.board, labels)),
        (args.csv, lambda: exports.csv_text(gathered, report.board)),
    ):
        if path is not None:
            written[path] = text()
    _write(written)
    for line in left_out:
        print(f"left out: {line}", file=sys.stderr)
    return 0


def _write(written: dict[Path, str]) -> None:
    for path, text in written.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", errors="replace")
        except OSError as error:
            raise UserError(f"{path}: cannot be written: {error.strerror}") from error
        print(f"{path}: {path.stat().st_size / 1e6:.1f} MB" if path.stat().st_size > 1e5 else f"{path}")


def _line(one) -> str:
    about = " of ".join(part for part in (one.task, one.model) if part)
    return f"{one.source}{f' ({about})' if about else ''}: {one.reason}"


def _count(text: str) -> int:
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r}: expected 0 or more pictures")
    return int(text)
