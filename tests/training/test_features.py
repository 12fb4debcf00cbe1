"""Pooled features of files, their cache, their standardisation."""

import itertools

import numpy as np
import pytest
import torch
from clips import write_clip
from tiny_training import feature_shapes, mixed_examples, picture, readable_features, save_picture, small_model

from lmms_cpllm.model import folded_towers
from lmms_cpllm.training import features
from lmms_cpllm.training.features import (
    VIEWS,
    CachedFeatures,
    encode_file,
    encode_files,
    fold,
    moments_of,
    shortened,
    standardised,
)
from lmms_cpllm.training.judging import Judge
from lmms_cpllm.training.loop import examine
from lmms_cpllm.training.texts import Texts


@pytest.fixture(scope="module")
def model():
    return small_model()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    return [
        save_picture(folder / "a.png", picture(1, 90, 120)),
        write_clip(folder / "b.mp4", width=128, height=96, frames=10, content="texture"),
        save_picture(folder / "c.jpg", picture(2, 80, 80)),
    ]


def answering(model, processor, path):
    """Features by the towers as they are when the model answers, which `encode_files` uses."""
    with folded_towers(model):
        return encode_file(model, processor, path)


def folders(root):
    return {view: root / view for view in VIEWS}


@pytest.fixture
def encoded(monkeypatch):
    """Which views of which files are encoded."""
    calls = []

    def listed(model, processor, path, views=VIEWS):
        calls.append((path.name, *views))
        return encode_file(model, processor, path, views)

    monkeypatch.setattr(features, "encode_file", listed)
    return calls


def test_features_of_files_in_their_order(model, files, tmp_path):
    found = encode_files(*model, files, folders(tmp_path), workers=2)
    assert {view: tuple(values.shape[1:]) for view, values in found.items()} == feature_shapes(*model)
    assert found["context"].dtype == found["pixel"].dtype == torch.float16
    for index, file in enumerate(files):
        one = answering(*model, file)
        assert torch.equal(one["context"][0], found["context"][index])
        assert torch.equal(one["pixel"][0], found["pixel"][index])
    assert not torch.equal(found["pixel"][0], found["pixel"][2])


@pytest.mark.parametrize("view", VIEWS)
def test_one_view_alone_is_that_of_both(model, files, view):
    for file in files[:2]:
        alone = encode_file(*model, file, [view])
        assert alone.keys() == {view}
        assert torch.equal(alone[view], encode_file(*model, file)[view])


def test_what_is_in_the_folders_is_used_again(model, files, tmp_path, encoded):
    first = encode_files(*model, files, folders(tmp_path), workers=1)
    assert encoded == [(file.name, "context", "pixel") for file in files]
    again = encode_files(*model, files, folders(tmp_path), workers=1)
    assert len(encoded) == 3
    assert all(torch.equal(first[view], again[view]) for view in VIEWS)
    assert not list(tmp_path.rglob("*.part"))


@pytest.mark.parametrize("missing", range(3))
def test_a_file_that_is_missing_in_a_folder_is_made_again_and_no_other_lost(
    model, files, tmp_path, monkeypatch, encoded, missing
):
    monkeypatch.setattr(features, "_CHUNK", 1)
    first = encode_files(*model, files, folders(tmp_path), workers=1)
    saved = {path: path.read_bytes() for path in tmp_path.rglob("*.safetensors")}
    assert len(saved) == 6
    lost = sorted((tmp_path / "pixel").iterdir())[missing]
    lost.unlink()
    for _ in range(2):  # the second time everything is there
        again = encode_files(*model, files, folders(tmp_path), workers=1)
        assert all(torch.equal(first[view], again[view]) for view in VIEWS)
    [(_, *views)] = encoded[3:]
    assert views == ["pixel"]
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.safetensors")} == saved


@pytest.mark.parametrize("known", VIEWS)
def test_of_a_new_tower_only_its_own_view_is_encoded(model, files, tmp_path, encoded, known):
    first = encode_files(*model, files, folders(tmp_path), workers=1)
    [new] = set(VIEWS) - {known}
    again = encode_files(*model, files, folders(tmp_path) | {new: tmp_path / "new"}, workers=1)
    assert encoded[3:] == [(file.name, new) for file in files]
    assert all(torch.equal(first[view], again[view]) for view in VIEWS)


@pytest.mark.parametrize("view", VIEWS)
def test_only_the_views_that_are_wanted_are_encoded(model, files, tmp_path, encoded, view):
    found = encode_files(*model, files[:1], {view: tmp_path / view}, workers=1)
    assert found.keys() == {view}
    assert encoded == [("a.png", view)]
    assert [path.name for path in tmp_path.iterdir()] == [view]


