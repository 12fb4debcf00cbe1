"""Floating-point operations of what a model does, counted by PyTorch: a multiplication and an addition are two."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import torch
from torch.utils.flop_counter import FlopCounterMode

Result = TypeVar("Result")


def _attention_flops(query: Sequence[int], key: Sequence[int], value: Sequence[int], *args, **kwargs) -> int:
    """Of `(B, H, L, d)` queries, `(B, H, S, d)` keys and `(B, H, S, e)` values: both products of an attention."""
    batch, heads, length, width = query
    return 2 * batch * heads * length * key[-2] * (width + value[-1])


# The attention of CPUs is the one that PyTorch's own table leaves out.
_ALSO = {torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _attention_flops}


def count_flops(function: Callable[[], Result]) -> tuple[Result, int]:
    """What a function returns, and the operations of the matrix products, convolutions and attentions in it.

    What only moves or maps numbers (activations, normalisations, pooling) counts nothing: the result is a lower bound.
    """
    with FlopCounterMode(display=False, custom_mapping=_ALSO) as counter:
        result = function()
    return result, counter.get_total_flops()
