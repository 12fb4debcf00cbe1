"""What `load` finds, and what it says of weights that are missing, damaged or elsewhere."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from huggingface_hub import constants
from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError
from safetensors.torch import load_file, save_file
from tiny_models import tiny_cpllm

from lmms_cpllm.errors import ArgumentError, CheckpointError
from lmms_cpllm.model import hub, load
from lmms_cpllm.model.hub import find_file

COMMIT = "0123456789abcdef0123456789abcdef01234567"
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 16711680\n"
HEAD = "lm_head.weight"


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    return tiny_cpllm(tmp_path_factory.mktemp("whole"))


@pytest.fixture
def folder(whole, tmp_path) -> Path:
    """A copy that a test may spoil."""
    return Path(shutil.copytree(whole, tmp_path / "copy"))


@pytest.fixture(scope="module")
def adapted(whole, tmp_path_factory) -> Path:
    """A checkpoint with an adapter beside its weights, as training with `merge_lora: false` leaves it."""
    peft = pytest.importorskip("peft", reason="adapters need PEFT: pip install 'lmms-cpllm[test]'")
    folder = Path(shutil.copytree(whole, tmp_path_factory.mktemp("adapted") / "cpllm"))
    settings = peft.LoraConfig(r=2, target_modules=["q_proj"], init_lora_weights=False)
    torch.manual_seed(0)
    peft.get_peft_model(load(whole)[0], settings).save_pretrained(folder / "adapter")
    return folder


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    """The cache of the hub, and no network."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    return tmp_path / "cache"


def publish(folder: Path, cache: Path, without: str = "nothing") -> Path:
    """Puts a folder into the cache as the repository owner/name; gives the repository."""
    repo = cache / "models--owner--name"
    shutil.copytree(folder, repo / "snapshots" / COMMIT, ignore=shutil.ignore_patterns(without))
    (repo / "refs").mkdir()
    (repo / "refs" / "main").write_text(COMMIT)
    return repo


def weight(source, **arguments) -> torch.Tensor:
    """One that the adapter changes."""
    return load(source, **arguments)[0].model.language_model.layers[0].self_attn.q_proj.weight


def failure(source, **arguments) -> str:
    with pytest.raises(CheckpointError) as error:
        load(source, **arguments)
    return str(error.value)


class TestHub:
    def test_an_adapter_beside_the_weights_is_loaded_as_from_the_folder(self, adapted, whole, cache):
        publish(adapted, cache)
        assert torch.equal(weight("owner/name"), weight(adapted))
        assert not torch.equal(weight("owner/name"), weight(whole))

    def test_bits_and_an_adapter_on_the_hub_are_refused(self, adapted, cache):
        publish(adapted, cache)
        with pytest.raises(ArgumentError, match="quantization=4bit: merged weights expected, found the adapter /"):
            load("owner/name", quantization="4bit")

    def test_without_an_adapter(self, whole, cache, caplog):
        repo = publish(whole, cache)
        assert torch.equal(weight("owner/name"), weight(whole))
        assert "owner/name: no adapter in the cache of the hub, and none is asked for offline" in caplog.text
        caplog.clear()
        (repo / ".no_exist" / COMMIT / "adapter").mkdir(parents=True)
        (repo / ".no_exist" / COMMIT / "adapter" / "adapter_config.json").touch()
        assert torch.equal(weight("owner/name"), weight(whole))
        assert "adapter" not in caplog.text, "the cache knows that there is none"

    def test_an_adapter_that_cannot_be_asked_for_is_not_left_out(self, adapted, cache, monkeypatch):
        publish(adapted, cache, without="adapter")
        monkeypatch.setattr("lmms_cpllm.model.loading.is_offline_mode", lambda: False)
        text = failure("owner/name")
        assert text.startswith("owner/name: expected to learn whether an adapter belongs to it, and could not: ")
        assert text.endswith("or take what is in the cache of the hub with HF_HUB_OFFLINE=1")

    def test_what_is_known_to_be_absent_differs_from_what_cannot_be_known(self, whole, cache, monkeypatch):
        repo = publish(whole, cache)
        assert find_file("owner/name", "config.json") == repo / "snapshots" / COMMIT / "config.json"
        assert find_file(whole, "config.json") == whole / "config.json"
        assert find_file(whole, "other.json") is None
        with pytest.raises(LocalEntryNotFoundError):
            find_file("owner/name", "other.json")
        monkeypatch.setattr(hub, "hf_hub_download", absent)
        assert find_file("owner/name", "other.json") is None


