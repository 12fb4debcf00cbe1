"""For models that are large: weights of 4 or 8 bits, and compiled parts. Nothing is imported before it is asked for."""

from __future__ import annotations

import importlib.util
import os
import shutil
from typing import TYPE_CHECKING

import torch

from lmms_cpllm.errors import ArgumentError

if TYPE_CHECKING:
    from transformers import BitsAndBytesConfig

    from lmms_cpllm.model.modeling_cpllm import CPLLMForConditionalGeneration

QUANTISATIONS = ("4bit", "8bit")
COMPILERS = ("inductor", "aot_eager", "eager")
"""Backends of torch.compile; all but the first are for finding faults."""
_WHOLE = ["context_tower", "pixel_tower", "context_projector", "pixel_projector", "lm_head"]
"""Keep their precision: they are small, and what the towers see are small differences."""


def quantisation(asked: str, where: str = "quantization") -> BitsAndBytesConfig:
    """Says that the decoder is held in 4 (NF4) or 8 bits; towers, projectors and head stay as they are.

    Args:
        asked: one of `QUANTISATIONS`.
        where: the name of the setting, for messages.

    Raises:
        ArgumentError: another value, no bitsandbytes, or no CUDA device.
    """
    if asked not in QUANTISATIONS:
        raise ArgumentError(f"{where}: expected one of {', '.join(QUANTISATIONS)}, found {asked!r}")
    from transformers import BitsAndBytesConfig
    from transformers.utils import is_bitsandbytes_available

    if not is_bitsandbytes_available():
        raise ArgumentError(
            f"{where}={asked}: the package bitsandbytes expected, found none; pip install bitsandbytes, or "
            f"leave {where} out"
        )
    if not torch.cuda.is_available():
        raise ArgumentError(
            f"{where}={asked}: a CUDA device expected, found none; take a machine with a GPU, or leave {where} out"
        )
    if asked == "8bit":
        return BitsAndBytesConfig(load_in_8bit=True, llm_int8_skip_modules=_WHOLE)
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_compute_dtype=torch.bfloat16,
        llm_int8_skip_modules=_WHOLE,
    )


def compile_parts(model: CPLLMForConditionalGeneration, compiler: str) -> None:
    """Has torch.compile make towers and decoder faster, in place; that happens when each is first used.

    Args:
        model: on its device.
        compiler: one of `COMPILERS`.

    Raises:
        ArgumentError: another value, or what the compiler needs is not there.
    """
    if compiler not in COMPILERS:
        raise ArgumentError(f"compile: expected true, false or one of {', '.join(COMPILERS)}, found {compiler!r}")
    _check_compiler(compiler, model.device.type)
    for part in (model.model.context_tower, model.model.pixel_tower, model.model.language_model):
        part.compile(backend=compiler)


def _check_compiler(compiler: str, device: str) -> None:
    """Inductor writes C++ on a CPU and Triton on a GPU; without a compiler it would fail in the middle of a run."""
    if compiler != "inductor":
        return
    names = (
        [os.environ.get("CXX"), "g++", "clang++", "c++"] if device == "cpu" else [os.environ.get("CC"), "gcc", "clang"]
    )
    if not any(name and shutil.which(name) for name in names):
        raise ArgumentError(
            f"compile: a compiler ({', '.join(filter(None, names))}) expected in PATH, found none; install one, or leave "
            "compile out"
        )
    if device == "cuda" and importlib.util.find_spec("triton") is None:
        raise ArgumentError(
            "compile: the package triton expected, found none; pip install triton, or leave compile out"
        )
