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
