"""`lmms-cpllm score`: the quality of files without a release and without the host, with the numbers of lmms-eval."""

from __future__ import annotations

import argparse
import csv
import glob
import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from lmms_cpllm.commands.model_arguments import add_model_arguments, read_model_arguments
from lmms_cpllm.commands.tables import print_table
from lmms_cpllm.errors import UserError, VideoError
from lmms_cpllm.ratings import LEVELS

_COLUMNS = ("file", "quality", "acr", "rating", *LEVELS, "description", "error")


def add(subparsers: argparse._SubParsersAction) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "score", help="the quality of video files, 0 to 100; exit status 1 if one of them could not be judged"
    )
    parser.add_argument("videos", metavar="VIDEO", nargs="+", help="file, folder (with all below it) or quoted pattern")
    parser.add_argument("--compare", action="store_true", help="which of two files is better")
    parser.add_argument(
        "--describe", action="store_true", help="also say what is wrong; score and description are of one pass"
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON, with the distribution over the five levels")
    form.add_argument("--csv", action="store_true", help="print CSV, line by line as the scores are known")
    add_model_arguments(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Judge files; 1 when one of them could not be."""
    from lmms_cpllm.memory import keep_freed_memory

    keep_freed_memory()
    arguments = read_model_arguments(args.model_args)
    if args.compare:
        return _compare(args, arguments)
    rows = _rows(args.videos, "describe" if args.describe else "score", arguments)
    found = list(_as_csv(rows) if args.csv else rows)
    if args.json:
        print(json.dumps(found, indent=1, ensure_ascii=False))
    elif not args.csv:
        _print_rows(found, args.describe)
    failed = sum("error" in row for row in found)
    if failed:
        print(f"{failed} of {len(found)} could not be judged", file=sys.stderr)
    return 1 if failed else 0


def _compare(args: argparse.Namespace, arguments: dict[str, str]) -> int:
    from lmms_cpllm.harness.direct import judge_files

    if len(args.videos) != 2 or args.describe or args.csv:
        raise UserError(
            f"--compare: expected two files, and neither --describe nor --csv, found {len(args.videos)} files"
        )
    [(files, answer)] = judge_files([args.videos], "compare", arguments)
    if isinstance(answer, VideoError):
        raise UserError(f"{answer}\n  what to do: replace the file")
    found = json.loads(answer)
    better = files[found["choice"] == "second"]
    if args.json:
        print(json.dumps({"first": files[0], "second": files[1], **found}, ensure_ascii=False))
    else:
        print(f"{better} is better (probability {found['probability']:.2f})")
    return 0


def _rows(given: Sequence[str], mode: str, arguments: dict[str, str]) -> Iterator[dict]:
    """One row a file, in order: what was said of it, or the error."""
    from tqdm import tqdm

    from lmms_cpllm.harness.direct import judge_files
    from lmms_cpllm.releases.files import JUDGED_ENDINGS

    files = list(dict.fromkeys(path for text in given for path in _files(text)))
    empty = [path for path in files if Path(path).is_dir()]
    judged = judge_files(([path] for path in files if path not in empty), mode, arguments)
    for path in tqdm(files, "score", unit="video", file=sys.stderr, disable=len(files) == 1):
        if path in empty:
            yield {
                "file": path,
                "error": f"expected a folder with videos ({', '.join(JUDGED_ENDINGS)}), found none in it",
            }
            continue
        _, answer = next(judged)
        if isinstance(answer, VideoError):
            yield {"file": path, "error": answer.reason}
            continue
        line, _, description = answer.partition("\n")
        yield {"file": path, **json.loads(line)} | ({"description": description} if description else {})


def _files(text: str) -> list[str]:
    """The files that an argument stands for; the argument itself where it stands for none, so that it is not forgotten."""
    path = Path(text)
    if path.is_dir():
        return _files_in(path) or [text]
    if path.exists():
        return [text]
    return sorted(name for name in glob.glob(text, recursive=True) if Path(name).is_file()) or [text]


def _files_in(folder: Path) -> list[str]:
    """The files in a folder that are judged, by their endings; says which are not."""
    from lmms_cpllm.releases.files import JUDGED_ENDINGS, files_below

    found = files_below(folder)
    judged = [path for path in found if path.suffix.lower() in JUDGED_ENDINGS]
    others = Counter(path.suffix.lower() or "no ending" for path in found)
    others = {ending: count for ending, count in sorted(others.items()) if ending not in JUDGED_ENDINGS}
    if others:
        endings = ", ".join(f"{ending} ({count})" for ending, count in others.items())
        print(
            f"{folder}: {sum(others.values())} of {len(found)} files are not taken for videos, by their endings: {endings}",
            file=sys.stderr,
        )
    return sorted(map(str, judged))


def _as_csv(rows: Iterator[dict]) -> Iterator[dict]:
    """Prints each row as it comes, and hands it on."""
    writer = csv.DictWriter(sys.stdout, _COLUMNS, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({k: v for k, v in row.items() if k != "distribution"} | row.get("distribution", {}))
        sys.stdout.flush()
        yield row


def _print_rows(rows: Sequence[dict], with_text: bool) -> None:
    columns = ("file", "quality", "ACR", "rating", *(["description"] if with_text else []))
    lines = []
    for row in rows:
        if "error" in row:
            lines.append((row["file"], "-", "-", "-", *([""] if with_text else [])))
            print(f"{row['file']}: {row['error']}", file=sys.stderr)
        else:
            text = [row["description"]] if with_text else []
            lines.append((row["file"], f"{row['quality']:.1f}", f"{row['acr']:.2f}", row["rating"], *text))
    print_table(columns, lines)
