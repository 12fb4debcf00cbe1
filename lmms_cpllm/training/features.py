"""Where a training step has its features from: a cache of frozen towers, or towers that are being trained.

Both give features that are standardised with the same moments; `fold` puts the standardisation into the first layer of each
projector at the end, so that the exported model takes raw features.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from tqdm import tqdm

from lmms_cpllm.model import CPLLMForConditionalGeneration, CPLLMProcessor
from lmms_cpllm.video import Clip

_CHUNK = 200


@dataclass(frozen=True)
class Moments:
    """Mean and deviation of every feature, float32."""

    context: tuple[torch.Tensor, torch.Tensor]
    pixel: tuple[torch.Tensor, torch.Tensor]


@torch.inference_mode()
def encode_files(
    model: CPLLMForConditionalGeneration,
    processor: CPLLMProcessor,
    paths: Sequence[Path],
    folder: Path,
    workers: int = 2,
) -> dict[str, torch.Tensor]:
    """Pooled features of all files, from `folder` where they were computed before.

    Args:
        model: its towers are used, by several threads at once.
        processor: makes the views.
        paths: in the order of the result.
        folder: one safetensors file for every 200 files, made anew where it is of others (by name and size).
        workers: threads that decode and encode, each operation on one.

    Returns:
        `context` `(N, tokens, features)` and `pixel` `(N, tokens, features)`, float16.
    """
    folder.mkdir(parents=True, exist_ok=True)
    parts = []
    with (
        ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,)) as pool,
        tqdm(total=len(paths), desc="features", unit="video") as bar,
    ):
        for start in range(0, len(paths), _CHUNK):
            path = folder / f"{start:06d}.safetensors"
            chunk = paths[start : start + _CHUNK]
            files = _digest(chunk)
            if not _is_of(path, files):
                found = list(pool.map(lambda file: encode_file(model, processor, file), chunk))
                values = {key: torch.cat([one[key] for one in found]) for key in ("context", "pixel")}
                save_file(values, path.with_suffix(".part"), {"files": files})
                path.with_suffix(".part").replace(path)
            parts.append(load_file(path))
            bar.update(len(chunk))
    return {key: torch.cat([part[key] for part in parts]) for key in ("context", "pixel")}


def _digest(paths: Sequence[Path]) -> str:
    names = "\n".join(f"{path.name} {path.stat().st_size}" for path in paths)
    return hashlib.sha256(names.encode()).hexdigest()


def _is_of(path: Path, files: str) -> bool:
    """Whether a file of features is there and is of these files; one that does not say of which is believed."""
    if not path.is_file():
        return False
    with safe_open(path, "pt") as saved:
        return (saved.metadata() or {}).get("files", files) == files


@torch.inference_mode()
def encode_file(model: CPLLMForConditionalGeneration, processor: CPLLMProcessor, path: Path) -> dict[str, torch.Tensor]:
    """Pooled features of one file, `context` and `pixel` `(1, tokens, features)`, float16."""
    views = processor.video_processor([shortened(processor.read(path))])
    context = model.model.encode_context(views["context_values"])
    if context.shape[1] < processor.context_tokens * processor.video_processor.context_frames:
        context = context.repeat(1, processor.video_processor.context_frames, 1)
    return {"context": context.half(), "pixel": model.model.encode_pixels(views["pixel_values"]).half()}


def shortened(clip: Clip) -> Clip:
    """A still picture with one key frame and one frame a run: equal frames give equal features, and no change in time."""
    if clip.info.frames > 1:
        return clip
    return replace(clip, context=clip.context[:1], pixel=clip.pixel[:, :, :1])


def moments_of(features: dict[str, torch.Tensor], indices: Sequence[int]) -> Moments:
    """Moments over the given examples."""
    found = {}
    for name, values in features.items():
        picked = values[list(indices)].float().flatten(0, 1)
        found[name] = (picked.mean(0), picked.std(0).clamp_min(1e-4))
    return Moments(**found)


def standardise(features: dict[str, torch.Tensor], moments: Moments) -> tuple[torch.Tensor, torch.Tensor]:
    """Context and pixel features with zero mean and unit deviation, float32."""
    parts = []
    for name in ("context", "pixel"):
        mean, deviation = getattr(moments, name)
        parts.append((features[name].float() - mean) / deviation)
    return parts[0], parts[1]


@torch.no_grad()
def fold(model: CPLLMForConditionalGeneration, moments: Moments) -> None:
    """Puts the standardisation into the first layer of each projector."""
    for name, projector in (("context", model.model.context_projector), ("pixel", model.model.pixel_projector)):
        mean, deviation = getattr(moments, name)
        layer = projector.linear_1
        layer.weight.div_(deviation)
        layer.bias.sub_(layer.weight @ mean)


class CachedFeatures:
    """Features of frozen towers."""

    def __init__(self, features: dict[str, torch.Tensor], moments: Moments) -> None:
        # Half precision until a batch needs them: all of them in float32 would fill the memory of a small machine.
        self._features, self._moments = features, moments

    def take(self, videos: Iterable[int]) -> tuple[torch.Tensor, torch.Tensor]:
        """Standardised features of the given examples."""
        picked = torch.tensor(list(videos))
        return standardise({name: values[picked] for name, values in self._features.items()}, self._moments)

    def begin(self, epoch: int) -> None:
        """Nothing: the same features in every epoch."""

    def push_back(self) -> None:
        """Nothing: frozen towers take no gradient."""
