"""The recipe of `vqa_ladder`: each codec and each distortion at rising strength, the weakest near what people just notice.

Scenes and encoder presets are those of `vqa_mini`, which training stays away from; the strengths are others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import av

from lmms_cpllm.synthesis.encode import CODECS
from lmms_cpllm.synthesis.footage import Footage
from lmms_cpllm.synthesis.recipe import SCENES, Item, Ladder, clean_item, distorted_item
from lmms_cpllm.synthesis.scenes import Scene

SECONDS = 1.0

# Of each codec four contents, of each distortion two; every content climbs three ladders of codecs and two to four others.
# Lost frames are shown on contents that move. Left out are `sharpening`, `oversaturation`, `desaturation` and
# `colour_cast`, of which a little is a matter of taste, and `interlacing`, whose weakest strength is as bad as any other
# where much moves.
LADDERS = (
    Ladder("h264", (18, 23, 28, 34, 42), ("astronaut", "coffee", "grass", "pagoda")),
    Ladder("hevc", (20, 25, 30, 36, 44), ("motorcycle", "dahlia", "retina", "cameraman")),
    Ladder("vp9", (30, 38, 46, 53, 60), ("tissue", "gravel", "pagoda", "rocket")),
    Ladder("av1", (30, 41, 52, 59, 62), ("astronaut", "motorcycle", "grass", "galaxies")),
    Ladder("mpeg4", (2, 4, 8, 16, 26), ("coffee", "retina", "tissue", "gravel")),
    Ladder("mpeg2", (2, 4, 8, 16, 28), ("cameraman", "rocket", "dahlia", "pagoda")),
    Ladder("mjpeg", (3, 6, 10, 18, 28), ("galaxies", "astronaut", "gravel", "motorcycle")),
    Ladder("vp8", (10, 20, 32, 46, 60), ("coffee", "grass", "cameraman", "retina")),
    Ladder("jpeg2000", (16, 32, 64, 125, 250), ("dahlia", "rocket", "tissue", "galaxies")),
    Ladder("blur", (0.35, 0.6, 1.2, 2.1, 3.7), ("motorcycle", "tissue")),
    Ladder("defocus", (0.45, 0.8, 1.5, 2.8, 5), ("grass", "astronaut")),
    Ladder("motion_blur", (1.2, 2.3, 4.3, 8, 15), ("gravel", "coffee")),
    Ladder("shake", (0.3, 0.7, 1.6, 3.6, 8), ("pagoda", "dahlia")),
    Ladder("noise", (2, 4, 9, 18, 36), ("rocket", "retina")),
    Ladder("chroma_noise", (3, 6, 11, 20, 36), ("astronaut", "rocket")),
    Ladder("impulse", (0.03, 0.1, 0.35, 1.2, 4), ("tissue", "cameraman")),
    Ladder("low_light", (1, 2, 3.2, 4.7, 6.5), ("motorcycle", "coffee")),
    Ladder("denoising", (10, 20, 38, 70, 120), ("gravel", "astronaut")),
    Ladder("underexposure", (0.2, 0.5, 1, 1.8, 3), ("pagoda", "coffee")),
    Ladder("overexposure", (0.4, 0.7, 1.1, 1.8, 2.8), ("cameraman", "dahlia")),
    Ladder("low_contrast", (8, 18, 34, 55, 78), ("motorcycle", "tissue")),
    Ladder("scaling", (1.2, 1.7, 2.6, 3.8, 5.6), ("galaxies", "grass")),
    Ladder("pixelation", (1.2, 1.7, 2.6, 3.8, 5.6), ("retina", "astronaut")),
    Ladder("banding", (4, 8, 14, 24, 40), ("rocket", "retina")),
    Ladder("drops", (5, 15, 30, 50, 75), ("galaxies", "retina")),
    Ladder("freezes", (7, 15, 28, 45, 70), ("grass", "cameraman")),
    Ladder("packet_loss", (1, 3, 7, 14, 28), ("pagoda", "gravel")),
)
FAMILIES = tuple(ladder.family for ladder in LADDERS)


def missing_codecs(families: Sequence[str]) -> tuple[str, ...]:
    """Those of the families that are codecs whose encoder the installed PyAV has not."""
    return tuple(
        family for family in families if family in CODECS and CODECS[family].encoder not in av.codecs_available
    )


def scene_of(content: str) -> Scene:
    """The first second of a scene of `vqa_mini`: the camera goes as far as it has gone by then, at the same speed."""
    scene = SCENES[content]
    share = SECONDS / scene.seconds
    camera = scene.camera
    (first, last), (roll, end_roll) = camera.scale, camera.roll_degrees
    x, y = (start + share * (end - start) for start, end in zip(camera.start, camera.end, strict=True))
    return replace(
        scene,
        seconds=SECONDS,
        camera=replace(
            camera,
            end=(x, y),
            scale=(first, first * (last / first) ** share),
            roll_degrees=(roll, roll + share * (end_roll - roll)),
        ),
    )


def items(families: Sequence[str]) -> tuple[Item, ...]:
    """The default clips of the families: every content that climbs one of their ladders, clean first."""
    result = []
    for content in SCENES:
        ladders = [ladder for ladder in LADDERS if ladder.family in families and content in ladder.contents]
        if ladders:
            result += _climb(scene_of(content), ladders)
    return tuple(result)


def items_of(footage: Footage, families: Sequence[str]) -> tuple[Item, ...]:
    """A user's own clip on the ladders of all the families, clean first."""
    return tuple(_climb(footage, [ladder for ladder in LADDERS if ladder.family in families]))


def _climb(scene: Scene | Footage, ladders: Sequence[Ladder]) -> list[Item]:
    steps = [distorted_item(scene, ladder.family, strength) for ladder in ladders for strength in ladder.strengths]
    return [clean_item(scene), *steps]
