"""The rows of the table of ablations: what each leaves out, and what is kept."""

import json
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

import pytest
from tiny_training import example

from lmms_cpllm.cli import main
from lmms_cpllm.errors import ArgumentError, DataError
from lmms_cpllm.synthesis.facts import Facts
from lmms_cpllm.training import ablations
from lmms_cpllm.training.ablations import ROWS, run, table
from lmms_cpllm.training.batches import Mix
from lmms_cpllm.training.evaluation import Figure
from lmms_cpllm.training.loop import Stage
from lmms_cpllm.training.recipe import Recipe, partial

FIGURE = Figure("SRCC", 0.5, 0.4, 0.6, 20, 4)
FOLDER = Path("nowhere")


def corpus():
    return [
        example(0, acr=3.0, family="blur"),
        example(1, acr=3.0, family="h264"),
        example(2, source="still", facts=Facts(60.0)),
        example(3, source="human", facts=Facts(60.0), families=("h264",), strengths=(30.0,)),
        example(4, acr=3.0, family="blur", split="validation"),
        example(5, acr=3.0, family="underexposure", split="test"),
        example(6, acr=3.0, family="underexposure"),
    ]


@pytest.fixture
def trained(monkeypatch):
    """What each row trains on, instead of the training."""
    calls = []

    def made(*args, parts, by_vmaf=False):
        known = corpus()
        if by_vmaf:
            known = [example(i, 11.0, split=e.split, source=e.source, facts=e.facts) for i, e in enumerate(known)]
            known[6] = example(6, 11.0, split="left out")
        return SimpleNamespace(examples=known)

    def run_stage(model, texts, examples, features, validation, stage, folder):
        calls.append(SimpleNamespace(model=model, examples=examples, stage=stage, folder=folder))

    def build(seed, pretrained, texts):
        model = SimpleNamespace(ablated=None, tower="pretrained" if pretrained else "random")
        model.set_ablation = lambda view: setattr(model, "ablated", view)
        return model, None

    def learn_tower(recipe, stage, corpus, work, from_scratch):
        assert [e.quality for e in corpus.examples] == [60.0] * 7  # the recipe's own labels, whatever the row's are
        return {}, work / f"{stage.name}{'-scratch' if from_scratch else ''}.safetensors"

    monkeypatch.setattr(ablations, "make_corpus", made)
    monkeypatch.setattr(ablations, "build", build)
    monkeypatch.setattr(ablations, "learn_tower", learn_tower)
    monkeypatch.setattr(ablations, "load_tower", lambda model, path: setattr(model, "tower", path.name))
    monkeypatch.setattr(ablations, "run_stage", run_stage)
    for name in ("freeze_towers", "encode_corpus", "moments_of", "CachedFeatures", "Texts", "fold"):
        monkeypatch.setattr(ablations, name, lambda *args: args)
    monkeypatch.setattr(ablations, "Judge", lambda *args: SimpleNamespace(ratings=lambda videos: [50.0] * len(videos)))
    monkeypatch.setattr(ablations, "score_figures", lambda examples, quality, indices: [FIGURE])
    monkeypatch.setattr(ablations, "language_figures", lambda judge, examples, indices: [])
    return calls


def test_rows_leave_out_what_they_say_of_the_training_side_only(trained, tmp_path):
    run(Recipe(), FOLDER, FOLDER, tmp_path, tmp_path / "out.json")
    found = dict(zip(ROWS, trained, strict=True))
    left = {name: [i for i, e in enumerate(call.examples) if e.split == "train"] for name, call in found.items()}
    whole = (
        "both",
        "context only",
        "pixel only",
        "pixel tower of ImageNet",
        "pixel tower from scratch",
        "towers of random weights",
    )
    assert [left[name] for name in whole] == [[0, 1, 2, 3, 6]] * len(whole)
    assert left["without scored photographs"] == [0, 1, 6]
    assert left["without capture distortions"] == [1, 2, 3]
    assert left["photographs alone"] == [2]
    assert left["without the table of severities"] == [0, 1, 2, 3]
    for call in found.values():
        assert [e.split for e in call.examples[4:6]] == ["validation", "test"]
        assert [e.quality for e in call.examples[4:6]] == [60.0, 60.0]  # everybody is tested on the same labels
    vmaf = found["without the table of severities"].examples
    assert [e.quality for e in vmaf[:4]] == [11.0] * 4
    assert len({call.folder for call in found.values()}) == len(ROWS)
    rated = {name: call.stage.mix.rated for name, call in found.items()}
    assert len(set(rated.values())) == 1
    assert found["photographs alone"].stage.mix.synthetic == 0
    assert (
        found["without scored photographs"].stage.mix.still == found["without scored photographs"].stage.mix.human == 0
    )


def test_rows_train_for_as_many_steps_as_the_whole(trained, tmp_path):
    stage = Stage("tasks", epochs=1, mix=Mix(1, 0, 0))  # of a video each, and there are three
    run(Recipe(tasks=stage), FOLDER, FOLDER, tmp_path, tmp_path / "out.json")
    assert [call.stage.steps for call in trained] == [3] * len(ROWS)


@pytest.mark.parametrize(("name", "view"), [("context only", "pixel"), ("pixel only", "context"), ("both", None)])
def test_the_view_that_is_silent(trained, tmp_path, name, view):
    run(Recipe(), FOLDER, FOLDER, tmp_path, tmp_path / "out.json", [name])
    assert trained[0].model.ablated == view


