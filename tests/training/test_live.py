"""Features of a tower that is trained: its gradient is the plain one, whoever computes it."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from clips import write_clip
from tiny_training import feature_shapes, picture, save_picture, small_model

from lmms_cpllm.training import live
from lmms_cpllm.training.features import Moments, encode_file, shortened, standardised
from lmms_cpllm.training.live import LiveFeatures, WholeFeatures, open_pixel_tower, settle_statistics, thinned

(TOKENS, CONTEXT), (_, PIXEL) = feature_shapes(*small_model()).values()
MOMENTS = Moments(
    (torch.full((CONTEXT,), 0.1), torch.full((CONTEXT,), 0.7)), (torch.full((PIXEL,), -0.1), torch.full((PIXEL,), 0.4))
)
KNOWN = torch.randn(3, TOKENS, CONTEXT, generator=torch.Generator().manual_seed(0)).half()
"""Context features of the files."""


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


def learned(model):
    return {name: p.grad for name, p in model.named_parameters() if p.requires_grad and "_tower" in name}


def gradients(workers, files, videos):
    model, processor = small_model()
    source = LiveFeatures(model, processor, files, KNOWN, MOMENTS, seed=3, workers=workers)
    source.begin(2)
    loss = weighted(*source.take(videos))
    loss.backward()
    source.push_back()
    return loss.detach(), learned(model)


def plain_gradients(files, videos):
    """The same by one forward pass over the same thinned views."""
    model, processor = small_model()
    open_pixel_tower(model)
    parts = []
    for video, drawn in zip(videos, np.random.default_rng([3, 2]).integers(1 << 31, size=len(videos)), strict=True):
        clip = thinned(shortened(processor.read(files[video])), np.random.default_rng(drawn))
        views = processor.video_processor([clip])
        # Of eight crops two are there, of a picture four.
        times = 4 if clip.info.frames > 1 else 2
        parts.append(model.model.encode_pixels(views["pixel_values"]).repeat(1, times, 1))
    loss = weighted(standardised(KNOWN[videos], MOMENTS.context), standardised(torch.cat(parts), MOMENTS.pixel))
    loss.backward()
    return loss.detach(), learned(model)


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


def taken(model, processor, files, seed, epoch):
    source = LiveFeatures(model, processor, files, KNOWN, MOMENTS, seed=seed, workers=2)
    source.begin(epoch)
    return [source.take([0, 1, 2])[1] for _ in range(2)]


def test_the_same_seed_and_epoch_give_the_same_values_to_the_bit(files):
    model, processor = small_model()
    first, again = (taken(model, processor, files, 0, 1) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[0], first[1])  # each batch sees other parts
    assert not torch.equal(first[0], taken(model, processor, files, 0, 2)[0])
    assert not torch.equal(first[0], taken(model, processor, files, 1, 1)[0])


def test_two_passes_give_the_same_gradient_to_the_bit(files):
    (_, first), (_, again) = (gradients(2, files, [0, 1, 2, 0]) for _ in range(2))
    assert all(torch.equal(grad, again[name]) for name, grad in first.items() if grad is not None)


def test_features_have_the_shape_of_whole_ones_and_the_order_of_the_videos(files, monkeypatch):
    model, processor = small_model()
    source = LiveFeatures(model, processor, files, KNOWN, MOMENTS, seed=0, workers=2)
    videos = [1, 0, 1, 2, 0]
    whole = WholeFeatures(model, processor, files, KNOWN, MOMENTS).take(videos)
    assert [part.shape for part in source.take(videos)] == [part.shape for part in whole]
    monkeypatch.setattr(live, "thinned", lambda clip, rng: clip)
    context, pixel = source.take(videos)
    assert torch.equal(context, whole[0])
    assert not context.requires_grad
    assert pixel.requires_grad
    torch.testing.assert_close(pixel.detach(), whole[1], atol=5e-3, rtol=5e-3)  # a cache's half precision


def test_whole_features_are_those_of_encode_file_and_of_the_cache(files):
    model, processor = small_model()
    source = WholeFeatures(model, processor, files, KNOWN, MOMENTS, workers=2)
    source.begin(0)
    context, pixel = source.take([2, 0])
    expected = torch.cat([encode_file(model, processor, files[i])["pixel"] for i in (2, 0)])
    assert torch.equal(context, standardised(KNOWN[[2, 0]], MOMENTS.context))
    assert torch.equal(pixel, standardised(expected, MOMENTS.pixel))
    assert not pixel.requires_grad
    assert source.push_back() is None


def test_the_context_tower_is_never_run(files, monkeypatch):
    model, processor = small_model()
    monkeypatch.setattr(type(model.model), "encode_context", None)
    for source in (
        LiveFeatures(model, processor, files, KNOWN, MOMENTS, seed=0),
        WholeFeatures(model, processor, files, KNOWN, MOMENTS),
    ):
        assert source.take([0, 1])[0].shape == (2, TOKENS, CONTEXT)


def coded(clip):
    """A clip in which every value says where it is: its moment, crop and frame, its row, its column."""
    moment, crop, frame, row, column = np.indices(clip.pixel.shape[:-1])
    return replace(clip, pixel=np.stack([16 * moment + 2 * crop + frame, row, column], -1).astype(np.uint8))


def thinning(clip, seed):
    """Moments, crops, row, column and direction of what is left of a coded clip, which must be a part of it."""
    part = thinned(clip, np.random.default_rng(seed)).pixel
    where, rows, columns = np.moveaxis(part, -1, 0)
    moments, crops = where[:, 0, 0, 0, 0] // 16, where[:, 0, 0, 0, 0] % 16 // 2
    top, left, mirrored = int(rows.min()), int(columns.min()), bool(columns.flat[0] > columns.flat[1])
    expected = clip.pixel[moments, crops][:, None, :, top : top + 48, left : left + 48]
    assert np.array_equal(part, expected[..., ::-1, :] if mirrored else expected)
    return tuple(moments.tolist()), tuple(crops.tolist()), top, left, mirrored


def test_thinned_clips_are_parts_mirrored_or_not(files):
    clip = coded(small_model()[1].read(files[0]))
    found = [thinning(clip, seed) for seed in range(40)]
    moments, crops, tops, lefts, mirrored = map(set, zip(*found, strict=True))
    assert moments <= set(itertools.combinations(range(4), 2))
    assert len(moments) > 3
    assert crops == set(itertools.product(range(2), repeat=2))
    assert mirrored == {False, True}
    for places in (tops, lefts):
        assert len(places) > 8
        assert max(places) <= 16  # a crop has 64 pixels, a part of it 48
    assert np.array_equal(thinned(clip, np.random.default_rng(0)).context, clip.context)


def test_thinned_stills_keep_one_crop_of_every_moment(files):
    clip = coded(shortened(small_model()[1].read(files[1])))
    found = [thinning(clip, seed) for seed in range(10)]
    assert {moments for moments, *_ in found} == {(0, 1, 2, 3)}
    assert len({crops for _, crops, *_ in found}) > 3


def test_only_the_upper_stages_of_the_pixel_tower_learn():
    model, _ = small_model()
    opened = open_pixel_tower(model)
    names = {name for name, p in model.named_parameters() if p.requires_grad and "_tower" in name}
    assert len(opened) == len(names)
    assert all(name.startswith("model.pixel_tower.") and "blocks." in name for name in names)
    blocks = len(model.model.pixel_tower._backbone.blocks)
    assert {int(name.split("blocks.")[1].split(".")[0]) for name in names} == set(range(live.FROZEN_BLOCKS, blocks))
    assert not model.model.pixel_tower.training
    # Projectors and decoder are left as they are: they learn too.
    assert all(p.requires_grad for p in model.model.context_projector.parameters())


def test_the_whole_pixel_tower_learns_where_it_has_nothing_to_keep():
    model, _ = small_model()
    opened = open_pixel_tower(model, whole=True)
    assert len(opened) == len(list(model.model.pixel_tower.parameters()))
    assert not any(p.requires_grad for p in model.model.context_tower.parameters())
    assert not model.model.pixel_tower.training


def test_batch_norms_of_random_weights_take_the_statistics_of_videos(files):
    model, processor = small_model()
    norms = [layer for layer in model.model.pixel_tower.modules() if isinstance(layer, torch.nn.BatchNorm2d)]
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    settle_statistics(model, processor, files)
    means = []
    for file in files:
        seen = []
        hook = norms[0].register_forward_pre_hook(lambda _, inputs, seen=seen: seen.append(inputs[0]))
        encode_file(model, processor, file, ("pixel",))
        hook.remove()
        means.append(torch.cat(seen).mean((0, 2, 3)))
    # The mean over the videos of what goes in: the first layer's input does not depend on any statistics.
    torch.testing.assert_close(norms[0].running_mean, torch.stack(means).mean(0))
    assert all(layer.momentum is not None and not layer.training for layer in norms)
    assert all(torch.equal(before[name], p) for name, p in model.named_parameters())
