"""A profile as JSON.

{
  "versions":  {"lmms-cpllm": ..., "python": ..., "torch": ..., "av": ..., "transformers": ..., "lmms-eval": ...},
  "machine":   {"processor": name, "cores": n, "instructions": "AVX2", "threads": n,
                "matmul_flops": {"float32": per second, "bfloat16": only where it was measured}},
  "model":     {"pretrained": folder, "dtype": "float32", "mode": "score" or "describe"},
  "repeats":   n,
  "videos":    [{"path": ..., "width": px, "height": px, "fps": ..., "duration_s": ..., "frames": n, "codec": ...,
                 "decode_threads": n, "answer": text,
                 "stages": [{"name": one of nine, "median_s": ..., "min_s": ..., "spread_s": slowest - fastest,
                             "share": of end to end, "flops": n or null, "floor_s": ... or null,
                             "times_floor": ... or null}],
                 "end_to_end": {"median_s": ..., "min_s": ..., "spread_s": ...},
                 "full_decode": the same or null, "ratio": end to end / full decode or null}],
  "unreadable": [{"path": ..., "reason": ...}],
  "ratio":     of the sums over all videos that have one, or null,
  "peak_memory": {"process_bytes": n, "decoders_bytes": n},
  "scaling":   null or {"short": {"title": "8 s 960x540", "end_to_end": {...}, "peak_memory": {...}}, "long": {...},
                        "cost_ratio": ..., "memory_ratio": ...},
  "throughput": null or {"videos": n, "bare_s": ..., "harness_s": ..., "one_process_s": ..., "two_processes_s": ...,
                         "overhead": share, "speed_up": ...}
}
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from lmms_cpllm.errors import VideoError
from lmms_cpllm.profile.machine import Machine, Memory, versions
from lmms_cpllm.profile.scaling import Cost, Scaling
from lmms_cpllm.profile.stages import Bench, Stage, VideoProfile
from lmms_cpllm.profile.throughput import Throughput

_FACTS = ("path", "width", "height", "fps", "duration_s", "frames", "codec")


@dataclass(frozen=True)
class Profile:
    """Everything that one command measured."""

    bench: Bench
    machine: Machine
    repeats: int
    videos: tuple[VideoProfile, ...]
    unreadable: tuple[VideoError, ...]
    memory: Memory
    """Peak of a process that answered each video once and did nothing else."""
    scaling: Scaling | None = None
    throughput: Throughput | None = None

    @property
    def ratio(self) -> float | None:
        """End to end over full decode, of the sums over all videos that have both."""
        return overall_ratio(self.videos)


def overall_ratio(videos: Sequence[VideoProfile]) -> float | None:
    """End to end over full decode, of the sums over the videos that have both; None where none has."""
    pairs = [(video.end_to_end.median, video.full_decode.median) for video in videos if video.full_decode]
    return sum(time for time, _ in pairs) / sum(floor for _, floor in pairs) if pairs else None


def document(profile: Profile) -> dict:
    """JSON types only, in the form that stands at the head of this file."""
    bench = profile.bench
    return {
        "versions": versions(),
        "machine": asdict(profile.machine),
        "model": {
            "pretrained": bench.settings.pretrained,
            "dtype": str(bench.model.dtype).removeprefix("torch."),
            "mode": bench.mode,
        },
        "repeats": profile.repeats,
        "videos": [_video(video) for video in profile.videos],
        "unreadable": [{"path": error.path, "reason": error.reason} for error in profile.unreadable],
        "ratio": profile.ratio,
        "peak_memory": asdict(profile.memory),
        "scaling": _scaling(profile.scaling) if profile.scaling else None,
        "throughput": _throughput(profile.throughput) if profile.throughput else None,
    }


def _video(video: VideoProfile) -> dict:
    return {
        **{name: getattr(video.info, name) for name in _FACTS},
        "decode_threads": video.decode_threads,
        "answer": video.answer,
        "stages": [_stage(stage) for stage in video.stages],
        "end_to_end": video.end_to_end.as_json(),
        "full_decode": video.full_decode.as_json() if video.full_decode else None,
        "ratio": video.ratio,
    }


def _stage(stage: Stage) -> dict:
    return {
        "name": stage.name,
        **stage.timing.as_json(),
        "share": stage.share,
        "flops": stage.flops,
        "floor_s": stage.floor_s,
        "times_floor": stage.times_floor,
    }


def _scaling(scaling: Scaling) -> dict:
    return {
        "short": _cost(scaling.short),
        "long": _cost(scaling.long),
        "cost_ratio": scaling.cost_ratio,
        "memory_ratio": scaling.memory_ratio,
    }


def _cost(cost: Cost) -> dict:
    return {
        "title": cost.film.title,
        "end_to_end": cost.end_to_end.as_json(),
        "peak_memory": asdict(cost.memory),
    }


def _throughput(found: Throughput) -> dict:
    return asdict(found) | {"overhead": found.overhead, "speed_up": found.speed_up}
