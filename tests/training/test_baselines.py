"""The baselines: a number planted in features is found, and every file of the test is in every figure."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_training import example

from lmms_cpllm.cli import main
from lmms_cpllm.metrics.correlation import srcc
from lmms_cpllm.training import baselines, evaluation
from lmms_cpllm.training.baselines import bits_per_pixel, feature_svr, run
from lmms_cpllm.training.evaluation import Figure
from lmms_cpllm.training.labelling import Example
from lmms_cpllm.training.recipe import Corpus, Recipe, partial


def test_bits_per_pixel_of_clips_and_photographs(tmp_path, caplog):
    photograph, broken = tmp_path / "photograph.png", tmp_path / "broken.png"
    Image.fromarray(np.zeros((30, 40, 3), np.uint8)).save(photograph)
    broken.write_text("no picture")
    found = bits_per_pixel(
        [example(bits_per_pixel=0.25), example(path=photograph, source="still"), example(path=broken, source="still")]
    )
    np.testing.assert_allclose(found, [0.25, photograph.stat().st_size * 8 / (30 * 40), np.nan])
    assert "1 of 3 files gave no number" in caplog.text
    assert "broken.png" in caplog.text


def planted(count: int = 160) -> tuple[dict[str, torch.Tensor], list[Example]]:
    """Features of which `context` alone holds the quality, in the mean over tokens and in no single token."""
    torch.manual_seed(0)
    features = {"context": torch.randn(count, 3, 8), "pixel": torch.randn(count, 2, 6)}
    quality = torch.rand(count) * 100
    features["context"][:, :2, 0] = torch.randn(count, 2) * 20
    features["context"][:, 2, 0] = 3 * quality / 10 - features["context"][:, :2, 0].sum(1)
    examples = [example(i, float(q)) for i, q in enumerate(quality)]
    return {name: values.half() for name, values in features.items()}, examples


def test_the_regression_finds_a_planted_number():
    features, examples = planted()
    train, test = range(120), range(120, 160)
    truth = np.array([examples[i].quality for i in test])
    predicted = feature_svr(features, examples, train, test)
    assert srcc(predicted, truth) > 0.9
    assert np.abs(predicted - (1 + truth / 25)).mean() < 0.4, "expected the ACR scale"
    assert srcc(feature_svr(features, examples, train, test, which=("context",)), truth) > 0.9
    assert abs(srcc(feature_svr(features, examples, train, test, which=("pixel",)), truth)) < 0.4


def test_the_regression_learns_from_the_named_examples_alone():
    features, examples = planted()
    test = [150, 3, 159]
    predicted = feature_svr(features, examples, range(5, 120), test)
    others = [e if 5 <= i < 120 else example(i, 0.0) for i, e in enumerate(examples)]
    np.testing.assert_array_equal(predicted, feature_svr(features, others, range(5, 120), test))
    assert not np.allclose(predicted, feature_svr(features, examples, range(5, 60), test))


def tiny_corpus() -> tuple[Corpus, dict[str, torch.Tensor], list[int]]:
    """Sixty clips and sixty photographs, features, and which of them are tested: every third but the first."""
    features, found = planted(120)
    examples = []
    for i, e in enumerate(found):
        still = i >= 60
        changes = {
            "source": "still" if still else "synthetic",
            "content": f"ss01-{i % 7}" if still else f"photo{i % 5}",
            "scene": f"scene-{i}",
            "split": "train" if i % 3 else "test",
            "bits_per_pixel": e.quality,
            "families": () if still else ("blur",),
            "strengths": () if still else (100 - e.quality,),
        }
        examples.append(example(i, e.quality, **changes))
    examples[0] = example(0, 50.0, source="human", split="validation")
    return Corpus({"clips": examples[:60], "photographs": examples[60:]}), features, list(range(3, 120, 3))


@pytest.fixture(scope="module")
def figures() -> dict[str, list[Figure]]:
    """`run` over that corpus with a BRISQUE that knows three of four qualities and a NIQE that knows none."""
    corpus, features, tested = tiny_corpus()
    quality = np.array([corpus.examples[i].quality for i in tested])
    asked = []

    def natural(title: str, measure: object, paths: list[Path], workers: int) -> np.ndarray:
        asked.append((title, paths, workers))
        return np.where(np.arange(len(quality)) % 4, quality, np.nan) if title == "BRISQUE" else quality * np.nan

    with pytest.MonkeyPatch.context() as monkeypatch:
        # What is tested are the figures, not their intervals.
        monkeypatch.setattr(evaluation, "RESAMPLES", 20)
        for check in ("check_brisque", "check_niqe"):
            monkeypatch.setattr(baselines.naturalness, check, lambda: None)
        monkeypatch.setattr(baselines, "make_corpus", lambda *_, parts: corpus)
        monkeypatch.setattr(baselines, "build", lambda seed, texts: ("model", "processor"))
        monkeypatch.setattr(baselines, "encode_corpus", lambda *_: features)
        monkeypatch.setattr(
            baselines, "bits_per_pixel", lambda examples: np.array([e.bits_per_pixel for e in examples])
        )
        monkeypatch.setattr(baselines, "natural", natural)
        found = run(Recipe(workers=3), Path(), Path(), Path())
    paths = [corpus.examples[i].path for i in tested]
    assert asked == [("BRISQUE", paths, 3), ("NIQE", paths, 3)]
    return found


def test_figures_are_the_same_for_all_baselines(figures):
    assert list(figures) == [
        "bits per pixel",
        "BRISQUE",
        "NIQE",
        "SVR on features",
        "SVR on features, photographs alone",
    ]
    names = [
        "SRCC, seen families",
        "PLCC, seen families",
        "SRCC, photographs ss01",
        "PLCC, photographs ss01",
        "answered",
    ]
    for found in figures.values():
        assert [figure.name for figure in found] == names
        assert [figure.count for figure in found] == [19, 19, 20, 20, 39]


def test_figures_are_of_the_test_and_nothing_is_dropped(figures):
    values = {name: {figure.name: figure.value for figure in found} for name, found in figures.items()}
    assert values["bits per pixel"]["SRCC, seen families"] == pytest.approx(1)
    assert values["bits per pixel"]["answered"] == 1
    # A quarter without a number stands in the middle: worse than the truth, better than nothing.
    assert 0.4 < values["BRISQUE"]["SRCC, photographs ss01"] < 0.95
    assert values["BRISQUE"]["answered"] == pytest.approx(29 / 39)
    assert np.isnan(values["NIQE"]["SRCC, seen families"])
    assert values["NIQE"]["answered"] == 0


def test_one_regression_learns_from_everything_and_one_from_photographs(figures):
    everything, photographs = (
        {figure.name: figure.value for figure in figures[name]}
        for name in ("SVR on features", "SVR on features, photographs alone")
    )
    assert everything["SRCC, seen families"] > 0.8
    assert photographs["SRCC, photographs ss01"] > 0.5
    assert everything["PLCC, seen families"] != photographs["PLCC, seen families"]


def test_the_command_prints_and_writes_the_figures(monkeypatch, tmp_path, capsys):
    given = []

    def tested(*arguments) -> dict[str, list[Figure]]:
        given.extend(arguments)
        return {"NIQE": [Figure("SRCC, seen families", 0.5, 0.4, 0.6, 9, 3)]}

    monkeypatch.setattr(baselines, "run", tested)
    out = tmp_path / "figures.json"
    data = ["--contents", "C", "--photographs", "P", "--work", "W", "--workers", "1", "--seed", "4"]
    assert main(["train", "baselines", *data, "--out", str(out)]) == 0
    assert given == [Recipe(seed=4, workers=1), Path("C"), Path("P"), Path("W")]
    assert capsys.readouterr().out == "NIQE | SRCC, seen families: 0.500 [0.400, 0.600], n = 9, 3 contents\n"
    assert json.loads(out.read_text())["NIQE"][0]["value"] == 0.5
    assert main(["train", "baselines", *data, "--share", "0.5"]) == 0
    assert given[4] == partial(Recipe(seed=4, workers=1), 0.5)
