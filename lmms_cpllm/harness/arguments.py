"""The model arguments of `--model cpllm`: what there is, what is allowed, and the errors when something else is given."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from lmms_cpllm import checkpoints
from lmms_cpllm.errors import ArgumentError
from lmms_cpllm.video.limits import DEFAULT_LIMITS, Limits

EMBEDDED = "cpllm-tiny"
DTYPES = ("auto", "float32", "bfloat16", "float16")
ABLATIONS = ("context", "pixel")
ON_ERROR = ("count", "raise")
# As in model.scaling, which imports torch.
QUANTISATIONS = ("4bit", "8bit")
COMPILERS = ("inductor", "aot_eager", "eager")
CACHES = ("dynamic", "static")
_TRUE, _FALSE = ("true", "1", "yes"), ("false", "0", "no")
_MOST_WORKERS = 8
_LONGEST_S = 1_000_000


@dataclass(frozen=True)
class Arguments:
    """How a CP-LLM is loaded and run. None means: as the checkpoint says, or as the device allows."""

    pretrained: str
    """Folder or hub id of the checkpoint."""
    adapter: str | None = None
    """Folder or hub id of a PEFT adapter."""
    dtype: str = "auto"
    """One of `DTYPES`."""
    device: str | None = None
    """`cpu`, `cuda`, `cuda:1`, `mps`."""
    device_map: str | None = None
    """As in transformers' `from_pretrained`; not together with `device`."""
    attn_implementation: str | None = None
    """As in transformers: `sdpa`, `eager`, `flash_attention_2`."""
    quantization: str | None = None
    """Bits of the decoder's weights: one of `QUANTISATIONS`."""
    compile: str | None = None
    """Backend of torch.compile for towers and decoder: one of `COMPILERS`; `true` is the first."""
    cache_implementation: str | None = None
    """Of what the decoder has read, when it writes: one of `CACHES`."""
    context_frames: int | None = None
    """Key frames of a video."""
    pixel_moments: int | None = None
    """Moments of a video at which crops are taken."""
    pixel_crops: int | None = None
    """Crops at native resolution at each moment."""
    ablate: str | None = None
    """Tower that is switched off: one of `ABLATIONS`."""
    decode_workers: int | None = None
    """Videos that are decoded side by side, and on a CPU threads that run the towers; by default one for each core, 8 at
    most."""
    decode_threads: int = 0
    """Threads of the codec for one video; 0 leaves that to it. The frames are the same."""
    prefetch: int | None = None
    """Videos (or pairs) that are read ahead of the decoder; by default two for each of `decode_workers`."""
    embedding_cache: int = 512
    """Megabytes for what the towers made of videos that several requests show, so that each is decoded and encoded once;
    0 for none."""
    threads: int = 1
    """Threads of one operation of a model on a CPU. With 1, scores are equal to the bit whatever the number of cores and
    processes, and `decode_workers` keep the cores busy; a large decoder on a CPU wants more."""
    decode_timeout: float = DEFAULT_LIMITS.seconds
    """Seconds of wall time after which a video that is still being decoded counts as one that cannot be read."""
    decode_frames: int = DEFAULT_LIMITS.frames
    """Frames above which a video counts as one that cannot be read."""
    isolate: bool = True
    """Videos are decoded in processes of their own, so that a decoder that crashes or hangs costs one video. False: in
    this process, for machines that allow no further ones; then the time is only checked between packets."""
    on_error: str = "count"
    """What a video that cannot be read does: `count` it as unanswered, or `raise`."""
    failures: str | None = None
    """CSV file that is written with every video that could not be read and the reason; an older one is replaced."""
    batch_size: int = 1
    """Requests in one forward pass."""
    max_batch_size: int | None = None
    """Upper limit of `batch_size`, from the host's flag of that name."""

    @property
    def workers(self) -> int:
        """`decode_workers`, or the cores of this process's share of the machine."""
        if self.decode_workers is not None:
            return self.decode_workers
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        return max(1, min(cores // int(os.environ.get("LOCAL_WORLD_SIZE", "1")), _MOST_WORKERS))

    @property
    def limits(self) -> Limits:
        """What one video may cost."""
        return Limits(self.decode_timeout, self.decode_frames)

    def view_settings(self) -> dict[str, int]:
        """The settings of the video processor that differ from the checkpoint's."""
        names = ("context_frames", "pixel_moments", "pixel_crops")
        return {name: value for name in names if (value := getattr(self, name)) is not None}


def embedded_checkpoint() -> str:
    """Folder of the checkpoint that comes with the package, the default of `pretrained`."""
    return str(Path(checkpoints.__file__).resolve().parent / EMBEDDED)


def parse(given: Mapping[str, object]) -> Arguments:
    """Checks model arguments as the host hands them over: numbers and booleans already converted.

    Raises:
        ArgumentError: a name is not known, or a value is not allowed; the message lists what is.
    """
    check_names(given, [field.name for field in fields(Arguments)])
    values = {name: value for name, value in given.items() if value is not None}
    for name, value in values.items():
        values[name] = _CHECKS[name](name, value)
    values.setdefault("pretrained", embedded_checkpoint())
    if "device" in values and "device_map" in values:
        raise ArgumentError(
            f"device={values['device']} and device_map={values['device_map']}: expected one of the two; "
            "device_map spreads a model over devices, device puts all of it on one"
        )
    arguments = Arguments(**values)
    if arguments.max_batch_size is not None and arguments.max_batch_size < arguments.batch_size:
        values["batch_size"] = arguments.max_batch_size
        arguments = Arguments(**values)
    return arguments


def check_names(given: Mapping[str, object], allowed: Sequence[str]) -> None:
    """Raises an ArgumentError for the first model argument that is not among the allowed ones."""
    unknown = [name for name in given if name not in allowed]
    if not unknown:
        return
    close = difflib.get_close_matches(unknown[0], allowed, n=1)
    hint = f" Did you mean {close[0]}?" if close else ""
    raise ArgumentError(f"model argument {unknown[0]!r} is not known.{hint}\n  allowed: {', '.join(allowed)}")


def _text(name: str, value: object) -> str:
    if isinstance(value, (str, os.PathLike)) and str(value).strip():
        return str(value).strip()
    raise ArgumentError(f"{name}: expected text, found {value!r}")


def _count(name: str, value: object, least: int = 1) -> int:
    if isinstance(value, str) and value.strip().isdigit():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and value >= least:
        return value
    raise ArgumentError(f"{name}: expected a whole number of at least {least}, found {value!r}")


def _count_or_none(name: str, value: object) -> int:
    return _count(name, value, least=0)


def _seconds(name: str, value: object) -> float:
    try:
        seconds = float("nan") if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        seconds = float("nan")
    if 0 < seconds <= _LONGEST_S:
        return seconds
    raise ArgumentError(f"{name}: expected seconds above 0 and up to {_LONGEST_S}, found {value!r}")


def _switch(name: str, value: object) -> bool:
    text = str(value).strip().lower()
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    raise ArgumentError(f"{name}: expected true or false, found {value!r}")


def _one_of(allowed: tuple[str, ...]) -> Callable[[str, object], str]:
    def check(name: str, value: object) -> str:
        if value in allowed:
            return str(value)
        close = difflib.get_close_matches(str(value), allowed, n=1)
        hint = f" Did you mean {close[0]}?" if close else ""
        raise ArgumentError(f"{name}: expected one of {', '.join(allowed)}, found {value!r}.{hint}")

    return check


def _compiler(name: str, value: object) -> str | None:
    text = str(value).strip().lower()
    if text in COMPILERS:
        return text
    if text in _TRUE or text in _FALSE:
        return COMPILERS[0] if text in _TRUE else None
    raise ArgumentError(f"{name}: expected true, false or one of {', '.join(COMPILERS)}, found {value!r}")


def _device(name: str, value: object) -> str:
    text = str(value).strip().lower()
    kind, _, index = text.partition(":")
    if kind in ("cpu", "cuda", "mps") and (not index or index.isdigit()) and not text.endswith(":"):
        return text
    raise ArgumentError(f"{name}: expected cpu, cuda, cuda:<number> or mps, found {value!r}")


_CHECKS: dict[str, Callable[[str, object], object]] = {
    "pretrained": _text,
    "adapter": _text,
    "dtype": _one_of(DTYPES),
    "device": _device,
    "device_map": _text,
    "attn_implementation": _text,
    "quantization": _one_of(QUANTISATIONS),
    "compile": _compiler,
    "cache_implementation": _one_of(CACHES),
    "context_frames": _count,
    "pixel_moments": _count,
    "pixel_crops": _count,
    "ablate": _one_of(ABLATIONS),
    "decode_workers": _count,
    "decode_threads": _count_or_none,
    "prefetch": _count,
    "embedding_cache": _count_or_none,
    "threads": _count,
    "decode_timeout": _seconds,
    "decode_frames": _count,
    "isolate": _switch,
    "on_error": _one_of(ON_ERROR),
    "failures": _text,
    "batch_size": _count,
    "max_batch_size": _count,
}
