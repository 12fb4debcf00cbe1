"""The distribution over the five level words from the logits of the first generated token (Q-Align, arXiv 2312.17090).

Q-Align trains its model to begin with a fixed sentence and reads the one token after it. A model that was not trained so
is asked for one word, and the word may stand with or without a leading space and a capital. A level's probability is
therefore that of all tokens with which one of these forms begins.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from lmms_cpllm.errors import UserError
from lmms_cpllm.ratings import LEVELS


@dataclass(frozen=True)
class Shares:
    """What the first token says."""

    distribution: tuple[float, ...]
    """(5,) probabilities in the order of `LEVELS`, sum 1"""
    mass: float
    """0..1, the probability of the five words together before they were divided by it"""


def level_tokens(tokenizer) -> dict[str, tuple[int, ...]]:
    """The ids with which each level word can begin.

    Tokenizers split some of the words ("ex" + "cellent" without a leading space), so it is the first piece that counts. A
    piece with which two levels begin (a lone space) tells nothing and is left out.

    Args:
        tokenizer: has `encode(text, add_special_tokens=False) -> list[int]`.

    Raises:
        UserError: no token is left for a level.
    """
    unknown = getattr(tokenizer, "unk_token_id", None)
    found = {
        level: {
            ids[0]
            for form in (level, level.capitalize(), f" {level}", f" {level.capitalize()}")
            if (ids := list(tokenizer.encode(form, add_special_tokens=False))) and ids[0] != unknown
        }
        for level in LEVELS
    }
    own = {
        level: tuple(sorted(ids - set().union(*(found[other] for other in LEVELS if other != level))))
        for level, ids in found.items()
    }
    lost = [level for level in LEVELS if not own[level]]
    if lost:
        raise UserError(
            f"vqa_levels: the tokenizer ({type(tokenizer).__name__}): expected a first token of its own for each of "
            f"{', '.join(LEVELS)}, found none for {', '.join(lost)}\n"
            "  what to do: run this model by its own name; its answers are then read as text"
        )
    return own


def shares_of(logits: torch.Tensor, tokens: Mapping[str, Sequence[int]]) -> Shares:
    """The shares of the levels.

    Args:
        logits: (vocabulary,) of the first generated token, any floating dtype; a softmax in float64 is taken of them.
        tokens: as `level_tokens` gives them.

    Raises:
        UserError: an id lies beyond the vocabulary, or the logits of the words are not finite.

    Example:
        >>> tokens = {level: (i,) for i, level in enumerate(LEVELS)}
        >>> shares_of(torch.tensor([0.0, 0.0, 0.0, 0.0, 0.0, -torch.inf]), tokens).distribution
        (0.2, 0.2, 0.2, 0.2, 0.2)
    """
    values = logits.detach().to("cpu", torch.float64)
    last = max(max(ids) for ids in tokens.values())
    if values.ndim != 1 or last >= values.numel():
        raise UserError(
            f"vqa_levels: expected logits for a vocabulary of more than {last} tokens, found shape {tuple(values.shape)}; "
            "the tokenizer is not that of the model"
        )
    levels = torch.stack([values[list(tokens[level])].logsumexp(0) for level in LEVELS])
    total = levels.logsumexp(0)
    if not math.isfinite(float(total)):
        raise UserError(
            f"vqa_levels: expected finite logits for the words {', '.join(LEVELS)}, found {levels.tolist()}\n"
            "  what to do: load the model in bfloat16 or float32"
        )
    return Shares(tuple((levels - total).exp().tolist()), float((total - values.logsumexp(0)).exp()))
