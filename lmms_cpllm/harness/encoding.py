"""From a clip to the features of the towers: in pieces by several threads on a CPU, in one pass on a device."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor

import torch

from lmms_cpllm.video import Clip

Inputs = dict[str, torch.Tensor]
"""What the model takes of one video, `(1, ...)` each: `context_features` and `pixel_features`, or `context_values` and
`pixel_values` that have still to be encoded."""


def views_of(processor, clip: Clip) -> Inputs:
    """The normalised views of a clip."""
    return dict(processor.video_processor([clip]))


def encoded_in_pieces(model, views: Inputs, pool: Executor) -> Inputs:
    """Features of one video, for a CPU.

    Each key frame and each moment is a piece, and a thread's own operations run on one core, so that one video keeps all
    cores busy and several videos do too. The pieces are the same however many threads there are, and so are the features,
    to the bit. (Threads inside an operation serve small towers worse, and their number shows in the last bits.)
    """
    work = {"pixel": model.model.encode_pixels, "context": model.model.encode_context}
    parts = {
        view: [pool.submit(_piece, encode, part) for part in views[f"{view}_values"].split(1, dim=1)]
        for view, encode in work.items()
    }
    found = {f"{view}_features": torch.cat([part.result() for part in parts[view]], dim=1) for view in parts}
    return found | {"pixel_features": model.model.compare_moments(found["pixel_features"])}


@torch.inference_mode()
def _piece(encode: Callable[[torch.Tensor], torch.Tensor], values: torch.Tensor) -> torch.Tensor:
    return encode(values)


@torch.inference_mode()
def features_of(model, inputs: Sequence[Inputs]) -> Inputs:
    """Features of all videos of a batch, `(V, ...)` each, on the model's device.

    What are still views is encoded there, and replaced in place: a request that shows the same video finds it encoded.
    """
    for one in inputs:
        if "pixel_values" in one:
            context, pixel = (one.pop(f"{view}_values").to(model.device) for view in ("context", "pixel"))
            one["context_features"] = model.model.encode_context(context).cpu()
            one["pixel_features"] = model.model.encode_pixels(pixel).cpu()
    return {name: torch.cat([one[name] for one in inputs]).to(model.device) for name in inputs[0]}
