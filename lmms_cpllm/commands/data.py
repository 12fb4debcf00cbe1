"""`lmms-cpllm data list | check | get`: which releases there are, whether they are whole, and how to have them."""

from __future__ import annotations

import argparse
import os
import sys
from collections import ChainMap
from collections.abc import Sequence
from pathlib import Path

from lmms_cpllm.commands.tables import print_table
from lmms_cpllm.releases import RELEASES, TRAINING_RELEASES
from lmms_cpllm.releases.base import (
    DOUBLES_REMEDY,
    Listing,
    Release,
    Row,
    counts,
    fingerprint,
    inspect,
    is_complete,
    official,
    scale_text,
    unit,
    videos_of,
)
from lmms_cpllm.releases.places import DATA_VARIABLE, data_root, find_place, locate
from lmms_cpllm.releases.questions import Question

_ALL = ChainMap(RELEASES, TRAINING_RELEASES)


def add(subparsers: argparse._SubParsersAction) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser("data", help="list, check and download the releases")
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)

    listing = actions.add_parser("list", help=f"the releases, and which of them are under {DATA_VARIABLE}")
    listing.set_defaults(run=run_list)

    check = actions.add_parser(
        "check", help="count, find missing and unreadable videos, check the MOS; exit 1 on findings"
    )
    check.add_argument("name", metavar="NAME", choices=sorted(_ALL), help=f"one of: {', '.join(sorted(_ALL))}")
    check.set_defaults(run=run_check)

    get = actions.add_parser(
        "get", help="download and unpack a release from its authors or a mirror; goes on where it stopped"
    )
    get.add_argument("name", metavar="NAME", choices=sorted(_ALL), help=f"one of: {', '.join(sorted(_ALL))}")
    get.add_argument("--to", metavar="DIR", type=Path, help=f"folder of the releases (default: {DATA_VARIABLE})")
    get.add_argument(
        "--mirror",
        metavar="URL",
        help="address that holds the same files (default: LMMS_CPLLM_MIRROR; HF_ENDPOINT for hub repositories)",
    )
    get.set_defaults(run=run_get)


def run_list(args: argparse.Namespace) -> int:
    """Print one line for every release."""
    root = data_root() if os.environ.get(DATA_VARIABLE, "").strip() else None
    lines = [
        (
            release.name,
            release.title,
            counts(release),
            scale_text(release),
            release.licence,
            _where(release, root),
        )
        for release in _ALL.values()
    ]
    print_table(("name", "release", "videos or questions", "MOS scale", "licence", "found"), lines)
    print(
        f"{DATA_VARIABLE}={root}"
        if root
        else f"{DATA_VARIABLE} is not set: it names the folder that holds the releases"
    )
    return 0


def run_check(args: argparse.Namespace) -> int:
    """Check one release as it lies on disk; 1 when there is any finding."""
    release = _ALL[args.name]
    if release.embedded:
        rows = list(release.embedded())
        listing = Listing(Path(rows[0].video).parent, Path(), tuple(rows), (), (), len(rows))
    else:
        listing = inspect(release, find_place(release))
    unreadable = _probe_all(listing.rows)
    print_table((release.title, ""), _summary(release, listing, len(unreadable)))
    findings = _findings(release, listing, unreadable)
    for line in (*listing.notes, *findings):
        print(line)
    if findings:
        print(
            f"{len(findings)} findings. What to do: {release.how_to_get}. An unreadable file has to be deleted first."
        )
        return 1
    print(f"{release.title} is complete.")
    return 0


def run_get(args: argparse.Namespace) -> int:
    """Download a release and say where it is; 1 when it is not whole afterwards."""
    from lmms_cpllm.releases.fetch import default_root, get

    release = _ALL[args.name]
    if release.embedded:
        print(f"{release.title} is part of this package: {release.how_to_get}. There is nothing to download.")
        return 0
    root = args.to.expanduser().absolute() if args.to else default_root()
    folder = get(release, root, mirror=args.mirror)
    listing = inspect(release, folder)
    findings = _findings(release, listing, {})
    for finding in findings:
        print(finding)
    print(f"{release.title}: {len(listing.rows)} of {counts(release)} {unit(release)} in {folder}")
    variable = os.environ.get(DATA_VARIABLE, "").strip()
    if not variable or Path(variable).expanduser().absolute() != root:
        print(f"now set: export {DATA_VARIABLE}={root}")
    return 1 if findings else 0


