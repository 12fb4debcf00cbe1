"""From requests to answers as text: clips are read ahead in threads, and those of one kind share a forward pass."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch

from lmms_cpllm import ratings
from lmms_cpllm.errors import VideoError
from lmms_cpllm.harness.arguments import Arguments
from lmms_cpllm.harness.embeddings import Embeddings
from lmms_cpllm.harness.encoding import Inputs, encoded_in_pieces, features_of, views_of
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
    model,
    processor,
    requests: Iterable[Request],
    arguments: Arguments,
    *,
    encode: bool,
    embeddings: Embeddings | None = None,
) -> Iterator[tuple[Request, Answer | VideoError]]:
    """Each request with its answer, in their order and as soon as it is known.

    Args:
        model: as for `answer_batch`.
        processor: likewise.
        requests: read one after the other, `prefetch` of them ahead.
        arguments: workers, threads and batch size.
        encode: on a CPU, where threads run the towers of several videos side by side; elsewhere the views are left for
            `answer_batch`, which encodes them on the device.
        embeddings: remembers the videos that several requests show; without it none is remembered.

    Yields:
        The request with its answer, or with why a video of it cannot be read.
    """

    open_medium = _reader(processor, arguments)
    embeddings = embeddings or Embeddings({}, 0)

    def prepare() -> None:
        # OpenMP keeps this number for each thread; a new one would take all cores.
        torch.set_num_threads(arguments.threads)

    def inputs_of(medium) -> Inputs:
        views = views_of(processor, open_medium(medium))
        return encoded_in_pieces(model, views, pieces) if encode else views

    def read(request: Request) -> list[Inputs]:
        media = () if request.padding else request.media
        # A picture that the host has opened has no name by which it could be known again.
        names = [medium if isinstance(medium, str) else None for medium in media]
        return [embeddings.of(name, partial(inputs_of, medium)) for name, medium in zip(names, media, strict=True)]

    pieces = ThreadPoolExecutor(arguments.workers, thread_name_prefix="cpllm-encode", initializer=prepare)
    prefetch = arguments.prefetch or 2 * arguments.workers
    decoded = decode_ahead(requests, read, workers=arguments.workers, prefetch=prefetch, prepare=prepare)
    with pieces, closing(decoded):
        for batch in batches(decoded, lambda item: item[0].kind, arguments.batch_size):
            readable = [(request, media) for request, media in batch if not isinstance(media, VideoError) and media]
            known = iter(answer_batch(model, processor, readable) if readable else ())
            for request, media in batch:
                if isinstance(media, VideoError):
                    yield request, media
                else:
                    yield request, next(known) if media else Answer(None)


def _reader(processor, arguments: Arguments) -> Callable[[Any], Clip]:
    """Path or PIL image -> clip, within the limits and in the process that `arguments` say."""
    plan, decode_file = processor.video_processor.plan, isolated.decode if arguments.isolate else decode

    def open_medium(medium) -> Clip:
        if isinstance(medium, str):
            return decode_file(medium, plan, limits=arguments.limits)
        # A picture that the host has opened already is one frame, `(1, H, W, 3)`.
        return processor.read(np.asarray(medium.convert("RGB"))[None])

    return open_medium


def answer_batch(model, processor, batch: Sequence[tuple[Request, Sequence[Inputs]]]) -> list[Answer]:
    """Answers requests of one kind in one pass.

    Args:
        model: `score`, `compare`, `describe`, `generate` and `device`.
        processor: `render` and `tokenize`.
        batch: requests with features or views of each of their clips.
    """
    mode = batch[0][0].mode
    prefix = {"compare": processor.compare_prefix, "generate": ""}.get(mode, processor.answer_prefix)
    prompts = [processor.render([dict(turn) for turn in request.messages], prefix=prefix) for request, _ in batch]
    media = [inputs for _, clips in batch for inputs in clips]
    inputs = processor.tokenize(prompts, len(media), padding=True).to(model.device) | features_of(model, media)
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
