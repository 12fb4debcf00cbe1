"""What a configuration of accelerate says of sharding, in the words of this loop.

`accelerate launch` hands it over in the environment, where accelerate would find it and shard the model its own way. Here
FSDP2 does both: `zero2` splits gradients and optimizer as ZeRO's stage 2 does, `fsdp` the weights too, as stage 3.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, MutableMapping
from pathlib import Path

from lmms_cpllm.errors import ArgumentError

_SWITCHES = ("ACCELERATE_USE_FSDP", "ACCELERATE_USE_DEEPSPEED")
_BY_STAGE = {"0": "none", "1": "zero2", "2": "zero2", "3": "fsdp"}
_BY_STRATEGY = {
    "TRUE": "fsdp",
    "FULL_SHARD": "fsdp",
    "1": "fsdp",
    "FALSE": "zero2",
    "SHARD_GRAD_OP": "zero2",
    "2": "zero2",
    "NO_SHARD": "none",
    "3": "none",
}


def take_sharding(environment: MutableMapping[str, str]) -> str | None:
    """The sharding that accelerate was configured for; its switches are removed, so that it is done once.

    Args:
        environment: of this process.

    Returns:
        One of `recipe.SHARDINGS`; None where the configuration says nothing of it.

    Raises:
        ArgumentError: it asks for what this loop does not do (offloading, hybrid sharding).
    """
    fsdp, deepspeed = (environment.pop(name, "false").lower() == "true" for name in _SWITCHES)
    if deepspeed:
        return _deepspeed(environment)
    return _fsdp(environment) if fsdp else None


def _fsdp(environment: Mapping[str, str]) -> str:
    strategy = environment.get("FSDP_RESHARD_AFTER_FORWARD") or environment.get("FSDP_SHARDING_STRATEGY") or "TRUE"
    if environment.get("FSDP_OFFLOAD_PARAMS", "false").lower() == "true":
        raise ArgumentError("accelerate's configuration: fsdp_offload_params: expected false, found true")
    if strategy.upper() not in _BY_STRATEGY:
        raise ArgumentError(
            f"accelerate's configuration: fsdp_reshard_after_forward: expected true or false, found {strategy}"
        )
    return _BY_STRATEGY[strategy.upper()]


def _deepspeed(environment: Mapping[str, str]) -> str:
    stage = environment.get("ACCELERATE_DEEPSPEED_ZERO_STAGE", "2")
    file = environment.get("ACCELERATE_DEEPSPEED_CONFIG_FILE", "none")
    offload = [value for name, value in environment.items() if name.startswith("ACCELERATE_DEEPSPEED_OFFLOAD_")]
    if file.lower() != "none":
        stage, offload = _deepspeed_file(Path(file), stage)
    if any(value.lower() not in ("none", "") for value in offload):
        raise ArgumentError("accelerate's configuration: DeepSpeed's offloading: expected none, found some")
    if stage not in _BY_STAGE:
        raise ArgumentError(f"accelerate's configuration: zero_stage: expected 0, 1, 2 or 3, found {stage}")
    return _BY_STAGE[stage]


def _deepspeed_file(path: Path, stage: str) -> tuple[str, list[str]]:
    """Stage and devices of offloading of a configuration of DeepSpeed."""
    try:
        zero = json.loads(path.read_text()).get("zero_optimization", {})
        found = [zero.get(name, {}).get("device", "none") for name in ("offload_optimizer", "offload_param")]
        return str(zero.get("stage", stage)), list(map(str, found))
    except (OSError, ValueError, AttributeError) as error:
        raise ArgumentError(f"{path}: a JSON configuration of DeepSpeed expected: {error}") from error
