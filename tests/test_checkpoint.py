"""The embedded checkpoint: what is shipped, and that it does what its card says."""

import hashlib
import json
import re
from pathlib import Path

import numpy as np
import pytest
from clips import write_clip

from lmms_cpllm import compare
from lmms_cpllm.harness.arguments import embedded_checkpoint
from lmms_cpllm.harness.direct import judge_files
from lmms_cpllm.model import load
from lmms_cpllm.ratings import parse_answer

FOLDER = Path(embedded_checkpoint())
README = Path(__file__).parents[1] / "README.md"
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


def test_the_card_and_the_readme_give_the_figures_of_the_frozen_run():
    frozen = json.loads((Path(compare.__file__).parent / "shipped" / "cpllm-tiny.json").read_text())
    found = {run["task"]: run["metrics"] for run in frozen["runs"]}
    texts = [FOLDER / "README.md", *(path for path in [README] if path.is_file())]
    for text in (path.read_text(encoding="utf-8") for path in texts):
        [srcc] = re.findall(r"^\| `vqa_mini` .*SRCC (\.\d{3}) \(", text, re.MULTILINE)
        [accuracy] = re.findall(r"^\| `vqa_mini_pairs`[^.]*accuracy (\.\d{3}) \|$", text, re.MULTILINE)
        assert float(srcc) == round(found["vqa_mini"]["srcc"], 3)
        assert float(accuracy) == round(found["vqa_mini_pairs"]["accuracy"], 3)


def test_the_settings_of_its_training_are_beside_the_weights():
    record = json.loads((FOLDER / "training.json").read_text())
    assert [stage["stage"]["name"] for stage in record["stages"]] == ["tower", "tasks"]
    for stage in record["stages"]:
        assert stage["validation"].keys() == {"synthetic", "still", "human"}
        assert stage["examples"]["still train"] > 2500


def test_it_tells_strong_distortions_from_none(loaded):
    import cv2

    clean = photograph()
    blurred = np.stack([cv2.GaussianBlur(frame, (0, 0), 3) for frame in clean])
    noise = np.random.default_rng(0).normal(0, 50, clean.shape)
    noisy = np.clip(clean + noise, 0, 255).astype(np.uint8)
    best = score(loaded, clean)
    assert best > score(loaded, blurred) + 20
    assert best > score(loaded, noisy) + 20


def test_the_command_and_the_python_code_of_the_readme_give_one_score(loaded, tmp_path):
    """The command encodes the moments of a video apart, and some of this one stand still."""
    moving = photograph(20)
    lost = moving[[0, 1, 2, 2, 2, 2, 6, 7, 8, 9, 10, 10, 10, 13, 14, 14, 14, 14, 14, 19]]
    paths = [write_clip(tmp_path / f"{n}.mp4", content=frames, crf=10) for n, frames in enumerate((moving, lost))]
    found = dict(judge_files([(str(path),) for path in paths], "score", {}))
    for path in paths:
        quality = parse_answer(found[(str(path),)]).rating.quality
        assert quality == pytest.approx(score(loaded, path), abs=1e-3)


def noisy():
    noise = np.random.default_rng(0).normal(0, 60, photograph().shape)
    return np.clip(photograph() + noise, 0, 255).astype(np.uint8)


def asked(loaded, question, video):
    model, processor = loaded
    messages = [{"role": "user", "content": [{"type": "video"}, {"type": "text", "text": question}]}]
    inputs = processor(text=[processor.render(messages)], videos=[video])
    found = model.generate(**inputs, max_new_tokens=32, do_sample=False)[:, inputs["input_ids"].shape[1] :]
    return processor.batch_decode(found, skip_special_tokens=True)[0].strip()


def test_it_describes_what_it_sees(loaded):
    model, processor = loaded
    question = [
        {
            "role": "user",
            "content": [{"type": "video"}, {"type": "text", "text": "Describe the quality of this video."}],
        }
    ]
    inputs = processor(text=[processor.render(question, processor.answer_prefix)], videos=[noisy()])
    text = processor.batch_decode(model.describe(**inputs, max_new_tokens=128).sequences, skip_special_tokens=True)[0]
    assert text.endswith(".")
    assert "nois" in text or "grain" in text


def test_it_answers_questions(loaded):
    assert asked(loaded, "Is this video noisy?", noisy()) == "Yes."
    assert asked(loaded, "Is this video noisy?", photograph()) == "No."


def test_it_prefers_the_clean_one_of_two_whichever_comes_first(loaded):
    model, processor = loaded
    question = {"type": "text", "text": "Which video has better quality?"}
    messages = [{"role": "user", "content": [{"type": "video"}, {"type": "video"}, question]}]
    prompt = processor.render(messages, processor.compare_prefix)
    clean_first = model.compare(**processor(text=[prompt], videos=[photograph(), noisy()]))[0, 0]
    clean_second = model.compare(**processor(text=[prompt], videos=[noisy(), photograph()]))[0, 0]
    assert float(clean_first) > 0.5 > float(clean_second)
