"""Which kinds of distortion are named, against those that are known: precision, recall and F1, micro and per kind.

Written rules, so that an aggregate never raises over its data and silence earns nothing:

- A kind counts once an item: hit (named and known), false alarm (named alone), miss (known alone).
- Precision is nan where nothing is named, recall where nothing is known; F1 = 2 hits / (2 hits + false alarms + misses)
  is nan only where both are empty. Who names nothing where something is known has an F1 of 0.
- Micro figures add up hits, false alarms and misses over all items and kinds; macro F1 is the mean of F1 over the kinds
  that are known of some item (a kind that is only named by mistake costs micro precision).
- An item without an answer (None) names nothing; it stays in the count. An item without a distortion, of which nothing
  is named, adds to no sum, only to `exact` and `silent_when_clean`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from lmms_cpllm.metrics.lexicon import KINDS


@dataclass(frozen=True)
class Counts:
    """How often a kind (or all kinds together) was named and known; the figures follow from the counts."""

    hits: int
    """named and known"""
    false_alarms: int
    """named, not known"""
    misses: int
    """known, not named"""

    @property
    def precision(self) -> float:
        """Share of the named ones that are known, 0..1, or nan."""
        return _share(self.hits, self.hits + self.false_alarms)

    @property
    def recall(self) -> float:
        """Share of the known ones that are named, 0..1, or nan."""
        return _share(self.hits, self.hits + self.misses)

    @property
    def f1(self) -> float:
        """Harmonic mean of both, 0..1, or nan."""
        return _share(2 * self.hits, 2 * self.hits + self.false_alarms + self.misses)


@dataclass(frozen=True)
class Naming:
    """Agreement of named kinds with known ones over many items."""

    count: int
    """items, with those that have no answer"""
    answered: float
    """share of the items with an answer, 0..1; nan for no items"""
    micro: Counts
    """over all items and kinds"""
    kinds: dict[str, Counts]
    """for each of `KINDS`"""
    macro_f1: float
    """mean F1 of the kinds that are known of some item, 0..1; nan where none is"""
    exact: float
    """share of the items of which exactly the known kinds are named, 0..1; an item without an answer is wrong"""
    silent_when_clean: float
    """share of the items without a known kind of which none is named, 0..1; no answer is wrong; nan for no such items"""


def naming(named: Sequence[Collection[str] | None], known: Sequence[Collection[str]]) -> Naming:
    """Compares the kinds that answers name with the kinds that are there.

    Args:
        named: (n,) kinds that each answer names (`lexicon.named`), None where there is no answer.
        known: (n,) kinds that are known of the same items.

    Raises:
        ValueError: unequal lengths, or a word that is none of `lexicon.KINDS`.

    Example:
        >>> result = naming([{"blur", "noise"}, set(), None], [{"blur"}, {"noise"}, {"banding"}])
        >>> result.micro.precision, result.micro.recall
        (0.5, 0.3333333333333333)
    """
    if len(named) != len(known):
        raise ValueError(f"{len(named)} answers and {len(known)} items, expected equal numbers")
    said = [_checked(kinds or ()) for kinds in named]
    true = [_checked(kinds) for kinds in known]
    hits, false_alarms, misses = (
        Counter(kind for pair in zip(said, true, strict=True) for kind in chosen(*pair))
        for chosen in (frozenset.intersection, frozenset.difference, _missed)
    )
    per_kind = {kind: Counts(hits[kind], false_alarms[kind], misses[kind]) for kind in KINDS}
    micro = Counts(hits.total(), false_alarms.total(), misses.total())
    seen = [counts.f1 for counts in per_kind.values() if counts.hits + counts.misses]
    right = [kinds is not None and s == t for kinds, s, t in zip(named, said, true, strict=True)]
    clean = [is_right for is_right, kinds in zip(right, true, strict=True) if not kinds]
    return Naming(
        count=len(named),
        answered=_share(sum(kinds is not None for kinds in named), len(named)),
        micro=micro,
        kinds=per_kind,
        macro_f1=_share(math.fsum(seen), len(seen)),
        exact=_share(sum(right), len(right)),
        silent_when_clean=_share(sum(clean), len(clean)),
    )


def _checked(kinds: Collection[str]) -> frozenset[str]:
    unknown = sorted(set(kinds).difference(KINDS))
    if unknown:
        raise ValueError(f"kind is {unknown[0]!r}, expected some of {', '.join(KINDS)}")
    return frozenset(kinds)


def _missed(named: frozenset[str], known: frozenset[str]) -> frozenset[str]:
    return known - named


def _share(part: float, whole: int) -> float:
    return part / whole if whole else float("nan")
