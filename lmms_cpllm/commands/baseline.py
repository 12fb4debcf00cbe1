"""`lmms-cpllm baseline METHOD RELEASE --out scores.csv`: a score file of a classic measure, for `--model vqa_scores`.

Exit status: 0 every video has a score; 1 some or all have none (the file is written, they are named), or nothing could be
measured at all.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lmms_cpllm.commands import baseline_save
from lmms_cpllm.errors import ArgumentError, UserError
from lmms_cpllm.releases import RELEASES, fingerprint, rows

if TYPE_CHECKING:
    from lmms_cpllm.baselines.measuring import Measured
    from lmms_cpllm.baselines.methods import Method
    from lmms_cpllm.releases.base import Release, Row

# The keys of `lmms_cpllm.baselines.methods.METHODS`, which takes a second to import; a test compares the two.
METHOD_NAMES = ("vmaf", "ssim", "psnr", "brisque", "niqe", "bitrate")
_MOST_WORKERS = 8


def add(subparsers: argparse._SubParsersAction) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "baseline", help="freeze a run for compare; write score files of classic measures for --model vqa_scores"
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    baseline_save.add_action(actions)
    for name in METHOD_NAMES:
        _add_measure(actions, name)


def _add_measure(actions: argparse._SubParsersAction, name: str) -> None:
    parser = actions.add_parser(
        name,
        help=f"write a score file of {name} for --model vqa_scores",
        description="Measure every video of a release and write a score file for `lmms-eval --model vqa_scores`; goes "
        "on where it was stopped. vmaf, ssim and psnr need references, which mini alone has. Exit status 1 when a video "
        "has no score.",
    )
    names = sorted(name for name, release in RELEASES.items() if not release.questions)  # of those there is no score
    parser.add_argument("release", metavar="RELEASE", choices=names, help=f"one of: {', '.join(names)}")
    parser.add_argument(
        "--out", metavar="FILE.csv", type=_csv, required=True, help="the score file; FILE.csv.json says how it was made"
    )
    parser.add_argument(
        "--frames", metavar="N", type=_positive, help="brisque and niqe: frames of a video that are read (default: 8)"
    )
    parser.add_argument(
        "--workers", metavar="N", type=_positive, default=_processors(), help="processes (default: %(default)s)"
    )
    parser.set_defaults(run=run, method=name)


def run(args: argparse.Namespace) -> int:
    """Measure, write, and say what is missing; 1 when a video has no score."""
    from lmms_cpllm.baselines import score_file
    from lmms_cpllm.baselines.methods import FRAMES, METHODS

    method, release = METHODS[args.method], RELEASES[args.release]
    if args.frames and not method.takes_frames:
        raise ArgumentError(f"--frames: {method.name} reads {method.reads}; leave this option out")
    if method.needs_reference and release.references is None:
        raise UserError(
            f"{method.title} compares a video with its clean reference, and {release.title} holds none\n"
            f"  what to do: take a measure that needs none ({', '.join(_without_reference(METHODS.values()))}), or a "
            f"release with references ({', '.join(name for name, r in RELEASES.items() if r.references)})"
        )
    method.check()  # before anything is rendered or read
    videos = rows(release.name)
    frames = args.frames or FRAMES
    note = score_file.note_of(method, release.name, len(videos), fingerprint(videos), frames)
    found = _measure(method, release, videos, note, args.out, frames, args.workers)
    score_file.write(args.out, method, note, [row.name for row in videos], found)
    args.out.with_name(f"{args.out.name}.part").unlink()
    return _report(method, release, videos, found, args.out)


def _measure(
    method: Method, release: Release, videos: Sequence[Row], note: dict, out: Path, frames: int, workers: int
) -> list[Measured]:
    """What is known of every video, after measuring those of which nothing is known yet."""
    from tqdm import tqdm

    from lmms_cpllm.baselines.measuring import Measured, measure_files
    from lmms_cpllm.baselines.score_file import Part

    # What the measure takes beside the path of a video.
    more: Mapping[str, object] = dict.fromkeys((row.video for row in videos), frames) if method.takes_frames else {}
    if method.needs_reference:
        more = release.references(videos)
    elif method.takes_size and release.coded_sizes:
        more = release.coded_sizes(videos)
    part = Part(out, note)
    todo = [row for row in videos if row.name not in part.numbers]
    arguments = [(row.video, more[row.video]) if row.video in more else (row.video,) for row in todo]
    known = {name: Measured(number, "") for name, number in part.numbers.items()}
    bar = tqdm(total=len(videos), initial=len(known), desc=method.title, unit="video", file=sys.stderr)
    try:
        for row, measured in zip(todo, measure_files(method.measure, arguments, workers), strict=True):
            known[row.name] = measured
            part.add(row.name, measured)
            bar.update()
    finally:
        bar.close()
        part.close()
    return [known[row.name] for row in videos]


def _report(method: Method, release: Release, videos: Sequence[Row], found: Sequence[Measured], out: Path) -> int:
    failed = [(row.name, one.reason) for row, one in zip(videos, found, strict=True) if one.reason]
    for name, reason in failed:
        print(f"no score: {name}: {reason}")
    print(
        f"{method.title}: {len(videos) - len(failed)} of {len(videos)} videos of {release.title} have a score in {out}"
    )
    print(f"replay: lmms-eval --model vqa_scores --model_args path={out} --tasks vqa_{release.name}")
    return 1 if failed else 0


def _without_reference(methods: Sequence[Method]) -> list[str]:
    return [method.name for method in methods if not method.needs_reference]


def _csv(text: str) -> Path:
    path = Path(text).expanduser()
    if path.suffix.lower() != ".csv":
        raise argparse.ArgumentTypeError(f"expected a file that ends in .csv, found {text}")
    if not path.absolute().parent.is_dir():
        raise argparse.ArgumentTypeError(f"expected a file in a folder that is there, found {text}")
    return path


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a number of 1 or more, found {text}")
    return int(text)


def _processors() -> int:
    # Not os.cpu_count(): a container or a job scheduler may lend fewer.
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(available, _MOST_WORKERS)
