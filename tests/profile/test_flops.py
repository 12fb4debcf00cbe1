"""Operations of modules whose number is known."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from lmms_cpllm.profile.flops import count_flops

# module, shape of its input, multiplications
CASES = {
    "linear": (nn.Linear(8, 16), (4, 8), 4 * 8 * 16),
    "convolution": (nn.Conv2d(3, 4, 3, padding=1), (2, 3, 8, 8), 2 * 8 * 8 * 4 * 3 * 9),
    "depthwise": (nn.Conv2d(6, 6, 3, stride=2, padding=1, groups=6), (1, 6, 8, 8), 4 * 4 * 6 * 9),
    "nothing": (nn.GELU(), (4, 8), 0),
}


@pytest.mark.parametrize("inference", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_a_multiplication_and_an_addition_are_two(name: str, inference: bool) -> None:
    module, shape, multiplications = CASES[name]
    values = torch.rand(shape)
    with torch.inference_mode(inference):
        result, flops = count_flops(lambda: module(values))
        assert torch.equal(result, module(values))
    assert flops == 2 * multiplications


def test_attention_on_a_cpu_counts() -> None:
    query, key, value = torch.rand(1, 2, 4, 8), torch.rand(1, 2, 6, 8), torch.rand(1, 2, 6, 8)
    with torch.inference_mode():
        _, flops = count_flops(lambda: F.scaled_dot_product_attention(query, key, value))
    assert flops == 2 * 2 * (4 * 6 * 8 + 4 * 6 * 8)
