"""Where bfloat16 pays."""

import pytest
import torch

from lmms_cpllm.training.precision import has_fast_bfloat16, has_fast_bfloat16_gradients


@pytest.mark.parametrize(
    ("products", "tiles", "gradients"), [(True, True, True), (True, False, False), (False, False, False)]
)
def test_gradients_of_convolutions_need_tiles(monkeypatch, products, tiles, gradients):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: products)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: tiles)
    assert has_fast_bfloat16("cpu") is products
    assert has_fast_bfloat16_gradients() is gradients


def test_other_devices_have_none():
    assert not has_fast_bfloat16("mps")
