"""What large models ask for: placement over devices, weights of few bits, compiled parts, a cache of fixed size."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from clips import write_clip
from tiny_models import tiny_cpllm

from lmms_cpllm.errors import ArgumentError
from lmms_cpllm.harness.arguments import COMPILERS, QUANTISATIONS, Arguments, parse
from lmms_cpllm.harness.loading import load_model
from lmms_cpllm.model import load, scaling
from lmms_cpllm.model.scaling import compile_parts, quantisation

QUESTION = [
    {"role": "user", "content": [{"type": "video"}, {"type": "text", "text": "Rate the quality of this video."}]}
]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> Path:
    return tiny_cpllm(tmp_path_factory.mktemp("scaling"), pixel="videoprism", text="qwen3")


@pytest.fixture(scope="module")
def inputs(checkpoint, tmp_path_factory) -> dict[str, torch.Tensor]:
    """Of two prompts, one of them longer, padded on the left."""
    folder = tmp_path_factory.mktemp("clips")
    clips = [
        write_clip(
            folder / f"{seed}.mp4", width=80, height=72, frames=8, content="texture", seed=seed, crf=10 + 20 * seed
        )
        for seed in range(2)
    ]
    _, processor = load(checkpoint)
    longer = [{"role": "user", "content": [*QUESTION[0]["content"], {"type": "text", "text": " Be strict."}]}]
    prompts = [processor.render(messages, processor.answer_prefix) for messages in (QUESTION, longer)]
    return dict(processor(text=prompts, videos=clips, padding=True))


@pytest.fixture(scope="module")
def plain(checkpoint, inputs) -> torch.Tensor:
    """Qualities of the model as it is; they differ, or equal ones would prove nothing."""
    qualities = load(checkpoint)[0].score(**inputs).quality
    assert abs(float(qualities[0] - qualities[1])) > 1e-2
    return qualities


def loaded(checkpoint: Path, **arguments):
    return load_model(parse({"pretrained": str(checkpoint), **arguments}))[0]


@pytest.mark.parametrize("device_map", ["auto", "cpu"])
def test_a_device_map_changes_no_bit(checkpoint, inputs, plain, device_map):
    model = loaded(checkpoint, device_map=device_map)
    assert torch.equal(model.score(**inputs).quality, plain)


def test_on_a_cpu_a_device_map_does_not_mean_half_precision(checkpoint, inputs, tmp_path):
    model, processor = load(checkpoint)
    model.to(torch.bfloat16).save_pretrained(tmp_path)
    processor.save_pretrained(tmp_path)
    expected = load(tmp_path)[0].score(**inputs).quality
    for device_map in ("auto", {"": "cpu"}):
        mapped = load(tmp_path, device_map=device_map)[0]
        assert mapped.dtype == torch.float32
        assert torch.equal(mapped.score(**inputs).quality, expected)


@pytest.mark.parametrize("compiler", ["eager", "aot_eager"])
def test_compiled_parts_give_the_same_scores(checkpoint, inputs, plain, compiler):
    torch._dynamo.reset()
    model = loaded(checkpoint, compile=compiler)
    parts = (model.model.context_tower, model.model.pixel_tower, model.model.language_model)
    assert all(part._compiled_call_impl is not None for part in parts)
    assert torch.allclose(model.score(**inputs).quality, plain, atol=1e-3)
    if compiler == "eager":  # as the harness does on a CPU: towers in several threads
        encode = torch.inference_mode()(model.model.encode_context)
        with ThreadPoolExecutor(2) as pool:
            found = list(pool.map(encode, [inputs["context_values"]] * 4))
        assert all(torch.equal(found[0], one) for one in found)


def test_a_static_cache_writes_the_same_text(checkpoint, inputs):
    written = []
    for cache in (None, "dynamic", "static"):
        model = loaded(checkpoint, cache_implementation=cache)
        output = model.describe(**inputs, max_new_tokens=12, do_sample=False)
        written.append((output.sequences.tolist(), output.quality))
    assert written[0][0] == written[1][0] == written[2][0]
    assert torch.equal(written[0][1], written[1][1])
    assert torch.allclose(written[0][1], written[2][1], atol=1e-3)


def test_bits_need_their_package_and_a_gpu(checkpoint, monkeypatch):
    monkeypatch.setattr("transformers.utils.is_bitsandbytes_available", lambda: False)
    with pytest.raises(ArgumentError, match="quantization=4bit: the package bitsandbytes expected, found none; pip"):
        loaded(checkpoint, quantization="4bit")
    monkeypatch.setattr("transformers.utils.is_bitsandbytes_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ArgumentError, match="quantization=8bit: a CUDA device expected, found none; take a machine"):
        loaded(checkpoint, quantization="8bit")
    with pytest.raises(ArgumentError, match="quantization=4bit: merged weights expected, found the adapter elsewhere"):
        loaded(checkpoint, quantization="4bit", adapter="elsewhere")


def test_only_the_decoder_has_few_bits(monkeypatch):
    monkeypatch.setattr("transformers.utils.is_bitsandbytes_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    four, eight = quantisation("4bit"), quantisation("8bit")
    assert four.load_in_4bit
    assert four.bnb_4bit_quant_type == "nf4"
    assert eight.load_in_8bit
    for config in (four, eight):
        assert {"context_tower", "pixel_tower", "lm_head"} <= set(config.llm_int8_skip_modules)


def test_without_a_compiler_nothing_is_begun(checkpoint, monkeypatch):
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setattr(scaling.shutil, "which", lambda name: None)
    with pytest.raises(
        ArgumentError, match=r"compile: a compiler \(g\+\+, clang\+\+, c\+\+\) expected in PATH, found none"
    ):
        loaded(checkpoint, compile=True)
    with pytest.raises(
        ArgumentError, match="compile: expected true, false or one of inductor, aot_eager, eager, found 'jit'"
    ):
        compile_parts(load(checkpoint)[0], "jit")


@pytest.mark.parametrize(
    ("given", "found"), [(True, "inductor"), ("false", None), (False, None), ("aot_eager", "aot_eager")]
)
def test_the_argument_compile(given, found):
    assert parse({"compile": given}).compile == found


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"compile": "fast"}, "compile: expected true, false or one of inductor, aot_eager, eager, found 'fast'"),
        ({"quantization": "2bit"}, "quantization: expected one of 4bit, 8bit, found '2bit'"),
        ({"cache_implementation": "statc"}, "found 'statc'. Did you mean static?"),
    ],
)
def test_values_that_are_not_allowed(given, said):
    with pytest.raises(ArgumentError) as caught:
        parse(given)
    assert said in str(caught.value)


def test_both_parts_of_the_package_allow_the_same():
    assert (QUANTISATIONS, COMPILERS) == (scaling.QUANTISATIONS, scaling.COMPILERS)
    assert Arguments("x").cache_implementation is None
