"""`--model vqa_levels` around the real classes of lmms-eval, with tiny random models on a CPU.

Not here, because they do not run on a CPU without more: `llava_onevision` and `internvl3` put their weights on `cuda:0`
whatever `device` says, and need the packages `llava` and remote code. Their models are in transformers too, and that form
of them (`llava_hf`, `internvl_hf`) is tested.
"""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path

import pytest
from evaluation import evaluate, items_of, metrics_of

needs_decord = pytest.mark.skipif(
    importlib.util.find_spec("decord") is None,
    reason="these classes of lmms-eval import decord: pip install 'lmms-cpllm[test]'",
)

_QWEN = "device_map=cpu,max_num_frames=4,min_pixels=3136,max_pixels=12544"
BASES = {
    "qwen2_5_vl": ("tiny_qwen", "tiny_qwen", _QWEN),
    "qwen3_vl": ("tiny_mllms", "tiny_qwen3", _QWEN),
    "internvl_hf": ("tiny_mllms", "tiny_internvl", "device_map=cpu,num_frames=4"),
    # Its class for chat raises over prompts that hold videos only.
    "llava_hf": (
        "tiny_mllms",
        "tiny_llava_onevision",
        "device_map=cpu,force_simple=True,max_frames_num=4,dtype=float32",
    ),
}


@pytest.fixture
def _decodes_with_av(monkeypatch: pytest.MonkeyPatch) -> None:
    """transformers opens the videos of InternVL itself, by torchcodec, which needs a system's ffmpeg; by av here."""
    from transformers.video_processing_utils import BaseVideoProcessor
    from transformers.video_utils import load_video

    def fetch(self, paths, sample_indices_fn=None):
        if isinstance(paths, list):
            return list(zip(*[fetch(self, path, sample_indices_fn) for path in paths], strict=True))
        return load_video(paths, backend="pyav", sample_indices_fn=sample_indices_fn)

    monkeypatch.setattr(BaseVideoProcessor, "fetch_videos", fetch)


@needs_decord
@pytest.mark.usefixtures("_decodes_with_av")
@pytest.mark.parametrize("base", BASES)
def test_scores_are_fine_grained(base: str, mini: list, tmp_path: Path) -> None:
    module, make, options = BASES[base]
    folder = getattr(importlib.import_module(module), make)(tmp_path / base)
    results = evaluate("vqa_levels", ["vqa_mini"], f"base={base},pretrained={folder},{options}")
    items = items_of(results, "vqa_mini")
    assert metrics_of(results, "vqa_mini")["answered"] == 1
    assert len({item["quality"] for item in items.values()}) > 3, "words alone would give five values at most"
    for item in items.values():
        assert sum(item["distribution"].values()) == pytest.approx(1, abs=1e-5)
        assert 0 < item["quality"] < 100
    checkpoint = results["configs"]["vqa_mini"]["metadata"]["checkpoint"]
    assert checkpoint["base"] == base
    assert len(checkpoint["fingerprint"]) == 16


@needs_decord
def test_scores_are_those_of_the_models_own_logits(mini: list, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The distribution is the softmax over the words' logits of a plain forward pass."""
    import torch
    from tiny_qwen import tiny_qwen
    from transformers import Qwen2_5_VLForConditionalGeneration

    from lmms_cpllm.harness import first_token

    passes = []
    generate = Qwen2_5_VLForConditionalGeneration.generate

    def with_forward(self, **inputs):
        names = ("input_ids", "attention_mask", "pixel_values_videos", "video_grid_thw", "mm_token_type_ids")
        with torch.inference_mode():
            passes.append(self(**{name: inputs[name] for name in names if name in inputs}).logits[0, -1])
        return generate(self, **inputs)

    monkeypatch.setattr(Qwen2_5_VLForConditionalGeneration, "generate", with_forward)
    tokens: list[dict] = []
    level_tokens = first_token.level_tokens

    def note(tokenizer):
        tokens.append(level_tokens(tokenizer))
        return tokens[-1]

    monkeypatch.setattr("lmms_cpllm.harness.vqa_levels.level_tokens", note)
    folder = tiny_qwen(tmp_path / "qwen")
    results = evaluate("vqa_levels", ["vqa_mini", "vqa_mini_pairs"], f"base=qwen2_5_vl,pretrained={folder},{_QWEN}")
    samples = results["samples"]["vqa_mini"]
    assert len(passes) == len(samples) + len(results["samples"]["vqa_mini_pairs"])
    for sample, logits in zip(samples, passes, strict=False):
        expected = first_token.shares_of(logits, tokens[0]).distribution
        assert list(sample["srcc"]["distribution"].values()) == pytest.approx(expected, abs=2e-2), "both in bfloat16"
