"""Features of towers that are being trained, on a CPU: several threads, each with a share of the videos and one core.

PyTorch's own threads inside an operation serve small towers badly. Here every thread runs the towers over some of the
videos; the decoder then takes the features of all as one batch, and its gradient goes back the same way, thread by
thread. The sum of the threads' gradients does not depend on which thread was first, so a run can be repeated to the
bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from lmms_cpllm.model import CPLLMForConditionalGeneration, CPLLMProcessor
from lmms_cpllm.training.features import Moments, encode_file, shortened, standardise
from lmms_cpllm.video import Clip

# Lower stages see edges and colours, which ImageNet taught well; without them a step takes a third of the time.
FROZEN_BLOCKS = 2


class LiveFeatures:
    """Decodes, augments and encodes the videos of each batch; see the module.

    Args:
        model: its towers are trained.
        processor: makes the views.
        paths: of all examples.
        moments: with which the features are standardised.
        seed: of the augmentation.
        workers: threads.
    """

    def __init__(
        self,
        model: CPLLMForConditionalGeneration,
        processor: CPLLMProcessor,
        paths: Sequence[Path],
        moments: Moments,
        *,
        seed: int,
        workers: int = 2,
    ) -> None:
        self._model, self._processor, self._paths, self._moments = model, processor, paths, moments
        self._seed, self._rng = seed, np.random.default_rng([seed, 0])
        self._workers = workers
        self._pool = ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,))
        self.parameters = open_towers(model)
        self._graphs: list[tuple[torch.Tensor, torch.Tensor]] = []
        self._leaves: tuple[torch.Tensor, torch.Tensor] | None = None

    def begin(self, epoch: int) -> None:
        """Other parts of the videos in every epoch; the same for the same seed, also in a run that goes on."""
        self._rng = np.random.default_rng([self._seed, epoch])

    def take(self, videos: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
        """Standardised features of the given examples, each with a random part of its views, mirrored or not."""
        seeds = self._rng.integers(1 << 31, size=len(videos))
        jobs = list(zip(videos, seeds, strict=True))
        shares = [share for i in range(self._workers) if (share := range(len(jobs))[i :: self._workers])]
        self._graphs = list(self._pool.map(self._encode, [[jobs[i] for i in share] for share in shares]))
        context, pixel = (
            torch.cat([graph[view] for graph in self._graphs]).detach().requires_grad_() for view in (0, 1)
        )
        self._leaves = (context, pixel)
        order = torch.tensor([i for share in shares for i in share]).argsort()
        return context[order], pixel[order]

    def push_back(self) -> None:
        """The gradient of the features on to the towers' parameters."""
        grads, start = [], 0
        for graph in self._graphs:
            stop = start + len(graph[0])
            grads.append([leaf.grad[start:stop] for leaf in self._leaves])
            start = stop
        found = list(self._pool.map(self._backward, self._graphs, grads))
        for number, parameter in enumerate(self.parameters):
            parts = [part[number] for part in found if part[number] is not None]
            parameter.grad = sum(parts[1:], parts[0]) if parts else None
        self._graphs, self._leaves = [], None

    def _backward(self, graph: Sequence[torch.Tensor], grads: Sequence[torch.Tensor]) -> tuple:
        return torch.autograd.grad(graph, self.parameters, grads, allow_unused=True)

    def _encode(self, jobs: Sequence[tuple[int, int]]) -> tuple[torch.Tensor, torch.Tensor]:
        """Features of some videos `(V, tokens, features)`, with their graph."""
        plan = self._processor.video_processor.plan
        context, pixel = [], []
        for index, seed in jobs:
            clip = thinned(shortened(self._processor.read(self._paths[index])), np.random.default_rng(seed))
            views = self._processor.video_processor([clip])
            # What was left out is stood in for by what is there: every example has the same number of tokens.
            keys = self._model.model.encode_context(views["context_values"])
            context.append(keys.repeat(1, plan.context_frames // clip.context.shape[0], 1))
            crops = self._model.model.encode_pixels(views["pixel_values"])
            times = plan.pixel_moments * plan.pixel_crops // (clip.pixel.shape[0] * clip.pixel.shape[1])
            pixel.append(crops.repeat(1, times, 1))
        return standardise({"context": torch.cat(context), "pixel": torch.cat(pixel)}, self._moments)


class WholeFeatures:
    """Features of whole views by the towers as they are now, without a gradient: what a validation needs while they
    learn."""

    def __init__(
        self,
        model: CPLLMForConditionalGeneration,
        processor: CPLLMProcessor,
        paths: Sequence[Path],
        moments: Moments,
        workers: int = 2,
    ) -> None:
        self._model, self._processor, self._paths, self._moments = model, processor, paths, moments
        self._pool = ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,))

    def begin(self, epoch: int) -> None:
        """Nothing: the same views in every epoch."""

    def take(self, videos: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
        """Standardised features of the given examples."""
        paths = [self._paths[i] for i in videos]
        found = list(self._pool.map(lambda path: encode_file(self._model, self._processor, path), paths))
        return standardise({key: torch.cat([one[key] for one in found]) for key in found[0]}, self._moments)

    def push_back(self) -> None:
        """Nothing: no gradient."""


def thinned(clip: Clip, rng: np.random.Generator) -> Clip:
    """One key frame and half of the crops of a clip, mirrored or not: what a step costs less, an epoch shows more often.

    Nothing is scaled: a change of scale is a change of sharpness, which is what is judged.
    """
    moments, crops = clip.pixel.shape[:2]
    context = clip.context[rng.integers(len(clip.context))][None]
    if moments > 1 and clip.info.frames > 1:
        pixel = clip.pixel[np.sort(rng.permutation(moments)[: moments // 2])]
    elif crops > 1:
        pixel = clip.pixel[np.arange(moments), rng.integers(crops, size=moments)][:, None]
    else:
        pixel = clip.pixel
    if rng.random() < 0.5:
        context, pixel = context[..., ::-1, :], pixel[..., ::-1, :]
    return replace(clip, context=np.ascontiguousarray(context), pixel=np.ascontiguousarray(pixel))


def open_towers(model: CPLLMForConditionalGeneration) -> list[torch.nn.Parameter]:
    """Lets the upper stages of both towers learn and gives their parameters; batch norms keep their statistics."""
    opened = []
    for tower in (model.model.context_tower, model.model.pixel_tower):
        tower.eval()
        tower.requires_grad_(False)
        backbone = tower._backbone
        for block in backbone.blocks[FROZEN_BLOCKS:]:
            block.requires_grad_(True)
        opened += [p for p in tower.parameters() if p.requires_grad]
    return opened
