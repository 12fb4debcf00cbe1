from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from lmms_cpllm.errors import ArgumentError
from lmms_cpllm.harness.arguments import Arguments, parse
from lmms_cpllm.video.limits import Limits

ALLOWED = (
    "pretrained, adapter, dtype, device, device_map, attn_implementation, quantization, compile, cache_implementation, "
    "context_frames, pixel_moments, pixel_crops, ablate, decode_workers, decode_threads, prefetch, embedding_cache, "
    "threads, decode_timeout, decode_frames, isolate, on_error, failures, batch_size, max_batch_size"
)


def test_the_default_is_the_embedded_checkpoint() -> None:
    arguments = parse({"batch_size": 1, "device": None, "max_batch_size": None})
    assert Path(arguments.pretrained).parts[-3:] == ("lmms_cpllm", "checkpoints", "cpllm-tiny")
    assert arguments == Arguments(pretrained=arguments.pretrained)
    assert arguments.view_settings() == {}


def test_values_as_the_host_converts_them() -> None:
    arguments = parse(
        {"pretrained": "org/model", "context_frames": 8, "pixel_crops": "2", "ablate": "pixel", "dtype": "bfloat16"}
    )
    assert arguments.view_settings() == {"context_frames": 8, "pixel_crops": 2}
    assert (arguments.pretrained, arguments.ablate, arguments.dtype) == ("org/model", "pixel", "bfloat16")


def test_limits_and_isolation_come_as_text_or_converted() -> None:
    assert parse({}).isolate
    assert parse({}).limits == Limits(seconds=600, frames=500_000)
    for timeout, frames, isolate in ((2.5, 90, False), ("2.5", "90", "False")):
        arguments = parse({"decode_timeout": timeout, "decode_frames": frames, "isolate": isolate})
        assert arguments.limits == Limits(seconds=2.5, frames=90)
        assert not arguments.isolate


@pytest.mark.parametrize("value", ["cpu", "cuda", "cuda:1", "mps"])
def test_devices(value: str) -> None:
    assert parse({"device": value}).device == value


def test_max_batch_size_is_the_upper_limit() -> None:
    assert parse({"batch_size": 8, "max_batch_size": 2}).batch_size == 2
    assert parse({"batch_size": 1, "max_batch_size": 2}).batch_size == 1


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"pretraned": "x"},
            f"model argument 'pretraned' is not known. Did you mean pretrained?\n  allowed: {ALLOWED}",
        ),
        ({"zzz": 1}, f"model argument 'zzz' is not known.\n  allowed: {ALLOWED}"),
        (
            {"dtype": "flaot16"},
            "dtype: expected one of auto, float32, bfloat16, float16, found 'flaot16'. Did you mean float16?",
        ),
        ({"ablate": "both"}, "ablate: expected one of context, pixel, found 'both'."),
        ({"on_error": "counts"}, "on_error: expected one of count, raise, found 'counts'. Did you mean count?"),
        ({"on_error": True}, "on_error: expected one of count, raise, found True."),
        ({"context_frames": 0}, "context_frames: expected a whole number of at least 1, found 0"),
        ({"prefetch": 1.5}, "prefetch: expected a whole number of at least 1, found 1.5"),
        ({"decode_workers": True}, "decode_workers: expected a whole number of at least 1, found True"),
        ({"batch_size": "auto"}, "batch_size: expected a whole number of at least 1, found 'auto'"),
        ({"decode_timeout": 0}, "decode_timeout: expected seconds above 0 and up to 1000000, found 0"),
        ({"decode_timeout": "1 min"}, "decode_timeout: expected seconds above 0 and up to 1000000, found '1 min'"),
        ({"decode_timeout": "inf"}, "decode_timeout: expected seconds above 0 and up to 1000000, found 'inf'"),
        ({"decode_frames": 0}, "decode_frames: expected a whole number of at least 1, found 0"),
        ({"isolate": "maybe"}, "isolate: expected true or false, found 'maybe'"),
        ({"device": "gpu"}, "device: expected cpu, cuda, cuda:<number> or mps, found 'gpu'"),
        ({"device": "cuda:"}, "device: expected cpu, cuda, cuda:<number> or mps, found 'cuda:'"),
        ({"pretrained": True}, "pretrained: expected text, found True"),
        (
            {"device": "cpu", "device_map": "auto"},
            "device=cpu and device_map=auto: expected one of the two; device_map spreads a model over devices, device puts "
            "all of it on one",
        ),
    ],
)
def test_wrong_arguments(given: dict, message: str) -> None:
    with pytest.raises(ArgumentError) as error:
        parse(given)
    assert str(error.value) == message


def test_every_field_has_a_check() -> None:
    for field in fields(Arguments):
        with pytest.raises(ArgumentError, match=field.name):
            parse({field.name: object()})
