"""The recipe of the embedded benchmark `vqa_mini`: its photographs, camera moves and distortions with their strengths.

This file is the one place that says what training must stay away from: `PHOTOGRAPHS` (the contents, by file hash) and
`LADDERS` (the codec settings and strengths). `tests/synthesis/test_recipe.py` and the shipped table hold it in place.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from lmms_cpllm.synthesis.distortions import FAMILIES, Step
from lmms_cpllm.synthesis.encode import CODECS, NEAR_LOSSLESS, Encoding, encoding
from lmms_cpllm.synthesis.footage import Footage
from lmms_cpllm.synthesis.scenes import Camera, Photograph, Scene

# Raised when the code of scenes, footage, distortions, encode or render makes other files from the same recipe: caches
# render anew and the shipped table no longer fits until it is made again.
RENDERER = 2
CLEAN = "clean"

PHOTOGRAPHS = {
    photo.name: photo
    for photo in (
        Photograph("astronaut", "skimage", "data/astronaut.png", "88431cd9653ccd53"),
        Photograph("cameraman", "skimage", "data/camera.png", "b0793d2adda0fa6a"),
        Photograph("coffee", "skimage", "data/coffee.png", "cc02f8ca188b167c"),
        Photograph("dahlia", "sklearn", "datasets/images/flower.jpg", "a77f6ec41e353afd"),
        Photograph("galaxies", "skimage", "data/hubble_deep_field.jpg", "3a19c5dd8a927a93"),
        Photograph("grass", "skimage", "data/grass.png", "b6b6022426b38936"),
        Photograph("gravel", "skimage", "data/gravel.png", "c48615b451bf1e60"),
        Photograph("motorcycle", "skimage", "data/motorcycle_left.png", "db18e9c415761740"),
        Photograph("pagoda", "sklearn", "datasets/images/china.jpg", "8378025ad2519d64"),
        Photograph("retina", "skimage", "data/retina.jpg", "38a07f36f27f095e"),
        Photograph("rocket", "skimage", "data/rocket.jpg", "c2dd0de7c538df8d"),
        Photograph("tissue", "skimage", "data/ihc.png", "f8dd1aa387ddd1f4"),
    )
}


def _scene(name: str, size: tuple[int, int], fps: int, **camera) -> Scene:
    return Scene(PHOTOGRAPHS[name], size, fps, 2.0, Camera(**camera))


# Photographs of 512 px are shown square at their own size, larger ones wide or tall: little or no magnification, so
# that the clean clip is sharp. The square has as many pixels as 640x360.
SCENES = {
    "astronaut": _scene("astronaut", (480, 480), 30, start=(0.1, 0.9), end=(0.9, 0.1), scale=(1.0, 1.12), seed=1),
    "cameraman": _scene("cameraman", (480, 480), 25, start=(0.0, 0.5), end=(1.0, 0.5), scale=(1.1, 1.1), seed=2),
    "coffee": _scene(
        "coffee", (640, 360), 24, start=(0.1, 0.1), end=(0.9, 0.9), scale=(1.2, 1.1), shake_px=0.6, seed=3
    ),
    "dahlia": _scene("dahlia", (640, 360), 30, start=(0.5, 0.6), end=(0.5, 0.4), scale=(1.05, 1.2), seed=4),
    "galaxies": _scene("galaxies", (360, 640), 24, start=(0.0, 0.5), end=(0.5, 0.6), scale=(0.9, 0.9), seed=5),
    "grass": _scene("grass", (640, 360), 30, start=(0.4, 0.4), end=(0.7, 0.5), mirror=True, shake_px=1.5, seed=6),
    "gravel": _scene("gravel", (640, 360), 25, start=(0.7, 0.3), end=(0.2, 0.6), mirror=True, seed=7),
    "motorcycle": _scene("motorcycle", (640, 360), 30, start=(1.0, 0.3), end=(0.0, 0.8), shake_px=1.0, seed=8),
    "pagoda": _scene("pagoda", (640, 360), 25, start=(0.2, 1.0), end=(0.8, 0.1), scale=(1.1, 1.1), seed=9),
    "retina": _scene("retina", (360, 640), 30, start=(0.2, 0.5), end=(0.8, 0.5), scale=(0.6, 0.6), seed=10),
    "rocket": _scene("rocket", (640, 360), 24, start=(0.5, 0.9), end=(0.5, 0.4), scale=(1.08, 1.2), seed=11),
    "tissue": _scene(
        "tissue", (480, 480), 24, start=(0.3, 0.3), end=(0.7, 0.7), roll_degrees=(0, 2), shake_px=0.4, seed=12
    ),
}


@dataclass(frozen=True)
class Ladder:
    """Rising strengths of one family and the contents that are shown at them."""

    family: str
    """A key of `CODECS` or `FAMILIES`."""
    strengths: tuple[float, ...]
    """In the family's unit, rising."""
    contents: tuple[str, ...]


