"""Where bfloat16 pays."""

import pytest
import torch

from lmms_cpllm.training.precision import has_fast_bfloat16, quick_attention


@pytest.mark.parametrize("products", [True, False])
def test_a_cpu_has_it_where_it_has_the_products(monkeypatch, products):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: products)
    assert has_fast_bfloat16("cpu") is products


def test_other_devices_have_none():
    assert not has_fast_bfloat16("mps")


@pytest.mark.parametrize(
    ("device", "half_precision", "is_fused"), [("cpu", True, False), ("cpu", False, True), ("cuda", True, True)]
)
def test_attention_is_not_fused_where_that_is_quicker_and_set_back(device, half_precision, is_fused):
    with quick_attention(device, half_precision):
        # One flag for all devices, in spite of its name.
        assert torch.backends.cuda.flash_sdp_enabled() is is_fused
    assert torch.backends.cuda.flash_sdp_enabled()
