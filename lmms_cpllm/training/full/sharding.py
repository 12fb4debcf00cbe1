"""One model over many processes: whole on each (DDP), or in pieces by FSDP2. CPUs with gloo do it too."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import timedelta

import torch
from accelerate import Accelerator, DistributedDataParallelKwargs, InitProcessGroupKwargs
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

from lmms_cpllm.errors import ArgumentError
from lmms_cpllm.model import CPLLMForConditionalGeneration
from lmms_cpllm.training.full.building import layers
from lmms_cpllm.training.full.recipe import SHARDINGS, Stage


def make_accelerator(trackers: tuple[str, ...], folder: str) -> Accelerator:
    """The processes that torchrun, or nobody, has started, with trackers that write below `folder`.

    Raises:
        ArgumentError: a tracker is not known or not installed.
    """
    # Gradients are views into DDP's buckets instead of a second copy; a tower's own head may learn nothing.
    ddp = DistributedDataParallelKwargs(gradient_as_bucket_view=True, find_unused_parameters=True)
    # One process assembles and exports while the others wait.
    patience = InitProcessGroupKwargs(timeout=timedelta(hours=2))
    try:
        # The loop itself casts to the recipe's precision.
        accelerator = Accelerator(
            mixed_precision="no",
            log_with=list(trackers) or None,
            project_dir=folder,
            kwargs_handlers=[ddp, patience],
        )
    except ValueError as error:
        raise ArgumentError(
            f"trackers: expected those that accelerate knows, installed; found {trackers}: {error}"
        ) from error
    # Accelerate leaves out what is not installed, and does not say so.
    missing = set(trackers) - {str(one) for one in accelerator.log_with} - {"all"}
    if missing:
        raise ArgumentError(
            f"trackers: the packages of {', '.join(sorted(missing))} expected, found none; install them, or leave them out"
        )
    return accelerator


def wrap(
    model: CPLLMForConditionalGeneration, stage: Stage, accelerator: Accelerator, sharding: str
) -> torch.nn.Module:
    """The model on its device, over all processes; parameters keep their names in `model`.

    Args:
        model: whole, the same in every process.
        stage: says whether it is on its device already (4 bits).
        accelerator: knows the processes.
        sharding: one of `SHARDINGS`.

    Raises:
        ArgumentError: a sharding that is not known, or that these processes or weights cannot have.
    """
    if sharding not in SHARDINGS:
        raise ArgumentError(f"sharding: expected one of {', '.join(SHARDINGS)}, found {sharding!r}")
    if sharding == "none":
        if not (stage.lora and stage.lora.quantised):
            model.to(accelerator.device)
        return accelerator.prepare_model(model, device_placement=False)
    if not torch.distributed.is_initialized():
        raise ArgumentError(f"sharding={sharding} needs several processes; start them with torchrun (see README)")
    if stage.lora and stage.lora.quantised:
        raise ArgumentError(f"sharding={sharding}: weights of 4 bits are not sharded; take none, or quantised: false")
    mesh = init_device_mesh(accelerator.device.type, (accelerator.num_processes,))
    # The towers run once for each video, of which processes may have different numbers; all must gather equally often. So
    # the layers of the decoder are units, and all else is one.
    for module in (*layers(model.model.language_model), model):
        fully_shard(module, mesh=mesh, reshard_after_forward=sharding == "fsdp")
    return model


@contextmanager
def gradients(wrapped: torch.nn.Module, accelerator: Accelerator, shared: bool) -> Iterator[None]:
    """Within, gradients are summed over processes only if `shared`: of the last batch of a step."""
    if isinstance(wrapped, FSDPModule):
        wrapped.set_requires_gradient_sync(shared)
        yield
    else:
        with nullcontext() if shared else accelerator.no_sync(wrapped):
            yield


def whole(tensor: torch.Tensor) -> torch.Tensor:
    """A tensor, gathered from all processes, on the CPU; every process has to ask for it."""
    tensor = tensor.full_tensor() if isinstance(tensor, DTensor) else tensor
    return tensor.detach().cpu().contiguous()


def as_held(saved: torch.Tensor, held: torch.Tensor) -> torch.Tensor:
    """A whole tensor in the way in which `held` is: on its device, and if that is a piece, this process's piece."""
    saved = saved.to(held.device)
    if isinstance(held, DTensor):
        return distribute_tensor(saved, held.device_mesh, held.placements)
    return saved
