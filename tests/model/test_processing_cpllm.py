import numpy as np
import pytest
import torch
from tiny_models import save_decoder, tiny_cpllm, tiny_tokenizer
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from lmms_cpllm.model import CPLLMProcessor, CPLLMVideoProcessor
from lmms_cpllm.model.processing_cpllm import ANSWER_PREFIX, RATING_WORDS
from lmms_cpllm.model.tokens import chat_template, prepare_tokenizer, require_tokens, single_token_ids

RATE = [{"role": "user", "content": [{"type": "video"}, {"type": "text", "text": "Rate it."}]}]


@pytest.fixture
def processor():
    tokenizer = tiny_tokenizer()
    prepare_tokenizer(tokenizer)
    views = CPLLMVideoProcessor(
        context_frames=3,
        context_size={"height": 16, "width": 24},
        pixel_moments=2,
        pixel_crops=2,
        pixel_frames=2,
        pixel_size=20,
    )
    return CPLLMProcessor(views, tokenizer, chat_template=chat_template(tokenizer), context_tokens=1, pixel_tokens=4)


def frames(seed=0):
    return np.random.default_rng(seed).integers(0, 255, (6, 40, 60, 3), dtype=np.uint8)


def test_a_video_becomes_context_placeholders_and_then_pixel_placeholders(processor):
    text = processor.render(RATE, processor.answer_prefix)
    assert text == (
        "<|im_start|>user\n<|video|>\nRate it.<|im_end|>\n<|im_start|>assistant\nThe quality of this video is"
    )
    inputs = processor(text=[text], videos=[frames()])
    tokens = processor.tokenizer.convert_ids_to_tokens(inputs["input_ids"][0])
    assert tokens.count("<|context|>") == 3 * 1
    assert tokens.count("<|pixel|>") == 2 * 2 * 4
    assert tokens.index("<|pixel|>") == tokens.index("<|context|>") + 3
    assert inputs["context_values"].shape == (1, 3, 3, 16, 24)
    assert inputs["pixel_values"].shape == (1, 2, 2, 2, 3, 20, 20)


def test_a_decoders_own_chat_template_is_kept():
    tokenizer = tiny_tokenizer()
    tokenizer.chat_template = "{% for m in messages %}[{{ m['role'] }}] {{ m['content'] }} {% endfor %}>"
    prepare_tokenizer(tokenizer)
    processor = CPLLMProcessor(CPLLMVideoProcessor(), tokenizer, chat_template=chat_template(tokenizer))
    assert processor.render(RATE, "Yes") == "[user] <|video|>\nRate it. >Yes"
    assert processor.render([{"role": "user", "content": "plain"}]) == "[user] plain >"


def test_number_of_videos_must_match_the_prompts(processor):
    text = processor.render(RATE)
    with pytest.raises(ValueError, match=r"the prompts hold 1 <\|video\|> and 2 videos were given"):
        processor(text=[text], videos=[frames(), frames()])
    with pytest.raises(ValueError, match="images and videos in one call"):
        processor(text=[text], videos=[frames()], images=[frames()])


def test_views_are_normalised_with_each_towers_mean_and_deviation(processor):
    views = processor.video_processor
    views.context_mean, views.context_std = [0.5] * 3, [0.25] * 3
    clip = views.read(frames())
    data = views([clip])
    expected = (clip.context.astype(np.float64) / 255 - 0.5) / 0.25
    np.testing.assert_allclose(data["context_values"][0].permute(0, 2, 3, 1), expected, atol=1e-5)


def test_frames_may_be_tensors_in_either_layout(processor):
    array = frames()
    first = processor.video_processor(array)["pixel_values"]
    second = processor.video_processor(torch.from_numpy(array).permute(0, 3, 1, 2))["pixel_values"]
    assert torch.equal(first, second)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((4, 8, 8, 3), np.float32), r"expected uint8 .*, found float32 \(4, 8, 8, 3\)"),
        (np.zeros((8, 8, 3), np.uint8), r"found uint8 \(8, 8, 3\)"),
        (np.zeros((4, 8, 8, 4), np.uint8), r"expected 3 channels, .* found \(4, 8, 8, 4\)"),
    ],
)
def test_other_arrays_are_refused(processor, array, message):
    with pytest.raises(ValueError, match=message):
        processor.video_processor(array)


def test_rating_words_are_single_tokens_of_the_vocabulary():
    tokenizer = tiny_tokenizer()
    size = len(tokenizer)
    ids = require_tokens(tokenizer, ANSWER_PREFIX, RATING_WORDS)
    assert len(tokenizer) == size, "nothing had to be added"
    assert tokenizer.decode(ids) == " excellent good fair poor bad"


def test_words_that_a_vocabulary_splits_are_added_to_it():
    backend = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate(pre_tokenizers.ByteLevel.alphabet())}, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend)
    assert single_token_ids(tokenizer, ANSWER_PREFIX, RATING_WORDS) is None
    size = len(tokenizer)
    ids = require_tokens(tokenizer, ANSWER_PREFIX, RATING_WORDS)
    assert sorted(ids) == list(range(size, size + 5))


def test_assembling_resizes_the_decoder_for_added_tokens(tmp_path):
    backend = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate(pre_tokenizers.ByteLevel.alphabet())}, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="Ġ", pad_token="Ġ")
    from tiny_models import TEXT_CONFIGS

    from lmms_cpllm.model import load

    save_decoder(TEXT_CONFIGS["llama"], tmp_path / "plain", tokenizer)
    assert len(AutoTokenizer.from_pretrained(tmp_path / "plain")) == 256
    from unittest.mock import patch

    with patch("tiny_models.tiny_tokenizer", return_value=tokenizer):
        folder = tiny_cpllm(tmp_path / "model")
    model, processor = load(folder)
    # 3 placeholders, 5 rating words, 2 choices
    assert model.get_input_embeddings().num_embeddings == 256 + 3 + 5 + 2 == len(processor.tokenizer)
    inputs = processor(text=[processor.render(RATE, processor.answer_prefix)], videos=[frames()])
    assert 0 <= model.score(**inputs).quality.item() <= 100
