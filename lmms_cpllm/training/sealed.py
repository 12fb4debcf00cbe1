"""The sealed test: clips of contents that training never saw, with two families of codecs that it never saw, and scored
photographs of blocks that were held out, as they are and moving. Made once; a released checkpoint is looked at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median

from lmms_cpllm.errors import DataError
from lmms_cpllm.model import load
from lmms_cpllm.training.contents import SPLITS
from lmms_cpllm.training.corpus import write_json
from lmms_cpllm.training.evaluation import Figure, language_figures, score_figures
from lmms_cpllm.training.features import encode_files
from lmms_cpllm.training.judging import Judge
from lmms_cpllm.training.labelling import Example
from lmms_cpllm.training.recipe import TEST_PARTS, Recipe, feature_folders, make_corpus


def run_tests(
    recipe: Recipe, checkpoints: Sequence[str | Path], contents: Path, photographs: Path, work: Path
) -> dict[str, list[Figure]]:
    """Figures of each checkpoint, by its path.

    Args:
        recipe: with which the corpus was made.
        checkpoints: folders.
        contents: folder with photos/ and videos/.
        photographs: folder with scores.csv.
        work: the recipe's work folder; what is missing there is made.

    Raises:
        DataError: none of the contents is of the sealed test.
    """
    corpus = make_corpus(recipe, contents, photographs, work, parts=TEST_PARTS)
    examples = test_examples(corpus.examples)
    if not any(example.source == "synthetic" for example in examples):
        raise DataError(f"{contents}: none of its contents is of the sealed test, which {SPLITS.name} names")
    return {str(path): test_checkpoint(path, examples, work, recipe.workers) for path in checkpoints}


def test_examples(examples: Sequence[Example]) -> list[Example]:
    """What is tested: synthetic clips and scored photographs, still and moving, of the test side."""
    return [e for e in examples if e.split == "test"]


def test_checkpoint(checkpoint: str | Path, examples: Sequence[Example], work: Path, workers: int) -> list[Figure]:
    """All figures of one checkpoint."""
    model, processor = load(checkpoint)
    folders = feature_folders(model, processor, work)
    judge = Judge(model, processor, encode_files(model, processor, [e.path for e in examples], folders, workers))
    everything = range(len(examples))
    quality = judge.ratings(everything)
    return [*score_figures(examples, quality, everything), *language_figures(judge, examples, everything)]


# pytest collects functions whose names begin so.
test_examples.__test__ = False
test_checkpoint.__test__ = False


def write(tested: dict[str, list[Figure]], path: Path) -> None:
    """The figures as JSON."""
    write_json(path, {name: [asdict(found) for found in figures] for name, figures in tested.items()})


def table(tested: dict[str, list[Figure]]) -> list[str]:
    """One line a figure: the median over the checkpoints, the figure of each, and the interval of the median one."""
    lines = []
    for found in zip(*tested.values(), strict=True):
        values = [figure.value for figure in found]
        middle = min(found, key=lambda figure: abs(figure.value - median(values)))
        each = f" ({', '.join(f'{value:.3f}' for value in values)})" if len(values) > 1 else ""
        lines.append(f"{middle}{each}")
    return lines
