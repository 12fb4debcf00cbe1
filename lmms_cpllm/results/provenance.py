"""How a run was made: command, versions, time, as far as its results file tells."""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# Options of `lmms-eval` that change what a run says, or where it says it, in the order in which people write them.
_OPTIONS = (
    *("model", "model_args", "tasks", "batch_size", "max_batch_size", "device", "limit", "offset", "num_fewshot"),
    *("gen_kwargs", "system_instruction", "use_cache", "include_path", "output_path"),
)
_FLAGS = ("apply_chat_template", "log_samples", "predict_only", "force_simple")


@dataclass(frozen=True)
class Provenance:
    """What a results file says of the run as a whole."""

    command: str
    """The command line, put together from the options that lmms-eval noted; empty where it noted none."""
    host_version: str
    """Of lmms-eval, as it noted it; empty where it did not."""
    git_hash: str
    """Of the folder in which the command was given; empty where it is not known."""
    device: str
    batch_size: str
    seconds: float | None
    """From start to end, model loading included, of all tasks of the command together."""
    throughput: Mapping[str, float]
    """What the model measured of itself, by lmms-eval's names, such as `avg_speed` in tokens per second."""


def provenance_of(document: Mapping[str, Any]) -> Provenance:
    """What the object in a results file says. Nothing in it is required; what is not as expected counts as not told."""
    config = _mapping(document.get("config"))
    return Provenance(
        command=_command(_mapping(config.get("resolved_cli_args"))),
        host_version=_text(document.get("lmms_eval_version")),
        git_hash=_text(document.get("git_hash")),
        device=_text(config.get("device")),
        batch_size=_text(config.get("batch_size")),
        seconds=_number(document.get("total_evaluation_time_seconds")),
        throughput={
            name: number
            for name, value in _mapping(document.get("throughput")).items()
            if (number := _number(value)) is not None
        },
    )


def _command(options: Mapping[str, Any]) -> str:
    words = []
    for name in _OPTIONS:
        value = options.get(name)
        if value not in (None, "", 0, [], {}):
            text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
            words += [f"--{name}", text]
    words += [f"--{name}" for name in _FLAGS if options.get(name) is True]
    return shlex.join(["lmms-eval", *words]) if words else ""


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _number(value: Any) -> float | None:
    """lmms-eval writes the time as text."""
    if isinstance(value, bool):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None
