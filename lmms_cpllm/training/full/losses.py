"""The losses of one forward pass, each by itself. Every number is made of whole tensors, so that they can be simulated."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from lmms_cpllm.model import CPLLMConfig
from lmms_cpllm.model.modeling_cpllm import IGNORED_LABEL, expected_quality
from lmms_cpllm.training.full.data.collating import UNKNOWN
from lmms_cpllm.training.losses import ranking_loss, target_distribution


def batch_losses(
    logits: torch.Tensor, targets: dict[str, torch.Tensor], config: CPLLMConfig, ranking: bool = True
) -> dict[str, torch.Tensor]:
    """`rating`, `ranking`, `choice` and `language`; what no sample of the batch asks for is 0.

    Args:
        logits: `(B, K, vocabulary)` at the places that a batch keeps.
        targets: of the batch.
        config: says which tokens are ratings and choices.
        ranking: False leaves the pairs out, whose number depends on the values.
    """
    at, rows = targets["answer_at"], torch.arange(len(logits), device=logits.device)
    first = logits[rows, at.clamp_min(0)].float().log_softmax(-1)
    quality, known = targets["quality"].nan_to_num(), ~targets["quality"].isnan()
    ratings, mass = _among(first, list(config.rating_token_ids))
    target = target_distribution(quality, targets["sd"])
    # The words must also win against the rest of the vocabulary: they are what is written.
    rating = -(target * ratings).sum(-1) - mass
    choices, mass = _among(first, list(config.choice_token_ids))
    chosen = targets["choice"]
    choice = F.nll_loss(choices, chosen.clamp_min(0), reduction="none") - mass
    losses = {
        "rating": _mean(rating, known),
        "choice": _mean(choice, chosen != UNKNOWN),
        "language": _language(logits, targets["labels"]),
    }
    if ranking:
        # An unknown quality is in a group of its own, so that it is paired with nothing.
        group = torch.where(known, targets["group"], -1 - rows)
        losses["ranking"] = ranking_loss(expected_quality(ratings.exp()), quality, group)
    return losses


def _among(logs: torch.Tensor, ids: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
    """Log probabilities among a few tokens `(B, len(ids))`, and of all of them together `(B,)`."""
    few = logs[:, ids]
    return few.log_softmax(-1), few.logsumexp(-1)


def _mean(values: torch.Tensor, where: torch.Tensor) -> torch.Tensor:
    return (values * where).sum() / where.sum().clamp_min(1)


def _language(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Mean over the samples of the mean over a sample's tokens: a short answer counts as much as a long description."""
    losses = F.cross_entropy(
        logits.float().flatten(0, 1), labels.flatten(), ignore_index=IGNORED_LABEL, reduction="none"
    )
    wanted = labels != IGNORED_LABEL
    each = losses.unflatten(0, labels.shape).sum(1) / wanted.sum(1).clamp_min(1)
    return _mean(each, wanted.any(1))


def total(losses: dict[str, torch.Tensor], weights: dict[str, float]) -> torch.Tensor:
    """What is minimised."""
    return sum(weights[name] * loss for name, loss in losses.items())
