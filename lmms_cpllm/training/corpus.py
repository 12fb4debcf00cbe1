"""Distorted clips with labels, made of photographs and clean clips: what the synthetic part of training consists of.

Contents are whatever lies in a folder, never those of `vqa_mini`; codec settings and strengths stay clear of its ladders
(other presets, and no strength of a ladder is ever drawn).
"""

from __future__ import annotations

import csv
import hashlib
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from lmms_cpllm.errors import DataError
from lmms_cpllm.synthesis import scenes
from lmms_cpllm.synthesis.distortions import FAMILIES, Step
from lmms_cpllm.synthesis.encode import CODECS, LOSSLESS, NEAR_LOSSLESS, encode, encoding
from lmms_cpllm.synthesis.labels import quality_of_vmaf, vmaf
from lmms_cpllm.synthesis.recipe import CLEAN, LADDERS, PHOTOGRAPHS, Item
from lmms_cpllm.synthesis.render import clip_bytes

COLUMNS = ("name", "file", "content", "split", "families", "strengths", "quality", "vmaf")
FRAMES = 24
# A photograph counts as pristine after shrinking at least twofold.
_SHRINK = 0.5
_SIZES = ((640, 360), (640, 360), (480, 480), (360, 640), (576, 432))
_RATES = (24, 25, 30)
_VALIDATION_SHARE = 0.15
# Ranges of strength, and presets other than those of `vqa_mini`.
_RANGES = {
    "h264": (22, 50, {"preset": "veryfast"}),
    "hevc": (24, 50, {"preset": "superfast"}),
    "vp9": (30, 62, {"cpu-used": "6"}),
    "av1": (34, 62, {"preset": "12"}),
    "mpeg4": (3, 30, {}),
    "blur": (0.35, 3.2, {}),
    "noise": (3.0, 60.0, {}),
    "scaling": (1.2, 5.5, {}),
    "drops": (5.0, 75.0, {}),
}
_CHAINS = (("blur", "h264"), ("noise", "hevc"), ("scaling", "vp9"), ("scaling", "h264"), ("noise", "mpeg4"))


@dataclass(frozen=True)
class Draw:
    """One clip to make of a content."""

    families: tuple[str, ...]
    """In the order of the chain; empty for a clean clip."""
    strengths: tuple[float, ...]
    """Each in its family's unit."""


def split_of(content: str) -> str:
    """`train` or `validation`, by the content's name alone: all clips of a content lie on one side."""
    share = int(hashlib.sha256(content.encode()).hexdigest()[:8], 16) / 0xFFFFFFFF
    return "validation" if share < _VALIDATION_SHARE else "train"


def draw_strength(family: str, rng: np.random.Generator) -> float:
    """A strength within the family's range, even on a logarithmic scale for distortions, off the ladders of `vqa_mini`."""
    low, high, _ = _RANGES[family]
    taken = {s for ladder in LADDERS if ladder.family == family for s in ladder.strengths}
    while True:
        if family in CODECS:
            strength = float(rng.integers(low, high + 1))
        else:
            strength = round(float(np.exp(rng.uniform(np.log(low), np.log(high)))), 2)
        if strength not in taken:
            return strength


def draws(rng: np.random.Generator, singles: int, chains: int) -> list[Draw]:
    """A clean clip, single distortions of different families and chains of two."""
    families = list(rng.permutation(list(_RANGES)))
    picked = [families[i % len(families)] for i in range(singles)]
    result = [Draw((), ())]
    result += [Draw((str(f),), (draw_strength(str(f), rng),)) for f in picked]
    for index in rng.permutation(len(_CHAINS))[:chains]:
        chain = _CHAINS[index]
        result.append(Draw(chain, tuple(draw_strength(f, rng) for f in chain)))
    return result


def item_of(draw: Draw, scene: scenes.Scene, name: str) -> Item:
    """The recipe's form of a draw."""
    steps = tuple(
        Step(f, s, scene.camera.seed) for f, s in zip(draw.families, draw.strengths, strict=True) if f in FAMILIES
    )
    delivery = NEAR_LOSSLESS
    for family, strength in zip(draw.families, draw.strengths, strict=True):
        if family in CODECS:
            delivery = encoding(family, strength, **_RANGES[family][2])
    return Item(name, scene, steps, delivery, draw.families[-1] if draw.families else CLEAN, 0.0, "")


def photograph_scene(name: str, photo: np.ndarray, rng: np.random.Generator) -> scenes.Scene:
    """A view of a photograph by a camera that moves a little, shrunk at least twofold where the photograph allows it."""
    width, height = _SIZES[rng.integers(len(_SIZES))]
    fits = max(width / photo.shape[1], height / photo.shape[0]) * 1.02
    scale = max(fits, _SHRINK * float(rng.uniform(0.85, 1.0)))
    start, end = rng.uniform(0.1, 0.9, 2), rng.uniform(0.1, 0.9, 2)
    end = start + (end - start) * float(rng.uniform(0.0, 0.35))
    fps = _RATES[rng.integers(len(_RATES))]
    camera = scenes.Camera(
        start=(float(start[0]), float(start[1])),
        end=(float(end[0]), float(end[1])),
        scale=(scale, scale * float(rng.uniform(1.0, 1.04))),
        shake_px=float(rng.choice([0.0, 0.0, 0.5, 1.0])),
        mirror=True,
        seed=int(rng.integers(1 << 30)),
    )
    return scenes.Scene(scenes.Photograph(name, "", "", ""), (width, height), fps, FRAMES / fps, camera)


