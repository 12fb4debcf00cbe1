"""One video, stage by stage: the functions that a run of the harness calls, called one after another and timed.

How each figure comes about, in every repeat:

- *full decode*: PyAV decodes the whole file with all threads (thread type AUTO) and does nothing with the frames.
- *end to end*: `harness.answers.answer_requests` with this one request and a loaded model: what `lmms-eval --model cpllm`
  and `lmms-cpllm score` call. Decoding takes place in a process of its own, as it does there.
- *probe*: the file is opened and demuxed for its timestamps.
- *decode*, *convert*: one call of `video.decode`, in this process, with a clock around the methods of its `Converter`.
  Their time is convert; what is left of the call without it and without probe is decode.
- *views*: the video processor, from the arrays of a clip to normalised tensors.
- *context tower*, *pixel tower*: `encode_context` and `encode_pixels`, pooling included.
- *prefill*: `score`, which is projectors, decoder and head in one pass over the prompt.
- *generate*: what `describe` takes beyond that; 0 where only a score is asked for.
- *glue*: end to end minus all of these: the way to the decoding process and back, prompt and tokens, threads, and the
  answer's text. Where stages overlap in a run it is negative.

The floor of decode is the full decode; that of towers, prefill and generate their floating-point operations over the rate
at which this machine multiplies matrices. The other stages have none.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from tqdm import tqdm

from lmms_cpllm.errors import ArgumentError, VideoError
from lmms_cpllm.harness.answers import answer_requests
from lmms_cpllm.harness.arguments import Arguments, parse
from lmms_cpllm.harness.loading import is_on_cpu, load_model
from lmms_cpllm.harness.requests import Request
from lmms_cpllm.profile.flops import count_flops
from lmms_cpllm.profile.machine import Machine
from lmms_cpllm.profile.timing import Timing, clocked
from lmms_cpllm.synthesis.language import PROMPTS
from lmms_cpllm.video import VideoInfo, decode, isolated
from lmms_cpllm.video.colour import Converter
from lmms_cpllm.video.demux import check_file, displayed, open_video, read_packets

STAGES = (
    *("probe", "decode", "convert", "views", "context tower", "pixel tower"),
    *("prefill", "generate", "glue"),
)
MOST_TOKENS = 256  # as in the task files
_COUNTED = ("context tower", "pixel tower", "prefill", "generate")

Run = Callable[[str, Callable[[], Any]], Any]


@dataclass(frozen=True)
class Bench:
    """A loaded model, and what it is asked."""

    model: Any
    processor: Any
    settings: Arguments
    describe: bool
    """Score and description, or the score alone."""

    @property
    def mode(self) -> str:
        return "describe" if self.describe else "score"

    @property
    def prompt(self) -> str:
        return PROMPTS["describe" if self.describe else "rate"][0]


@dataclass(frozen=True)
class Stage:
    """One row of the table."""

    name: str
    """One of `STAGES`."""
    timing: Timing
    share: float
    """Of the time end to end; those of all stages add up to 1."""
    flops: int | None
    """Counted for one video; None where a stage is not made of them."""
    floor_s: float | None
    """The time below which this machine cannot be; None where none is known."""

    @property
    def times_floor(self) -> float | None:
        return self.timing.median / self.floor_s if self.floor_s else None


@dataclass(frozen=True)
class VideoProfile:
    """Where the time of one video goes."""

    info: VideoInfo
    answer: str
    """What the model said."""
    stages: tuple[Stage, ...]
    """In the order of `STAGES`."""
    end_to_end: Timing
    full_decode: Timing | None
    """None for a file that PyAV does not decode to its end: a damaged one, or an image that only Pillow reads."""
    decode_threads: int
    """Of the full decode, as the codec chose; 0 where there is none."""

    @property
    def ratio(self) -> float | None:
        """End to end over full decode, medians."""
        return self.end_to_end.median / self.full_decode.median if self.full_decode else None


@contextlib.contextmanager
def set_up(arguments: Mapping[str, object], describe: bool) -> Iterator[Bench]:
    """A model on the CPU as the harness sets it up; PyTorch gets its threads back in the end.

    Args:
        arguments: those of `--model cpllm`.
        describe: see `Bench`.

    Raises:
        ArgumentError: an argument is unknown or not allowed, or asks for another device.
        CheckpointError: the checkpoint cannot be loaded.
    """
    settings = parse({"device": "cpu"} | dict(arguments))
    if settings.device != "cpu" or settings.device_map:
        raise ArgumentError(
            f"device={settings.device} device_map={settings.device_map}: expected the CPU, whose matrix products are the "
            "floor; leave them out"
        )
    if settings.isolate:
        isolated.prestart()
    model, processor = load_model(settings)
    before = torch.get_num_threads()
    torch.set_num_threads(settings.threads)
    try:
        yield Bench(model, processor, settings, describe)
    finally:
        torch.set_num_threads(before)


def answer_once(bench: Bench, path: str) -> str:
    """The answer to one video, by the path of a run.

    Raises:
        VideoError: it cannot be read.
    """
    requests, on_cpu = [_request(bench, path)], is_on_cpu(bench.model, bench.settings)
    [(_, answer)] = answer_requests(bench.model, bench.processor, requests, bench.settings, encode=on_cpu)
    if isinstance(answer, VideoError):
        raise answer
    return answer.text


def profile_video(bench: Bench, path: str, repeats: int, machine: Machine) -> VideoProfile:
    """Measures one video, after one pass that does not count.

    Args:
        bench: the model.
        path: a file.
        repeats: at least 1.
        machine: what it can do with the threads of the bench.

    Raises:
        VideoError: it cannot be read.
    """
    answer = answer_once(bench, path)
    flops: dict[str, int] = {}

    def count(name: str, function: Callable[[], Any]) -> Any:
        result, flops[name] = count_flops(function)
        return result

    info = _walk(bench, path, count)
    flops["generate"] = flops.pop("generate", flops["prefill"]) - flops["prefill"]
    rounds, threads = [], 0
    for _ in tqdm(range(repeats), "profile", unit="round", leave=False, disable=repeats == 1):
        taken, threads = _round(bench, path)
        rounds.append(taken)
    times = {name: Timing(tuple(taken[name] for taken in rounds)) for name in rounds[0]}
    full = times.pop("full decode", None)
    total = times.pop("end to end")
    rate = machine.matmul_flops[str(bench.model.dtype).removeprefix("torch.")]
    floors = {name: flops[name] / rate for name in _COUNTED} | {"decode": full.median if full else None}
    return VideoProfile(info, answer, _stages(times, total, flops, floors), total, full, threads)


def _stages(
    times: Mapping[str, Timing], total: Timing, flops: Mapping[str, int], floors: Mapping[str, float | None]
) -> tuple[Stage, ...]:
    """The rows; glue is what the medians of the others leave of the median end to end."""
    named = {name: timing for name, timing in times.items() if name != "glue"}
    shares = {name: timing.median / total.median for name, timing in named.items()}
    shares["glue"] = 1 - sum(shares.values())
    return tuple(
        Stage(
            name,
            times[name],
            shares[name],
            flops[name] if name in _COUNTED else None,
            floors.get(name) or None,
        )
        for name in STAGES
    )


def decode_whole(path: str) -> tuple[int, int]:
    """Decode all frames with all threads and drop them; returns their number and that of the threads.

    Raises:
        VideoError: FFmpeg meets an error on the way.
    """
    count = 0
    with open_video(path, threads=0) as (container, stream):
        for _ in container.decode(stream):
            count += 1
        return count, stream.codec_context.thread_count


def _round(bench: Bench, path: str) -> tuple[dict[str, float], int]:
    """Seconds of everything, once, and the decoder's threads; full decode is left out where it is not to be had."""
    taken: dict[str, float] = {}

    def clock(name: str, function: Callable[[], Any]) -> Any:
        result, taken[name] = clocked(function)
        return result

    threads = 0
    with contextlib.suppress(VideoError):
        _, threads = clock("full decode", lambda: decode_whole(path))
    clock("end to end", lambda: answer_once(bench, path))
    with conversion_clock() as conversion:
        _walk(bench, path, clock)
    taken["convert"] = conversion[0]
    taken["decode"] -= taken["probe"] + taken["convert"]
    taken["generate"] = taken.pop("generate", taken["prefill"]) - taken["prefill"]
    taken["glue"] = taken["end to end"] - sum(taken.get(name, 0.0) for name in STAGES)
    return taken, threads


