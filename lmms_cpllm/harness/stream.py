"""Requests in, answers out, in order and as soon as each is known.

lmms-eval writes an answer into its response cache when it is taken from what `generate_until` returned. A list is taken
once all of it is there, and a run that is killed has saved nothing. `LazyAnswers` looks like that list and computes while
it is being read, so every answer is on disk before the next one is computed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

from lmms_cpllm.errors import VideoError

Item = TypeVar("Item")
Decoded = TypeVar("Decoded")
Answer = TypeVar("Answer")


class LazyAnswers(Sequence, Generic[Answer]):
    """A sequence of known length whose members are computed when they are first asked for, in order, once.

    Args:
        count: number of answers that `answers` will give.
        answers: gives them in the order of the requests.
    """

    def __init__(self, count: int, answers: Iterator[Answer]) -> None:
        self._count = count
        self._answers = answers
        self._known: list[Answer] = []

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int | slice) -> Answer | list[Answer]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(self._count))]
        position = index + self._count if index < 0 else index
        if not 0 <= position < self._count:
            raise IndexError(f"answer {index} of {self._count}")
        while len(self._known) <= position:
            self._known.append(next(self._answers))
            if len(self._known) == self._count:
                next(self._answers, None)  # lets the generator run to its end: closing lines, threads
        return self._known[position]

    # `Sequence` has an __iter__, but it takes an IndexError from inside the computation for the end.
    def __iter__(self) -> Iterator[Answer]:
        for position in range(self._count):
            yield self[position]


def decode_ahead(
    items: Iterable[Item],
    decode: Callable[[Item], Decoded],
    *,
    workers: int,
    prefetch: int,
    prepare: Callable[[], None] | None = None,
) -> Iterator[tuple[Item, Decoded | VideoError]]:
    """Decodes in threads, at most `prefetch` items ahead of the one that was last taken, and keeps the order.

    Each thread calls `prepare` before its first item.

    Yields:
        an item with what `decode` returned for it, or with the `VideoError` that it raised. Other exceptions are raised
        here, in the place of their item.
    """
    remaining = iter(items)
    waiting: deque = deque()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="cpllm-decode", initializer=prepare)
    try:
        while True:
            while len(waiting) < prefetch and (item := next(remaining, _END)) is not _END:
                waiting.append((item, pool.submit(_decode_one, decode, item)))
            if not waiting:
                return
            item, future = waiting.popleft()
            yield item, future.result()
    finally:
        # Also when the reader stops early: no thread goes on decoding what nobody will take.
        pool.shutdown(wait=True, cancel_futures=True)


_END = object()


def _decode_one(decode: Callable[[Item], Decoded], item: Item) -> Decoded | VideoError:
    try:
        return decode(item)
    except VideoError as error:
        return error


def batches(items: Iterable[Item], key: Callable[[Item], Hashable], size: int) -> Iterator[list[Item]]:
    """Neighbours with an equal key, at most `size` of them. The order stays, so answers can be given as they come."""
    batch: list[Item] = []
    for item in items:
        if batch and key(item) != key(batch[0]):
            yield batch
            batch = []
        batch.append(item)
        if len(batch) == size:  # at once, not when the next item is there
            yield batch
            batch = []
    if batch:
        yield batch
