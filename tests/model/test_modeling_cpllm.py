import numpy as np
import pytest
import torch
from tiny_models import tiny_cpllm
from transformers import AutoConfig, AutoModelForImageTextToText, AutoProcessor
from transformers.modeling_outputs import CausalLMOutputWithPast

from lmms_cpllm.errors import ArgumentError, CheckpointError
from lmms_cpllm.model import CPLLMConfig, CPLLMForConditionalGeneration, CPLLMProcessor, load, modeling_cpllm
from lmms_cpllm.model.modeling_cpllm import expected_quality
from lmms_cpllm.model.towers import feature_maps
from lmms_cpllm.ratings import from_distribution, level_of

COMBINATIONS = [
    ("siglip", "timm", "llama"),
    ("siglip2", "videoprism", "qwen3"),
    ("clip", "videomae", "gemma3"),
    ("siglip", "convnextv2", "smollm3"),
]
RATE = [{"role": "user", "content": [{"type": "video"}, {"type": "text", "text": "Rate the quality of this video."}]}]
COMPARE = [
    {
        "role": "user",
        "content": [{"type": "video"}, {"type": "video"}, {"type": "text", "text": "Which video has better quality?"}],
    }
]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return {names: tiny_cpllm(tmp_path_factory.mktemp("-".join(names)), *names) for names in COMBINATIONS}


@pytest.fixture(scope="module")
def folder(folders):
    return folders[COMBINATIONS[0]]


@pytest.fixture(scope="module")
def loaded(folder):
    return load(folder)


def videos(count=3, frames=5):
    """Noise of a different strength each, so that their scores differ."""
    return [
        np.random.default_rng(i).integers(0, 60 + 60 * i, (frames, 80, 100, 3), dtype=np.uint8) for i in range(count)
    ]


def rate_inputs(processor, clips, messages=RATE):
    prompt = processor.render(messages, processor.answer_prefix)
    return processor(text=[prompt] * len(clips), videos=clips, padding=True)


def test_key_frames_and_moments_go_one_by_one_unless_something_learns(loaded, monkeypatch):
    # What is planned for a GPU is simulated on a CPU: training has to take the same way on both.
    model, processor = loaded
    values = processor.video_processor(videos(1))
    plan, taken = processor.video_processor.plan, []
    monkeypatch.setattr(
        modeling_cpllm, "feature_maps", lambda tower, part: taken.append(len(part)) or feature_maps(tower, part)
    )
    for learns in (True, False):
        with torch.set_grad_enabled(learns):
            model.model.encode_context(values["context_values"])
            model.model.encode_pixels(values["pixel_values"])
    whole = [plan.context_frames, plan.pixel_moments * plan.pixel_crops]
    one_by_one = [1] * plan.context_frames + [plan.pixel_crops] * plan.pixel_moments
    assert taken == whole + one_by_one


@pytest.mark.parametrize("names", COMBINATIONS, ids="-".join)
def test_any_towers_and_decoder_score_compare_and_describe(folders, names):
    model, processor = load(folders[names])
    inputs = rate_inputs(processor, videos())
    rating = model.score(**inputs)
    assert rating.distribution.shape == (3, 5)
    torch.testing.assert_close(rating.distribution.sum(-1), torch.ones(3))
    assert len(set(rating.quality.tolist())) == 3, "different videos, different scores"
    description = model.describe(**inputs, max_new_tokens=4, do_sample=False)
    torch.testing.assert_close(description.quality, rating.quality, atol=1e-3, rtol=0)
    words = [word.strip() for word in processor.batch_decode(description.sequences[:, :1])]
    assert words == [level_of(quality) for quality in rating.quality.tolist()]
    pair = processor(text=[processor.render(COMPARE, processor.compare_prefix)], videos=videos(2))
    choice = model.compare(**pair)
    assert choice.shape == (1, 2)
    assert choice.sum().item() == pytest.approx(1)


def test_the_auto_classes_load_what_was_saved(folder):
    assert isinstance(AutoConfig.from_pretrained(folder), CPLLMConfig)
    assert isinstance(AutoProcessor.from_pretrained(folder), CPLLMProcessor)
    model = AutoModelForImageTextToText.from_pretrained(folder)
    assert isinstance(model, CPLLMForConditionalGeneration)


