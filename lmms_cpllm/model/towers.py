"""What a tower is: any `AutoModel` or `AutoBackbone`, seen as feature maps of one shape.

Image encoders, video encoders, transformers with or without class tokens and multi-stage convolutional networks all
come out as maps `(clips, time, channels, rows, columns)`, which are pooled to a fixed number of tokens.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn
from transformers import AutoBackbone, AutoModel, PreTrainedConfig, PreTrainedModel

# Keeps the derivative of the square root finite where a region is flat.
_VARIANCE_FLOOR = 1e-6
ACROSS_RUNS = ("delta_std", "delta_min")
"""Statistics that need all runs of a video, and `delta` of each."""


def is_backbone(config: PreTrainedConfig) -> bool:
    """True if the tower gives several stages (`AutoBackbone`), False if it gives its last hidden state (`AutoModel`)."""
    return config.model_type == "timm_backbone" or len(getattr(config, "out_indices", None) or ()) > 1


def build_tower(config: PreTrainedConfig) -> PreTrainedModel:
    """A tower with random weights."""
    return cut_off((AutoBackbone if is_backbone(config) else AutoModel).from_config(config))


def cut_off(tower: PreTrainedModel) -> PreTrainedModel:
    """The tower without what lies behind the last stage that is asked for: timm's EfficientNets keep it, and run it."""
    stages = getattr(getattr(tower, "_backbone", None), "_stage_out_idx", None)
    if stages:
        tower._backbone.blocks = tower._backbone.blocks[: max(stages)]
    return tower


def takes_video(tower: PreTrainedModel) -> bool:
    """True if the tower reads a run of frames at once, False if it reads one frame at a time."""
    modalities = tower.input_modalities
    return "video" in ((modalities,) if isinstance(modalities, str) else modalities)


def tower_channels(tower: PreTrainedModel) -> list[int]:
    """Channels of each feature map of a tower."""
    config = tower.config
    if is_backbone(config):
        return list(tower.channels)
    if getattr(config, "hidden_size", None):
        return [config.hidden_size]
    if getattr(config, "hidden_sizes", None):
        return [config.hidden_sizes[-1]]
    if hasattr(tower, "timm_model"):
        return [tower.timm_model.num_features]
    raise ValueError(f"the width of a {config.model_type} tower is not known: no hidden_size and no hidden_sizes")


def feature_maps(tower: PreTrainedModel, frames: torch.Tensor) -> list[torch.Tensor]:
    """Runs a tower.

    Args:
        tower: image or video encoder.
        frames: `(N, R, 3, H, W)`, N runs of R normalised frames.

    Returns:
        One tensor `(N, T, C, h, w)` for each stage; T is R for an image encoder, R or fewer for a video encoder.
    """
    runs, length, _, height, width = frames.shape
    if takes_video(tower):
        tokens = tower(frames).last_hidden_state
        return [_unflatten_tokens(tokens, tower.config, height, width)]
    images = frames.flatten(0, 1)
    maps = tower(images).feature_maps if is_backbone(tower.config) else [_image_map(tower, images)]
    return [m.unflatten(0, (runs, length)) for m in maps]


def _image_map(tower: PreTrainedModel, images: torch.Tensor) -> torch.Tensor:
    """`(N, 3, H, W)` to the last map `(N, C, h, w)` of an image encoder."""
    height, width = images.shape[-2:]
    if tower.config.model_type == "siglip2_vision_model":
        hidden = _run_naflex(tower, images)
    else:
        hidden = tower(images).last_hidden_state
    if hidden.ndim == 4:
        return hidden
    return _unflatten_tokens(hidden, tower.config, height, width).squeeze(1)


def _run_naflex(tower: PreTrainedModel, images: torch.Tensor) -> torch.Tensor:
    """SigLIP2 of native aspect ratio takes patches `(N, h * w, p * p * 3)` instead of images."""
    patch = tower.config.patch_size
    count, _, height, width = images.shape
    rows, columns = height // patch, width // patch
    patches = images.unflatten(2, (rows, patch)).unflatten(4, (columns, patch))
    patches = patches.permute(0, 2, 4, 3, 5, 1).reshape(count, rows * columns, -1)
    mask = torch.ones(count, rows * columns, dtype=torch.int32, device=images.device)
    shapes = torch.tensor([[rows, columns]] * count, device=images.device)
    return tower(pixel_values=patches, pixel_attention_mask=mask, spatial_shapes=shapes).last_hidden_state


