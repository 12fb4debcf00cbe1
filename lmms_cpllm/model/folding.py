"""Batch norms of a tower go into the convolutions before them, and these get the layout that a CPU is fast in: the same
maps in less time.

A batch norm that only applies what it learned is a scale and a shift of each channel, and so is part of a convolution whose
output nothing else reads. Which convolution that is, is seen while the tower runs, not guessed from names; and the maps of
the tower before and after are compared.

With weights whose channels are the innermost of the four axes all maps are laid out so, and convolutions, of which most are
pointwise and depthwise, read memory in its order.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from lmms_cpllm.model.towers import feature_maps, takes_video

# Side of the picture that the tower is tried with: every stage of a network of stride 32 is seen.
_SIDE = 64
# Of a map's largest value. Float32 sums in another order differ by less.
_TOLERANCE = 1e-4
_TOWERS = ("context_tower", "pixel_tower")


def fold_towers(model: nn.Module) -> None:
    """Both towers of a CP-LLM that answers. It is not saved afterwards: the batch norms would be missing."""
    for name in _TOWERS:
        setattr(model.model, name, folded(getattr(model.model, name)))


@contextmanager
def folded_towers(model: nn.Module) -> Iterator[None]:
    """As `fold_towers`, for as long as the context lasts."""
    towers = {name: getattr(model.model, name) for name in _TOWERS}
    fold_towers(model)
    try:
        yield
    finally:
        for name, tower in towers.items():
            setattr(model.model, name, tower)


@torch.no_grad()
def folded(tower: nn.Module) -> nn.Module:
    """A tower for inference that gives the same maps up to the order of float32 sums.

    Args:
        tower: image encoder in float32 and evaluation mode, on any device. It is left as it is, and shares the weights
            that do not change.

    Returns:
        A copy without the batch norms that could be folded, in channels-last layout; the tower itself if there are none, if
        it takes runs of frames, or if the copy's maps differ.
    """
    norms = {name: module for name, module in tower.named_modules() if isinstance(module, nn.BatchNorm2d)}
    if not norms or takes_video(tower):
        return tower
    device = next(tower.parameters()).device
    picture = torch.rand(1, 1, 3, _SIDE, _SIDE, generator=torch.Generator().manual_seed(0)).to(device)
    # Only modules are copied: most weights stay, and those that change are new ones.
    result = copy.deepcopy(tower, {id(value): value for value in (*tower.parameters(), *tower.buffers())})
    expected, pairs = _observed(tower, picture)
    for conv, norm in pairs:
        fused = fuse_conv_bn_eval(tower.get_submodule(conv), norms[norm])
        _replace(result, conv, fused)
        _replace(result, norm, _rest(result.get_submodule(norm)))
    for conv in (module for module in result.modules() if isinstance(module, nn.Conv2d)):
        # A parameter of its own: the tower keeps the layout in which it is saved.
        conv.weight = nn.Parameter(conv.weight.to(memory_format=torch.channels_last), requires_grad=False)
    found = feature_maps(result, picture)
    return result if all(map(_agree, found, expected)) else tower


def _observed(tower: nn.Module, picture: torch.Tensor) -> tuple[list[torch.Tensor], list[tuple[str, str]]]:
    """The maps, and the names of each convolution and the batch norm that its output went into."""
    outputs: list[tuple[torch.Tensor, str]] = []  # keeps the tensors, so that none takes another's place
    pairs: list[tuple[str, str]] = []

    def keep(name):
        return lambda module, args, output: outputs.append((output, name))

    def match(name):
        def hook(module, args):
            pairs.extend((conv, name) for output, conv in outputs if output is args[0])

        return hook

    handles = []
    for name, module in tower.named_modules():
        if isinstance(module, nn.Conv2d):
            handles.append(module.register_forward_hook(keep(name)))
        elif isinstance(module, nn.BatchNorm2d) and module.track_running_stats and not module.training:
            handles.append(module.register_forward_pre_hook(match(name)))
    try:
        maps = feature_maps(tower, picture)
    finally:
        for handle in handles:
            handle.remove()
    convs, norms = [conv for conv, _ in pairs], [norm for _, norm in pairs]
    # A module that is used twice cannot be changed for one of its uses.
    return maps, [(c, n) for c, n in pairs if convs.count(c) == norms.count(n) == 1]


def _rest(norm: nn.BatchNorm2d) -> nn.Module:
    """What a batch norm does beside normalising: timm's have an activation inside."""
    return nn.Sequential(*(part for part in norm.children() if not isinstance(part, nn.Identity)))


def _replace(tower: nn.Module, name: str, module: nn.Module) -> None:
    parent, _, last = name.rpartition(".")
    setattr(tower.get_submodule(parent), last, module)


def _agree(found: torch.Tensor, expected: torch.Tensor) -> bool:
    return bool((found - expected).abs().max() <= _TOLERANCE * expected.abs().max().clamp_min(1.0))