def test_saving_and_loading_keeps_scores_and_views(loaded, tmp_path):
    model, processor = loaded
    model.save_pretrained(tmp_path)
    processor.save_pretrained(tmp_path)
    again, processor_again = load(tmp_path)
    assert processor_again.video_processor.plan == processor.video_processor.plan
    assert processor_again.media_tokens() == processor.media_tokens()
    inputs = rate_inputs(processor, videos())
    assert torch.equal(model.score(**inputs).distribution, again.score(**inputs).distribution)


def test_repeated_runs_are_equal_to_the_bit(loaded):
    model, processor = loaded
    inputs = rate_inputs(processor, videos())
    assert torch.equal(model.score(**inputs).quality, model.score(**inputs).quality)


@pytest.mark.parametrize("names", COMBINATIONS, ids="-".join)
def test_a_batch_scores_as_single_videos_do(folders, names):
    model, processor = load(folders[names])
    batch = model.score(**rate_inputs(processor, videos())).quality
    single = torch.cat([model.score(**rate_inputs(processor, [video])).quality for video in videos()])
    torch.testing.assert_close(batch, single, atol=1e-3, rtol=0)


def test_prompts_of_different_length_score_as_they_do_alone(loaded):
    model, processor = loaded
    long = [{"role": "user", "content": [{"type": "video"}, {"type": "text", "text": "Rate this video. " * 5}]}]
    prompts = [processor.render(m, processor.answer_prefix) for m in (RATE, long)]
    clips = videos(2)
    for side in ("left", "right"):
        processor.tokenizer.padding_side = side
        batch = model.score(**processor(text=prompts, videos=clips, padding=True)).quality
        single = [model.score(**processor(text=[p], videos=[c])).quality for p, c in zip(prompts, clips, strict=True)]
        torch.testing.assert_close(batch, torch.cat(single), atol=1e-3, rtol=0)
    processor.tokenizer.padding_side = "left"


def test_scores_do_not_depend_on_the_number_of_threads(loaded):
    model, processor = loaded
    inputs = rate_inputs(processor, videos())
    before = torch.get_num_threads()
    try:
        results = []
        for threads in (1, 2, 4):
            torch.set_num_threads(threads)
            results.append(model.score(**inputs).quality)
    finally:
        torch.set_num_threads(before)
    torch.testing.assert_close(results[0], results[1], atol=1e-3, rtol=0)
    torch.testing.assert_close(results[0], results[2], atol=1e-3, rtol=0)


def test_sdpa_and_eager_agree(folder):
    sdpa, processor = load(folder, attn_implementation="sdpa")
    eager, _ = load(folder, attn_implementation="eager")
    inputs = rate_inputs(processor, videos())
    torch.testing.assert_close(sdpa.score(**inputs).quality, eager.score(**inputs).quality, atol=1e-3, rtol=0)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_scores_near_full_precision(folder, loaded, dtype):
    model, processor = load(folder, dtype=dtype)
    assert model.dtype == getattr(torch, dtype)
    inputs = rate_inputs(processor, videos())
    half, full = model.score(**inputs), loaded[0].score(**inputs)
    assert half.distribution.dtype == torch.float32
    torch.testing.assert_close(half.quality, full.quality, atol=3.0, rtol=0)


def test_one_prefill_gives_score_and_description(loaded, monkeypatch):
    model, processor = loaded
    calls = []
    encode = type(model.model).encode_pixels
    monkeypatch.setattr(type(model.model), "encode_pixels", lambda self, v: calls.append(v.shape) or encode(self, v))
    model.describe(**rate_inputs(processor, videos(2)), max_new_tokens=5, do_sample=False)
    assert len(calls) == 1


def test_description_goes_on_as_plain_greedy_decoding_would(loaded):
    """The cache must hold the videos: decoding without a cache, everything read anew, gives the same words."""
    model, processor = loaded
    inputs = rate_inputs(processor, videos(1))
    tokens = model.describe(**inputs, max_new_tokens=5, do_sample=False).sequences
    for step in range(1, tokens.shape[1]):
        ids = torch.cat([inputs["input_ids"], tokens[:, :step]], 1)
        views = {k: inputs[k] for k in ("context_values", "pixel_values")}
        with torch.no_grad():
            expected = model(input_ids=ids, **views).logits[:, -1].argmax(-1)
        assert expected.item() == tokens[0, step].item()


