import pytest
import torch
from tiny_models import CONTEXT_CONFIGS, PIXEL_CONFIGS
from transformers import AutoConfig, TimmBackboneConfig

from lmms_cpllm.model.towers import build_tower, compare_runs, feature_maps, pool, takes_video, tower_channels


@pytest.mark.parametrize(
    ("config", "size", "frames", "expected"),
    [
        (CONTEXT_CONFIGS["siglip"], 32, 1, [(3, 1, 16, 4, 4)]),
        (CONTEXT_CONFIGS["siglip2"], 32, 1, [(3, 1, 16, 4, 4)]),
        (CONTEXT_CONFIGS["clip"], 32, 1, [(3, 1, 16, 4, 4)]),
        (PIXEL_CONFIGS["videoprism"], 36, 4, [(3, 4, 16, 2, 2)]),
        (PIXEL_CONFIGS["videomae"], 32, 4, [(3, 2, 16, 2, 2)]),
        (PIXEL_CONFIGS["timm"], 64, 2, [(3, 2, 16, 32, 32), (3, 2, 24, 16, 16)]),
        (PIXEL_CONFIGS["convnextv2"], 64, 2, [(3, 2, 16, 2, 2)]),
        (AutoConfig.for_model("timm_wrapper", architecture="tf_efficientnet_lite0"), 64, 1, [(3, 1, 1280, 2, 2)]),
    ],
    ids=lambda value: getattr(value, "model_type", None),
)
def test_every_kind_of_tower_gives_maps_of_the_same_form(config, size, frames, expected):
    tower = build_tower(config).eval()
    with torch.no_grad():
        maps = feature_maps(tower, torch.randn(3, frames, 3, size, size))
    assert [tuple(m.shape) for m in maps] == expected
    assert tower_channels(tower) == [shape[2] for shape in expected]


def test_a_video_tower_is_told_from_an_image_tower():
    assert takes_video(build_tower(PIXEL_CONFIGS["videomae"]))
    assert not takes_video(build_tower(CONTEXT_CONFIGS["clip"]))


def test_map_of_a_class_token_tower_keeps_the_order_of_patches():
    """A change in the top left corner must change the top left token most (with one layer of attention)."""
    tower = build_tower(CONTEXT_CONFIGS["clip"]).eval()
    frames = torch.zeros(1, 1, 3, 32, 32)
    changed = frames.clone()
    changed[..., :8, :8] = 3
    with torch.no_grad():
        difference = (feature_maps(tower, changed)[0] - feature_maps(tower, frames)[0]).abs().sum((0, 1, 2))
    assert difference.argmax() == 0


def test_naflex_patches_are_in_the_order_of_transformers():
    from transformers.models.siglip2.image_processing_siglip2 import convert_image_to_patches

    class Recorder(torch.nn.Module):
        config = CONTEXT_CONFIGS["siglip2"]

        def forward(self, pixel_values, pixel_attention_mask, spatial_shapes):
            from transformers.modeling_outputs import BaseModelOutput

            self.patches, self.shapes = pixel_values, spatial_shapes
            return BaseModelOutput(last_hidden_state=pixel_values)

    from lmms_cpllm.model.towers import _run_naflex

    tower, image = Recorder(), torch.randn(1, 3, 32, 16)
    _run_naflex(tower, image)
    assert torch.equal(tower.patches[0], convert_image_to_patches(image[0], 8))
    assert tower.shapes.tolist() == [[4, 2]]


def test_what_lies_behind_the_last_stage_is_left_out():
    short, whole = (
        build_tower(TimmBackboneConfig(backbone="tf_efficientnet_lite0", out_indices=list(range(n)))).eval()
        for n in (4, 5)
    )
    assert [len(tower._backbone.blocks) for tower in (short, whole)] == [5, 7]
    short.load_state_dict({name: whole.state_dict()[name] for name in short.state_dict()})
    frames = torch.randn(1, 1, 3, 64, 64)
    with torch.no_grad():
        found, expected = feature_maps(short, frames), feature_maps(whole, frames)[:4]
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


