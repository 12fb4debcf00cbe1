"""Features are the same in pieces by any number of threads, and as good as those of one pass."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

from lmms_cpllm.harness.arguments import embedded_checkpoint
from lmms_cpllm.harness.encoding import encoded_in_pieces, features_of, views_of
from lmms_cpllm.model import load
from lmms_cpllm.training.features import encode_file


@pytest.fixture(scope="module", params=["random", "shipped"])
def loaded(request: pytest.FixtureRequest, checkpoint: Path):
    """The shipped one compares the moments of a video with each other."""
    return load(checkpoint if request.param == "random" else embedded_checkpoint())


def in_pieces(model, views, threads: int):
    with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        return encoded_in_pieces(model, views, pool)


def test_the_number_of_threads_changes_no_bit(loaded, clips: list[Path]):
    model, processor = loaded
    views = views_of(processor, processor.read(clips[0]))
    one, three = in_pieces(model, views, 1), in_pieces(model, views, 3)
    assert all(one[name].equal(three[name]) for name in ("context_features", "pixel_features"))
    whole = features_of(model, [dict(views)])
    assert {name: values.shape for name, values in one.items()} == {name: v.shape for name, v in whole.items()}
    for name, values in one.items():
        # Sums of float32 in another order.
        torch.testing.assert_close(values, whole[name], rtol=1e-4, atol=1e-4)


def test_a_model_learns_from_the_features_that_it_answers_from(loaded, clips: list[Path]):
    model, processor = loaded
    found = in_pieces(model, views_of(processor, processor.read(clips[0])), 2)
    learned = encode_file(model, processor, clips[0])
    for view in ("context", "pixel"):
        assert learned[view].equal(found[f"{view}_features"].half())


@pytest.mark.parametrize("tower", ["context", "pixel"])
def test_a_tower_that_is_switched_off_gives_zeros(loaded, clips: list[Path], tower: str):
    model, processor = loaded
    views = views_of(processor, processor.read(clips[0]))
    model.set_ablation(tower)
    try:
        found = in_pieces(model, views, 2)
    finally:
        model.set_ablation(None)
    assert {name: bool(values.any()) for name, values in found.items()} == {
        "context_features": tower == "pixel",
        "pixel_features": tower == "context",
    }


def test_features_take_the_place_of_views(loaded, clips: list[Path]):
    model, processor = loaded
    views = [views_of(processor, processor.read(clip)) for clip in clips[:2]]
    found = features_of(model, views)
    assert set(found) == set(views[0]) == {"context_features", "pixel_features"}
    for name, values in found.items():
        assert values.equal(torch.cat([one[name] for one in views]))
    assert features_of(model, views)["pixel_features"].equal(found["pixel_features"])