def test_features_of_other_files_are_never_taken_from_the_folders(model, files, tmp_path, encoded):
    encode_files(*model, files[:2], folders(tmp_path), workers=1)
    others = [files[2], files[1], files[0], files[2]]
    found = encode_files(*model, others, folders(tmp_path), workers=1)
    assert {name for name, *_ in encoded[2:]} == {"c.jpg"}
    for index, file in enumerate(others):
        assert torch.equal(found["pixel"][index], answering(*model, file)["pixel"][0])
    assert len(found["pixel"]) == 4


def test_a_file_of_the_same_name_in_another_folder_or_of_another_size_is_another_one(model, tmp_path):
    def pixels(path, seed, height):
        save_picture(path, picture(seed, height, 120))
        return encode_files(*model, [path], folders(tmp_path), workers=1)["pixel"][0]

    cases = [("one", 1, 90), ("two", 2, 90), ("two", 2, 100)]
    found = [pixels(tmp_path / folder / "a.png", seed, height) for folder, seed, height in cases]
    assert not any(torch.equal(a, b) for a, b in itertools.combinations(found, 2))
    assert torch.equal(found[0], answering(*model, tmp_path / "one" / "a.png")["pixel"][0])
    assert torch.equal(found[2], answering(*model, tmp_path / "two" / "a.png")["pixel"][0])


def test_shortened_stills_give_the_features_of_whole_ones(model, files):
    network, processor = model
    for file in (files[0], files[2]):
        clip = processor.read(file)
        short = shortened(clip)
        assert (len(short.context), short.pixel.shape[2]) == (1, 1)
        assert (len(clip.context), clip.pixel.shape[2]) == (3, 2)
        views = processor.video_processor([clip])
        whole = {
            "context": network.model.encode_context(views["context_values"]),
            "pixel": network.model.encode_pixels(views["pixel_values"]),
        }
        found = encode_file(network, processor, file)
        for key in whole:
            assert found[key].shape == whole[key].shape
            torch.testing.assert_close(found[key].float(), whole[key], atol=2e-3, rtol=2e-3)
    clip = processor.read(files[1])
    assert shortened(clip) is clip


def test_moments_are_of_the_given_examples_only():
    generator = torch.Generator().manual_seed(0)
    raw = {
        "context": torch.randn(6, 4, 5, generator=generator) * 3 + 2,
        "pixel": torch.randn(6, 8, 3, generator=generator).half(),
    }
    raw["context"][5] += 100
    raw["pixel"][..., 2] = 0.5
    moments = moments_of(raw, range(5))
    context, pixel = (standardised(raw[view][:5], getattr(moments, view)) for view in VIEWS)
    torch.testing.assert_close(context.flatten(0, 1).mean(0), torch.zeros(5), atol=1e-5, rtol=0)
    torch.testing.assert_close(context.flatten(0, 1).std(0), torch.ones(5))
    assert torch.isfinite(pixel).all()
    assert not pixel[..., 2].any()  # a feature that never changes
    assert moments.context[0].dtype == moments.pixel[1].dtype == torch.float32


def test_cached_features_are_standardised_and_in_the_order_asked_for():
    raw = {"context": torch.randn(6, 4, 5).half(), "pixel": torch.randn(6, 8, 3).half()}
    moments = moments_of(raw, range(6))
    source = CachedFeatures(raw, moments)
    source.begin(3)
    for view, found in zip(VIEWS, source.take([4, 0, 4]), strict=True):
        assert torch.equal(found, standardised(raw[view], getattr(moments, view))[[4, 0, 4]])
        assert found.dtype == torch.float32
    assert source.push_back() is None


def test_folding_the_standardisation_changes_no_score():
    model, processor = small_model()
    known = mixed_examples(12)
    raw = readable_features(model, processor, known)
    raw = {"context": raw["context"], "pixel": (raw["pixel"] * 3 + 1).half()}
    with torch.no_grad():  # scores of random weights are nearly equal, and equal scores would prove nothing
        for parameter in (*model.model.context_projector.parameters(), *model.model.pixel_projector.parameters()):
            parameter.mul_(8)
    moments = moments_of(raw, range(12))
    before, _ = examine(model, Texts(processor), CachedFeatures(raw, moments), known, range(12))
    fold(model, moments)
    after = Judge(model, processor, raw).ratings(range(12))
    assert np.ptp(before) > 1
    np.testing.assert_allclose(before, after, atol=1e-2)


def test_the_number_of_workers_changes_nothing(model, files, tmp_path):
    found = [encode_files(*model, files, folders(tmp_path / str(workers)), workers) for workers in (1, 3)]
    assert all(torch.equal(a, b) for a, b in zip(found[0].values(), found[1].values(), strict=True))
    saved = [[path.read_bytes() for path in sorted((tmp_path / str(n)).rglob("*.safetensors"))] for n in (1, 3)]
    assert len(saved[0]) == 2
    assert saved[0] == saved[1]