def test_a_prompt_that_is_read_in_two_parts_is_the_whole_one(loaded):
    """With the cache of the decoder, under whatever name this version of transformers has for it."""
    model, processor = loaded
    inputs = rate_inputs(processor, videos(2))
    head = {
        name: values[:, :-3] if name in ("input_ids", "attention_mask") else values for name, values in inputs.items()
    }
    with torch.no_grad():
        whole = model(**inputs)
        begun = model(**head, use_cache=True)
        cache = {name: value for name, value in begun.items() if name != "logits"}
        rest = model(input_ids=inputs["input_ids"][:, -3:], attention_mask=inputs["attention_mask"], **cache)
    assert isinstance(begun, CausalLMOutputWithPast)
    assert len(cache) == 1
    torch.testing.assert_close(rest.logits, whole.logits[:, -3:], atol=1e-4, rtol=1e-4)


def test_hidden_states_and_attentions_are_given_where_they_are_asked_for(folder):
    model, processor = load(folder, attn_implementation="eager")
    inputs = rate_inputs(processor, videos(1))
    with torch.no_grad():
        output = model(**inputs, output_hidden_states=True, output_attentions=True)
    layers, tokens = model.config.text_config.num_hidden_layers, inputs["input_ids"].shape[1]
    assert len(output.hidden_states) == layers + 1
    assert [attention.shape[-2:] for attention in output.attentions] == [(tokens, tokens)] * layers
    torch.testing.assert_close(model.lm_head(output.hidden_states[-1]), output.logits)


def test_ablation_switches_one_tower_off(loaded, monkeypatch):
    model, processor = loaded
    inputs = rate_inputs(processor, videos())
    full = model.score(**inputs).quality
    for tower, values in (("context", "context_values"), ("pixel", "pixel_values")):
        model.set_ablation(tower)
        try:
            ablated = model.score(**inputs).quality
            other = dict(inputs) | {values: torch.randn_like(inputs[values])}
            assert torch.equal(model.score(**other).quality, ablated), "the view that is off must not matter"
        finally:
            model.set_ablation(None)
        assert not torch.allclose(full, ablated)
    with pytest.raises(ValueError, match="ablate: expected context, pixel or nothing, found 'both'"):
        model.set_ablation("both")


def test_features_can_be_given_instead_of_views(loaded):
    model, processor = loaded
    inputs = dict(rate_inputs(processor, videos()))
    expected = model.score(**inputs).quality
    with torch.no_grad():
        features = {
            "context_features": model.model.encode_context(inputs.pop("context_values")),
            "pixel_features": model.model.encode_pixels(inputs.pop("pixel_values")),
        }
    torch.testing.assert_close(model.score(**inputs, **features).quality, expected, atol=1e-4, rtol=0)


def test_wrong_number_of_placeholders_is_refused_with_both_numbers(loaded):
    model, processor = loaded
    inputs = rate_inputs(processor, videos(2))
    inputs["context_values"] = inputs["context_values"][:1]
    with pytest.raises(ValueError, match="context placeholders and features differ in number: 16 tokens, 8 features"):
        model.score(**inputs)


def test_the_loss_is_the_cross_entropy_of_the_next_token(loaded):
    model, processor = loaded
    inputs = rate_inputs(processor, videos(1))
    labels = torch.full_like(inputs["input_ids"], -100)
    labels[0, -1] = inputs["input_ids"][0, -1]
    with torch.no_grad():
        output = model(**inputs, labels=labels)
    expected = -output.logits[0, -2].log_softmax(-1)[inputs["input_ids"][0, -1]]
    assert output.loss.item() == pytest.approx(expected.item(), rel=1e-5)


def test_gradients_reach_both_towers(folder):
    model, processor = load(folder)
    inputs = rate_inputs(processor, videos(1))
    model(**inputs, labels=inputs["input_ids"]).loss.backward()
    for tower in (model.model.context_tower, model.model.pixel_tower):
        assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in tower.parameters())