# Every content climbs three ladders, every family has four contents.
LADDERS = (
    Ladder("h264", (30, 38, 45), ("pagoda", "motorcycle", "tissue", "astronaut")),
    Ladder("hevc", (31, 39, 46), ("coffee", "gravel", "dahlia", "cameraman")),
    Ladder("vp9", (48, 57, 63), ("rocket", "grass", "astronaut", "motorcycle")),
    Ladder("av1", (50, 58, 63), ("retina", "pagoda", "galaxies", "coffee")),
    Ladder("mpeg4", (6, 14, 31), ("dahlia", "rocket", "cameraman", "tissue")),
    Ladder("blur", (0.5, 1.0, 1.8), ("galaxies", "coffee", "gravel", "rocket")),
    Ladder("noise", (7, 20, 48), ("dahlia", "retina", "astronaut", "pagoda")),
    Ladder("scaling", (1.5, 2.4, 4.2), ("tissue", "grass", "motorcycle", "retina")),
    Ladder("drops", (8, 25, 60), ("gravel", "cameraman", "grass", "galaxies")),
)


@dataclass(frozen=True)
class Item:
    """One clip of a benchmark: a scene or footage, a chain of distortions, a delivery."""

    name: str
    """Unique; also the file's name without its ending."""
    scene: Scene | Footage
    steps: tuple[Step, ...]
    """Distortions before delivery, in order."""
    delivery: Encoding
    family: str
    """The distortion that the label is about: a codec, a distortion, or `clean`."""
    strength: float
    unit: str
    """Unit of `strength`; empty for a clean clip."""

    @property
    def content(self) -> str:
        return self.scene.name

    @property
    def reference(self) -> bool:
        return self.family == CLEAN


def clean_item(scene: Scene | Footage) -> Item:
    """The scene as it is, delivered visually lossless."""
    return Item(f"{scene.name}-{CLEAN}", scene, (), NEAR_LOSSLESS, CLEAN, 0.0, "")


def distorted_item(scene: Scene | Footage, family: str, strength: float) -> Item:
    """The scene at one strength of one family; the seed of the distortion is the scene's.

    Raises:
        ValueError: unknown family, or a strength outside its range.
    """
    name = f"{scene.name}-{family}-{strength:g}"
    if family in CODECS:
        return Item(name, scene, (), encoding(family, strength), family, strength, CODECS[family].unit)
    if family in FAMILIES:
        step = Step(family, strength, scene.seed)
        return Item(name, scene, (step,), NEAR_LOSSLESS, family, strength, FAMILIES[family].unit)
    raise ValueError(f"unknown family {family!r}; allowed: {', '.join((*CODECS, *FAMILIES))}")


def items() -> tuple[Item, ...]:
    """The clips of `vqa_mini`: every content clean, then its ladders, content by content."""
    result = []
    for name, scene in SCENES.items():
        result.append(clean_item(scene))
        for ladder in LADDERS:
            if name in ladder.contents:
                result.extend(distorted_item(scene, ladder.family, strength) for strength in ladder.strengths)
    return tuple(result)


def digest(*recipe: Item) -> str:
    """12 hexadecimal digits that change with anything that changes the picture of the items."""
    text = json.dumps([RENDERER, *(asdict(item) for item in recipe)], sort_keys=True, default=_no_place)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _no_place(value: object) -> str:
    """Where a file lies does not change its picture."""
    if isinstance(value, Path):
        return ""
    raise TypeError(f"an item holds a {type(value).__name__}, expected plain values")