def test_the_learned_tower_is_for_all_rows_but_those_about_it(trained, tmp_path):
    run(Recipe(), FOLDER, FOLDER, tmp_path, tmp_path / "out.json")
    towers = {name: call.model.tower for name, call in zip(ROWS, trained, strict=True)}
    assert towers.pop("pixel tower of ImageNet") == "pretrained"
    assert towers.pop("pixel tower from scratch") == "tower-scratch.safetensors"
    assert towers.pop("towers of random weights") == "random"
    assert set(towers.values()) == {"tower.safetensors"}


def test_of_a_recipe_without_a_learned_tower_it_is_the_pretrained_one(trained, tmp_path):
    run(Recipe(tower=None), FOLDER, FOLDER, tmp_path, tmp_path / "out.json", ["both"])
    assert trained[0].model.tower == "pretrained"
    with pytest.raises(ArgumentError, match="needs a recipe with a stage `tower`; found one without"):
        run(Recipe(tower=None), FOLDER, FOLDER, tmp_path, tmp_path / "out.json", ["pixel tower from scratch"])


def test_rows_that_stand_in_the_file_are_kept(trained, tmp_path):
    out = tmp_path / "out.json"
    old = Figure("SRCC", 0.9, 0.8, 1.0, 20, 4)
    out.write_text(json.dumps({"epochs": Recipe().tasks.epochs, "share": 1.0, "rows": {"both": [asdict(old)]}}))
    found = run(Recipe(), FOLDER, FOLDER, tmp_path, out, ["both", "pixel only"])
    assert found == {"both": [old], "pixel only": [FIGURE]}
    assert len(trained) == 1
    assert json.loads(out.read_text())["rows"] == {"both": [asdict(old)], "pixel only": [asdict(FIGURE)]}
    assert table(found) == [
        "both | SRCC: 0.900 [0.800, 1.000], n = 20, 4 contents",
        "pixel only | SRCC: 0.500 [0.400, 0.600], n = 20, 4 contents",
    ]


def test_rows_of_fewer_epochs_or_of_a_share_are_not_mixed_with_others(trained, tmp_path):
    out = tmp_path / "out.json"
    run(Recipe(), FOLDER, FOLDER, tmp_path, out, ["both"], epochs=2)
    run(Recipe(), FOLDER, FOLDER, tmp_path, tmp_path / "whole.json", ["both"])
    assert [call.stage.epochs for call in trained] == [2, Recipe().tasks.epochs]
    assert trained[0].folder != trained[1].folder
    assert json.loads(out.read_text())["epochs"] == 2
    with pytest.raises(DataError, match=r"out.json: expected rows with --epochs 1, found rows with --epochs 2; take"):
        run(Recipe(), FOLDER, FOLDER, tmp_path, out, ["pixel only"], epochs=1)
    with pytest.raises(DataError, match=r"out.json: expected rows with --share 0.5, found rows with --share 1; take"):
        run(partial(Recipe(), 0.5), FOLDER, FOLDER, tmp_path, out, ["pixel only"], epochs=2)
    assert len(trained) == 2
    out.write_text(json.dumps({"both": [asdict(FIGURE)]}))
    with pytest.raises(DataError, match=r"out.json: expected rows of .* with their epochs and share, found none; take"):
        run(Recipe(), FOLDER, FOLDER, tmp_path, out, ["pixel only"])


def test_a_row_that_does_not_exist(tmp_path):
    with pytest.raises(ArgumentError, match=r"--only: expected names among both, context only, .*; found towers"):
        run(Recipe(), FOLDER, FOLDER, tmp_path, tmp_path / "out.json", ["both", "towers"])
    assert not (tmp_path / "out.json").exists()


def test_the_command(tmp_path, capsys, trained):
    data = ["--contents", str(FOLDER), "--photographs", str(FOLDER), "--work", str(tmp_path), "--seed", "4"]
    out = tmp_path / "out.json"
    assert main(["train", "ablations", *data, "--out", str(out), "--only", "both", "photographs alone"]) == 0
    assert [line.split(" | ")[0] for line in capsys.readouterr().out.splitlines()] == ["both", "photographs alone"]
    assert {call.stage.seed for call in trained} == {4}
    assert {call.model.tower for call in trained} == {"tower.safetensors"}
    with pytest.raises(ArgumentError, match=r"found nothing$"):
        main(["train", "ablations", *data, "--out", str(out), "--only", "nothing"])
    assert (
        main(["train", "ablations", *data, "--out", str(tmp_path / "2.json"), "--only", "both", "--epochs", "2"]) == 0
    )
    assert trained[-1].stage.epochs == 2
    share = ["--share", "0.25", "--out", str(tmp_path / "3.json")]
    assert main(["train", "ablations", *data, *share, "--only", "both"]) == 0
    assert json.loads((tmp_path / "3.json").read_text())["share"] == 0.25
    with pytest.raises(SystemExit):
        main(["train", "ablations", *data, "--out", str(out), "--epochs", "0"])
    assert "argument --epochs: expected 1 or more, found 0" in capsys.readouterr().err


def test_shares_of_a_row_are_as_many_as_before():
    mix = Mix(synthetic=5, still=4, human=3)
    for row in ROWS.values():
        assert row.mix(mix).rated == 12
