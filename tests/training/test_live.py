"""Features of towers that are trained: their gradient is the plain one, whoever computes it."""

import numpy as np
import pytest
import torch
from clips import write_clip
from tiny_training import feature_shapes, picture, save_picture, small_model

from lmms_cpllm.training import live
from lmms_cpllm.training.features import Moments, encode_file, shortened, standardise
from lmms_cpllm.training.live import LiveFeatures, WholeFeatures, open_towers, thinned

CONTEXT, PIXEL = (width for _, width in feature_shapes(*small_model()).values())
MOMENTS = Moments(
    (torch.full((CONTEXT,), 0.1), torch.full((CONTEXT,), 0.7)), (torch.full((PIXEL,), -0.1), torch.full((PIXEL,), 0.4))
)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    clip = {"width": 128, "height": 96, "frames": 10, "content": "texture"}
    return [
        write_clip(folder / "a.mp4", **clip, seed=1),
        save_picture(folder / "b.png", picture(1, 90, 120)),
        write_clip(folder / "c.mp4", **clip, seed=2),
    ]


def weighted(context, pixel):
    """Some loss of the features in which all of them matter, differently."""
    generator = torch.Generator().manual_seed(5)
    parts = [part * torch.randn(part.shape, generator=generator) for part in (context, pixel)]
    return sum(part.sum() / part.numel() + part.square().mean() for part in parts)


def gradients(workers, files, videos, seed=3, epoch=2):
    model, processor = small_model()
    source = LiveFeatures(model, processor, files, MOMENTS, seed=seed, workers=workers)
    source.begin(epoch)
    context, pixel = source.take(videos)
    loss = weighted(context, pixel)
    loss.backward()
    source.push_back()
    return loss.detach(), {name: p.grad for name, p in model.named_parameters() if p.requires_grad and "_tower" in name}


def plain_gradients(files, videos, seed=3, epoch=2):
    """The same by one forward pass over the same thinned views."""
    model, processor = small_model()
    open_towers(model)
    seeds = np.random.default_rng([seed, epoch]).integers(1 << 31, size=len(videos))
    parts = []
    for video, drawn in zip(videos, seeds, strict=True):
        clip = thinned(shortened(processor.read(files[video])), np.random.default_rng(drawn))
        views = processor.video_processor([clip])
        context = model.model.encode_context(views["context_values"]).repeat(1, 3, 1)
        pixel = model.model.encode_pixels(views["pixel_values"]).repeat(1, 2, 1)
        parts.append((context, pixel))
    context, pixel = (torch.cat([part[view] for part in parts]) for view in (0, 1))
    loss = weighted(*standardise({"context": context, "pixel": pixel}, MOMENTS))
    loss.backward()
    return loss.detach(), {name: p.grad for name, p in model.named_parameters() if p.requires_grad and "_tower" in name}


def test_the_gradient_is_that_of_a_plain_pass_with_one_and_with_two_workers(files):
    videos = [2, 0, 1]
    loss, plain = plain_gradients(files, videos)
    assert len(plain) > 50
    assert max(float(grad.abs().max()) for grad in plain.values() if grad is not None) > 1e-3
    for workers in (1, 2):
        found_loss, found = gradients(workers, files, videos)
        torch.testing.assert_close(found_loss, loss, atol=1e-6, rtol=1e-6)
        assert found.keys() == plain.keys()
        for name, grad in plain.items():
            if grad is None:
                assert found[name] is None
            else:
                scale = float(grad.abs().max().clamp_min(1e-3))
                assert float((found[name] - grad).abs().max()) <= 1e-5 * scale, (workers, name)


def test_the_number_of_workers_and_more_workers_than_videos(files):
    (one, first), (many, second) = gradients(1, files, [0, 1]), gradients(5, files, [0, 1])
    torch.testing.assert_close(one, many, atol=1e-6, rtol=1e-6)
    for name, grad in first.items():
        torch.testing.assert_close(second[name], grad, atol=1e-6, rtol=1e-5)


def taken(model, processor, files, seed, epoch, workers=2):
    source = LiveFeatures(model, processor, files, MOMENTS, seed=seed, workers=workers)
    source.begin(epoch)
    return [torch.cat([part.flatten() for part in source.take([0, 1, 2])]) for _ in range(2)]


