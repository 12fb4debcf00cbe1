"""The embedded checkpoint: what is shipped, and that it does what its card says."""

import hashlib
import json
import re
from pathlib import Path

import numpy as np
import pytest

from lmms_cpllm.harness.arguments import embedded_checkpoint
from lmms_cpllm.model import load

FOLDER = Path(embedded_checkpoint())
RATE = [{"role": "user", "content": [{"type": "video"}, {"type": "text", "text": "Rate the quality of this video."}]}]


@pytest.fixture(scope="module")
def loaded():
    return load(FOLDER)


def score(loaded, video):
    model, processor = loaded
    inputs = processor(text=[processor.render(RATE, processor.answer_prefix)], videos=[video])
    return model.score(**inputs).quality.item()


def photograph(frames=6):
    """A photograph that is no content of training, panned by whole pixels."""
    from skimage import data

    picture = data.chelsea()
    return np.stack([picture[10:290, 10 + 2 * i : 410 + 2 * i] for i in range(frames)])


def test_weights_are_safetensors_only_and_small():
    names = {path.name for path in FOLDER.iterdir()}
    assert {"config.json", "model.safetensors", "processor_config.json", "tokenizer.json", "README.md"} <= names
    assert not [name for name in names if name.endswith((".bin", ".pt", ".pth", ".pkl", ".py"))]
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) <= 16e6


def test_the_card_names_the_hash_of_the_weights():
    [recorded] = re.findall(r"SHA-256 of `model.safetensors`: `([0-9a-f]{64})`", (FOLDER / "README.md").read_text())
    assert recorded == hashlib.sha256((FOLDER / "model.safetensors").read_bytes()).hexdigest()


def test_the_settings_of_its_training_are_beside_the_weights():
    record = json.loads((FOLDER / "training.json").read_text())
    assert record["validation"]["srcc"].keys() == {"clips", "photographs"}
    assert record["config"]["seed"] == 0


def test_it_tells_strong_distortions_from_none(loaded):
    import cv2

    clean = photograph()
    blurred = np.stack([cv2.GaussianBlur(frame, (0, 0), 3) for frame in clean])
    noise = np.random.default_rng(0).normal(0, 50, clean.shape)
    noisy = np.clip(clean + noise, 0, 255).astype(np.uint8)
    best = score(loaded, clean)
    assert best > score(loaded, blurred) + 20
    assert best > score(loaded, noisy) + 20


def test_it_describes_what_it_sees(loaded):
    model, processor = loaded
    noise = np.random.default_rng(0).normal(0, 60, photograph().shape)
    noisy = np.clip(photograph() + noise, 0, 255).astype(np.uint8)
    question = [
        {
            "role": "user",
            "content": [{"type": "video"}, {"type": "text", "text": "Describe the quality of this video."}],
        }
    ]
    inputs = processor(text=[processor.render(question, processor.answer_prefix)], videos=[noisy])
    text = processor.batch_decode(model.describe(**inputs, max_new_tokens=64).sequences, skip_special_tokens=True)[0]
    assert text.endswith(".")
    assert "noise" in text
