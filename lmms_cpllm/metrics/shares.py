"""A mean that knows over how many items it was taken, so that means of parts can be put together exactly.

Written rule: no items, nan, and such a part has no weight in the mean of several.
"""

from __future__ import annotations

import math
from collections.abc import Sequence


class Share(float):
    """A mean of points of 0..1, such as an accuracy; nan for no items. Behaves as the number in every respect."""

    count: int
    """items that it is the mean of"""

    def __new__(cls, points: Sequence[float]) -> Share:
        return cls.of(math.fsum(points) / len(points) if points else math.nan, len(points))

    @classmethod
    def of(cls, mean: float, count: int) -> Share:
        """A share whose mean is known already."""
        share = super().__new__(cls, mean)
        share.count = count
        return share

    def __reduce__(self):
        return Share.of, (float(self), self.count)


def pooled(shares: Sequence[Share]) -> Share:
    """The mean over the items of all parts.

    Example:
        >>> pooled([Share([1, 0]), Share([1]), Share([])])
        0.6666666666666666
    """
    counted = [share for share in shares if share.count]
    count = sum(share.count for share in counted)
    return Share.of(math.fsum(share * share.count for share in counted) / count if count else math.nan, count)
