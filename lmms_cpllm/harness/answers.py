"""From requests to answers as text: clips are read ahead in threads, and those of one kind share a forward pass."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from lmms_cpllm import ratings
from lmms_cpllm.errors import VideoError
from lmms_cpllm.harness.arguments import Arguments
from lmms_cpllm.harness.requests import Request
from lmms_cpllm.harness.stream import batches, decode_ahead
from lmms_cpllm.video import Clip, decode, isolated


@dataclass(frozen=True)
class Answer:
    """What goes back to the host for one request."""

    text: str | None
    """None where there is no answer, because the video cannot be read.

    Not `""`: the host writes that into the log from which its cache is rebuilt after a kill, and a video that could not be
    read once would have an empty answer forever. None becomes `""` before it is scored.
    """
    input_tokens: int = 0
    output_tokens: int = 0


def answer_requests(
    model, processor, requests: Iterable[Request], arguments: Arguments, *, encode: bool
) -> Iterator[tuple[Request, Answer | VideoError]]:
    """Each request with its answer, in their order and as soon as it is known.

    Args:
        model: as for `answer_batch`.
        processor: likewise.
        requests: read one after the other, `prefetch` of them ahead.
        arguments: workers, threads and batch size.
        encode: as for `media_inputs`.

    Yields:
        The request with its answer, or with why a video of it cannot be read.
    """

    open_medium = _reader(processor, arguments)

    def read(request: Request) -> dict[str, torch.Tensor]:
        return {} if request.padding else media_inputs(model, processor, read_media(request, open_medium), encode)

    decoded = decode_ahead(
        requests,
        read,
        workers=arguments.workers,
        prefetch=arguments.prefetch or 2 * arguments.workers,
        # OpenMP keeps this number for each thread; a new one would take all cores.
        prepare=lambda: torch.set_num_threads(arguments.threads),
    )
    for batch in batches(decoded, lambda item: item[0].kind, arguments.batch_size):
        readable = [(request, media) for request, media in batch if not isinstance(media, VideoError) and media]
        known = iter(answer_batch(model, processor, readable) if readable else ())
        for request, media in batch:
            if isinstance(media, VideoError):
                yield request, media
            else:
                yield request, next(known) if media else Answer(None)


def read_media(request: Request, open_medium: Callable[[Any], Clip]) -> tuple[Clip, ...]:
    """Decodes what a request shows: one clip per video or image. Called in threads. Raises VideoError."""
    return tuple(open_medium(medium) for medium in request.media)


def _reader(processor, arguments: Arguments) -> Callable[[Any], Clip]:
    """Path or PIL image -> clip, within the limits and in the process that `arguments` say."""
    plan, decode_file = processor.video_processor.plan, isolated.decode if arguments.isolate else decode

    def open_medium(medium) -> Clip:
        if isinstance(medium, str):
            return decode_file(medium, plan, limits=arguments.limits)
        # A picture that the host has opened already is one frame, `(1, H, W, 3)`.
        return processor.read(np.asarray(medium.convert("RGB"))[None])

    return open_medium


def media_inputs(model, processor, clips: Sequence, encode: bool) -> dict[str, torch.Tensor]:
    """What the model takes of a request's clips, `(V, ...)` each. Called in threads.

    Args:
        model: gives the features of its towers.
        processor: makes the views.
        clips: V clips.
        encode: on a CPU, where threads run the towers of several videos side by side; elsewhere the views are left for
            one pass on the device.
    """
    views = processor.video_processor(list(clips))
    if not encode:
        return dict(views)
    with torch.inference_mode():
        return {
            "context_features": model.model.encode_context(views["context_values"]),
            "pixel_features": model.model.encode_pixels(views["pixel_values"]),
        }


def answer_batch(model, processor, batch: Sequence[tuple[Request, dict]]) -> list[Answer]:
    """Answers requests of one kind in one pass.

    Args:
        model: `score`, `compare`, `describe`, `generate` and `device`.
        processor: `render` and `tokenize`.
        batch: requests with what `media_inputs` made of their clips.
    """
    mode = batch[0][0].mode
    prefix = {"compare": processor.compare_prefix, "generate": ""}.get(mode, processor.answer_prefix)
    prompts = [processor.render([dict(turn) for turn in request.messages], prefix=prefix) for request, _ in batch]
    media = {name: torch.cat([inputs[name] for _, inputs in batch]) for name in batch[0][1]}
    inputs = processor.tokenize(prompts, sum(len(request.media) for request, _ in batch), padding=True)
    inputs = inputs.to(model.device) | {name: values.to(model.device) for name, values in media.items()}
    lengths = inputs["attention_mask"].sum(-1).tolist()
    answers = _ANSWERS[mode](model, processor, inputs, batch[0][0].max_new_tokens)
    return [
        Answer(_cut(text, request.until), int(length), tokens)
        for (text, tokens), length, (request, _) in zip(answers, lengths, batch, strict=True)
    ]


def _score(model, processor, inputs, max_new_tokens: int) -> list[tuple[str, int]]:
    distributions = model.score(**inputs).distribution.tolist()
    return [(ratings.to_json(ratings.from_distribution(d)), 0) for d in distributions]


def _describe(model, processor, inputs, max_new_tokens: int) -> list[tuple[str, int]]:
    output = model.describe(**inputs, max_new_tokens=max_new_tokens, do_sample=False)
    texts = _decode(processor, output.sequences)
    sentences = [f"{processor.answer_prefix} {text}" for text, _ in texts]
    rated = [ratings.to_json(ratings.from_distribution(d)) for d in output.distribution.tolist()]
    return [(f"{line}\n{text}", count) for line, text, (_, count) in zip(rated, sentences, texts, strict=True)]


def _compare(model, processor, inputs, max_new_tokens: int) -> list[tuple[str, int]]:
    return [(choice_to_json(first), 0) for first, _ in model.compare(**inputs).tolist()]


def _generate(model, processor, inputs, max_new_tokens: int) -> list[tuple[str, int]]:
    output = model.generate(**inputs, max_new_tokens=max_new_tokens, do_sample=False, num_beams=1)
    return _decode(processor, output[:, inputs["input_ids"].shape[1] :])


_ANSWERS: dict[str, Any] = {"score": _score, "describe": _describe, "compare": _compare, "generate": _generate}


def choice_to_json(first: float) -> str:
    """One line for a comparison: the choice and its probability, from the probability that the first video is better."""
    choice, probability = ("first", first) if first >= 0.5 else ("second", 1 - first)
    return json.dumps({"choice": choice, "probability": round(probability, 4)})


def _decode(processor, sequences) -> list[tuple[str, int]]:
    """Texts of generated token ids `(B, L)`, and how many tokens each took, its end included."""
    tokenizer = processor.tokenizer
    texts = tokenizer.batch_decode(sequences, skip_special_tokens=True)
    return [
        (text.strip(), _length(row, tokenizer.eos_token_id))
        for text, row in zip(texts, sequences.tolist(), strict=True)
    ]


def _length(ids: list[int], end: int | None) -> int:
    return ids.index(end) + 1 if end in ids else len(ids)


def _cut(text: str, until: Sequence[str]) -> str:
    """The text before the first of the host's stop words."""
    ends = [position for stop in until if stop and (position := text.find(stop)) > 0]
    return text[: min(ends)].rstrip() if ends else text
