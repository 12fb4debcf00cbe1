"""Whether products in bfloat16 pay on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from transformers import PreTrainedModel


def has_fast_bfloat16(device: str) -> bool:
    """True where the processor multiplies bfloat16 itself; elsewhere PyTorch emulates it, up to seventy times slower than
    float32.

    Args:
        device: PyTorch's name of its kind, such as `cpu` or `cuda`.
    """
    if device == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return device == "cpu" and torch.cpu._is_avx512_bf16_supported()


@contextmanager
def quick_attention(decoder: PreTrainedModel, device: str, half_precision: bool) -> Iterator[None]:
    """Attention as plain products of matrices for as long as the context lasts, where that is quicker to train: in
    bfloat16 on a CPU, where the gradient of PyTorch's fused attention takes eight times as long as in float32 (Xeon with
    AMX, PyTorch 2.14), and a step of the tasks' stage one and a half times as long as without it.

    Args:
        decoder: its attention is set, and set back.
        device: PyTorch's name of its kind.
        half_precision: whether products are in bfloat16.
    """
    known = decoder.config._attn_implementation
    if half_precision and device == "cpu":
        decoder.set_attn_implementation("eager")
    try:
        yield
    finally:
        decoder.set_attn_implementation(known)