def _walk(bench: Bench, path: str, run: Run) -> VideoInfo:
    """Calls the functions of a run one after another, each by `run(stage, function)`.

    Here decode holds probe and convert as well, and generate the prefill: `_round` takes them apart.
    """
    model, processor = bench.model, bench.processor
    run("probe", lambda: _scan(path))
    clip = run("decode", lambda: decode(path, processor.video_processor.plan, limits=bench.settings.limits))
    views = run("views", lambda: dict(processor.video_processor([clip])))
    with torch.inference_mode():
        context = run("context tower", lambda: model.model.encode_context(views["context_values"]))
        pixels = run("pixel tower", lambda: model.model.encode_pixels(views["pixel_values"]))
    turns = [dict(turn) for turn in _request(bench, path).messages]
    prompt = processor.render(turns, prefix=processor.answer_prefix)
    inputs = processor.tokenize([prompt], 1, padding=True) | {"context_features": context, "pixel_features": pixels}
    run("prefill", lambda: model.score(**inputs))
    if bench.describe:
        run("generate", lambda: model.describe(**inputs, max_new_tokens=MOST_TOKENS, do_sample=False))
    return clip.info


def _scan(path: str) -> None:
    """Open and demux. What only Pillow reads takes no time here, all its reading counts as decode."""
    with contextlib.suppress(VideoError):
        check_file(path)
        with open_video(path, threads=0, strict=True) as (container, stream):
            displayed(read_packets(container, stream))


@contextlib.contextmanager
def conversion_clock() -> Iterator[list[float]]:
    """Within the block, adds up in a list of one number the seconds that frames take to become RGB. For one thread."""
    total = [0.0]

    def measured(method: Callable) -> Callable:
        def wrapper(*args, **kwargs):
            started = time.perf_counter()
            try:
                return method(*args, **kwargs)
            finally:
                total[0] += time.perf_counter() - started

        return wrapper

    originals = {name: getattr(Converter, name) for name in ("resized", "crops")}
    for name, method in originals.items():
        setattr(Converter, name, measured(method))
    try:
        yield total
    finally:
        for name, method in originals.items():
            setattr(Converter, name, method)


def _request(bench: Bench, path: str) -> Request:
    content = [{"type": "video"}, {"type": "text", "text": bench.prompt}]
    return Request(({"role": "user", "content": content},), (path,), bench.mode, MOST_TOKENS)
