"""`lmms-cpllm profile`: where the time of a video goes, stage by stage, against what this machine allows."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lmms_cpllm.commands.model_arguments import add_model_arguments, read_model_arguments
from lmms_cpllm.commands.tables import print_table
from lmms_cpllm.errors import ArgumentError, VideoError

if TYPE_CHECKING:
    from lmms_cpllm.profile.document import Profile
    from lmms_cpllm.profile.scaling import Scaling
    from lmms_cpllm.profile.stages import Bench, VideoProfile
    from lmms_cpllm.profile.throughput import Throughput

_PRINT = "-"
_STAGE_COLUMNS = ("stage", "median ms", "min", "spread", "share", "GFLOP", "floor ms", "times floor")
RATIO_BOUND, RATIO_AIM = 1.5, 1.2


def add(subparsers: argparse._SubParsersAction) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "profile",
        help="where the time of a video goes, and what this machine allows; exit status 1 if no video could be profiled",
        description="Times each stage of answering a video on the CPU, with a loaded model, beside the time in which PyAV "
        "merely decodes the file and the time in which this machine multiplies as many numbers.",
    )
    parser.add_argument(
        "videos", metavar="VIDEO", nargs="*", help="files; without one a clip of 8 s, 960x540, H.264 is rendered"
    )
    parser.add_argument("--model", metavar="FOLDER", help="checkpoint (default: the embedded one)")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--describe", action="store_true", help="score and description")
    mode.add_argument("--score-only", action="store_true", help="the score alone (default)")
    parser.add_argument(
        "--repeats", metavar="N", type=_whole, default=5, help="of each measurement (default: %(default)s)"
    )
    parser.add_argument(
        "--threads", metavar="N", type=_whole, help="of one operation: short for --model-args threads=N"
    )
    add_model_arguments(parser)
    parser.add_argument(
        "--scaling", action="store_true", help="also: 10 minutes of 1080p against 8 s of 540p, both rendered"
    )
    parser.add_argument(
        "--scaling-seconds",
        metavar="S",
        type=_whole,
        default=600,
        help="of the long video of --scaling (default: %(default)s)",
    )
    parser.add_argument(
        "--throughput",
        metavar="N",
        type=_at_least_two,
        help="also: N copies of the videos through the harness, a bare loop, and two processes",
    )
    parser.add_argument(
        "--json",
        metavar="FILE",
        nargs="?",
        const=_PRINT,
        help="print JSON instead of tables, or write it into FILE (*.json) beside them",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Measure and print; 1 when no video could be profiled."""
    _check_target(args.json)
    from lmms_cpllm.memory import keep_freed_memory
    from lmms_cpllm.profile.alone import render_alone
    from lmms_cpllm.profile.rendering import SHORT
    from lmms_cpllm.profile.stages import set_up

    keep_freed_memory()
    arguments = _arguments(args)
    with tempfile.TemporaryDirectory(prefix="lmms-cpllm-profile-") as name, set_up(arguments, args.describe) as bench:
        folder = Path(name)
        videos = args.videos or [str(render_alone(SHORT, folder / "clip.mp4"))]
        profile = _measure(args, bench, arguments, list(dict.fromkeys(videos)), folder)
    if profile is None:
        print("no video could be profiled", file=sys.stderr)
        return 1
    _write(profile, args.json)
    return 0


def _measure(
    args: argparse.Namespace, bench: Bench, arguments: dict[str, object], videos: Sequence[str], folder: Path
) -> Profile | None:
    """Everything that was asked for; None if no video can be read."""
    from lmms_cpllm.profile.document import Profile
    from lmms_cpllm.profile.machine import measure_machine, peak_memory
    from lmms_cpllm.profile.rendering import long_film
    from lmms_cpllm.profile.scaling import measure_scaling
    from lmms_cpllm.profile.stages import answer_once, profile_video
    from lmms_cpllm.profile.throughput import copies, measure_throughput

    readable, unreadable = [], []
    for path in videos:
        try:
            answer_once(bench, path)
            readable.append(path)
        except VideoError as error:
            print(f"{error.path}: {error.reason}", file=sys.stderr)
            unreadable.append(error)
    if not readable:
        return None
    memory = peak_memory()  # before this process does what a run does not
    machine = measure_machine([bench.model.dtype])
    profiles = [profile_video(bench, path, args.repeats, machine) for path in readable]
    scaling = throughput = None
    if args.scaling:
        scaling = measure_scaling(arguments, args.describe, args.repeats, folder, long_film(args.scaling_seconds))
    if args.throughput:
        throughput = measure_throughput(bench, arguments, copies(readable, args.throughput, folder))
    return Profile(bench, machine, args.repeats, tuple(profiles), tuple(unreadable), memory, scaling, throughput)


def _arguments(args: argparse.Namespace) -> dict[str, object]:
    """Those of `--model cpllm`. Raises ArgumentError where one is given twice."""
    arguments: dict[str, object] = dict(read_model_arguments(args.model_args))
    for option, name, value in (("--model", "pretrained", args.model), ("--threads", "threads", args.threads)):
        if value is None:
            continue
        if name in arguments:
            raise ArgumentError(f"{option} {value} and --model-args {name}={arguments[name]}: give one of the two")
        arguments[name] = value
    return arguments


