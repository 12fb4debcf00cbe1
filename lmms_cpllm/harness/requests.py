"""From a request of the host to what a CP-LLM needs: media, a conversation with a place for each, and a mode."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from lmms_cpllm.errors import ArgumentError, UserError

MODES = ("score", "describe", "compare", "generate")
MAX_NEW_TOKENS = 128
MEDIA_TYPES = ("video", "image")


@dataclass(frozen=True)
class Request:
    """One question about one or several videos or images."""

    messages: tuple[dict, ...]
    """Conversation for the processor's `render`: `{"type": "video"}` or `{"type": "image"}` in the place of each medium."""
    media: tuple[Any, ...]
    """Paths, or PIL images, in the order of their places."""
    mode: str
    """One of `MODES`: the rating; rating and description; which of two is better; an answer to any other prompt."""
    max_new_tokens: int
    """Upper limit of generated tokens."""
    until: tuple[str, ...] = ()
    """Texts at which a generated answer ends."""
    padding: bool = False
    """A request that only evens out the ranks; its answer is dropped."""

    @property
    def kind(self) -> tuple:
        """Requests of one kind can share a forward pass."""
        return self.mode, self.max_new_tokens, self.padding


def read_request(instance, task_dict: Mapping) -> Request:
    """Reads a chat request of lmms-eval. Changes nothing in it: the host computes the cache's key from it again.

    Args:
        instance: its `args` are `(ctx, doc_to_messages, gen_kwargs, doc_id, task, split)`.
        task_dict: task -> split -> documents.

    Raises:
        ArgumentError: a request that CP-LLM cannot answer: no medium, audio, part of a video, an unknown mode.
    """
    _, doc_to_messages, gen_kwargs, doc_id, task, split = instance.args
    messages, media = _split_media(doc_to_messages(task_dict[task][split][doc_id]), task)
    mode = gen_kwargs.get("cpllm_mode") or instance.metadata.get("cpllm_mode") or "generate"
    if mode not in MODES:
        raise ArgumentError(f"task {task}: cpllm_mode: expected one of {', '.join(MODES)}, found {mode!r}")
    expected = {"score": 1, "describe": 1, "compare": 2}.get(mode, len(media))
    if len(media) != expected or not media:
        raise ArgumentError(
            f"task {task}, document {doc_id}: expected {expected or 'at least one'} video or image for mode {mode}, "
            f"found {len(media)}; CP-LLM answers questions about what it sees, so leave this task out"
        )
    until = gen_kwargs.get("until") or ()
    return Request(
        messages=messages,
        media=media,
        mode=mode,
        max_new_tokens=int(gen_kwargs.get("max_new_tokens") or MAX_NEW_TOKENS),
        until=(until,) if isinstance(until, str) else tuple(until),
        padding=bool(instance.metadata.get("__padding_only__")),
    )


def uses_of_media(instances: Iterable, task_dict: Mapping) -> Counter[str]:
    """How many requests show each file. Only tasks of ours are counted: to read another's may open its pictures."""
    ours = (instance for instance in instances if "cpllm_mode" in instance.metadata)
    requests = (read_request(instance, task_dict) for instance in ours)
    shown = (request.media for request in requests if not request.padding)
    return Counter(medium for media in shown for medium in media if isinstance(medium, str))


def prompted_for_others(instance) -> bool:
    """Whether this is a task of ours that was loaded without the model's name, so with the prompts for other models."""
    return "cpllm_mode" in instance.metadata and not any(
        isinstance(argument, dict) and "cpllm_mode" in argument for argument in instance.args
    )


def _split_media(messages: list[dict], task: str) -> tuple[tuple[dict, ...], tuple]:
    """Takes the media out of a conversation and leaves their places."""
    turns, media = [], []
    for message in messages:
        content = message["content"]
        if isinstance(content, str):
            content = [{"type": "text", "text": content}]
        places = []
        for item in content:
            if item["type"] == "text":
                places.append({"type": "text", "text": item["text"]})
                continue
            if item["type"] not in MEDIA_TYPES:
                raise ArgumentError(f"task {task}: CP-LLM takes text, images and videos, found {item['type']}")
            media.append(_medium(item, task))
            places.append({"type": item["type"]})
        turns.append({"role": message["role"], "content": places})
    return tuple(turns), tuple(media)


def _medium(item: Mapping, task: str):
    """The path or the image of a content item."""
    medium = item.get("url", item.get(item["type"]))
    if isinstance(medium, os.PathLike):
        medium = os.fspath(medium)
    if isinstance(medium, str) or hasattr(medium, "convert"):
        return medium
    found = f"a {type(medium).__name__}" + (
        f" with {', '.join(map(str, medium))}" if isinstance(medium, Mapping) else ""
    )
    raise ArgumentError(f"task {task}: expected the path of a whole video, or an image, found {found}")


def unsupported(model: str, does: str, kind: str, requests: Iterable) -> UserError:
    """The refusal of a kind of request that none of our models answers.

    Args:
        model: its name.
        does: what it does instead, after "it".
        kind: output type of the host.
        requests: what came; their tasks are named.
    """
    tasks = ", ".join(sorted({request.task_name for request in requests if request.task_name}))
    return UserError(
        f"{model} cannot answer requests of kind {kind} (tasks: {tasks or 'unknown'}): it {does}\n"
        "  what to do: leave these tasks out, or use tasks with output_type generate_until"
    )
