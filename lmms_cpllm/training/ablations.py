"""What the parts are worth: all tasks trained without one of them at a time, on cached features, on the sealed test.

The pixel tower is the one that the recipe came to, except in the rows about it; every row trains decoder and projectors
from scratch, with the same settings and number of steps.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from lmms_cpllm.errors import ArgumentError, DataError
from lmms_cpllm.synthesis.distortions import FAMILIES
from lmms_cpllm.training.batches import Batches, Mix
from lmms_cpllm.training.corpus import write_json
from lmms_cpllm.training.evaluation import Figure, language_figures, score_figures
from lmms_cpllm.training.features import CachedFeatures, fold, moments_of
from lmms_cpllm.training.judging import Judge
from lmms_cpllm.training.labelling import Example
from lmms_cpllm.training.loop import Stage, run_stage
from lmms_cpllm.training.recipe import (
    WITH_TEST,
    Recipe,
    encode_corpus,
    freeze_towers,
    learn_tower,
    load_tower,
    make_corpus,
    train_indices,
)
from lmms_cpllm.training.texts import Texts
from lmms_cpllm.training.tiny import build


@dataclass(frozen=True)
class Row:
    """One row of the table: what is different."""

    ablated: str | None = None
    """The view that is silent in training and test: `context` or `pixel`."""
    keeps: Callable[[Example], bool] = lambda example: True
    """Which training examples are left."""
    mix: Callable[[Mix], Mix] = lambda mix: mix
    tower: str = "learned"
    """The pixel tower: `learned` by the recipe, which began with ImageNet's weights or, `scratch`, with random ones;
    `pretrained` on ImageNet; or, as both towers, of `random` weights."""
    by_vmaf: bool = False
    """Whether clips are labelled by plain VMAF instead of the fitted opinion, and families that it does not know left
    out."""


def _has_capture(example: Example) -> bool:
    return any(family in FAMILIES and FAMILIES[family].stage == "capture" for family in example.families)


ROWS: dict[str, Row] = {
    "both": Row(),
    "context only": Row(ablated="pixel"),
    "pixel only": Row(ablated="context"),
    "without scored photographs": Row(
        keeps=lambda example: example.source == "synthetic",
        mix=lambda mix: replace(mix, synthetic=mix.rated, still=0, human=0),
    ),
    "without the table of severities": Row(by_vmaf=True),
    "without capture distortions": Row(keeps=lambda example: not _has_capture(example)),
    "photographs alone": Row(
        keeps=lambda example: example.source == "still",
        mix=lambda mix: replace(mix, synthetic=0, human=0, still=mix.rated),
    ),
    "pixel tower of ImageNet": Row(tower="pretrained"),
    "pixel tower from scratch": Row(tower="scratch"),
    "towers of random weights": Row(tower="random"),
}


def run(
    recipe: Recipe,
    contents: Path,
    photographs: Path,
    work: Path,
    out: Path,
    only: Sequence[str] | None = None,
    epochs: int | None = None,
) -> dict[str, list[Figure]]:
    """Trains and tests the rows; those that stand in `out` already are kept.

    Args:
        recipe: its tasks are what is trained.
        contents: folder with photos/ and videos/.
        photographs: folder with scores.csv.
        work: the recipe's work folder.
        out: JSON, `{"epochs": of each row, "share": of the recipe, "rows": {row: [figures]}}`.
        only: names of rows; all where it is None.
        epochs: of every row, instead of the recipe's: rows that learn for a shorter time are still fair to each other.

    Raises:
        ArgumentError: a row that does not exist, or a tower from scratch of a recipe whose tower does not learn.
        DataError: the rows that stand in `out` learned for another number of epochs, or from another share.
    """
    recipe = replace(recipe, tasks=replace(recipe.tasks, epochs=epochs or recipe.tasks.epochs))
    wanted = list(only or ROWS)
    unknown = [name for name in wanted if name not in ROWS]
    if unknown:
        raise ArgumentError(f"--only: expected names among {', '.join(ROWS)}; found {', '.join(unknown)}")
    if recipe.tower is None and any(ROWS[name].tower == "scratch" for name in wanted):
        raise ArgumentError("a pixel tower from scratch needs a recipe with a stage `tower`; found one without")
    settings = {"epochs": recipe.tasks.epochs, "share": recipe.share}
    known = _read(out, settings)
    for name in wanted:
        if name not in known:
            known[name] = _run_row(name, ROWS[name], recipe, contents, photographs, work)
            rows = {key: [asdict(f) for f in figures] for key, figures in known.items()}
            write_json(out, settings | {"rows": rows})
    return known


def table(rows: Mapping[str, Sequence[Figure]]) -> list[str]:
    """One line a row and figure."""
    return [f"{name} | {figure}" for name, figures in rows.items() for figure in figures]


def _run_row(name: str, row: Row, recipe: Recipe, contents: Path, photographs: Path, work: Path) -> list[Figure]:
    corpus = make_corpus(recipe, contents, photographs, work, parts=WITH_TEST)
    model, processor = build(recipe.seed, pretrained=row.tower != "random", texts=recipe.texts)
    if recipe.tower and row.tower in ("learned", "scratch"):
        is_scratch = row.tower == "scratch"
        load_tower(model, learn_tower(recipe, recipe.tower, corpus, work, from_scratch=is_scratch)[1])
    freeze_towers(model)
    features = encode_corpus(model, processor, corpus, work, recipe.workers)
    truth = corpus.examples
    examples = [
        _without(example) if example.split == "train" and not row.keeps(example) else example for example in truth
    ]
    if row.by_vmaf:
        labelled = make_corpus(recipe, contents, photographs, work, parts=WITH_TEST, by_vmaf=True).examples
        examples = [e if t.split == "train" else t for e, t in zip(labelled, truth, strict=True)]
    model.set_ablation(row.ablated)
    moments = moments_of(features, train_indices(examples))
    source = CachedFeatures(features, moments)
    stage: Stage = replace(recipe.tasks, seed=recipe.seed)
    # As many steps as the whole has, however few examples are left.
    steps = Batches(truth, Texts(processor), stage.mix, stage.seed, stage.steps).steps
    stage = replace(stage, mix=row.mix(stage.mix), steps=steps)
    folder = work / f"ablation-{name.replace(' ', '-')}-{recipe.seed}-{stage.epochs}"
    run_stage(model, Texts(processor), examples, source, source, stage, folder)
    fold(model, moments)
    judge = Judge(model, processor, features)
    tested = [i for i, e in enumerate(truth) if e.split == "test"]
    return [*score_figures(truth, judge.ratings(tested), tested), *language_figures(judge, truth, tested)]


def _without(example: Example) -> Example:
    """An example that takes no part."""
    return replace(example, split="left out")


def _read(path: Path, settings: Mapping[str, float]) -> dict[str, list[Figure]]:
    if not path.is_file():
        return {}
    held = json.loads(path.read_text())
    if not {*settings, "rows"} <= held.keys():
        raise DataError(
            f"{path}: expected rows of ablations with their {' and '.join(settings)}, found none; take another file for "
            "--out"
        )
    for name, value in settings.items():
        if held[name] != value:
            raise DataError(
                f"{path}: expected rows with --{name} {value:g}, found rows with --{name} {held[name]:g}; take another "
                "file, or the same settings"
            )
    return {name: [Figure(**f) for f in figures] for name, figures in held["rows"].items()}
