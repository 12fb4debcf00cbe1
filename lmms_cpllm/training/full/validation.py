"""Scores held-out videos as the tasks do, over all processes, and correlates by the code of the tasks."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import gather_object

from lmms_cpllm.errors import VideoError
from lmms_cpllm.metrics.correlation import srcc
from lmms_cpllm.model.modeling_cpllm import expected_quality
from lmms_cpllm.training.full.data.collating import Encoder, collate_batch
from lmms_cpllm.training.full.data.scores import Scored, rate_sample
from lmms_cpllm.training.full.data.sources import StageData
from lmms_cpllm.video import Clip, views_from_frames

# Of a video that cannot be read, as in the tasks.
_MIDDLE = 50.0


def validate(
    wrapped: torch.nn.Module,
    data: StageData,
    encoder: Encoder,
    rating_ids: Sequence[int],
    accelerator: Accelerator,
    batch: int,
    precision: str,
) -> dict[str, float]:
    """SRCC for each source, their mean as `srcc`, and the share of videos that were read as `answered`.

    Args:
        wrapped: the model; it is put into evaluation mode.
        data: with the videos that are held out.
        encoder: makes token ids.
        rating_ids: tokens of the five ratings, best first.
        accelerator: knows the processes.
        batch: videos at once on one device.
        precision: of the recipe.
    """
    wrapped.eval()
    found: dict[str, float] = {}
    answered, count = 0, 0
    for title, scored in data.held_out:
        predicted = _predict(wrapped, scored, data.read, encoder, rating_ids, accelerator, batch, precision)
        values = [_MIDDLE if math.isnan(value) else value for value in predicted]
        answered += sum(not math.isnan(value) for value in predicted)
        count += len(predicted)
        found[f"srcc/{title}"] = srcc(values, [one.quality for one in scored])
    # What has no correlation, as constant predictions have none, counts as 0.
    known = [value if math.isfinite(value) else 0.0 for value in found.values()]
    return found | {"srcc": sum(known) / len(known), "answered": answered / count}


def _predict(wrapped, scored, read, encoder, rating_ids, accelerator, batch, precision) -> list[float]:
    """Quality of each video, nan where it cannot be read; the same list in every process."""
    world, rank = accelerator.num_processes, accelerator.process_index
    mine: list[tuple[int, float]] = []
    # Every process goes through the model equally often: a sharded one waits for all.
    for start in range(0, len(scored), world * batch):
        places = [min(start + rank * batch + i, len(scored) - 1) for i in range(batch)]
        samples, readable = [], []
        for place in places:
            clip = _clip(read, scored[place])
            readable.append(clip is not None)
            given = clip if clip is not None else _blank(encoder)
            samples.append(encoder.encode(rate_sample(scored[place], 0, None, lambda _, given=given: given)))
        made = collate_batch(samples, encoder.processor).to(accelerator.device)
        with torch.no_grad(), torch.autocast(accelerator.device.type, torch.bfloat16, enabled=precision == "bf16"):
            logits = wrapped(**made.inputs, use_cache=False).logits
        rows = torch.arange(len(logits), device=logits.device)
        first = logits[rows, made.targets["answer_at"]][:, list(rating_ids)].float().softmax(-1)
        qualities = expected_quality(first).tolist()
        mine += [(p, q if known else math.nan) for p, q, known in zip(places, qualities, readable, strict=True)]
    found = dict(gather_object(mine))
    return [found[place] for place in range(len(scored))]


def _clip(read: Callable[[Path], Clip], one: Scored) -> Clip | None:
    try:
        return read(one.video.path)
    except VideoError:
        return None


def _blank(encoder: Encoder) -> Clip:
    return views_from_frames(np.zeros((1, 64, 64, 3), np.uint8), 0, encoder.processor.video_processor.plan)