def _where(release: Release, root: Path | None) -> str:
    if release.embedded:
        return "embedded"
    if release.variable:
        return os.environ.get(release.variable, "").strip() or f"no; {release.variable} names it"
    folder = locate(release, root) if root else None
    return str(folder) if folder else "no"


def _probe_all(rows: Sequence[Row] | Sequence[Question]) -> dict[str, str]:
    """Name -> reason for every video that cannot be opened. Opening is mostly waiting for the disk, hence threads.

    The name is that of the row, or, where several questions may show a video, that of its file.
    """
    from concurrent.futures import ThreadPoolExecutor

    from tqdm import tqdm

    from lmms_cpllm.errors import VideoError
    from lmms_cpllm.video.isolated import probe

    videos = {path: _name_of(row, path) for row in rows for path in videos_of(row)}

    def reason(path: str) -> str:
        try:
            probe(path)
        except VideoError as error:
            return error.reason
        return ""

    with ThreadPoolExecutor(max_workers=min(8, (os.cpu_count() or 1) * 2)) as pool:
        reasons = tqdm(pool.map(reason, videos), total=len(videos), desc="open videos", unit="video", file=sys.stderr)
        return {name: text for name, text in zip(videos.values(), reasons, strict=True) if text}


def _name_of(row: Row | Question, path: str) -> str:
    return Path(path).name if isinstance(row, Question) else row.name


def _summary(release: Release, listing: Listing, unreadable: int) -> list[tuple[str, str]]:
    scores = [] if release.questions else [row.mos for row in listing.rows]
    lines = [
        ("folder", str(listing.folder)),
        *([] if release.embedded else [("labels", str(listing.labels))]),
        *(_questions_found(release, listing) if release.questions else _videos_found(release, listing)),
        ("videos missing", str(len(listing.missing))),
        ("videos unreadable", str(unreadable)),
        ("split", release.split),
        *([] if release.questions else [("MOS scale", f"{scale_text(release)}, {release.direction}")]),
        ("licence", release.licence),
        ("source", release.source),
    ]
    if scores:
        lines.append(("MOS of the videos found", f"{min(scores):.2f} to {max(scores):.2f}"))
    if listing.rows:
        lines.append(("fingerprint", fingerprint(listing.rows)))
    return lines


def _videos_found(release: Release, listing: Listing) -> list[tuple[str, str]]:
    return [
        ("videos expected", counts(release)),
        ("videos labelled", str(listing.labelled)),
        ("videos found", str(len(listing.rows))),
    ]


def _questions_found(release: Release, listing: Listing) -> list[tuple[str, str]]:
    return [
        ("questions expected", counts(release)),
        ("questions in the file", str(listing.labelled)),
        ("questions with their videos", str(len(listing.rows))),
        ("videos found", str(len({path for row in listing.rows for path in row.videos}))),
    ]


def _findings(release: Release, listing: Listing, unreadable: dict[str, str]) -> list[str]:
    """One line for everything that is not as published; not shortened, unlike the errors."""
    findings = [f"{listing.labels.name}, {fault}" for fault in listing.faults]
    most = max(release.count, *release.other_counts, 0)
    if not is_complete(release, listing):
        few = listing.labelled <= most or release.withdrawn  # too many are a fault already
        if few and not official(release, listing.labelled):
            findings.append(
                f"{listing.labelled} {unit(release)} are {'asked' if release.questions else 'labelled'}, "
                f"{counts(release)} expected"
            )
        findings += [f"missing: {name}" for name in listing.missing]
    findings += [f"twice: {double}; {DOUBLES_REMEDY}" for double in listing.doubles]
    findings += [f"unreadable: {name}: {reason}" for name, reason in unreadable.items()]
    return findings