def _check_target(target: str | None) -> None:
    """A video behind `--json` would be taken for the file to write."""
    if target not in (None, _PRINT) and Path(target).suffix.lower() != ".json":
        raise ArgumentError(
            f"--json {target}: expected a file that ends with .json\n"
            "  what to do: to print JSON, put --json behind the videos"
        )


def _write(profile: Profile, target: str | None) -> None:
    from lmms_cpllm.profile.document import document

    text = json.dumps(document(profile), indent=1, ensure_ascii=False)
    if target == _PRINT:
        print(text)
        return
    _print(profile)
    if target is not None:
        try:
            Path(target).write_text(text + "\n", encoding="utf-8")
        except OSError as error:
            raise ArgumentError(f"--json {target}: cannot be written: {error.strerror or error}") from error


def _print(profile: Profile) -> None:
    from lmms_cpllm.profile.machine import versions

    machine, bench = profile.machine, profile.bench
    rates = ", ".join(f"{name} {rate / 1e9:.1f} GFLOP/s" for name, rate in machine.matmul_flops.items())
    print(f"{machine.processor}, {machine.cores} cores, {machine.instructions}; matrix products: {rates}")
    print(", ".join(f"{name} {version}" for name, version in versions().items()))
    print(
        f"{bench.settings.pretrained}, {bench.mode}, {profile.repeats} repeats, {machine.threads} threads an operation"
    )
    for video in profile.videos:
        print()
        _print_video(video)
    if len(profile.videos) > 1 and profile.ratio is not None:
        print(f"\nall videos: {profile.ratio:.2f} x full decode (bound {RATIO_BOUND:g}, aim {RATIO_AIM:g})")
    print(f"\npeak memory: {_megabytes(profile.memory)}")
    if profile.scaling:
        _print_scaling(profile.scaling)
    if profile.throughput:
        _print_throughput(profile.throughput)


def _print_video(video: VideoProfile) -> None:
    info = video.info
    print(f"{info.path}: {info.codec} {info.width}x{info.height}, {info.frames} frames, {info.duration_s:.1f} s")
    lines = [
        (
            stage.name,
            _ms(stage.timing.median),
            _ms(stage.timing.lowest),
            _ms(stage.timing.spread),
            f"{stage.share:.1%}",
            f"{stage.flops / 1e9:.3f}" if stage.flops else "",
            _ms(stage.floor_s),
            f"{stage.times_floor:.2f}" if stage.times_floor is not None else "",
        )
        for stage in video.stages
    ]
    for name, timing in (("end to end", video.end_to_end), ("full decode", video.full_decode)):
        if timing is not None:
            share = f"{timing.median / video.end_to_end.median:.1%}"
            lines.append((name, _ms(timing.median), _ms(timing.lowest), _ms(timing.spread), share, "", "", ""))
    print_table(_STAGE_COLUMNS, lines)
    if video.full_decode is None:
        print("end to end / full decode: not known, PyAV does not decode the whole file")
    else:
        print(
            f"end to end / full decode: {video.ratio:.2f} (bound {RATIO_BOUND:g}, aim {RATIO_AIM:g}); "
            f"full decode with {video.decode_threads} threads"
        )


def _print_scaling(scaling: Scaling) -> None:
    from lmms_cpllm.profile.scaling import COST_BOUND, MEMORY_BOUND

    print()
    lines = [
        (cost.film.title, _ms(cost.end_to_end.median), _ms(cost.end_to_end.spread), _megabytes(cost.memory))
        for cost in (scaling.short, scaling.long)
    ]
    print_table(("video", "median ms", "spread", "peak memory"), lines)
    print(f"cost ratio: {scaling.cost_ratio:.2f} (bound {COST_BOUND:g})")
    print(f"memory ratio: {scaling.memory_ratio:.2f} (bound {MEMORY_BOUND:g})")


def _print_throughput(found: Throughput) -> None:
    from lmms_cpllm.profile.throughput import OVERHEAD_BOUND, SPEED_UP_BOUND

    print()
    ways = (
        ("bare loop", found.bare_s),
        ("harness", found.harness_s),
        ("one process, half of the cores", found.one_process_s),
        ("two processes", found.two_processes_s),
    )
    print_table(
        (f"{found.videos} videos", "s", "videos/s"),
        [(name, f"{seconds:.2f}", f"{found.videos / seconds:.2f}") for name, seconds in ways],
    )
    print(f"harness over bare loop: {found.overhead:+.1%} (bound {OVERHEAD_BOUND:.0%})")
    print(f"two processes over one: {found.speed_up:.2f} x (bound {SPEED_UP_BOUND:g})")


def _megabytes(memory) -> str:
    return f"{memory.total_bytes / 1e6:.0f} MB ({memory.decoders_bytes / 1e6:.0f} of them decoding processes)"


def _ms(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds * 1000:.1f}"


def _whole(text: str) -> int:
    return _number(text, 1)


def _at_least_two(text: str) -> int:
    return _number(text, 2)


def _number(text: str, lowest: int) -> int:
    if not text.isdigit() or int(text) < lowest:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least {lowest}, found {text!r}")
    return int(text)
