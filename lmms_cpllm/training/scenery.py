"""Clean scenes of a content: what a camera sees that pans, zooms, turns and shakes over a photograph, or part of a clip."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from lmms_cpllm.synthesis import scenes
from lmms_cpllm.synthesis.distortions.overlays import caption, letterbox
from lmms_cpllm.synthesis.layers import Layer, in_front
from lmms_cpllm.training.contents import SHRINK, Content, clip_frames, first_picture

FRAMES = 24
_RATES = (24, 25, 30, 30, 50, 60)
# Widths and heights, landscape and portrait.
_SIZES = ((640, 360), (640, 360), (480, 480), (360, 640), (576, 432), (480, 270), (320, 180), (848, 480), (270, 480))
# Of a shrunk photograph that is smaller than all of these: shares of its sides, none shorter than a crop of the pixel view.
_SMALL, _PARTS, _LEAST_PART = 320, ((1.0, 1.0), (1.0, 0.65), (0.65, 1.0), (0.8, 0.8)), 160
_LAYER_SHARE, _OVERLAY_SHARE = 0.25, 0.12
_ASPECTS = (2.39, 1.0, 4 / 3)
_CAPTIONS = ("What a day it was!", "LIVE", "Part two: the way back", "00:14:07", "Subscribe for more", "NEWS 24")


@dataclass(frozen=True)
class CleanScene:
    """Frames before any distortion."""

    frames: list[np.ndarray]
    """uint8 `(height, width, 3)` RGB, even sides."""
    fps: int
    overlay: str
    """`letterbox`, `caption` or nothing: part of the picture and no distortion."""


def clean_scenes(content: Content, rng: np.random.Generator, count: int) -> Iterator[CleanScene]:
    """`count` scenes of a content, shrunk at least twofold."""
    layers = _layer_pictures(content)
    for number in range(count):
        frames, fps = _filmed(content, number, count) if content.is_video else _photographed(content, rng)
        if not content.is_video and rng.random() < _LAYER_SHARE:
            frames = list(in_front(frames, len(frames), layers, _draw_layer(rng)))
        overlay = ""
        if rng.random() < _OVERLAY_SHARE:
            overlay, frames = _overlaid(frames, rng)
        yield CleanScene(frames, fps, overlay)


def _overlaid(frames: list[np.ndarray], rng: np.random.Generator) -> tuple[str, list[np.ndarray]]:
    if rng.random() < 0.5:
        framed = list(letterbox(frames, float(rng.choice(_ASPECTS))))
        # A picture that has this shape already gets no bars, and nothing is to be said of them.
        return "" if np.array_equal(framed[0], frames[0]) else "letterbox", framed
    return "caption", list(caption(frames, str(rng.choice(_CAPTIONS)), str(rng.choice(["bottom", "corner"]))))


def _photographed(content: Content, rng: np.random.Generator) -> tuple[list[np.ndarray], int]:
    photo = first_picture(content.path)
    room = np.array([photo.shape[1], photo.shape[0]]) * SHRINK
    fitting = [size for size in _SIZES if size[0] * 1.03 <= room[0] and size[1] * 1.03 <= room[1]]
    # A small or a square photograph is seen as a whole, less a pixel, since the camera's scale is rounded, or in part.
    whole = (int(room[0] - 1) // 2 * 2, int(room[1] - 1) // 2 * 2)
    parts = [(int(whole[0] * a) // 2 * 2, int(whole[1] * b) // 2 * 2) for a, b in _PARTS]
    if max(room) < _SMALL:
        fitting = [size for size in parts if min(size) >= _LEAST_PART]
    fitting = fitting or [whole]
    width, height = fitting[rng.integers(len(fitting))]
    least = max(width / photo.shape[1], height / photo.shape[0]) * 1.03
    scale = float(rng.uniform(min(least, SHRINK), SHRINK))
    zoom = float(rng.choice([1.0, 1.0, rng.uniform(1.0, 1.1)]))
    start, end = rng.uniform(0.0, 1.0, 2), rng.uniform(0.0, 1.0, 2)
    end = start + (end - start) * float(rng.choice([0.0, rng.uniform(0.0, 0.1), rng.uniform(0.05, 0.4)]))
    fps = int(_RATES[rng.integers(len(_RATES))])
    camera = scenes.Camera(
        start=(float(start[0]), float(start[1])),
        end=(float(end[0]), float(end[1])),
        scale=(scale / zoom if scale / zoom >= least else scale, scale),
        roll_degrees=(0.0, float(rng.choice([0.0, 0.0, 0.0, rng.uniform(-2.0, 2.0)]))),
        shake_px=float(rng.choice([0.0, 0.0, 0.3, 0.8])),
        mirror=False,
        seed=int(rng.integers(1 << 30)),
    )
    scene = scenes.Scene(scenes.Photograph(content.name, "", "", ""), (width, height), fps, FRAMES / fps, camera)
    return list(scenes.frames(scene, photo)), fps


def _filmed(content: Content, number: int, count: int) -> tuple[list[np.ndarray], int]:
    """A part of a clip, the parts spread over the clip, shrunk twofold."""
    length = _clip_length(content.path)
    start = max(0, (length - FRAMES) * number // max(1, count - 1)) if count > 1 else 0
    frames, fps = clip_frames(content.path, FRAMES, start)
    height, width = (side // 4 * 2 for side in frames[0].shape[:2])
    return [cv2.resize(f, (width, height), interpolation=cv2.INTER_AREA) for f in frames], fps


def _clip_length(path: Path) -> int:
    import av

    with av.open(str(path)) as container:
        return sum(1 for packet in container.demux(video=0) if packet.size)


def _layer_pictures(content: Content) -> np.ndarray:
    """What may stand in front of a content: the content itself, shrunk and mirrored, so that no split is crossed."""
    picture = first_picture(content.path)
    size = (round(picture.shape[1] * SHRINK * 0.8), round(picture.shape[0] * SHRINK * 0.8))
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)[:, ::-1]


def _draw_layer(rng: np.random.Generator) -> Layer:
    start, end = rng.uniform(-0.1, 1.1, 2), rng.uniform(-0.1, 1.1, 2)
    end = start + (end - start) * float(rng.uniform(0.1, 0.6))
    return Layer(float(rng.uniform(0.3, 0.7)), (float(start[0]), float(start[1])), (float(end[0]), float(end[1])))
