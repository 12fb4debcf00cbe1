"""Folded towers give the maps of the towers they were made from."""

import pytest
import torch
from torch import nn
from transformers import AutoBackbone, ConvNextV2Config, ResNetConfig, TimmBackboneConfig

from lmms_cpllm.model.folding import folded
from lmms_cpllm.model.towers import build_tower, feature_maps

TIMM = TimmBackboneConfig(backbone="tf_efficientnet_lite0", out_indices=[0, 1, 4])
RESNET = ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 2], out_indices=[1, 2])


def tower_of(config) -> nn.Module:
    """A tower whose batch norms do something."""
    torch.manual_seed(0)
    tower = AutoBackbone.from_config(config).eval()
    for norm in norms(tower):
        norm.running_mean.uniform_(-0.2, 0.2)
        norm.running_var.uniform_(0.5, 2.0)
        nn.init.uniform_(norm.weight, 0.5, 1.5)
        nn.init.uniform_(norm.bias, -0.5, 0.5)
    return tower


def norms(tower: nn.Module) -> list[nn.BatchNorm2d]:
    return [module for module in tower.modules() if isinstance(module, nn.BatchNorm2d)]


@torch.no_grad()
def largest_difference(one: nn.Module, other: nn.Module) -> float:
    frames = torch.rand(2, 3, 3, 96, 64, generator=torch.Generator().manual_seed(1))
    pairs = zip(feature_maps(one, frames), feature_maps(other, frames), strict=True)
    return max(float((a - b).abs().max() / b.abs().max()) for a, b in pairs)


@pytest.mark.parametrize("config", [TIMM, RESNET], ids=["timm", "resnet"])
def test_the_maps_stay_and_the_batch_norms_go(config):
    tower = tower_of(config)
    before = {name: value.clone() for name, value in tower.state_dict().items()}
    result = folded(tower)
    assert norms(tower)
    assert not norms(result)
    assert 0 < largest_difference(result, tower) < 1e-5
    assert all(torch.equal(value, before[name]) for name, value in tower.state_dict().items())


def test_weights_that_do_not_change_are_shared():
    tower = tower_of(RESNET)
    kept = {id(value) for value in tower.parameters()} & {id(value) for value in folded(tower).parameters()}
    changed = [conv for conv in tower.modules() if isinstance(conv, nn.Conv2d)]
    assert len(kept) == len(list(tower.parameters())) - len(changed) - 2 * len(norms(tower))


def test_a_tower_without_batch_norms_is_given_back():
    tower = build_tower(ConvNextV2Config(hidden_sizes=[8, 16], depths=[1, 1], num_stages=2, out_indices=[1, 2])).eval()
    assert folded(tower) is tower


class Reused(nn.Module):
    """A convolution whose output is read twice: folding it would change what the second reader sees."""

    def __init__(self, tower: nn.Module) -> None:
        super().__init__()
        self.config, self.channels, self.tower = tower.config, tower.channels, tower
        self.input_modalities = ("image",)
        self.conv, self.norm = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)
        self.norm.running_mean.fill_(0.3)

    def forward(self, images: torch.Tensor):
        once = self.conv(images)
        return self.tower(self.norm(once) + once)


def test_a_tower_that_would_give_other_maps_is_left_alone():
    tower = Reused(tower_of(RESNET)).eval()
    assert folded(tower) is tower


class Twice(Reused):
    def forward(self, images: torch.Tensor):
        return self.tower(self.norm(self.conv(self.norm(self.conv(images)))))


def test_a_pair_that_is_used_twice_stays():
    tower = Twice(tower_of(RESNET)).eval()
    result = folded(tower)
    assert norms(result) == [result.norm]
    assert largest_difference(result, tower) < 1e-5
