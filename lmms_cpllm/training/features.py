"""Where a training step has its features from: a cache of frozen towers, or towers that are being trained.

Both give features that are standardised with the same moments; `fold` puts the standardisation into the first layer of each
projector at the end, so that the exported model takes raw features.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from tqdm import tqdm

from lmms_cpllm.model import CPLLMForConditionalGeneration, CPLLMProcessor, folded_towers
from lmms_cpllm.video import Clip

VIEWS = ("context", "pixel")
_CHUNK = 200


@dataclass(frozen=True)
class Moments:
    """Mean and deviation of every feature, float32."""

    context: tuple[torch.Tensor, torch.Tensor]
    pixel: tuple[torch.Tensor, torch.Tensor]


def encode_files(
    model: CPLLMForConditionalGeneration,
    processor: CPLLMProcessor,
    paths: Sequence[Path],
    folders: Mapping[str, Path],
    workers: int = 2,
) -> dict[str, torch.Tensor]:
    """Pooled features of all files, from the folders where they were computed before.

    Args:
        model: its towers are used, by several threads at once.
        processor: makes the views.
        paths: in the order of the result.
        folders: for `context` and `pixel`, or the one that is wanted, a folder of safetensors files that say whose
            features they hold, by folder, name and size; one view may be known and the other not.
        workers: threads that decode and encode, each operation on one.

    Returns:
        `(N, tokens, features)` of each view, float16.
    """
    keys = [f"{path.parent.name}/{path.name} {path.stat().st_size}" for path in paths]
    stores = {view: _Store(folder) for view, folder in folders.items()}
    missing = [i for i, key in enumerate(keys) if any(key not in store.rows for store in stores.values())]
    with (
        ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,)) as pool,
        tqdm(total=len(paths), initial=len(paths) - len(missing), desc="features", unit="video") as bar,
        folded_towers(model),
    ):
        for start in range(0, len(missing), _CHUNK):
            chunk = missing[start : start + _CHUNK]
            wanted = [[view for view, store in stores.items() if keys[i] not in store.rows] for i in chunk]
            found = list(pool.map(lambda i, views: encode_file(model, processor, paths[i], views), chunk, wanted))
            for view, store in stores.items():
                store.add({keys[i]: one[view] for i, one in zip(chunk, found, strict=True) if view in one})
            bar.update(len(chunk))
    return {view: torch.cat([store.rows[key] for key in keys]) for view, store in stores.items()}


class _Store:
    """Rows of features by the key of their file, in the safetensors files of a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.rows: dict[str, torch.Tensor] = {}
        for path in sorted(folder.glob("*.safetensors")):
            with safe_open(path, "pt") as saved:
                values, names = saved.get_tensor("features"), json.loads(saved.metadata()["files"])
            self.rows |= dict(zip(names, values.split(1), strict=True))

    def add(self, rows: dict[str, torch.Tensor]) -> None:
        """Keeps rows, as one more file."""
        if not rows:
            return
        self.rows |= rows
        names = json.dumps(list(rows))
        path = self.folder / f"{hashlib.sha256(names.encode()).hexdigest()[:16]}.safetensors"
        save_file({"features": torch.cat(list(rows.values()))}, path.with_suffix(".part"), {"files": names})
        path.with_suffix(".part").replace(path)


@torch.inference_mode()
def encode_file(
    model: CPLLMForConditionalGeneration, processor: CPLLMProcessor, path: Path, views: Sequence[str] = VIEWS
) -> dict[str, torch.Tensor]:
    """Pooled features of one file for the given views, `(1, tokens, features)`, float16."""
    values = processor.video_processor([shortened(processor.read(path))])
    found = {}
    if "context" in views:
        context = model.model.encode_context(values["context_values"])
        times = processor.video_processor.context_frames * processor.context_tokens // context.shape[1]
        found["context"] = context.repeat(1, times, 1).half()
    if "pixel" in views:
        found["pixel"] = model.model.encode_pixels(values["pixel_values"]).half()
    return found


def shortened(clip: Clip) -> Clip:
    """A still picture with one key frame and one frame a run: equal frames give equal features, and no change in time."""
    if clip.info.frames > 1:
        return clip
    return replace(clip, context=clip.context[:1], pixel=clip.pixel[:, :, :1])


def moments_of(features: dict[str, torch.Tensor], indices: Sequence[int]) -> Moments:
    """Moments over the given examples."""
    return Moments(**{view: view_moments(values[list(indices)]) for view, values in features.items()})


def view_moments(values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and deviation `(features,)` of `(N, tokens, features)`."""
    values = values.float().flatten(0, 1)
    return values.mean(0), values.std(0).clamp_min(1e-4)


def standardised(values: torch.Tensor, moments: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
    """Features with zero mean and unit deviation, float32."""
    mean, deviation = moments
    return (values.float() - mean) / deviation


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
        context, pixel = (standardised(self._features[view][picked], getattr(self._moments, view)) for view in VIEWS)
        return context, pixel

    def begin(self, epoch: int) -> None:
        """Nothing: the same features in every epoch."""

    def push_back(self) -> None:
        """Nothing: frozen towers take no gradient."""
