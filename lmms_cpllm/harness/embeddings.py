"""Videos that several requests show are decoded and encoded once.

A score, a description and some pairs of the same videos are separate requests of the host, one task after the other. All of
them are known before the first is answered, so what has to be kept is known too: only what is asked about again, until it
was asked about for the last time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from threading import Lock

import torch

from lmms_cpllm.harness.encoding import Inputs


class Embeddings:
    """Remembers inputs by path, for threads that read videos side by side.

    Args:
        uses: how many requests will ask for each path. Only those with two and more are remembered.
        most: videos that are remembered at a time; what comes when it is full is computed each time it is asked for.
    """

    def __init__(self, uses: Mapping[str, int], most: int) -> None:
        self._left = {path: count for path, count in uses.items() if count > 1}
        self._most = most
        self._known: dict[str, Future[Inputs]] = {}
        self._lock = Lock()
        self.asked = 0
        """Videos that were asked for."""
        self.reused = 0
        """Of these, the ones that had been read before."""

    def of(self, path: str | None, read: Callable[[], Inputs]) -> Inputs:
        """The inputs of one video: what `read` gives, called once however many threads ask.

        Args:
            path: None for what has no name, such as a picture that the host has opened.
            read: decodes and encodes. What it raises is raised for everybody who asks for the path.
        """
        with self._lock:
            self.asked += 1
            left = self._left.get(path, 1)
            known = self._known.get(path)
            if known is not None:
                self.reused += 1
                if left == 1:
                    del self._known[path]
            elif left > 1 and len(self._known) < self._most:
                self._known[path] = mine = Future()
            else:
                mine = None
            if path in self._left:
                self._left[path] = left - 1
        if known is not None:
            return known.result()
        if mine is None:
            return read()
        try:
            mine.set_result(read())
        except BaseException as error:  # whatever it is, nobody may wait for ever
            mine.set_exception(error)
            raise
        return mine.result()


def most_videos(model, processor, megabytes: int) -> int:
    """How many videos' features have room in so much memory: every video has the same number of tokens."""
    plan = processor.video_processor.plan
    context = plan.context_frames * processor.context_tokens * model.model.context_projector.linear_1.in_features
    pixel = plan.pixel_moments * plan.pixel_crops * processor.pixel_tokens
    pixel *= model.model.pixel_projector.linear_1.in_features
    return megabytes * 2**20 // ((context + pixel) * torch.float32.itemsize)
