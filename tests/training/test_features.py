"""Pooled features of files, their cache, their standardisation."""

import itertools

import numpy as np
import pytest
import torch
from clips import write_clip
from safetensors.torch import load_file
from tiny_training import feature_shapes, mixed_examples, picture, readable_features, save_picture, small_model

from lmms_cpllm.training import features
from lmms_cpllm.training.features import (
    CachedFeatures,
    encode_file,
    encode_files,
    fold,
    moments_of,
    shortened,
    standardise,
)
from lmms_cpllm.training.judging import Judge
from lmms_cpllm.training.loop import predict
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


def test_features_of_files_in_their_order(model, files, tmp_path):
    found = encode_files(*model, files, tmp_path / "cache", workers=2)
    assert {view: tuple(values.shape[1:]) for view, values in found.items()} == feature_shapes(*model)
    assert found["context"].dtype == found["pixel"].dtype == torch.float16
    for index, file in enumerate(files):
        one = encode_file(*model, file)
        assert torch.equal(one["context"][0], found["context"][index])
        assert torch.equal(one["pixel"][0], found["pixel"][index])
    assert not torch.equal(found["pixel"][0], found["pixel"][2])


def test_what_is_in_the_folder_is_used_again(model, files, tmp_path, monkeypatch):
    monkeypatch.setattr(features, "_CHUNK", 2)
    first = encode_files(*model, files, tmp_path, workers=1)
    calls = []
    encode = features.encode_file
    monkeypatch.setattr(features, "encode_file", lambda *args: calls.append(args[2]) or encode(*args))
    again = encode_files(*model, files, tmp_path, workers=1)
    assert calls == []
    assert all(torch.equal(first[key], again[key]) for key in first)
    # A run that was cut off goes on behind its last whole file.
    *_, last = sorted(tmp_path.iterdir())
    last.unlink()
    encode_files(*model, files, tmp_path, workers=1)
    assert calls == files[2:]
    assert not list(tmp_path.glob("*.part"))


def test_features_of_other_files_are_never_taken_from_the_folder(model, files, tmp_path):
    encode_files(*model, files, tmp_path, workers=1)
    for others in ([files[2], files[1], files[0]], files[:2]):
        found = encode_files(*model, others, tmp_path, workers=1)
        for index, file in enumerate(others):
            assert torch.equal(found["pixel"][index], encode_file(*model, file)["pixel"][0])
        assert len(found["pixel"]) == len(others)


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
    context, pixel = standardise({key: value[:5] for key, value in raw.items()}, moments)
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
    whole = standardise(raw, moments)
    context, pixel = source.take([4, 0, 4])
    assert torch.equal(context, whole[0][[4, 0, 4]])
    assert torch.equal(pixel, whole[1][[4, 0, 4]])
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
    before = predict(model, Texts(processor), CachedFeatures(raw, moments), known, range(12))
    fold(model, moments)
    after = Judge(model, processor, raw).ratings(range(12))
    assert np.ptp(before) > 1
    np.testing.assert_allclose(before, after, atol=1e-2)


def test_the_number_of_workers_changes_nothing(model, files, tmp_path):
    found = [encode_files(*model, files, tmp_path / str(workers), workers) for workers in (1, 3)]
    assert all(torch.equal(a, b) for a, b in zip(found[0].values(), found[1].values(), strict=True))
    names = [sorted(path.name for path in (tmp_path / str(workers)).iterdir()) for workers in (1, 3)]
    assert names[0] == names[1]
    saved = load_file(tmp_path / "1" / names[0][0])
    assert set(itertools.chain(saved)) == {"context", "pixel"}
