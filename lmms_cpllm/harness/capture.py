"""Listens in on a transformers model while a class of lmms-eval drives it: one token, and its logits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from lmms_cpllm.errors import UserError

# One greedy token. `output_logits` are those before any processor (temperature, penalties) has changed them.
_ONE_TOKEN = {
    "max_new_tokens": 1,
    "min_new_tokens": None,
    "do_sample": False,
    "num_beams": 1,
    "temperature": None,
    "top_p": None,
    "top_k": None,
    "return_dict_in_generate": True,
    "output_logits": True,
}


@contextmanager
def first_logits(model) -> Iterator[list[torch.Tensor]]:
    """Gives a list that fills with the logits, `(B, vocabulary)`, of the first token of each `model.generate` inside.

    `generate` makes one token while it lasts, whatever it is asked for, and returns the ids as it does otherwise; the
    class that called it goes on with them.

    Args:
        model: its `generate` is that of transformers.

    Raises:
        UserError: in the caller's `generate`, where that returns no logits. It is a SystemExit, which the `except
            Exception` around `generate` in several classes of lmms-eval lets pass.
    """
    original = model.generate
    own = "generate" in vars(model)
    captured: list[torch.Tensor] = []

    def generate(*args, **kwargs):
        output = original(*args, **{**kwargs, **_ONE_TOKEN})
        logits = getattr(output, "logits", None)
        if not logits or getattr(output, "sequences", None) is None:
            raise UserError(
                f"vqa_levels: {type(model).__name__}.generate: expected sequences and logits, as transformers gives them "
                f"for output_logits=True, found {type(output).__name__}\n"
                "  what to do: run this model by its own name; its answers are then read as text"
            )
        captured.append(logits[0])
        return output.sequences

    model.generate = generate
    try:
        yield captured
    finally:
        if own:
            model.generate = original
        else:
            del model.generate
