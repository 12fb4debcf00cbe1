"""No-reference baselines for the table of the sealed test: what a checkpoint has to beat.

- bits per pixel: what was spent on a clip, which says nothing of any distortion but compression;
- BRISQUE and NIQE (`lmms_cpllm.baselines`): how natural three frames of a video look;
- a support vector regression on the pretrained towers' features: what is had without training towers and without language.

Higher is better everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR
from tqdm import tqdm

from lmms_cpllm.baselines import bitrate, naturalness
from lmms_cpllm.baselines.measuring import Measured, measure_files, numbers_of
from lmms_cpllm.training.evaluation import Figure, score_figures, share
from lmms_cpllm.training.labelling import Example
from lmms_cpllm.training.recipe import WITH_TEST, Recipe, encode_corpus, make_corpus, train_indices
from lmms_cpllm.training.tiny import build

FRAMES = 3
"""Of each video, for BRISQUE and NIQE."""


def bits_per_pixel(examples: Sequence[Example]) -> np.ndarray:
    """Bits for each pixel of each frame, (n,) float64; of photographs by the size of the file, NaN for what is no image."""
    paths = [e.path for e in examples]
    stills = iter(list(measure_files(bitrate.bits_per_pixel, [(e.path,) for e in examples if e.source == "still"])))
    found = [next(stills) if e.source == "still" else Measured(e.bits_per_pixel, "") for e in examples]
    return numbers_of("bits per pixel", paths, found)


def natural(title: str, measure: Callable[..., float], paths: Sequence[Path], workers: int) -> np.ndarray:
    """A measure of naturalness with its sign turned, (n,) float64, NaN for a file that gives no number."""
    found = measure_files(measure, [(path, FRAMES) for path in paths], workers)
    return -numbers_of(title, paths, tqdm(found, desc=title, unit="video", total=len(paths)))


def feature_svr(
    features: dict[str, torch.Tensor],
    examples: Sequence[Example],
    train: Sequence[int],
    test: Sequence[int],
    which: Sequence[str] = ("context", "pixel"),
) -> np.ndarray:
    """A support vector regression from the towers' features, averaged over tokens, to the labels.

    Args:
        features: `(N, tokens, features)` each, of all examples.
        examples: N of them.
        train: indices of those to fit to.
        test: indices of those to predict.
        which: names in `features`.

    Returns:
        ACR, `(len(test),)` float64, not clipped.
    """
    means = [features[name].mean(1, dtype=torch.float32).numpy() for name in which]
    values = np.concatenate(means, axis=1)
    acr = np.array([1 + examples[i].quality / 25 for i in train])
    # Squared distances of standardised vectors grow with their length. Fixed, not searched for: the test has no say.
    regression = SVR(C=2, gamma=0.3 / values.shape[1], epsilon=0.1, cache_size=1000)
    fitted = make_pipeline(StandardScaler(), regression).fit(values[list(train)], acr)
    return fitted.predict(values[list(test)]).astype(np.float64)


def run(recipe: Recipe, contents: Path, photographs: Path, work: Path) -> dict[str, list[Figure]]:
    """Figures of every baseline on the sealed test, by its name.

    A file that gives no number counts as the median of the others; `answered` is the share of those that gave one.

    Args:
        recipe: with which the corpus was made.
        contents: folder with photos/ and videos/.
        photographs: folder with scores.csv.
        work: the recipe's work folder; what is missing there is made.

    Raises:
        DataError: contents or photographs are missing or not as expected.
        UserError: a package of the extra `train` or `baselines` is missing.
    """
    for check in (naturalness.check_brisque, naturalness.check_niqe):  # before hours of rendering
        check()
    corpus = make_corpus(recipe, contents, photographs, work, parts=WITH_TEST)
    examples = corpus.examples
    tested = [i for i, e in enumerate(examples) if e.split == "test"]
    paths = [examples[i].path for i in tested]
    quality = {
        "bits per pixel": bits_per_pixel([examples[i] for i in tested]),
        "BRISQUE": natural("BRISQUE", naturalness.brisque, paths, recipe.workers),
        "NIQE": natural("NIQE", naturalness.niqe, paths, recipe.workers),
    }
    model, processor = build(recipe.seed, texts=recipe.texts)
    features = encode_corpus(model, processor, corpus, work, recipe.workers)
    train = train_indices(examples)
    stills = [i for i in train if examples[i].source == "still"]
    quality["SVR on features"] = feature_svr(features, examples, train, tested)
    quality["SVR on features, photographs alone"] = feature_svr(features, examples, stills, tested)
    return {name: _figures(examples, values, tested) for name, values in quality.items()}


def _figures(examples: Sequence[Example], quality: np.ndarray, tested: Sequence[int]) -> list[Figure]:
    known = np.isfinite(quality)
    # These scales have no middle of their own.
    filled = np.where(known, quality, np.median(quality[known]) if known.any() else 0.0)
    answered = share("answered", known.tolist(), [examples[i].content for i in tested])
    return [*score_figures(examples, filled, tested), answered]
