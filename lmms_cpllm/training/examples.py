"""What is trained on: clips of known distortion, and photographs with human scores."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lmms_cpllm.errors import DataError
from lmms_cpllm.training.corpus import read_table

# Photographs of the same object stand under adjacent numbers, so whole blocks of numbers are held out.
_BLOCK = 200
_VALIDATION_BLOCK = 7


@dataclass(frozen=True)
class Example:
    """One labelled video or photograph."""

    path: Path
    quality: float
    """0..100."""
    source: str
    """`clips` or `photographs`."""
    content: str
    split: str
    """`train` or `validation`."""
    families: tuple[str, ...] | None
    """Distortions in order; None where they are not known."""


def clip_examples(folder: Path) -> list[Example]:
    """Clips that `make_corpus` made."""
    return [
        Example(
            path=folder / row["file"],
            quality=float(row["quality"]),
            source="clips",
            content=row["content"],
            split=row["split"],
            families=tuple(f for f in row["families"].split(";") if f),
        )
        for row in read_table(folder / "corpus.csv")
    ]


def photograph_examples(folder: Path) -> list[Example]:
    """Photographs with the mean opinion of human observers, from `scores.csv` with columns `file, mos_acr, number, subset`.

    Raises:
        DataError: a column is missing or a score is outside 1..5.
    """
    table = folder / "scores.csv"
    examples = []
    for row in read_table(table):
        missing = {"file", "mos_acr", "number", "subset"} - set(row)
        if missing:
            raise DataError(
                f"{table}: expected columns file, mos_acr, number, subset; missing {', '.join(sorted(missing))}"
            )
        acr, block = float(row["mos_acr"]), int(row["number"]) // _BLOCK
        if not 1 <= acr <= 5:
            raise DataError(f"{table}: {row['file']} has a mean opinion of {acr}, expected 1..5")
        examples.append(
            Example(
                path=folder / row["file"],
                quality=(acr - 1) * 25,
                source="photographs",
                content=f"{row['subset']}-{block}",
                split="validation" if block % _VALIDATION_BLOCK == _VALIDATION_BLOCK - 1 else "train",
                families=None,
            )
        )
    return examples
