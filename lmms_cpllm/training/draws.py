"""What is done to a clean scene: single distortions, chains in the order of the real world, and ladders of rising strength.

Codec settings stay clear of `vqa_mini`: other presets, and no strength of its ladders is ever drawn. `UNSEEN_CODECS` are
drawn for the sealed test only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lmms_cpllm.synthesis.distortions import FAMILIES, TRAINING_RANGES
from lmms_cpllm.synthesis.encode import CODECS, TRAINING_QUALITIES, Encoding, at_bitrate, encoding
from lmms_cpllm.synthesis.recipe import LADDERS

# Families of codecs that training never sees: a block codec with a loop filter, and a wavelet codec.
UNSEEN_CODECS = ("vp8", "jpeg2000")
SEEN_CODECS = tuple(codec for codec in CODECS if codec not in UNSEEN_CODECS)

# Encoder options of which each encoding takes one of each. `vqa_mini` has other presets, and its strengths are not drawn.
_PRESETS: dict[str, dict[str, tuple[str, ...]]] = {
    "h264": {"preset": ("ultrafast", "veryfast", "fast"), "g": ("15", "60", "250")},
    "hevc": {"preset": ("ultrafast", "superfast", "veryfast")},
    "vp9": {"cpu-used": ("5", "6", "8"), "deadline": ("realtime",), "g": ("30", "128")},
    "av1": {"preset": ("10", "12", "13")},
    "mpeg4": {"g": ("12", "50"), "bf": ("0", "2")},
    "mpeg2": {"g": ("12", "15"), "bf": ("0", "2")},
}
# Codecs whose quality is a ratio: even steps are those of its logarithm.
_RATIOS = ("jpeg2000",)
# Families of which only the whole part of a strength counts: the rungs of a ladder must differ.
_WHOLE = ("interlacing",)
# Codecs whose encoders hold an average bitrate well enough to steer quality with it, and bits per pixel and frame.
_BITRATE_CODECS = ("h264", "hevc", "mpeg4", "mpeg2")
_BITS_PER_PIXEL = (0.008, 0.25)
_BITRATE_SHARE = 0.25
# Links of a chain by the place where they happen; a link of compression is drawn from the codecs.
_CHAIN_SHAPES = (
    ("capture", "codec"),
    ("capture", "codec"),
    ("capture", "codec"),
    ("production", "codec"),
    ("production", "codec"),
    ("codec", "codec"),
    ("codec", "production", "codec"),
    ("capture", "production", "codec"),
    ("capture", "delivery"),
    ("codec", "delivery"),
)
# Lost and frozen frames, and torn packets, are the deliverer's; codecs are drawn on their own.
_STAGES = {stage: tuple(f for f, s in FAMILIES.items() if s.stage == stage) for stage in ("capture", "production")}
_STAGES["delivery"] = tuple(f for f, s in FAMILIES.items() if s.stage == "delivery")


@dataclass(frozen=True)
class Link:
    """One thing done to the picture."""

    family: str
    """A key of `FAMILIES` or `CODECS`."""
    strength: float
    """In the family's unit; of a codec its quality setting, or 0 where `kbps` steers."""
    seed: int = 0
    kbps: float = 0.0
    """Average bitrate of a codec; 0 for constant quality."""
    options: tuple[tuple[str, str], ...] = ()
    """The encoder's options."""

    @property
    def is_codec(self) -> bool:
        return self.family in CODECS

    def encoding(self) -> Encoding:
        """How a codec writes this link."""
        options = dict(self.options)
        if self.kbps:
            return at_bitrate(self.family, self.kbps, **options)
        return encoding(self.family, self.strength, **options)


def draw_strength(family: str, rng: np.random.Generator) -> float:
    """A strength within the family's range, off the ladders of `vqa_mini`: even for codecs, else even on a log scale."""
    taken = _taken(family)
    while True:
        if family in CODECS:
            low, high = TRAINING_QUALITIES[family]
            strength = float(rng.integers(round(low), round(high) + 1))
        else:
            low, high = TRAINING_RANGES[family]
            strength = round(float(np.exp(rng.uniform(np.log(low), np.log(high)))), 3)
        if strength not in taken:
            return strength