def absent(*_, **__):
    """As the hub answers for a file that a repository has not."""
    raise EntryNotFoundError("404")


def test_missing_weights_are_named_and_never_made_up(folder):
    weights = load_file(folder / "model.safetensors")
    gone = [name for name in weights if "q_proj" in name or name == HEAD]
    save_file({name: value for name, value in weights.items() if name not in gone}, folder / "model.safetensors")
    text = failure(folder)
    assert text.startswith(
        f"{folder}: expected all weights that config.json asks for, found {len(gone)} that are not there: "
        f"{HEAD} is missing; model."
    )
    assert "  what to do: copy the checkpoint again, all of its *.safetensors" in text
    assert failure(folder, device_map="auto", dtype="bfloat16") == text


def test_weights_of_another_shape_are_named(folder):
    weights = load_file(folder / "model.safetensors")
    rows, columns = weights[HEAD].shape
    save_file({**weights, HEAD: weights[HEAD][:-1].clone()}, folder / "model.safetensors")
    assert f"{HEAD} has the shape [{rows - 1}, {columns}], [{rows}, {columns}] expected" in failure(folder)


def test_tied_weights_are_not_missing(tmp_path):
    checkpoint = tiny_cpllm(tmp_path, text="llama", tie_word_embeddings=True)
    assert HEAD not in load_file(checkpoint / "model.safetensors")
    for arguments in ({}, {"device_map": "auto"}, {"dtype": "bfloat16"}):
        model, _ = load(checkpoint, **arguments)
        assert model.lm_head.weight is model.model.language_model.embed_tokens.weight


@pytest.mark.parametrize("spoil", [lambda data: data[: len(data) // 2], lambda data: POINTER.encode()])
def test_a_damaged_weight_file_is_named(folder, cache, spoil):
    path = folder / "model.safetensors"
    path.write_bytes(spoil(path.read_bytes()))
    found = ": expected whole weights as safetensors, found a damaged file: "
    text = failure(folder)
    assert text.startswith(f"{path}{found}")
    assert "what to do: copy the file again; if it is a few lines of text" in text
    repo = publish(folder, cache)
    assert failure("owner/name").startswith(f"{repo / 'snapshots' / COMMIT / path.name}{found}")


def test_a_damaged_adapter_is_named(adapted, whole, tmp_path):
    adapter = Path(shutil.copytree(adapted / "adapter", tmp_path / "adapter"))
    settings = json.loads((adapter / "adapter_config.json").read_text())
    (adapter / "adapter_model.safetensors").write_text(POINTER)
    assert failure(whole, adapter=adapter).startswith(
        f"{adapter / 'adapter_model.safetensors'}: expected whole weights"
    )
    for wrong in ({"r": 2}, {**settings, "r": "two"}):
        (adapter / "adapter_config.json").write_text(json.dumps(wrong))
        text = failure(whole, adapter=adapter)
        assert text.startswith(
            f"{adapter / 'adapter_config.json'}: expected the settings of a PEFT adapter, found others"
        )


def test_a_folder_below_the_home_folder(adapted, whole, monkeypatch):
    monkeypatch.setenv("HOME", str(adapted.parent))
    assert torch.equal(weight(f"~/{adapted.name}"), weight(adapted))
    assert torch.equal(weight(whole, adapter=f"~/{adapted.name}/adapter"), weight(adapted))
    assert "~/no/model: expected a checkpoint folder, found nothing" in failure("~/no/model")
