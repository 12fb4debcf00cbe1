"""What is known of a clip, as plain values: what it shows, and what was done to it. All language is made of these.

`measures` finds light, texture and motion of a clean scene.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields

from lmms_cpllm.synthesis.distortions import FAMILIES
from lmms_cpllm.synthesis.encode import CODECS

SUBJECTS = ("people", "animals", "plants", "landscapes", "buildings", "vehicles", "food", "objects", "rooms")
MOTIONS = ("still", "slow", "moderate", "fast")
LIGHTS = ("dark", "normal", "bright")
TEXTURES = ("flat", "textured", "busy")
OVERLAYS = ("letterbox", "caption")
TIMES = ("throughout", "beginning", "middle", "end")
PLACES = ("everywhere", "left", "right", "top", "bottom", "centre")


def kind_of(family: str) -> str:
    """What a viewer calls a family of distortion or a codec's compression; one of `metrics.lexicon.KINDS`.

    Raises:
        ValueError: no such family.

    Example:
        >>> kind_of("scaling")
        'low resolution'
    """
    if family in FAMILIES:
        return FAMILIES[family].kind
    if family in CODECS:
        return CODECS[family].kind
    raise ValueError(f"unknown distortion {family!r}; allowed: {', '.join((*FAMILIES, *CODECS))}")


@dataclass(frozen=True)
class Impairment:
    """One thing that was done to a clip.

    Raises:
        ValueError: an unknown family, time or place, or a number outside its range.
    """

    family: str
    """a key of `distortions.FAMILIES` or `encode.CODECS`"""
    strength: float
    """in the family's unit"""
    acr: float
    """1..5: the opinion of the clip, were this all that was done to it"""
    when: str = "throughout"
    """one of `TIMES`"""
    where: str = "everywhere"
    """one of `PLACES`"""

    def __post_init__(self) -> None:
        kind_of(self.family)
        if not math.isfinite(self.strength):
            raise ValueError(f"{self.family}: strength is {self.strength}, expected a finite number")
        if not 1.0 <= self.acr <= 5.0:
            raise ValueError(f"{self.family}: acr is {self.acr}, expected a number in 1..5")
        _check("when", self.when, TIMES)
        _check("where", self.where, PLACES)


@dataclass(frozen=True)
class Facts:
    """What is known of one clip.

    Raises:
        ValueError: a word that is not allowed, or a quality outside 0..100.
    """

    quality: float
    """0..100, of the clip as it is delivered"""
    subject: str = ""
    """one of `SUBJECTS`; "" where it is not known"""
    motion: str = "slow"
    """one of `MOTIONS`, of the clean scene"""
    light: str = "normal"
    """one of `LIGHTS`, of the clean scene"""
    texture: str = "textured"
    """one of `TEXTURES`, of the clean scene"""
    impairments: tuple[Impairment, ...] | None = None
    """in the order in which they were done; None where they are not known, () where there are none"""
    overlay: str = ""
    """one of `OVERLAYS`; "" for none, or where the impairments are not known, for not known"""

    def __post_init__(self) -> None:
        if not 0.0 <= self.quality <= 100.0:
            raise ValueError(f"quality is {self.quality}, expected a number in 0..100")
        for name, allowed in (
            ("subject", ("", *SUBJECTS)),
            ("motion", MOTIONS),
            ("light", LIGHTS),
            ("texture", TEXTURES),
            ("overlay", ("", *OVERLAYS)),
        ):
            _check(name, getattr(self, name), allowed)


def to_json(facts: Facts) -> dict:
    """The facts as a dict of plain values, for `json.dump`."""
    plain = asdict(facts)
    if facts.impairments is not None:
        plain["impairments"] = list(plain["impairments"])
    return plain


def from_json(plain: Mapping) -> Facts:
    """The facts that `to_json` has written.

    Raises:
        ValueError: an unknown or a missing name, a word that is not allowed, or a number outside its range.
    """
    values = dict(_known(Facts, plain))
    if values.get("impairments") is not None:
        values["impairments"] = tuple(Impairment(**_known(Impairment, one)) for one in values["impairments"])
    return Facts(**values)


def _known(record: type, plain: Mapping) -> Mapping:
    names = [field.name for field in fields(record)]
    unknown = sorted(set(plain) - set(names))
    if unknown:
        raise ValueError(f"{record.__name__}: unknown {unknown[0]!r}; allowed: {', '.join(names)}")
    missing = sorted({"quality", "family", "strength", "acr"} & set(names) - set(plain))
    if missing:
        raise ValueError(f"{record.__name__}: {missing[0]!r} is missing")
    return plain


def _check(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ValueError(f"{name} is {value!r}, allowed: {', '.join(repr(word) for word in allowed)}")