def test_pool_gives_mean_deviation_and_change_of_each_region():
    stage = torch.randn(2, 3, 5, 8, 8, dtype=torch.float64)
    tokens = pool([stage], 2, ("mean", "std", "delta"))
    corner = stage[:, :, :, :4, 4:]  # second token: first row, second column
    mean = corner.mean((1, 3, 4))
    deviation = corner.permute(0, 2, 1, 3, 4).flatten(2).std(-1, correction=0)
    change = corner.diff(dim=1).abs().mean((1, 3, 4))
    torch.testing.assert_close(tokens[:, 1], torch.cat([mean, deviation, change], 1).float(), atol=1e-4, rtol=1e-4)
    assert tokens.shape == (2, 4, 15)


def test_runs_are_compared_by_how_much_they_change():
    stage = torch.randn(3, 2, 5, 8, 8)
    stage[1, 1] = stage[1, 0]  # frames that stand still
    names = ("delta", "delta_std", "mean", "delta_min")
    tokens = pool([stage, stage[:, :, :2]], 2, names).flatten(0, 1)
    found = compare_runs(tokens, [5, 2], names)
    for stage_found, channels in zip(found.split([20, 8], -1), (5, 2), strict=True):
        change, deviation, mean, least = stage_found.split(channels, -1)
        torch.testing.assert_close(deviation, change.std(0, correction=0).expand_as(change))
        assert torch.equal(least, torch.zeros_like(change))
        assert torch.equal(mean, pool([stage[:, :, :channels]], 2, ("mean",)).flatten(0, 1))
    moving = compare_runs(tokens[[0, 1, 2, 3, 8, 9, 10, 11]], [5, 2], names)[:, 15:20]
    assert torch.equal(moving, tokens[[0, 1, 2, 3, 8, 9, 10, 11], :5].amin(0).expand_as(moving))


def test_runs_that_were_compared_apart_are_compared_again():
    names = ("mean", "std", "delta", "delta_std", "delta_min")
    tokens = pool([torch.randn(6, 2, 3, 4, 4)], 1, names).flatten(0, 1)
    parts = [compare_runs(part, [3], names) for part in tokens.split(2)]
    assert not torch.equal(parts[0][0], parts[1][0])
    assert torch.equal(compare_runs(torch.cat(parts), [3], names), compare_runs(tokens, [3], names))
    assert compare_runs(tokens, [3], names[:3] * 2) is tokens


def test_repeated_runs_change_nothing_and_there_is_a_gradient_where_nothing_moves():
    names = ("delta", "delta_std", "delta_min")
    once = pool([torch.randn(2, 2, 3, 4, 4)], 1, names).flatten(0, 1)
    torch.testing.assert_close(compare_runs(once.repeat(3, 1), [3], names)[:2], compare_runs(once, [3], names))
    still = torch.ones(2, 2, 3, 4, 4, requires_grad=True)
    compare_runs(pool([still], 1, names).flatten(0, 1), [3], names).sum().backward()
    assert still.grad.isfinite().all()


def test_pool_of_one_frame_has_no_change():
    tokens = pool([torch.randn(1, 1, 4, 6, 6)], 1, ("delta", "delta_min"))
    assert torch.equal(tokens, torch.zeros(1, 1, 8))


def test_pool_does_not_overflow_in_half_precision():
    tokens = pool([torch.full((1, 1, 1, 4, 4), 1000.0, dtype=torch.float16)], 1, ("mean", "std"))
    assert tokens.isfinite().all()
    assert tokens[0, 0, 0] == 1000


def test_too_few_tokens_are_refused_with_both_numbers():
    tower = build_tower(CONTEXT_CONFIGS["siglip"])
    tower.config.patch_size = 4
    with pytest.raises(ValueError, match=r"a siglip_vision_model tower gave 16 tokens for 32x32 pixels.*8x8 patches"):
        feature_maps(tower, torch.randn(1, 1, 3, 32, 32))
