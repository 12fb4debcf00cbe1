"""Where bfloat16 pays."""

import pytest
import torch
from tiny_training import small_model

from lmms_cpllm.training.precision import has_fast_bfloat16, quick_attention


@pytest.mark.parametrize("products", [True, False])
def test_a_cpu_has_it_where_it_has_the_products(monkeypatch, products):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: products)
    assert has_fast_bfloat16("cpu") is products


def test_other_devices_have_none():
    assert not has_fast_bfloat16("mps")


@pytest.mark.parametrize(
    ("device", "half_precision", "taken"), [("cpu", True, "eager"), ("cpu", False, "sdpa"), ("cuda", True, "sdpa")]
)
def test_attention_is_written_out_where_that_is_quicker_and_set_back(device, half_precision, taken):
    decoder = small_model()[0].model.language_model
    with quick_attention(decoder, device, half_precision):
        assert decoder.config._attn_implementation == taken
    assert decoder.config._attn_implementation == "sdpa"
