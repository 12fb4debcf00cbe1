import sys

import pytest
import torch
from huggingface_hub import constants
from tiny_models import CONTEXT_CONFIGS, PIXEL_CONFIGS, TEXT_CONFIGS, save_decoder, save_tower
from transformers import (
    AutoModelForCausalLM,
    CLIPConfig,
    CLIPModel,
    CLIPTextConfig,
    Gemma2Config,
    SiglipConfig,
    SiglipImageProcessor,
    SiglipModel,
    SiglipTextConfig,
)

from lmms_cpllm.errors import CheckpointError
from lmms_cpllm.model import assemble

assemble_module = sys.modules[assemble.__module__]  # in the package the function has its name
COMMIT = "0123456789abcdef0123456789abcdef01234567"
TEXT_TOWER = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    root = tmp_path_factory.mktemp("parts")
    return {
        "context": save_tower(CONTEXT_CONFIGS["siglip"], root / "context"),
        "pixel": save_tower(PIXEL_CONFIGS["videoprism"], root / "pixel"),
        "text": save_decoder(TEXT_CONFIGS["qwen3"], root / "text"),
    }


@pytest.mark.parametrize("kind", ["siglip", "clip"])
def test_of_a_two_tower_model_the_vision_tower_is_taken_with_its_weights(parts, tmp_path, kind):
    vision = CONTEXT_CONFIGS[kind]
    if kind == "siglip":
        config = SiglipConfig(text_config=SiglipTextConfig(**TEXT_TOWER).to_dict(), vision_config=vision.to_dict())
        whole = SiglipModel(config)
    else:
        config = CLIPConfig(text_config=CLIPTextConfig(**TEXT_TOWER).to_dict(), vision_config=vision.to_dict())
        whole = CLIPModel(config)
    whole.save_pretrained(tmp_path)
    model, _ = assemble(tmp_path, parts["pixel"], parts["text"])
    expected = {name: value for name, value in whole.vision_model.state_dict().items()}
    found = model.model.context_tower.state_dict()
    for name, value in expected.items():
        key = name if name in found else f"vision_model.{name}"
        assert torch.equal(found[key], value), name


def test_decoder_and_head_keep_their_weights(parts):
    model, _ = assemble(**parts)
    decoder = AutoModelForCausalLM.from_pretrained(parts["text"])
    rows = decoder.get_input_embeddings().num_embeddings
    assert torch.equal(model.get_input_embeddings().weight[:rows], decoder.get_input_embeddings().weight)
    assert torch.equal(model.lm_head.weight[:rows], decoder.get_output_embeddings().weight)
    layer = "layers.0.self_attn.q_proj.weight"
    assert torch.equal(model.model.language_model.state_dict()[layer], decoder.model.state_dict()[layer])


def test_views_follow_the_towers(parts):
    _, processor = assemble(**parts, views={"pixel_moments": 3}, pixel_grid=1)
    plan = processor.video_processor.plan
    assert plan.context_size == (32, 32)
    assert (plan.crop_size, plan.pixel_frames, plan.pixel_moments) == (36, 4, 3)
    assert processor.pixel_tokens == 1


def test_normalisation_is_that_of_the_towers_own_processor(parts, tmp_path):
    folder = save_tower(CONTEXT_CONFIGS["siglip"], tmp_path / "tower")
    SiglipImageProcessor(image_mean=[0.1, 0.2, 0.3], image_std=[0.4, 0.5, 0.6]).save_pretrained(folder)
    _, processor = assemble(folder, parts["pixel"], parts["text"])
    assert list(processor.video_processor.context_mean) == [0.1, 0.2, 0.3]
    assert list(processor.video_processor.context_std) == [0.4, 0.5, 0.6]
    assert list(processor.video_processor.pixel_mean) == [0.485, 0.456, 0.406], "ImageNet's, where nothing is stated"


def test_stages_of_a_tower_are_chosen_by_options(parts, tmp_path):
    folder = save_tower(PIXEL_CONFIGS["convnextv2"], tmp_path / "tower")
    model, _ = assemble(
        parts["context"], folder, parts["text"], pixel_options={"out_indices": [1, 2, 3]}, pixel_statistics=["mean"]
    )
    assert model.model.pixel_projector.linear_1.in_features == 8 + 8 + 16


def test_a_decoder_that_changes_its_logits_is_refused(parts, tmp_path):
    config = Gemma2Config(
        **TEXT_TOWER,
        num_key_value_heads=2,
        head_dim=8,
        final_logit_softcapping=30.0,
        bos_token_id=0,
        eos_token_id=0,
        pad_token_id=0,
    )
    folder = save_decoder(config, tmp_path / "text")
    with pytest.raises(ValueError, match=r"a gemma2 decoder with final_logit_softcapping=30.0 changes its logits"):
        assemble(parts["context"], parts["pixel"], folder)


def test_without_preprocessing_imagenets_is_taken_and_said(parts, caplog):
    assert assemble_module._published_normalisation(parts["context"])[0] == [0.485, 0.456, 0.406]
    assert f"{parts['context']}: states no preprocessing; ImageNet's mean and deviation are taken" in caplog.text


def test_preprocessing_that_cannot_be_asked_for_is_an_error(tmp_path, monkeypatch):
    """The hub cannot be reached, and nothing is known of the repository."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(CheckpointError, match=r"^owner/tower: expected to learn whether it states its preprocessing"):
        assemble_module._published_normalisation("owner/tower")
    for name in (*assemble_module._PREPROCESSING, assemble_module._COMBINED):
        absent = tmp_path / "models--owner--tower" / ".no_exist" / COMMIT / name
        absent.parent.mkdir(parents=True, exist_ok=True)
        absent.touch()
    (tmp_path / "models--owner--tower" / "refs").mkdir()
    (tmp_path / "models--owner--tower" / "refs" / "main").write_text(COMMIT)
    assert assemble_module._published_normalisation("owner/tower")[0] == [0.485, 0.456, 0.406], "known to be absent"


@pytest.mark.parametrize("name", ["preprocessor_config.json", "processor_config.json"])
def test_preprocessing_that_cannot_be_read_is_an_error(parts, tmp_path, name):
    folder = save_tower(CONTEXT_CONFIGS["siglip"], tmp_path / "tower")
    (folder / name).write_text('{"image_processor": {"image_processor_type": "Gone"}, "image_processor_type": "Gone"}')
    with pytest.raises(
        CheckpointError, match=rf"expected mean and deviation in {name}, found a file that cannot be read"
    ):
        assemble(folder, parts["pixel"], parts["text"])
    (folder / name).write_text('{"processor_class": "')
    with pytest.raises(CheckpointError, match=r"tower: expected "):
        assemble(folder, parts["pixel"], parts["text"])
