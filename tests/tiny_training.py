"""What the tests of training share: pictures, contents, scored photographs, examples, and a model with small views."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image

from lmms_cpllm.model import CPLLMForConditionalGeneration, CPLLMProcessor
from lmms_cpllm.synthesis.facts import Facts, Impairment
from lmms_cpllm.training.labelling import Example
from lmms_cpllm.training.tiny import build

TEXTS = 300
"""Texts for the tokenizer: enough for every word to be known, few enough to be trained in a second."""


def picture(seed: int, height: int = 360, width: int = 640) -> np.ndarray:
    """uint8 `(height, width, 3)` RGB: smooth random colours with finer and finer texture on top."""
    rng = np.random.default_rng(seed)
    result = np.full((height, width, 3), 128.0, np.float32)
    for cells, amount in ((4, 45.0), (12, 25.0), (48, 14.0), (160, 8.0)):
        grid = rng.normal(0, amount, (cells, cells * 2, 3)).astype(np.float32)
        result += cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.clip(result, 0, 255).astype(np.uint8)


def save_picture(path: Path, pixels: np.ndarray, **options) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)
    return path


def write_splits(path: Path, sides: Mapping[Path, str]) -> Path:
    """A file like `splits.csv` for the given contents."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("name", "sha256", "split"))
        for content, side in sides.items():
            writer.writerow((content.stem, hashlib.sha256(content.read_bytes()).hexdigest()[:16], side))
    return path


def write_scores(folder: Path, rows: list[tuple[str, object, object, str]]) -> Path:
    """`folder`/scores.csv with columns file, mos_acr, number, subset."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "scores.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("file", "mos_acr", "number", "subset"))
        writer.writerows(rows)
    return folder


def example(
    number: int = 0, quality: float = 60.0, *, acr: float | None = None, family: str = "blur", **changes
) -> Example:
    """A synthetic training clip with one distortion of an opinion of `acr` (None: clean); `changes` are other fields."""
    done = () if acr is None else (Impairment(family, 1.0, acr),)
    values = {
        "path": Path(f"{number}.mp4"),
        "quality": quality,
        "sd": 0.3,
        "source": "synthetic",
        "content": f"content-{number // 4}",
        "scene": f"content-{number // 4}-0",
        "split": "train",
        "facts": Facts(quality=quality, impairments=done),
        "families": () if acr is None else (family,),
        "strengths": () if acr is None else (1.0,),
    }
    return Example(**values | changes)


def mixed_examples(count: int = 60) -> list[Example]:
    """Of every two a synthetic clip and a scored photograph, every sixth of each for validation, even qualities."""
    rng = np.random.default_rng(0)
    found = []
    for number in range(count):
        quality, split = float(rng.uniform(2, 98)), "validation" if number // 2 % 6 == 0 else "train"
        if number % 2:
            facts = Facts(quality=quality, impairments=None)
            still = {"source": "still", "scene": f"still-{number}", "families": (), "strengths": (), "closed": False}
            found.append(example(number, quality, split=split, facts=facts, **still))
        else:
            found.append(example(number, quality, acr=1 + quality / 25, split=split))
    return found


def small_views(processor: CPLLMProcessor) -> CPLLMProcessor:
    """Key frames and crops of 64 pixels instead of 320 and 160, as many as before."""
    processor.video_processor.context_size = {"height": 64, "width": 64}
    processor.video_processor.pixel_size = 64
    return processor


def small_model(seed: int = 0) -> tuple[CPLLMForConditionalGeneration, CPLLMProcessor]:
    """`cpllm-tiny` with random weights and small views."""
    model, processor = build(seed, pretrained=False, texts=TEXTS)
    return model, small_views(processor)


def feature_shapes(model: CPLLMForConditionalGeneration, processor: CPLLMProcessor) -> dict[str, tuple[int, int]]:
    """Tokens of a video and features of a token, by view."""
    plan = processor.video_processor.plan
    tokens = {
        "context": plan.context_frames * processor.context_tokens,
        "pixel": plan.pixel_moments * plan.pixel_crops * processor.pixel_tokens,
    }
    projectors = {"context": model.model.context_projector, "pixel": model.model.pixel_projector}
    return {view: (tokens[view], projectors[view].linear_1.in_features) for view in tokens}


def readable_features(
    model: CPLLMForConditionalGeneration, processor: CPLLMProcessor, examples: list[Example]
) -> dict[str, torch.Tensor]:
    """Raw features in which the quality can be read: some numbers are the quality, the rest noise."""
    generator = torch.Generator().manual_seed(0)
    shapes = feature_shapes(model, processor).values()
    context, pixel = (torch.randn(len(examples), *shape, generator=generator) for shape in shapes)
    pixel[:, :, :64] = torch.tensor([e.quality / 25 for e in examples])[:, None, None]
    return {"context": context.half(), "pixel": pixel.half()}
