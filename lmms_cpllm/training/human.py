"""Photographs with the mean opinion of human observers, and clips that show them without changing their sharpness."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lmms_cpllm.errors import DataError
from lmms_cpllm.training.contents import HASH_BITS, Content

COLUMNS = ("file", "mos_acr", "number", "subset")
# Photographs of the same object stand under adjacent numbers, so whole blocks of numbers are held out.
_BLOCK, _OUT_OF = 200, 7
_VALIDATION, _TEST = 5, 6
_GOOD_ACR = 4.0
# Of 256 bits the share in which two shots of one scene differ at most. Contents have a wider limit: they are few, and one
# that is refused without need is looked at by a person.
_SAME_SHARE = 0.12
# What is left of a photograph's sides to pan over.
_ROOM = 64


@dataclass(frozen=True)
class Scored:
    """One photograph that people have scored."""

    name: str
    path: Path
    acr: float
    """Mean opinion, 1..5."""
    subset: str
    content: str
    """Subset and block of numbers."""
    split: str
    """`train`, `validation` or `test`."""


def without_copies(
    photographs: Sequence[Scored], hashes: Mapping[str, int], forbidden: Sequence[int] = ()
) -> list[Scored]:
    """The photographs without those of the training side that look the same as one that is held out.

    Args:
        photographs: all of them.
        hashes: `contents.difference_hash` of each by its name.
        forbidden: of further pictures that are held out.
    """
    bits = {p.name: _bits(hashes[p.name]) for p in photographs}
    others = [bits[p.name] for p in photographs if p.split != "train"] + [_bits(code) for code in forbidden]
    held_out = np.array(others, np.float32).reshape(-1, HASH_BITS)
    training = [p for p in photographs if p.split == "train"]
    ours = np.array([bits[p.name] for p in training], np.float32).reshape(-1, HASH_BITS)
    differing = ours @ (1 - held_out).T + (1 - ours) @ held_out.T
    copies = {p.name for p, row in zip(training, differing, strict=True) if (row <= _SAME_SHARE * HASH_BITS).any()}
    return [p for p in photographs if p.name not in copies]


def photographs_as_contents(photographs: Sequence[Scored]) -> list[Content]:
    """Photographs that people found good, as contents: shrunk twofold nothing is left of the faults that they may have.
    Of few contents a model learns the contents; these are many."""
    return [Content(p.name, p.path, False, p.split) for p in photographs if p.acr >= _GOOD_ACR]


def _bits(code: int) -> list[int]:
    return [int(bit) for bit in f"{code:0{HASH_BITS}b}"]


def read_scored(folder: Path) -> list[Scored]:
    """The photographs of `folder`/scores.csv, which has the columns `file, mos_acr, number, subset`.

    Raises:
        DataError: a column is missing, a score is outside 1..5, a number is none, or two files have one name.
    """
    table = folder / "scores.csv"
    try:
        with open(table, newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except FileNotFoundError as error:
        raise DataError(f"{table}: expected a table of human scores with columns {', '.join(COLUMNS)}") from error
    missing = set(COLUMNS) - set(rows[0] if rows else ())
    if missing:
        raise DataError(f"{table}: expected columns {', '.join(COLUMNS)}; missing {', '.join(sorted(missing))}")
    found = [_scored(folder, table, row) for row in rows]
    known: set[str] = set()
    for row, photograph in zip(rows, found, strict=True):
        if photograph.name in known:
            raise DataError(
                f"{table}: {row['file']}: there is another file named {photograph.name}; clips are named after their "
                "photograph, so rename one of them"
            )
        known.add(photograph.name)
    return found


def _scored(folder: Path, table: Path, row: dict[str, str]) -> Scored:
    try:
        acr, block = float(row["mos_acr"]), int(row["number"]) // _BLOCK
    except ValueError as error:
        raise DataError(f"{table}: {row['file']}: expected numbers in mos_acr and number: {error}") from error
    if not 1 <= acr <= 5:
        raise DataError(f"{table}: {row['file']} has a mean opinion of {acr}, expected 1..5")
    split = {_VALIDATION: "validation", _TEST: "test"}.get(block % _OUT_OF, "train")
    path = folder / row["file"]
    return Scored(path.stem, path, acr, row["subset"], f"{row['subset']}-{block}", split)


def whole_pixel_pan(picture: np.ndarray, count: int, rng: np.random.Generator) -> list[np.ndarray]:
    """A view that moves over a picture by whole pixels, or stands still: what is seen is as sharp as the picture.

    Args:
        picture: uint8 `(height, width, 3)` RGB.
        count: frames.
        rng: draws the way.

    Returns:
        Frames of even sides, up to 64 pixels smaller than the picture.
    """
    height, width = picture.shape[:2]
    room = min(_ROOM, height // 4, width // 4)
    view = ((height - room) // 2 * 2, (width - room) // 2 * 2)
    start = rng.integers(0, room + 1, 2)
    end = start if rng.random() < 0.3 else rng.integers(0, room + 1, 2)
    frames = []
    for t in np.linspace(0, 1, count):
        top, left = np.rint(start * (1 - t) + end * t).astype(int)
        frames.append(np.ascontiguousarray(picture[top : top + view[0], left : left + view[1]]))
    return frames
