"""What one step of a stage computes and holds, found by running it on tensors that have a shape and no memory.

Every operation of the real forward and backward pass takes place, so that checkpointing, frozen parts and adapters are
counted as they are, and no formula has to be believed. Flash attention of a CPU stands in for that of a GPU: neither keeps
the matrix of attention.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from dataclasses import asdict, dataclass

import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter
from torch.utils.flop_counter import flop_registry, sdpa_backward_flop_count, sdpa_flop_count

from lmms_cpllm.model import CPLLMConfig, CPLLMForConditionalGeneration
from lmms_cpllm.sampling import ViewPlan
from lmms_cpllm.training.full.building import empty_model, learning, prepare, set_modes
from lmms_cpllm.training.full.data.collating import UNKNOWN
from lmms_cpllm.training.full.losses import batch_losses, total
from lmms_cpllm.training.full.recipe import Stage

_aten = torch.ops.aten
FLOPS = flop_registry | {
    _aten._scaled_dot_product_flash_attention_for_cpu: lambda q, k, v, *_, **__: sdpa_flop_count(
        q.shape, k.shape, v.shape
    ),
    _aten._scaled_dot_product_flash_attention_for_cpu_backward: lambda g, q, k, v, *_, **__: sdpa_backward_flop_count(
        g.shape, q.shape, k.shape, v.shape
    ),
}
"""Operation -> function that counts its additions and multiplications; PyTorch's own, and what it does not know yet."""


@dataclass(frozen=True)
class Shapes:
    """What a batch looks like."""

    samples: int
    videos: int
    """Of all samples together."""
    length: int
    """Tokens of a sample."""
    answers: int
    """Places of which the losses need logits."""


@dataclass(frozen=True)
class Cost:
    """Of one batch, forward and backward, on one device that holds the whole model."""

    flops: int
    """Additions and multiplications, each counted."""
    weights: int
    """Bytes of the parameters."""
    learning: int
    """Bytes of the parameters that learn; so many again are their gradients."""
    peak: int
    """Bytes at the worst moment beyond weights and the optimizer's state: activations, gradients, what is between."""
    activations: int
    """The same without the gradients that exist at the time."""


class Meter(TorchDispatchMode):
    """Bytes of the storages that exist at a time, the most there ever were, and operations."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.peak = self.gradients = self.peak_activations = self.flops = 0
        self._ignored: list[torch.UntypedStorage] = []
        self._seen: weakref.WeakValueDictionary = weakref.WeakValueDictionary()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        counted = FLOPS.get(func._overloadpacket)
        if counted is not None:
            self.flops += counted(*args, **(kwargs or {}), out_val=result)
        for tensor in tree_iter(result):
            if isinstance(tensor, torch.Tensor):
                self.add(tensor)
        return result

    def ignore(self, tensor: torch.Tensor) -> None:
        """Leaves a storage out, that of a weight: a view of it is no new one."""
        storage = tensor.untyped_storage()
        self._ignored.append(storage)
        self._seen[id(storage)] = storage

    def add(self, tensor: torch.Tensor) -> None:
        """Counts the storage of a tensor until it is freed."""
        storage = tensor.untyped_storage()
        key = id(storage)
        if self._seen.get(key) is storage:
            return
        self._seen[key] = storage
        size = storage.nbytes()
        self.now += size
        self.peak = max(self.peak, self.now)
        self.peak_activations = max(self.peak_activations, self.now - self.gradients)
        weakref.finalize(storage, self._free, size)

    def kept(self, gradient: torch.Tensor) -> None:
        """Says that a storage, counted before, is the gradient of a parameter."""
        self.gradients += gradient.untyped_storage().nbytes()

    def _free(self, size: int) -> None:
        self.now -= size


def simulate(config: CPLLMConfig, views: ViewPlan, stage: Stage, precision: str, shapes: Shapes) -> Cost:
    """One batch of a stage.

    Args:
        config: of the model.
        views: of a video.
        stage: which parts learn, and whether activations are kept.
        precision: of the recipe.
        shapes: of the batch.
    """
    model = empty_model(config)
    with torch.device("meta"):
        prepare(model, stage, precision)
    set_modes(model, stage)
    with FakeTensorMode(allow_non_fake_inputs=True):
        model.to_empty(device="cpu")
        model.tie_weights()
        inputs, targets = _batch(views, shapes)
        weights = _bytes(model.parameters())
        learned = [parameter for _, parameter in learning(model)]
        with Meter() as meter:
            for weight in (*model.parameters(), *model.buffers()):
                meter.ignore(weight)
            for parameter in learned:
                parameter.register_post_accumulate_grad_hook(lambda parameter: meter.kept(parameter.grad))
            for tensor in (*inputs.values(), *targets.values()):
                meter.add(tensor)
            _step(model, inputs, targets, stage, precision)
    return Cost(meter.flops, weights, _bytes(learned), meter.peak, meter.peak_activations)


def _bytes(tensors: Iterable[torch.Tensor]) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def _batch(views: ViewPlan, shapes: Shapes) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """Inputs and targets of a batch without values."""
    height, width = views.context_size
    crops = (views.pixel_moments, views.pixel_crops, views.pixel_frames, 3, views.crop_size, views.crop_size)
    inputs = {
        "input_ids": torch.zeros(shapes.samples, shapes.length, dtype=torch.long),
        "attention_mask": torch.ones(shapes.samples, shapes.length, dtype=torch.long),
        "context_values": torch.zeros(shapes.videos, views.context_frames, 3, height, width),
        "pixel_values": torch.zeros(shapes.videos, *crops),
        "logits_to_keep": torch.zeros(shapes.answers, dtype=torch.long),
    }
    targets = {
        "labels": torch.zeros(shapes.samples, shapes.answers, dtype=torch.long),
        "answer_at": torch.full((shapes.samples,), UNKNOWN),
        "quality": torch.zeros(shapes.samples),
        "sd": torch.zeros(shapes.samples),
        "group": torch.zeros(shapes.samples, dtype=torch.long),
        "choice": torch.full((shapes.samples,), UNKNOWN),
    }
    return inputs, targets


def _step(model: CPLLMForConditionalGeneration, inputs: dict, targets: dict, stage: Stage, precision: str) -> None:
    """Forward and backward, as `loop` does them, but for the check of placeholders and features, which needs values."""
    core, ids = model.model, inputs["input_ids"]
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
        embeds = model.get_input_embeddings()(ids)
        for values, encode, project, token in (
            (inputs["context_values"], core.encode_context, core.project_context, core.config.context_token_id),
            (inputs["pixel_values"], core.encode_pixels, core.project_pixels, core.config.pixel_token_id),
        ):
            features = project(encode(values)).to(embeds.dtype)
            embeds = embeds.masked_scatter((ids == token).unsqueeze(-1), features)
        logits = model(
            inputs_embeds=embeds,
            attention_mask=inputs["attention_mask"],
            logits_to_keep=inputs["logits_to_keep"],
            use_cache=False,
        ).logits
        losses = batch_losses(logits, targets, model.config, ranking=False)
    total(losses, asdict(stage.losses)).backward()