def photograph_contents(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.suffix.lower() in (".jpg", ".jpeg", ".png"))


def video_contents(folder: Path, prefixes: Sequence[str]) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.name.startswith(tuple(prefixes)))


def _make_content(source: Path, out: Path, seed: int, scene_count: int) -> list[dict[str, str]]:
    """Renders and labels all clips of one content."""
    rng = np.random.default_rng([seed, int(hashlib.sha256(source.name.encode()).hexdigest()[:8], 16)])
    rows: list[dict[str, str]] = []
    for index, (scene, clean) in enumerate(_scenes(source, rng, scene_count)):
        stem = f"{source.stem}-{index}"
        reference = out / f"{stem}.reference.mp4"
        encode(clean, reference, LOSSLESS, scene.fps)
        for number, draw in enumerate(draws(rng, singles=7, chains=1)):
            name = f"{stem}-{number:02d}"
            path = out / f"{name}.mp4"
            path.write_bytes(clip_bytes(item_of(draw, scene, name), clean))
            score = vmaf(reference, path, len(clean))
            strengths = ";".join(f"{s:g}" for s in draw.strengths)
            values = (name, path.name, source.stem, split_of(source.stem), ";".join(draw.families), strengths)
            labels = (f"{quality_of_vmaf(score):.2f}", f"{score:.3f}")
            rows.append(dict(zip(COLUMNS, (*values, *labels), strict=True)))
        reference.unlink()
    return rows


def _scenes(source: Path, rng: np.random.Generator, count: int) -> Iterator[tuple[scenes.Scene, list[np.ndarray]]]:
    if source.suffix.lower() in (".jpg", ".jpeg", ".png"):
        photo = np.asarray(Image.open(source).convert("RGB"))
        for _ in range(count):
            scene = photograph_scene(source.stem, photo, rng)
            yield scene, list(scenes.frames(scene, photo))
        return
    clean, fps = clip_frames(source, FRAMES)
    scene = scenes.Scene(
        scenes.Photograph(source.stem, "", "", ""), (clean[0].shape[1], clean[0].shape[0]), fps, FRAMES / fps
    )
    yield scene, clean


def clip_frames(source: Path, count: int) -> tuple[list[np.ndarray], int]:
    """The first frames of a clean clip, uint8 RGB, cut to even sides, and its rate rounded to whole frames per second."""
    import av

    with av.open(str(source)) as container:
        stream = container.streams.video[0]
        fps = round(float(stream.average_rate))
        frames = []
        for frame in container.decode(stream):
            array = frame.to_ndarray(format="rgb24")
            frames.append(array[: array.shape[0] // 2 * 2, : array.shape[1] // 2 * 2])
            if len(frames) == count:
                return frames, fps
    raise DataError(f"{source}: expected at least {count} frames, found {len(frames)}")


def make_corpus(contents: Sequence[Path], out: Path, *, seed: int = 0, scene_count: int = 2, workers: int = 2) -> Path:
    """Makes the clips of all contents and a table of their labels; finished contents are kept when it is run again.

    Args:
        contents: photographs and clean clips.
        out: folder of the clips, one table per content and `corpus.csv`.
        seed: of the draws.
        scene_count: scenes per photograph; a clip is one scene.
        workers: processes.

    Raises:
        DataError: a content is one of `vqa_mini`'s, or a clip is too short.
    """
    for source in contents:
        digest = hashlib.sha256(source.read_bytes()).hexdigest()[:16]
        if any(photo.sha256 == digest for photo in PHOTOGRAPHS.values()):
            raise DataError(f"{source}: this is a content of vqa_mini, which training must not see; take it out")
    out.mkdir(parents=True, exist_ok=True)
    open_contents = [s for s in contents if not _part(out, s).is_file()]
    with ProcessPoolExecutor(workers) as pool:
        jobs = [pool.submit(_make_content, source, out, seed, scene_count) for source in open_contents]
        for source, job in zip(tqdm(open_contents, desc="clips", unit="content"), jobs, strict=True):
            _write_table(_part(out, source), job.result())
    rows = [row for source in contents for row in read_table(_part(out, source))]
    _write_table(out / "corpus.csv", rows)
    return out / "corpus.csv"


def _part(out: Path, source: Path) -> Path:
    return out / f"{source.stem}.csv"


def read_table(path: Path) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _write_table(path: Path, rows: Sequence[dict[str, str]]) -> None:
    part = path.with_name(f"{path.name}.part")
    with open(part, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    os.replace(part, path)