def _unflatten_tokens(tokens: torch.Tensor, config: PreTrainedConfig, height: int, width: int) -> torch.Tensor:
    """Patch tokens `(N, L, C)` to a map `(N, T, C, h, w)`; class and register tokens in front are left out."""
    tubelet = getattr(config, "tubelet_size", None)
    patch = tubelet[-1] if isinstance(tubelet, (list, tuple)) else config.patch_size
    patch = patch[-1] if isinstance(patch, (list, tuple)) else patch
    rows, columns = height // patch, width // patch
    times, extra = divmod(tokens.shape[1], rows * columns)
    if times < 1:
        raise ValueError(
            f"a {config.model_type} tower gave {tokens.shape[1]} tokens for {height}x{width} pixels, "
            f"fewer than its {rows}x{columns} patches"
        )
    return tokens[:, extra:].unflatten(1, (times, rows, columns)).permute(0, 1, 4, 2, 3)


def pool(maps: list[torch.Tensor], grid: int, statistics: tuple[str, ...] | list[str]) -> torch.Tensor:
    """Pools the feature maps of each run for itself to `grid ** 2` tokens.

    Args:
        maps: one `(N, T, C_i, h_i, w_i)` for each stage, N runs.
        grid: regions per side.
        statistics: `mean`, `std` (both over region and time) and `delta` (mean absolute change over time, 0 for T = 1).
            Those of `ACROSS_RUNS` are left 0 for `compare_runs`.

    Returns:
        `(N, grid ** 2, len(statistics) * sum(C_i))`, float32: squares overflow half precision.
    """
    parts = []
    for stage in maps:
        stage = stage.float()
        mean = _regions(stage, grid)
        for name in statistics:
            if name == "mean":
                parts.append(mean)
            elif name == "std":
                parts.append(_deviation(_regions(stage.square(), grid) - mean.square()))
            elif name == "delta" and stage.shape[1] > 1:
                parts.append(_regions(stage.diff(dim=1).abs(), grid))
            else:
                parts.append(torch.zeros_like(mean))
    return torch.cat(parts, dim=1).flatten(2).transpose(1, 2)


def compare_runs(tokens: torch.Tensor, channels: list[int], statistics: tuple[str, ...] | list[str]) -> torch.Tensor:
    """How the change from frame to frame differs between all runs of a video: frames that stand still at some moments and
    not at others were lost or frozen.

    It reads nothing but `delta`, so it may be done once more when runs that were pooled apart come together.

    Args:
        tokens: `(..., tokens, features)` of one video, or of several, as `pool` gives them.
        channels: of each stage.
        statistics: which `pool` took. `delta_std` is the deviation of `delta` over the tokens, `delta_min` its least, the
            same for every token.

    Returns:
        The tokens with those of `ACROSS_RUNS` in their places.
    """
    if not set(ACROSS_RUNS) & set(statistics):
        return tokens
    parts = []
    for stage in tokens.split([count * len(statistics) for count in channels], dim=-1):
        found = dict(zip(statistics, stage.chunk(len(statistics), dim=-1), strict=True))
        change = found["delta"]
        across = {
            "delta_std": _deviation(change.var(-2, correction=0, keepdim=True)),
            "delta_min": change.amin(-2, keepdim=True),
        }
        parts += [across[name].expand_as(change) if name in across else value for name, value in found.items()]
    return torch.cat(parts, dim=-1)


def _deviation(variance: torch.Tensor) -> torch.Tensor:
    return variance.clamp_min(_VARIANCE_FLOOR).sqrt()


def _regions(stage: torch.Tensor, grid: int) -> torch.Tensor:
    """`(N, T, C, h, w)` to the mean over time and region, `(N, C, grid, grid)`."""
    if grid == 1:
        return stage.mean((1, 3, 4))[..., None, None]
    return F.adaptive_avg_pool2d(stage.mean(dim=1), grid)


class Projector(nn.Module):
    """Two linear layers from pooled features to the decoder's width."""

    def __init__(self, in_features: int, hidden_features: int, out_features: int, activation: nn.Module) -> None:
        super().__init__()
        self.linear_1 = nn.Linear(in_features, hidden_features)
        self.act = activation
        self.linear_2 = nn.Linear(hidden_features, out_features)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """`(..., in_features)` to `(..., out_features)`."""
        return self.linear_2(self.act(self.linear_1(features.to(self.linear_1.weight.dtype))))
