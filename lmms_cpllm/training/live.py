"""Features of a pixel tower that is being trained, on a CPU: several threads, each with a share of the videos and one core.

The context tower stays as ImageNet made it, and its features come from the cache: it is to see what a video shows, and
where it learned on our few contents it saw strange ones worse.

PyTorch's own threads inside an operation serve small towers badly. Here every thread runs the tower over some of the
videos; the decoder then takes the features of all as one batch, and its gradient goes back the same way, thread by
thread. The sum of the threads' gradients does not depend on which thread was first, so a run can be repeated to the
bit. All of it is float32: in bfloat16 the gradients of the towers' convolutions take longer, even where the processor
multiplies matrices of it (Xeon with AMX, PyTorch 2.14).
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch.optim.swa_utils import update_bn

from lmms_cpllm.model import CPLLMForConditionalGeneration, CPLLMProcessor
from lmms_cpllm.training.features import Moments, encode_file, shortened, standardised
from lmms_cpllm.video import Clip

# The stem and the first block see edges and colours, which ImageNet taught well, and are the dearest to train.
FROZEN_BLOCKS = 1
# Of a crop's side.
_PART_OF_A_CROP = 0.7


class LiveFeatures:
    """Decodes, augments and encodes the videos of each batch; see the module.

    Args:
        model: its pixel tower is trained.
        processor: makes the views.
        paths: of all examples.
        context: features of the context tower `(N, tokens, features)`, raw, of all examples.
        moments: with which the features are standardised.
        seed: of the augmentation.
        workers: threads.
        whole_tower: whether its first block learns too, which one of random weights has to.
    """

    def __init__(
        self,
        model: CPLLMForConditionalGeneration,
        processor: CPLLMProcessor,
        paths: Sequence[Path],
        context: torch.Tensor,
        moments: Moments,
        *,
        seed: int,
        workers: int = 2,
        whole_tower: bool = False,
    ) -> None:
        self._model, self._processor, self._paths, self._moments = model, processor, paths, moments
        self._context = context
        self._seed, self._rng = seed, np.random.default_rng([seed, 0])
        self._workers = workers
        self._pool = ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,))
        self.parameters = open_pixel_tower(model, whole_tower)
        self._graphs: list[torch.Tensor] = []
        self._leaf: torch.Tensor | None = None

    def begin(self, epoch: int) -> None:
        """Other parts of the videos in every epoch; the same for the same seed, also in a run that goes on."""
        self._rng = np.random.default_rng([self._seed, epoch])

    def take(self, videos: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
        """Standardised features of the given examples, each with a random part of its crops, mirrored or not."""
        seeds = self._rng.integers(1 << 31, size=len(videos))
        jobs = list(zip(videos, seeds, strict=True))
        shares = [share for i in range(self._workers) if (share := range(len(jobs))[i :: self._workers])]
        self._graphs = list(self._pool.map(self._encode, [[jobs[i] for i in share] for share in shares]))
        self._leaf = torch.cat(self._graphs).detach().requires_grad_()
        order = torch.tensor([i for share in shares for i in share]).argsort()
        context = standardised(self._context[list(videos)], self._moments.context)
        return context, self._leaf[order]

    def push_back(self) -> None:
        """The gradient of the features on to the tower's parameters."""
        grads = self._leaf.grad.split([len(graph) for graph in self._graphs])
        found = list(self._pool.map(self._backward, self._graphs, grads))
        for number, parameter in enumerate(self.parameters):
            parts = [part[number] for part in found if part[number] is not None]
            parameter.grad = sum(parts[1:], parts[0]) if parts else None
        self._graphs, self._leaf = [], None

    def _backward(self, graph: torch.Tensor, grad: torch.Tensor) -> tuple:
        return torch.autograd.grad(graph, self.parameters, grad, allow_unused=True)

    def _encode(self, jobs: Sequence[tuple[int, int]]) -> torch.Tensor:
        """Pixel features of some videos `(V, tokens, features)`, standardised, with their graph."""
        views = [self._view(index, seed) for index, seed in jobs]
        alike: dict[torch.Size, list[int]] = {}
        for place, view in enumerate(views):
            alike.setdefault(view.shape, []).append(place)
        found = [self._encode_alike(torch.cat([views[i] for i in places])) for places in alike.values()]
        order = torch.tensor([i for places in alike.values() for i in places]).argsort()
        return standardised(torch.cat(found)[order], self._moments.pixel)

    def _view(self, index: int, seed: int) -> torch.Tensor:
        """A random part of the crops of an example, `(1, K, G, R, 3, c, c)`."""
        clip = thinned(shortened(self._processor.read(self._paths[index])), np.random.default_rng(seed))
        return self._processor.video_processor([clip])["pixel_values"]

    def _encode_alike(self, views: torch.Tensor) -> torch.Tensor:
        """Pixel features `(V, tokens, features)` of views of one shape, by one pass of the tower: its gradient takes three
        quarters of the time that it takes video by video."""
        core, plan = self._model.model, self._processor.video_processor.plan
        # As one video of many moments, which are then compared within each video.
        crops = core.compare_moments(core.encode_pixels(views.flatten(0, 1)[None])[0].unflatten(0, (len(views), -1)))
        # What was left out is stood in for by what is there: every example has the same number of tokens.
        return crops.repeat(1, plan.pixel_moments * plan.pixel_crops // (views.shape[1] * views.shape[2]), 1)


class WholeFeatures:
    """Features of whole views by the pixel tower as it is now, without a gradient: what a validation needs while it
    learns. Arguments are those of `LiveFeatures`."""

    def __init__(
        self,
        model: CPLLMForConditionalGeneration,
        processor: CPLLMProcessor,
        paths: Sequence[Path],
        context: torch.Tensor,
        moments: Moments,
        workers: int = 2,
    ) -> None:
        self._model, self._processor, self._paths, self._moments = model, processor, paths, moments
        self._context = context
        self._pool = ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,))

    def begin(self, epoch: int) -> None:
        """Nothing: the same views in every epoch."""

    def take(self, videos: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
        """Standardised features of the given examples."""
        paths = [self._paths[i] for i in videos]
        found = self._pool.map(lambda path: encode_file(self._model, self._processor, path, ("pixel",)), paths)
        context = standardised(self._context[list(videos)], self._moments.context)
        return context, standardised(torch.cat([one["pixel"] for one in found]), self._moments.pixel)

    def push_back(self) -> None:
        """Nothing: no gradient."""


def thinned(clip: Clip, rng: np.random.Generator) -> Clip:
    """A part of the crops of a clip, mirrored or not: what a step costs less, an epoch shows more often.

    Of a video half of the moments with one crop each, of a picture one crop of each place, and of these a random part.
    Nothing is scaled: a change of scale is a change of sharpness, which is what is judged.
    """
    moments, crops = clip.pixel.shape[:2]
    if moments > 1 and clip.info.frames > 1:
        moments = np.sort(rng.permutation(moments)[: moments // 2])
    else:
        moments = np.arange(moments)
    pixel = clip.pixel[moments, rng.integers(crops, size=len(moments))][:, None]
    size = cut_size(pixel.shape[-2])
    top, left = rng.integers(0, pixel.shape[-2] - size + 1, 2)
    pixel = pixel[..., top : top + size, left : left + size, :]
    if rng.random() < 0.5:
        pixel = pixel[..., ::-1, :]
    return replace(clip, pixel=np.ascontiguousarray(pixel))


def cut_size(size: int) -> int:
    """Side in pixels of what is left of a crop of that side, in whole steps of the tower where it has one."""
    return round(size * _PART_OF_A_CROP / 16) * 16 or size


def open_pixel_tower(model: CPLLMForConditionalGeneration, whole: bool = False) -> list[torch.nn.Parameter]:
    """Lets the pixel tower learn above its first block, or as a whole, and gives its parameters; batch norms keep their
    statistics."""
    for tower in (model.model.context_tower, model.model.pixel_tower):
        tower.eval()
        tower.requires_grad_(False)
    backbone = model.model.pixel_tower._backbone
    for part in [backbone] if whole else backbone.blocks[FROZEN_BLOCKS:]:
        part.requires_grad_(True)
    # The layout in which a CPU is fast (`model.folding`).
    backbone.to(memory_format=torch.channels_last)
    return [p for p in model.model.pixel_tower.parameters() if p.requires_grad]


def settle_statistics(model: CPLLMForConditionalGeneration, processor: CPLLMProcessor, paths: Sequence[Path]) -> None:
    """Gives the batch norms of a pixel tower of random weights the statistics of some videos, which they then keep: its
    batches in training are too small to have statistics of their own."""
    views = (processor.video_processor([shortened(processor.read(path))])["pixel_values"] for path in paths)
    update_bn((frames.flatten(0, 3) for frames in views), model.model.pixel_tower)
