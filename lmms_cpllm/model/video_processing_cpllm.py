"""From a video to the two views as tensors; which frames, which crops and which normalisation travel with the weights."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike

import numpy as np
import torch
from transformers import BatchFeature
from transformers.image_utils import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
from transformers.processing_utils import VideosKwargs
from transformers.video_processing_utils import BaseVideoProcessor

from lmms_cpllm.sampling import ViewPlan
from lmms_cpllm.video import Clip, decode, views_from_frames

Video = str | PathLike | Clip | np.ndarray | torch.Tensor


class CPLLMVideoProcessorKwargs(VideosKwargs, total=False):
    """
    context_frames (`int`): key frames M of a video.
    context_size (`dict[str, int]`): `height` and `width` of a key frame, aspect ratio ignored.
    pixel_moments (`int`): moments K of a video.
    pixel_crops (`int`): crops G at each moment, at native resolution.
    pixel_frames (`int`): consecutive frames R of each crop.
    pixel_size (`int`): side c of a crop, in pixels.
    context_mean, context_std, pixel_mean, pixel_std (`list[float]`): normalisation of each view, for values in 0..1.
    """

    context_frames: int
    context_size: dict[str, int]
    pixel_moments: int
    pixel_crops: int
    pixel_frames: int
    pixel_size: int
    context_mean: list[float] | tuple[float, ...]
    context_std: list[float] | tuple[float, ...]
    pixel_mean: list[float] | tuple[float, ...]
    pixel_std: list[float] | tuple[float, ...]


class CPLLMVideoProcessor(BaseVideoProcessor):
    """Makes the context view and the pixel view of CP-LLM."""

    valid_kwargs = CPLLMVideoProcessorKwargs
    model_input_names = ["context_values", "pixel_values"]  # noqa: RUF012 - read by transformers
    context_frames = 4
    context_size = {"height": 224, "width": 224}  # noqa: RUF012
    pixel_moments = 4
    pixel_crops = 4
    pixel_frames = 1
    pixel_size = 224
    context_mean = IMAGENET_DEFAULT_MEAN
    context_std = IMAGENET_DEFAULT_STD
    pixel_mean = IMAGENET_DEFAULT_MEAN
    pixel_std = IMAGENET_DEFAULT_STD

    @property
    def plan(self) -> ViewPlan:
        """Which frames and crops are taken of a video."""
        return ViewPlan(
            context_frames=self.context_frames,
            context_size=(self.context_size["height"], self.context_size["width"]),
            pixel_moments=self.pixel_moments,
            pixel_crops=self.pixel_crops,
            pixel_frames=self.pixel_frames,
            crop_size=self.pixel_size,
        )

    def read(self, video: Video, fps: float = 25.0) -> Clip:
        """Decodes a video in one pass and cuts both views.

        Args:
            video: a file (video or image), frames `(T, H, W, 3)` or `(T, 3, H, W)` uint8, or a clip that was read before.
            fps: frame rate of frames that are given as an array.

        Raises:
            VideoError: the file cannot be decoded.
            ValueError: an array of another shape or type.
        """
        if isinstance(video, Clip):
            return video
        if isinstance(video, (str, PathLike)):
            return decode(video, self.plan)
        return views_from_frames(_as_frames(video), fps, self.plan)

    def preprocess(self, videos: Video | Sequence[Video], return_tensors: str | None = None, **kwargs) -> BatchFeature:
        """Reads and normalises videos.

        Args:
            videos: one video or several; see `read`.
            return_tensors: `pt`, or None for the same tensors without conversion.
            **kwargs: `fps` of frames given as arrays.

        Returns:
            `context_values` `(V, M, 3, h, w)` and `pixel_values` `(V, K, G, R, 3, c, c)`, float32.
        """
        if isinstance(videos, (str, PathLike, Clip, np.ndarray, torch.Tensor)):
            videos = [videos]
        clips = [self.read(video, kwargs.get("fps") or 25.0) for video in videos]
        context = np.stack([clip.context for clip in clips])
        pixels = np.stack([clip.pixel for clip in clips])
        data = {
            "context_values": _normalise(context, self.context_mean, self.context_std),
            "pixel_values": _normalise(pixels, self.pixel_mean, self.pixel_std),
        }
        return BatchFeature(data, tensor_type=return_tensors)


def _as_frames(video: np.ndarray | torch.Tensor) -> np.ndarray:
    """An array of frames as `(T, H, W, 3)` uint8."""
    frames = video.numpy(force=True) if isinstance(video, torch.Tensor) else np.asarray(video)
    if frames.dtype != np.uint8 or frames.ndim != 4:
        raise ValueError(f"frames: expected uint8 (T, H, W, 3) or (T, 3, H, W), found {frames.dtype} {frames.shape}")
    if frames.shape[-1] == 3:
        return frames
    if frames.shape[1] == 3:
        return np.ascontiguousarray(frames.transpose(0, 2, 3, 1))
    raise ValueError(f"frames: expected 3 channels, (T, H, W, 3) or (T, 3, H, W), found {frames.shape}")


def _normalise(values: np.ndarray, mean: Sequence[float], std: Sequence[float]) -> torch.Tensor:
    """uint8 `(..., H, W, 3)` to float32 `(..., 3, H, W)`, zero mean and unit variance over the tower's training data."""
    scale = torch.tensor([1 / (255 * s) for s in std], dtype=torch.float32)
    shift = torch.tensor([-m / s for m, s in zip(mean, std, strict=True)], dtype=torch.float32)
    return (torch.from_numpy(values).float() * scale + shift).movedim(-1, -3)


__all__ = ["CPLLMVideoProcessor"]
