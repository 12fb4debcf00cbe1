"""The labelled clips of training: clean scenes with distortions, photographs that people have scored, and the sealed test.

What is kept of a clip is what was done to it and what full-reference metrics say; labels are made of that when it is read
(`training.labelling`), so that a better fit of opinion needs no new rendering.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import zlib
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np
import torch
from tqdm import tqdm

from lmms_cpllm.synthesis.distortions import FAMILIES
from lmms_cpllm.synthesis.encode import CODECS
from lmms_cpllm.synthesis.measures import light_of, motion_of, texture_of
from lmms_cpllm.training.contents import TEST, TRAIN, Content, first_picture
from lmms_cpllm.training.draws import SEEN_CODECS, UNSEEN_CODECS, Link, draw_afterwards, draw_chains, ladder
from lmms_cpllm.training.human import Scored, whole_pixel_pan
from lmms_cpllm.training.rendering import render_chain
from lmms_cpllm.training.scenery import FRAMES, CleanScene, clean_scenes
from lmms_cpllm.training.subjects import subject_of

# A photograph that people found worse hides what is done to it afterwards.
_WORTH_A_CLIP_ACR = 3.0
# Of a photograph that moves: half of what a scene has.
_PHOTOGRAPH_FRAMES = FRAMES // 2
_GROUPS = 120


def make_clean_part(
    contents: Sequence[Content],
    folder: Path,
    *,
    seed: int,
    scenes: int,
    codecs: int,
    others: int,
    chains: int,
    workers: int,
) -> list[dict]:
    """Clips of the contents for training and validation.

    Args:
        contents: those of the test are left out.
        folder: one folder for each content in it; finished contents are kept when it is run again.
        seed: of all draws.
        scenes: clean scenes of each content.
        codecs: clips with a single codec of each scene.
        others: clips with another single distortion of each scene.
        chains: clips with a chain of each scene.
        workers: processes.

    Returns:
        One row a clip; see `_row`.
    """
    draw = {"scenes": scenes, "codecs": codecs, "others": others, "chains": chains}
    jobs = [(c.name, _make_content, (c, seed, draw)) for c in contents if c.split != TEST]
    return _run(jobs, folder, "clips", workers)


def make_test_part(
    contents: Sequence[Content], folder: Path, *, seed: int, workers: int, small: bool = False
) -> list[dict]:
    """The sealed test: of each of its contents one clean clip, ladders of seen and unseen codecs and of other distortions,
    and chains. `small` leaves most of it out, for tests of the way itself."""
    jobs = [(c.name, _make_test, (c, seed, small)) for c in contents if c.split == TEST]
    return _run(jobs, folder, "sealed test", workers)


def make_human_part(photographs: Sequence[Scored], folder: Path, *, seed: int, clips: int, workers: int) -> list[dict]:
    """Photographs with human scores as moving clips that are then distorted. They are the many contents of training: on a
    few pristine ones alone a model learns these contents.

    Args:
        photographs: those of the test are left out, and those of the training that people found worse than fair.
        folder: see `make_clean_part`.
        seed: of all draws.
        clips: how many of each training photograph; of the others there is one.
        workers: processes.
    """
    taken = [p for p in photographs if p.split != TEST and (p.split != TRAIN or p.acr >= _WORTH_A_CLIP_ACR)]
    jobs = [(name, _make_photographs, (group, seed, clips)) for name, group in _grouped(taken)]
    return _run(jobs, folder, "scored photographs", workers)


def make_moving_part(photographs: Sequence[Scored], folder: Path, *, seed: int, workers: int) -> list[dict]:
    """Photographs with human scores as moving clips to which nothing else was done, one of each: what people said of a
    picture, said of a video.

    Args:
        photographs: all of them are made, whatever their score and their side of the split.
        folder: see `make_clean_part`.
        seed: that of `make_human_part`, so that a photograph moves in the same way there.
        workers: processes.
    """
    jobs = [(name, _make_moving, (group, seed)) for name, group in _grouped(photographs)]
    return _run(jobs, folder, "moving photographs", workers)


def _grouped(photographs: Sequence[Scored]) -> list[tuple[str, list[Scored]]]:
    """Groups with their names, in the order of these."""
    groups: dict[str, list[Scored]] = {}
    for photograph in photographs:
        # By name, so that a photograph more or less in the folder leaves the other groups as they are.
        groups.setdefault(f"group-{zlib.crc32(photograph.name.encode()) % _GROUPS:03d}", []).append(photograph)
    return sorted(groups.items())


def _make_content(content: Content, seed: int, draw: dict[str, int], folder: Path) -> list[dict]:
    rng = _rng(seed, content.name)
    rows = []
    for number, scene in enumerate(clean_scenes(content, rng, draw["scenes"])):
        chains = draw_chains(rng, _pixels_per_second(scene), draw["codecs"], draw["others"], draw["chains"])
        rows += _make_clips(scene, chains, f"{content.name}-{number}", content.name, content.split, folder)
    return rows


def _make_test(content: Content, seed: int, small: bool, folder: Path) -> list[dict]:
    rng = _rng(seed, content.name)
    [scene] = clean_scenes(content, rng, 1)
    codecs = [str(c) for c in rng.permutation(SEEN_CODECS)[: 1 if small else 2]]
    others = [str(f) for f in rng.permutation(list(FAMILIES))[: 1 if small else 3]]
    chains: list[tuple[Link, ...]] = [()]
    for family in (*codecs, *(UNSEEN_CODECS[:1] if small else UNSEEN_CODECS)):
        chains += ladder(family, 2 if small else 4, rng)
    for family in others:
        chains += ladder(family, 2 if small else 3, rng)
    if not small:
        chains += draw_chains(rng, _pixels_per_second(scene), 0, 0, 3)[1:]
    return _make_clips(scene, chains, content.name, content.name, TEST, folder)


def _make_photographs(group: Iterable[Scored], seed: int, clips: int, folder: Path) -> list[dict]:
    rows = []
    for photograph in group:
        rng = _rng(seed, photograph.name)
        scene = _moving(photograph, rng)
        count = clips if photograph.split == TRAIN else 1
        chains: list[tuple[Link, ...]] = []
        if count > 2:
            # Two strengths of one distortion: what is compared differs in nothing else.
            chains += ladder(str(rng.choice((*SEEN_CODECS, *FAMILIES))), 2, rng)
        while len(chains) < count:
            chains.append(draw_afterwards(rng, _pixels_per_second(scene)))
        rows += _clips_of(photograph, scene, chains, folder)
    return rows


def _make_moving(group: Iterable[Scored], seed: int, folder: Path) -> list[dict]:
    return [row for p in group for row in _clips_of(p, _moving(p, _rng(seed, p.name)), [()], folder)]


def _moving(photograph: Scored, rng: np.random.Generator) -> CleanScene:
    """The same for the same photograph and seed, so that its clips show one scene."""
    frames = whole_pixel_pan(first_picture(photograph.path), _PHOTOGRAPH_FRAMES, rng)
    return CleanScene(frames, int(rng.choice([24, 25, 30])), "")


def _clips_of(photograph: Scored, scene: CleanScene, chains: Sequence[tuple[Link, ...]], folder: Path) -> list[dict]:
    made = _make_clips(scene, chains, photograph.name, photograph.content, photograph.split, folder)
    return [row | {"acr": photograph.acr} for row in made]


def _make_clips(
    scene: CleanScene, chains: Sequence[tuple[Link, ...]], stem: str, content: str, split: str, folder: Path
) -> list[dict]:
    facts = scene_facts(scene.frames, scene.fps) | {"overlay": scene.overlay}
    rows = []
    for number, chain in enumerate(chains):
        delivery = CODECS[chain[-1].family] if chain and chain[-1].is_codec else CODECS["h264"]
        path = folder / f"{stem}-{number:02d}.{delivery.container}"
        measured = render_chain(scene.frames, chain, scene.fps, path)
        rows.append(
            {
                "file": path.name,
                "content": content,
                "scene": stem,
                "split": split,
                "chain": [asdict(link) for link in chain],
                "links": measured.links,
                "whole": measured.whole,
                "facts": facts,
                "acr": None,
                "bits_per_pixel": path.stat().st_size * 8 / (scene.frames[0][..., 0].size * len(scene.frames)),
            }
        )
    return rows


def scene_facts(frames: Sequence[np.ndarray], fps: float) -> dict[str, str]:
    """What is known of a clean scene: subject, light, texture, motion."""
    stack = np.stack(frames)
    return {
        "subject": subject_of(frames[len(frames) // 2]),
        "light": light_of(stack),
        "texture": texture_of(stack),
        "motion": motion_of(stack, fps),
    }


def _pixels_per_second(scene: CleanScene) -> float:
    return float(scene.frames[0][..., 0].size * scene.fps)


def _rng(seed: int, name: str) -> np.random.Generator:
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


def _run(jobs: Sequence[tuple[str, Callable, tuple]], folder: Path, title: str, workers: int) -> list[dict]:
    """Runs the jobs whose tables are not there yet in processes of their own, and reads all tables in their order.

    Every job has a folder, whose name changes with what the job was given: clips of other draws or other photographs are
    not taken for its own.
    """
    tables = [folder / f"{name}-{_digest(arguments)}" / "clips.json" for name, _, arguments in jobs]
    todo = [(job, table) for job, table in zip(jobs, tables, strict=True) if not table.is_file()]
    for _, table in todo:
        table.parent.mkdir(parents=True, exist_ok=True)
    # Spawned, not forked: OpenCV's threads do not survive a fork.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, initializer=_use_one_thread) as pool:
        running = {pool.submit(function, *arguments, table.parent): table for (_, function, arguments), table in todo}
        bar = tqdm(as_completed(running), desc=title, unit="content", total=len(jobs), initial=len(jobs) - len(todo))
        for done in bar:
            write_json(running[done], done.result())
    return [
        row | {"path": str(table.parent / row["file"])} for table in tables for row in json.loads(table.read_text())
    ]


def _digest(arguments: tuple) -> str:
    """8 digits that change with a job's arguments, but not with where its files are."""
    plain = json.dumps(arguments, default=lambda value: value.name if isinstance(value, Path) else asdict(value))
    return hashlib.sha256(plain.encode()).hexdigest()[:8]


def _use_one_thread() -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)


def write_json(path: Path, value: object) -> None:
    """Whole or not at all."""
    part = path.with_name(f"{path.name}.part")
    part.write_text(json.dumps(value))
    os.replace(part, path)


__all__ = [
    "TRAIN",
    "make_clean_part",
    "make_human_part",
    "make_moving_part",
    "make_test_part",
    "scene_facts",
    "write_json",
]
