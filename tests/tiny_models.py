"""Tiny models with random weights, made on the spot: no download, the real classes."""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    CLIPVisionConfig,
    ConvNextV2Config,
    Gemma3TextConfig,
    LlamaConfig,
    PreTrainedTokenizerFast,
    Qwen3Config,
    Siglip2VisionConfig,
    SiglipVisionConfig,
    SmolLM3Config,
    TimmBackboneConfig,
    VideoMAEConfig,
    VideoPrismVisionConfig,
)

from lmms_cpllm.model import assemble
from lmms_cpllm.model.towers import build_tower

_VIT = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
CONTEXT_CONFIGS = {
    "siglip": SiglipVisionConfig(**_VIT, image_size=32, patch_size=8),
    "siglip2": Siglip2VisionConfig(**_VIT, num_patches=16, patch_size=8),
    "clip": CLIPVisionConfig(**_VIT, image_size=32, patch_size=8),
}
PIXEL_CONFIGS = {
    "videoprism": VideoPrismVisionConfig(
        hidden_size=16,
        intermediate_size=32,
        num_spatial_layers=1,
        num_temporal_layers=1,
        num_attention_heads=2,
        image_size=36,
        num_frames=4,
        tubelet_size=[1, 18, 18],
    ),
    "videomae": VideoMAEConfig(**_VIT, image_size=32, patch_size=16, num_frames=4),
    "timm": TimmBackboneConfig(backbone="tf_efficientnet_lite0", out_indices=[0, 1]),
    "convnextv2": ConvNextV2Config(hidden_sizes=[8, 8, 16, 16], depths=[1, 1, 1, 1], image_size=64),
}
_DECODER = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 2048,
    "bos_token_id": 0,
    "eos_token_id": 0,
    "pad_token_id": 0,
}
TEXT_CONFIGS = {
    "qwen3": Qwen3Config(**_DECODER, head_dim=8),
    "gemma3": Gemma3TextConfig(**_DECODER, head_dim=8, sliding_window=512),
    "llama": LlamaConfig(**_DECODER),
    "smollm3": SmolLM3Config(**_DECODER),
}
_CORPUS = [
    "The quality of this video is excellent good fair poor bad.",
    "The video of better quality is the first second.",
    "user assistant system Rate Describe the quality of this video. Which of the two videos has better quality?",
]


def tiny_tokenizer() -> PreTrainedTokenizerFast:
    """A byte-level BPE whose vocabulary holds the rating words as single tokens."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=500,
        special_tokens=["<|end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_CORPUS * 10, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|end|>", pad_token="<|end|>")


def save_tower(config, folder: Path) -> Path:
    """Saves a tower with random weights, large enough for its outputs to differ."""
    torch.manual_seed(0)
    build_tower(config).save_pretrained(folder)
    return folder


def save_decoder(config, folder: Path, tokenizer: PreTrainedTokenizerFast | None = None) -> Path:
    """Saves a decoder with random weights and its tokenizer."""
    tokenizer = tokenizer or tiny_tokenizer()
    config = AutoConfig.for_model(**{**config.to_dict(), "vocab_size": len(tokenizer)})
    torch.manual_seed(1)
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def tiny_cpllm(
    folder: Path, context: str = "siglip", pixel: str = "timm", text: str = "llama", pixel_size: int = 64, **options
) -> Path:
    """Assembles a CP-LLM from tiny random parts and saves it; gives the checkpoint's folder.

    Projectors and head are scaled up: the scores of different videos must differ, or equal scores would prove nothing.
    """
    views = {"pixel_moments": 2, "pixel_crops": 2, "context_frames": 2}
    if pixel in ("timm", "convnextv2"):
        views["pixel_size"] = pixel_size
    model, processor = assemble(
        save_tower(CONTEXT_CONFIGS[context], folder / "context"),
        save_tower(PIXEL_CONFIGS[pixel], folder / "pixel"),
        save_decoder(TEXT_CONFIGS[text], folder / "text"),
        views=views,
        dtype="float32",
        **options,
    )
    with torch.no_grad():
        for projector in (model.model.context_projector, model.model.pixel_projector):
            for parameter in projector.parameters():
                parameter.mul_(10)
        if not model.config.tie_word_embeddings:
            model.lm_head.weight.mul_(20)
    checkpoint = folder / "cpllm"
    model.save_pretrained(checkpoint)
    processor.save_pretrained(checkpoint)
    return checkpoint