def draw_link(family: str, rng: np.random.Generator, pixels_per_second: float) -> Link:
    """A link of random strength; a codec also gets its options, and now and then a bitrate instead of a quality."""
    seed = int(rng.integers(1 << 30))
    if family not in CODECS:
        return Link(family, draw_strength(family, rng), seed)
    options = tuple((name, str(rng.choice(values))) for name, values in _PRESETS.get(family, {}).items())
    if family in _BITRATE_CODECS and rng.random() < _BITRATE_SHARE:
        bits = float(np.exp(rng.uniform(*np.log(_BITS_PER_PIXEL))))
        return Link(family, 0.0, seed, round(bits * pixels_per_second / 1000, 1), options)
    return Link(family, draw_strength(family, rng), seed, 0.0, options)


def draw_chains(
    rng: np.random.Generator, pixels_per_second: float, codecs: int, others: int, chains: int
) -> list[tuple[Link, ...]]:
    """The clean scene, single codecs, single other distortions, and chains of two or three links."""
    result: list[tuple[Link, ...]] = [()]
    for pool, count in ((SEEN_CODECS, codecs), (tuple(FAMILIES), others)):
        order = list(rng.permutation(pool))
        result += [(draw_link(str(order[i % len(order)]), rng, pixels_per_second),) for i in range(count)]
    for _ in range(chains):
        result.append(_draw_chain(rng, pixels_per_second))
    return result


def draw_afterwards(rng: np.random.Generator, pixels_per_second: float) -> tuple[Link, ...]:
    """What happens to footage that people have judged already: a codec, another distortion, or a chain.

    The scored photographs are the many contents of training, so every family is shown on them: on the few pristine contents
    alone a model learns these contents.
    """
    luck = rng.random()
    if luck < 0.4:
        return (draw_link(str(rng.choice(SEEN_CODECS)), rng, pixels_per_second),)
    if luck < 0.75:
        return (draw_link(str(rng.choice(list(FAMILIES))), rng, pixels_per_second),)
    return _draw_chain(rng, pixels_per_second)


def ladder(family: str, steps: int, rng: np.random.Generator) -> list[tuple[Link, ...]]:
    """Single links of rising strength over the family's whole range, equal options and seed."""
    base = draw_link(family, rng, 0.0) if family not in CODECS else Link(family, 0.0, 0, 0.0, _options(family, rng))
    low, high = TRAINING_QUALITIES[family] if family in CODECS else TRAINING_RANGES[family]
    places = (np.arange(steps) + rng.uniform(0.25, 0.75, steps)) / steps
    if family in CODECS and family not in _RATIOS:
        strengths = [float(round(low + p * (high - low))) for p in places]
        strengths = [s + (s in _taken(family)) for s in strengths]
    else:
        strengths = [round(float(low * (high / low) ** p), 0 if family in _WHOLE else 3) for p in places]
        strengths = [s + 0.001 * (s in _taken(family)) for s in strengths]
    return [(Link(family, s, base.seed, 0.0, base.options),) for s in dict.fromkeys(strengths)]


def _taken(family: str) -> set[float]:
    """Strengths of `vqa_mini`."""
    return {s for ladder in LADDERS if ladder.family == family for s in ladder.strengths}


def _options(family: str, rng: np.random.Generator) -> tuple[tuple[str, str], ...]:
    return tuple((name, str(rng.choice(values))) for name, values in _PRESETS.get(family, {}).items())


def _draw_chain(rng: np.random.Generator, pixels_per_second: float) -> tuple[Link, ...]:
    shape = _CHAIN_SHAPES[rng.integers(len(_CHAIN_SHAPES))]
    return tuple(draw_link(_family_of(stage, rng), rng, pixels_per_second) for stage in shape)


def _family_of(stage: str, rng: np.random.Generator) -> str:
    return str(rng.choice(SEEN_CODECS if stage == "codec" else _STAGES[stage]))


def families_of(chain: Sequence[Link]) -> tuple[str, ...]:
    return tuple(link.family for link in chain)
