"""Losses of one forward pass: what each sample asks for is counted where it stands, and nothing else."""

from types import SimpleNamespace

import pytest
import torch

from lmms_cpllm.training.full.losses import batch_losses, total
from lmms_cpllm.training.losses import target_distribution

CONFIG = SimpleNamespace(rating_token_ids=(2, 3, 4, 5, 6), choice_token_ids=(7, 8))
NAN = float("nan")


def targets(**changes):
    """Two rated videos, a pair, and a description, at three places of which logits are kept."""
    values = {
        "labels": torch.tensor([[-100, 11, -100], [-100, 11, 12], [-100, -100, -100], [9, 10, 9]]),
        "answer_at": torch.tensor([0, 0, 1, -1]),
        "quality": torch.tensor([80.0, 20.0, NAN, NAN]),
        "sd": torch.tensor([0.4, 0.4, 0.0, 0.0]),
        "group": torch.zeros(4, dtype=torch.long),
        "choice": torch.tensor([-1, -1, 1, -1]),
    }
    return values | changes


def test_each_loss_is_that_of_its_samples():
    logits = torch.randn(4, 3, 16, generator=torch.Generator().manual_seed(0), requires_grad=True)
    losses = batch_losses(logits, targets(), CONFIG)
    assert set(losses) == {"rating", "ranking", "choice", "language"}
    logs = logits.detach().log_softmax(-1)
    target = target_distribution(torch.tensor([80.0, 20.0]), torch.tensor([0.4, 0.4]))
    # Soft cross entropy over the whole vocabulary, since only rating words have weight.
    assert losses["rating"].item() == pytest.approx(-(target * logs[:2, 0, 2:7]).sum(-1).mean().item(), rel=1e-5)
    assert losses["choice"].item() == pytest.approx(-logs[2, 1, 8].item(), rel=1e-5)
    spoken = [
        -logs[0, 1, 11],
        -(logs[1, 1, 11] + logs[1, 2, 12]) / 2,
        -(logs[3, 0, 9] + logs[3, 1, 10] + logs[3, 2, 9]) / 3,
    ]
    assert losses["language"].item() == pytest.approx(sum(spoken).item() / 3, rel=1e-5)
    total(losses, {"rating": 1.0, "ranking": 0.0, "choice": 0.0, "language": 0.0}).backward()
    assert logits.grad[2:].abs().sum() == 0
    assert logits.grad[:2, 0].abs().sum() > 0


def test_the_order_of_two_videos_is_learned_within_one_group_only():
    right, wrong = torch.zeros(4, 3, 16), torch.zeros(4, 3, 16)
    right[0, 0, 2] = right[1, 0, 6] = wrong[0, 0, 6] = wrong[1, 0, 2] = 8.0
    losses = [batch_losses(logits, targets(), CONFIG)["ranking"].item() for logits in (right, wrong)]
    assert losses[0] < 0.05 < losses[1]
    apart = targets(group=torch.tensor([0, 1, 0, 0]))
    assert batch_losses(wrong, apart, CONFIG)["ranking"].item() == 0


def test_what_nobody_asks_for_is_0_and_has_no_gradient():
    logits = torch.randn(4, 3, 16, requires_grad=True)
    nothing = targets(
        labels=torch.full((4, 3), -100),
        answer_at=torch.full((4,), -1),
        quality=torch.full((4,), NAN),
        choice=torch.full((4,), -1),
    )
    losses = batch_losses(logits, nothing, CONFIG)
    assert {name: loss.item() for name, loss in losses.items()} == dict.fromkeys(losses, 0.0)
    total(losses, dict.fromkeys(losses, 1.0)).backward()
    assert logits.grad.abs().sum() == 0