def test_expected_quality_is_the_rule_of_ratings():
    distribution = torch.tensor([[0.1, 0.2, 0.3, 0.25, 0.15]])
    assert expected_quality(distribution).item() == pytest.approx(from_distribution(distribution[0].tolist()).quality)
    assert expected_quality(torch.eye(5)).tolist() == [100, 75, 50, 25, 0]


def test_config_refuses_unknown_statistics_and_repeated_tokens():
    with pytest.raises(ValueError, match=r"pixel_statistics: expected one or more of .*, delta_std, delta_min, found"):
        CPLLMConfig(pixel_statistics=["mean", "median"])
    with pytest.raises(ValueError, match=r"pixel_statistics: expected delta beside delta_min, found \['mean'"):
        CPLLMConfig(pixel_statistics=["mean", "delta_min"])
    with pytest.raises(ValueError, match="rating_token_ids: expected 5 distinct token ids, found"):
        CPLLMConfig(rating_token_ids=[1, 2, 3, 4, 4])


def test_loading_says_what_is_wrong(folder, tmp_path):
    with pytest.raises(CheckpointError, match=r"/no/such/folder: expected a checkpoint folder, found nothing"):
        load("/no/such/folder")
    with pytest.raises(CheckpointError, match=r"expected config.json and \*.safetensors, found an empty folder"):
        load(tmp_path)
    with pytest.raises(ArgumentError, match="dtype: expected one of auto, float32, bfloat16, float16, found 'int8'"):
        load(folder, dtype="int8")
    with pytest.raises(CheckpointError, match="expected a checkpoint of type cpllm, found llama"):
        load(folder.parent / "text")
    with pytest.raises(ArgumentError, match="device=cpu and device_map=auto: give one of the two"):
        load(folder, device="cpu", device_map="auto")


def test_weights_in_another_format_than_safetensors_are_refused(folder, loaded, tmp_path):
    loaded[0].config.save_pretrained(tmp_path)
    loaded[1].save_pretrained(tmp_path)
    torch.save(loaded[0].state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(CheckpointError) as error:
        load(tmp_path)
    assert str(error.value) == (
        f"{tmp_path}: expected weights as *.safetensors, found pytorch_model.bin\n"
        "  what to do: these are pickles, which can run any code when they are opened, so they are not; have who made them "
        "save the model again with save_pretrained, which writes safetensors"
    )
    (tmp_path / "pytorch_model.bin").unlink()
    with pytest.raises(CheckpointError, match="cannot be loaded as a CP-LLM checkpoint"):
        load(tmp_path)


def test_an_adapter_in_a_pickle_is_refused_and_never_opened(folder, tmp_path):
    pytest.importorskip("peft", reason="adapters need PEFT: pip install 'lmms-cpllm[test]'")
    (tmp_path / "adapter_config.json").write_text('{"peft_type": "LORA"}')
    (tmp_path / "adapter_model.bin").write_bytes(b"cos\nsystem\n(S'false'\ntR.")
    with pytest.raises(CheckpointError, match=r"expected weights as \*.safetensors, found adapter_model.bin"):
        load(folder, adapter=tmp_path)


def test_pickles_beside_safetensors_are_left_alone(folder, loaded, tmp_path):
    loaded[0].save_pretrained(tmp_path)
    loaded[1].save_pretrained(tmp_path)
    (tmp_path / "training_args.bin").write_bytes(b"cos\nsystem\n(S'false'\ntR.")
    load(tmp_path)


def test_an_adapter_is_merged_into_the_decoder(folder, loaded, tmp_path):
    peft = pytest.importorskip("peft", reason="adapters need PEFT: pip install 'lmms-cpllm[test]'")
    model, processor = load(folder)
    lora = peft.get_peft_model(model, peft.LoraConfig(r=2, target_modules="all-linear", init_lora_weights=False))
    lora.save_pretrained(tmp_path)
    inputs = rate_inputs(processor, videos())
    lora.eval()
    expected = lora.score(**inputs).quality
    adapted, _ = load(folder, adapter=tmp_path)
    torch.testing.assert_close(adapted.score(**inputs).quality, expected, atol=1e-2, rtol=0)
    assert not torch.allclose(loaded[0].score(**inputs).quality, expected, atol=1e-2)
    with pytest.raises(CheckpointError, match="cannot be loaded as a PEFT adapter"):
        load(folder, adapter=tmp_path / "nothing")
