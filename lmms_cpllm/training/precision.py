"""Whether products in bfloat16 pay on this machine."""

from __future__ import annotations

import torch


def has_fast_bfloat16(device: str) -> bool:
    """True where the processor multiplies bfloat16 itself; elsewhere PyTorch emulates it, up to seventy times slower than
    float32.

    Args:
        device: PyTorch's name of its kind, such as `cpu` or `cuda`.
    """
    if device == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return device == "cpu" and torch.cpu._is_avx512_bf16_supported()


def has_fast_bfloat16_gradients() -> bool:
    """True where the CPU also finds the gradients of convolutions faster in bfloat16: those with matrix tiles (AMX). With
    AVX-512's products alone a step of the pixel tower took 1.7 times as long as in float32 (EPYC, PyTorch 2.14)."""
    return has_fast_bfloat16("cpu") and torch.cpu._is_amx_tile_supported()
