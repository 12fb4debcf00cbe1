"""Features of frozen towers, computed once and kept: training then runs on the decoder alone."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from tqdm import tqdm

from lmms_cpllm.model import CPLLMForConditionalGeneration, CPLLMProcessor
from lmms_cpllm.training.examples import Example
from lmms_cpllm.video import Clip

_CHUNK = 200


@torch.inference_mode()
def encode_examples(
    model: CPLLMForConditionalGeneration,
    processor: CPLLMProcessor,
    examples: Sequence[Example],
    folder: Path,
    readers: int = 2,
) -> dict[str, torch.Tensor]:
    """Pooled features of all examples, from files in `folder` where they were computed before.

    Args:
        model: its towers are used.
        processor: makes the views.
        examples: in a fixed order; another order or number needs another folder.
        folder: one safetensors file for every 200 examples.
        readers: threads that decode ahead.

    Returns:
        `context` `(N, tokens, features)` and `pixel` `(N, tokens, features)`, float16.
    """
    folder.mkdir(parents=True, exist_ok=True)
    parts = []
    with ThreadPoolExecutor(readers) as pool, tqdm(total=len(examples), desc="features", unit="video") as bar:
        for start in range(0, len(examples), _CHUNK):
            path = folder / f"{start:06d}.safetensors"
            chunk = examples[start : start + _CHUNK]
            if not path.is_file():
                clips = pool.map(lambda example: _read(processor, example.path), chunk)
                save_file(_encode(model, processor, clips), path.with_suffix(".part"))
                path.with_suffix(".part").replace(path)
            parts.append(load_file(path))
            bar.update(len(chunk))
    return {key: torch.cat([part[key] for part in parts]) for key in ("context", "pixel")}


def _read(processor: CPLLMProcessor, path: Path) -> Clip:
    """A clip; of a still picture only one frame in each run: equal frames give the same mean, deviation and no change."""
    clip = processor.read(path)
    return replace(clip, pixel=clip.pixel[:, :, :1]) if clip.info.frames == 1 else clip


def _encode(model: CPLLMForConditionalGeneration, processor: CPLLMProcessor, clips) -> dict[str, torch.Tensor]:
    context, pixel = [], []
    for clip in clips:
        views = processor.video_processor([clip])
        context.append(model.model.encode_context(views["context_values"]).half())
        pixel.append(model.model.encode_pixels(views["pixel_values"]).half())
    return {"context": torch.cat(context), "pixel": torch.cat(pixel)}