def test_the_same_seed_and_epoch_give_the_same_values_to_the_bit(files):
    model, processor = small_model()
    first, again = (taken(model, processor, files, 0, 1) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[0], first[1])  # each batch sees other parts
    assert not torch.equal(first[0], taken(model, processor, files, 0, 2)[0])
    assert not torch.equal(first[0], taken(model, processor, files, 1, 1)[0])


def test_two_passes_give_the_same_gradient_to_the_bit(files):
    (_, first), (_, again) = gradients(2, files, [0, 1, 2]), gradients(2, files, [0, 1, 2])
    assert all(torch.equal(grad, again[name]) for name, grad in first.items() if grad is not None)


def test_features_have_the_shape_of_whole_ones_and_the_order_of_the_videos(files, monkeypatch):
    model, processor = small_model()
    source = LiveFeatures(model, processor, files, MOMENTS, seed=0, workers=2)
    videos = [1, 0, 1, 2, 0]
    whole = WholeFeatures(model, processor, files, MOMENTS).take(videos)
    assert [part.shape for part in source.take(videos)] == [part.shape for part in whole]
    monkeypatch.setattr(live, "thinned", lambda clip, rng: clip)
    for part, wanted in zip(source.take(videos), whole, strict=True):
        torch.testing.assert_close(part.detach(), wanted, atol=5e-3, rtol=5e-3)  # half precision


def test_whole_features_are_those_of_encode_file(files):
    model, processor = small_model()
    source = WholeFeatures(model, processor, files, MOMENTS, workers=2)
    source.begin(0)
    context, pixel = source.take([2, 0])
    expected = [encode_file(model, processor, files[i]) for i in (2, 0)]
    wanted = standardise({key: torch.cat([e[key] for e in expected]) for key in ("context", "pixel")}, MOMENTS)
    assert torch.equal(context, wanted[0])
    assert torch.equal(pixel, wanted[1])
    assert not context.requires_grad
    assert source.push_back() is None


def test_thinned_clips_are_parts_mirrored_or_not(files):
    _, processor = small_model()
    clip = processor.read(files[0])
    kinds = set()
    for seed in range(30):
        thin = thinned(clip, np.random.default_rng(seed))
        assert thin.context.shape == (1, *clip.context.shape[1:])
        assert thin.pixel.shape == (2, *clip.pixel.shape[1:])
        for mirrored in (False, True):
            context = thin.context[..., ::-1, :] if mirrored else thin.context
            pixel = thin.pixel[..., ::-1, :] if mirrored else thin.pixel
            key = [i for i, frame in enumerate(clip.context) if np.array_equal(frame, context[0])]
            moments = [i for p in pixel for i, whole in enumerate(clip.pixel) if np.array_equal(whole, p)]
            if key and len(moments) == 2:
                assert moments[0] < moments[1]
                kinds.add((mirrored, key[0], tuple(moments)))
                break
        else:
            raise AssertionError(f"seed {seed}: no part of the clip")
    assert {mirrored for mirrored, _, _ in kinds} == {False, True}
    assert {key for _, key, _ in kinds} == {0, 1, 2}
    assert len({moments for _, _, moments in kinds}) > 3


def test_thinned_stills_keep_one_crop_of_every_moment(files):
    _, processor = small_model()
    clip = shortened(processor.read(files[1]))
    thin = thinned(clip, np.random.default_rng(0))
    assert thin.pixel.shape == (4, 1, 1, 64, 64, 3)
    assert thin.context.shape == (1, 64, 64, 3)


def test_only_the_upper_stages_of_the_towers_learn():
    model, _ = small_model()
    opened = open_towers(model)
    names = {name for name, p in model.named_parameters() if p.requires_grad and "_tower" in name}
    assert len(opened) == len(names)
    assert {int(name.split("blocks.")[1].split(".")[0]) for name in names} == set(range(live.FROZEN_BLOCKS, 7))
    assert all("blocks." in name for name in names)
    assert {name.split(".")[1] for name in names} == {"context_tower", "pixel_tower"}
    assert not model.model.context_tower.training
    # Projectors and decoder are left as they are: they learn too.
    assert all(p.requires_grad for p in model.model.context_projector.parameters())
