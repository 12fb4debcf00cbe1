"""Pairs of videos of a release, for tasks that ask which of two is better."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Sequence
from typing import NamedTuple

from lmms_cpllm.releases.base import Row


class Pair(NamedTuple):
    """Two videos of which one is better."""

    first: Row
    """Or a row of the embedded benchmark, which has the same fields and more; so for `second`."""
    second: Row

    @property
    def better(self) -> str:
        return "first" if self.first.mos > self.second.mos else "second"

    @property
    def difference(self) -> float:
        """Distance of the two MOS, above 0, in the release's scale."""
        return abs(self.first.mos - self.second.mos)


def one_other_each(rows: Sequence[Row]) -> list[Pair]:
    """Each video against one fixed other, as pairwise accuracy is published for whole releases.

    The videos stand in a circle, in the order of the SHA-256 of their names, and each is paired with the next: every video
    is in two pairs, no pair comes twice, and which is paired with which depends on the names alone (a hash and no random
    numbers: the same in every version of every library). A pair whose two MOS are equal has no better one and is left out.
    Going round, the better video of a pair is the first and the second in turn.

    Args:
        rows: with names that differ.

    Returns:
        The pairs in the order of their names. There are as many as videos, without those of equal MOS; of two videos one.
    """
    circle = sorted(rows, key=lambda row: hashlib.sha256(row.name.encode()).digest())
    if len(circle) > 2:
        circle.append(circle[0])
    unequal = [pair for pair in itertools.pairwise(circle) if pair[0].mos != pair[1].mos]
    return sorted(in_turn(unequal), key=lambda pair: (pair.first.name, pair.second.name))


def in_turn(pairs: Sequence[tuple[Row, Row]]) -> list[Pair]:
    """The pairs in the order given, each turned so that the better one is the first and the second in turn."""
    turned = []
    for place, pair in enumerate(pairs):
        better, worse = sorted(pair, key=lambda row: -row.mos)
        turned.append(Pair(worse, better) if place % 2 else Pair(better, worse))
    return turned
