"""Instruction sets in LLaVA's JSON: a list of objects with a video (or image) and turns of a human and a model.

    [{"id": ..., "video": "a.mp4", "conversations": [{"from": "human", "value": "<video>\\nHow good is it?"},
                                                     {"from": "gpt", "value": "..."}]}]

`video`, `videos`, `image` and `images` may hold one name or a list. `<video>` and `<image>` say where they are shown;
without one they stand in front of the first question. Q-Instruct, VQA2 and Q-Bench-Video's training data have this form.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lmms_cpllm.errors import DataError
from lmms_cpllm.releases.places import shorten
from lmms_cpllm.training.full.data.samples import Sample, Video, read_nothing
from lmms_cpllm.video import Clip

_MARK = re.compile(r"\s*<(?:video|image)>\s*")
_ROLES = {"human": "user", "user": "user", "gpt": "assistant", "assistant": "assistant", "system": "system"}


@dataclass(frozen=True)
class Conversation:
    """One item of a file."""

    videos: tuple[Video, ...]
    messages: tuple[dict, ...]
    """In the form of chat templates; every answer among them can be learned."""


def read_conversations(path: Path, folder: Path) -> list[Conversation]:
    """All conversations of a file.

    Args:
        path: the JSON file.
        folder: below which its videos lie.

    Raises:
        DataError: it is no list of conversations; every wrong item is counted and the first are named.
    """
    try:
        items = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise DataError(f"{path}: cannot be read as JSON: {error}") from error
    if not isinstance(items, list) or not items:
        raise DataError(f"{path}: a list of conversations expected, found {type(items).__name__}")
    found, faults = [], []
    for number, item in enumerate(items, 1):
        try:
            found.append(_conversation(item, folder))
        except KeyError as error:
            faults.append(f"item {number}: {error.args[0]} is missing")
        except (ValueError, TypeError, AttributeError) as error:
            faults.append(f"item {number}: {error}")
    if faults:
        raise DataError(
            f"{path}: {len(faults)} of {len(items)} items are no conversations: {shorten(faults, '; ')}. Expected "
            "video and conversations, a list of from (human, gpt) and value"
        )
    return found


def _conversation(item: Mapping, folder: Path) -> Conversation:
    names = next((item[key] for key in ("video", "videos", "image", "images") if item.get(key)), [])
    names = [names] if isinstance(names, str) else list(names)
    messages, shown = [], 0
    for turn in item["conversations"]:
        role = _ROLES.get(str(turn["from"]).lower())
        if role is None:
            raise ValueError(f"from: expected human or gpt, found {turn['from']!r}")
        pieces = _MARK.split(str(turn["value"]))
        content: list[dict] = []
        for number, piece in enumerate(pieces):
            if number and role == "user":
                content.append({"type": "video"})
                shown += 1
            if piece.strip():
                content.append({"type": "text", "text": piece.strip()})
        messages.append({"role": role, "content": content})
    asked = next((message for message in messages if message["role"] == "user"), None)
    if asked is None or not _answers(messages):
        raise ValueError("a question and an answer after it expected")
    if not shown:
        asked["content"][:0] = [{"type": "video"}] * len(names)
    elif shown != len(names):
        raise ValueError(f"{shown} <video> and {len(names)} videos")
    if not names:
        raise ValueError("no video")
    return Conversation(tuple(Video(folder / name, name) for name in names), tuple(messages))


def _answers(messages: Sequence[Mapping]) -> list[int]:
    """Places of the answers to something that was asked before."""
    roles = [message["role"] for message in messages]
    return [
        number
        for number, message in enumerate(messages)
        if message["role"] == "assistant" and message["content"] and "user" in roles[:number]
    ]


class ConversationsSource:
    """Draws a conversation and one of its answers; what was said before is part of the prompt."""

    def __init__(self, title: str, conversations: list[Conversation]) -> None:
        self.title, self.conversations = title, conversations
        self.videos = list(dict.fromkeys(video for one in conversations for video in one.videos))

    def draw(self, rng: np.random.Generator, read: Callable[[Path], Clip]) -> Sample:
        one = self.conversations[rng.integers(len(self.conversations))]
        answers = _answers(one.messages)
        chosen = answers[rng.integers(len(answers))]
        before = one.messages[:chosen]
        shown = sum(part["type"] == "video" for message in before for part in message["content"])
        text = " ".join(part["text"] for part in one.messages[chosen]["content"])
        return Sample(before, "", text, tuple(read(video.path) for video in one.videos[:shown]))

    def outline(self, rng: np.random.Generator) -> Sample:
        return self.draw(rng, read_nothing)
