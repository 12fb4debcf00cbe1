"""What accelerate was configured for becomes the sharding of the loop, once."""

import json

import pytest

from lmms_cpllm.errors import ArgumentError
from lmms_cpllm.training.full.launching import take_sharding
from lmms_cpllm.training.full.recipe import SHARDINGS

FSDP, DEEPSPEED = {"ACCELERATE_USE_FSDP": "true"}, {"ACCELERATE_USE_DEEPSPEED": "true"}
STAGE = "ACCELERATE_DEEPSPEED_ZERO_STAGE"


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, None),
        ({"ACCELERATE_USE_FSDP": "false", "FSDP_RESHARD_AFTER_FORWARD": "true"}, None),
        (FSDP, "fsdp"),
        (FSDP | {"FSDP_VERSION": "2", "FSDP_RESHARD_AFTER_FORWARD": "true"}, "fsdp"),
        (FSDP | {"FSDP_RESHARD_AFTER_FORWARD": "false"}, "zero2"),
        (FSDP | {"FSDP_RESHARD_AFTER_FORWARD": "shard_grad_op"}, "zero2"),
        (FSDP | {"FSDP_SHARDING_STRATEGY": "NO_SHARD"}, "none"),
        (DEEPSPEED, "zero2"),
        (DEEPSPEED | {STAGE: "0"}, "none"),
        (DEEPSPEED | {STAGE: "1"}, "zero2"),
        (DEEPSPEED | {STAGE: "3", "ACCELERATE_DEEPSPEED_OFFLOAD_PARAM_DEVICE": "none"}, "fsdp"),
    ],
)
def test_shardings(environment, expected):
    environment = dict(environment)
    assert take_sharding(environment) == expected
    assert expected in (None, *SHARDINGS)
    assert not {"ACCELERATE_USE_FSDP", "ACCELERATE_USE_DEEPSPEED"} & set(environment), "accelerate would shard again"


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        (FSDP | {"FSDP_SHARDING_STRATEGY": "HYBRID_SHARD"}, "expected true or false, found HYBRID_SHARD"),
        (FSDP | {"FSDP_OFFLOAD_PARAMS": "true"}, "fsdp_offload_params: expected false, found true"),
        (DEEPSPEED | {STAGE: "4"}, "zero_stage: expected 0, 1, 2 or 3, found 4"),
        (DEEPSPEED | {"ACCELERATE_DEEPSPEED_OFFLOAD_OPTIMIZER_DEVICE": "cpu"}, "offloading: expected none, found some"),
    ],
)
def test_what_the_loop_does_not_do_is_said(environment, message):
    with pytest.raises(ArgumentError, match=message):
        take_sharding(dict(environment))


def test_a_file_of_deepspeed(tmp_path):
    path = tmp_path / "ds.json"
    environment = DEEPSPEED | {STAGE: "2", "ACCELERATE_DEEPSPEED_CONFIG_FILE": str(path)}
    path.write_text(json.dumps({"zero_optimization": {"stage": 3}}))
    assert take_sharding(dict(environment)) == "fsdp"
    path.write_text(json.dumps({"zero_optimization": {"stage": 3, "offload_param": {"device": "nvme"}}}))
    with pytest.raises(ArgumentError, match="offloading"):
        take_sharding(dict(environment))
    path.write_text("[]")
    with pytest.raises(ArgumentError, match=r"ds\.json: a JSON configuration of DeepSpeed expected"):
        take_sharding(dict(environment))
