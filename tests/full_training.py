"""A recipe of tiny random towers, with everything that it trains on: clips, a scored list, conversations."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml
from clips import write_clip
from tiny_models import CONTEXT_CONFIGS, PIXEL_CONFIGS, TEXT_CONFIGS, save_decoder, save_tower

WORKER = Path(__file__).with_name("full_worker.py")
"""Trains a recipe in a process of its own, or in one of several."""
VIEWS = {"context_frames": 2, "pixel_moments": 2, "pixel_crops": 1}


def make_parts(folder: Path) -> dict[str, Any]:
    """The key `model` of a recipe: SigLIP, VideoPrism and Qwen3 with random weights, in folders."""
    return {
        "context": {"source": str(save_tower(CONTEXT_CONFIGS["siglip"], folder / "context"))},
        "pixel": {"source": str(save_tower(PIXEL_CONFIGS["videoprism"], folder / "pixel"))},
        "text": {"source": str(save_decoder(TEXT_CONFIGS["qwen3"], folder / "text"))},
        "views": VIEWS,
        "options": {"pixel_grid": 1},
    }


def make_data(folder: Path, clips: int = 8) -> None:
    """clean/ with clips, scores.csv with a MOS and a deviation of each, talk.json with a conversation about each."""
    lines, talks = ["name,mos,sd"], []
    for number in range(clips):
        name = f"clean/clip-of-training-{number}.mp4"
        (folder / "clean").mkdir(exist_ok=True)
        write_clip(folder / name, width=80, height=72, frames=10, content="texture", seed=number, crf=10 + 4 * number)
        lines.append(f"{name},{1 + number * 4 / clips},{0.4 + number / 20}")
        turns = [
            ("human", "<video>\nDescribe the quality."),
            ("gpt", "It is good."),
            ("human", "Why?"),
            ("gpt", "It is."),
        ]
        talks.append({"video": name, "conversations": [{"from": who, "value": text} for who, text in turns]})
    (folder / "scores.csv").write_text("\n".join(lines) + "\n")
    (folder / "talk.json").write_text(json.dumps(talks))


def stage(name: str, **changes: Any) -> dict[str, Any]:
    """A stage of four steps that mixes everything."""
    scores = {"kind": "scores", "list": "scores.csv", "weight": 2, "held_out": 0.4, "pairs": 0.3}
    talk = {"kind": "conversations", "file": "talk.json", "videos": ".", "weight": 1}
    values = {
        "name": name,
        "steps": 4,
        "batch": 2,
        "rates": {"projectors": 1e-3, "pixel_tower": 1e-3},
        "data": [scores, talk],
        "warmup": 0.25,
        "log_every": 1,
        "evaluate_every": 2,
        "save_every": 1,
        "workers": 0,
    }
    return values | changes


def three_stages() -> list[dict[str, Any]]:
    """Synthetic distortions; all tasks with adapters in the decoder; everything."""
    synthetic = {"kind": "synthetic", "folder": "clean", "seconds": 0.4}
    lora = {"rate": 1e-3, "rank": 4, "alpha": 8, "dropout": 0.1}
    every = {"projectors": 1e-3, "context_tower": 1e-3, "pixel_tower": 1e-3, "decoder": 1e-3}
    return [
        stage("projectors", data=[synthetic], steps=2),
        stage("tasks", lora=lora, accumulate=2),
        stage("whole", rates=every, steps=2),
    ]


def write_recipe(folder: Path, stages: list[dict[str, Any]], parts: dict[str, Any], **changes: Any) -> Path:
    """The YAML file, beside the data."""
    content = {"model": parts, "stages": stages, "precision": "fp32", "text_tokens": 256} | changes
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(content))
    return path
