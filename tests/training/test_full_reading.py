"""Recipes of full size: what ships can be read, and what is wrong with a file is said by file, key, expected and found."""

from pathlib import Path

import pytest
import yaml

from lmms_cpllm.errors import ArgumentError
from lmms_cpllm.training.full.reading import find, names, read

STAGE = {"name": "one", "steps": 3, "rates": {"projectors": 1e-3}, "data": [{"kind": "synthetic", "folder": "clean"}]}
PART = {"source": "of/somebody", "config": {"model_type": "siglip_vision_model"}}
RECIPE = {"model": {"context": PART, "pixel": PART, "text": PART}, "stages": [STAGE]}


def fault(tmp_path: Path, **changes) -> str:
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump({**RECIPE, **changes}))
    with pytest.raises(ArgumentError) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}: ")
    return str(caught.value).removeprefix(f"{path}: ")


def test_shipped_recipes_are_right():
    assert names() == ["paper", "small"]
    for name in names():
        recipe = read(find(name))
        assert recipe.about
        assert [stage.name for stage in recipe.stages][:2] == ["projectors", "tasks"]
        assert all(part.config for part in (recipe.model.context, recipe.model.pixel, recipe.model.text))
        assert recipe.stages[1].lora


def test_a_file_of_ones_own_is_found_and_no_other(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(RECIPE))
    assert find(str(path)) == path
    assert read(path).stages[0].rates == {"projectors": 1e-3}
    with pytest.raises(ArgumentError, match="recipe 'papr': expected one of tiny, paper, small or a YAML file"):
        find("papr")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"steps": "many"},
            "stages[0].steps: expected a valid integer, unable to parse string as an integer, found 'many'",
        ),
        ({"steps": 0}, "stages[0].steps: expected greater than or equal to 1, found 0"),
        (
            {"rates": {"projetors": 1}},
            "stages[0].rates.projetors: expected 'context_tower', 'pixel_tower', 'projectors'",
        ),
        ({"rates": {}}, "stages[0]: nothing learns; expected a part in rates, or lora, found neither"),
        ({"rates": {"decoder": 1e-4}, "lora": {"rate": 1e-4}}, "stages[0]: expected either lora or rates.decoder"),
        ({"stepps": 3}, "stages[0].stepps: unknown key; allowed: name, steps, data,"),
        (
            {"data": [{"kind": "synthtic"}]},
            "stages[0].data[0].kind: expected 'scores', 'conversations', 'synthetic', found",
        ),
        (
            {"data": [{"kind": "scores", "relase": "x"}]},
            "stages[0].data[0].relase: unknown key; allowed: kind, release",
        ),
        ({"data": [{"kind": "scores"}]}, "stages[0].data[0]: expected either release or list, found neither"),
        ({"data": [{"kind": "synthetic"}]}, "stages[0].data[0].folder: expected this key, found none"),
        ({"name": "With Blanks"}, "stages[0].name: expected "),
    ],
)
def test_a_wrong_stage_is_named_by_its_key(tmp_path, changes, said):
    assert fault(tmp_path, stages=[STAGE | changes]).startswith(said)


def test_all_that_is_wrong_is_said_at_once(tmp_path):
    text = fault(tmp_path, stages=[STAGE | {"steps": -1, "batch": 0}], precision="fp8")
    assert [line.split(": ")[1] for line in f"x: {text}".splitlines()] == [
        "stages[0].steps",
        "stages[0].batch",
        "precision",
    ]


def test_two_stages_of_one_name(tmp_path):
    assert fault(tmp_path, stages=[STAGE, STAGE]) == "stages[1].name: expected a name of its own, found 'one' again"


def test_a_part_without_configuration_must_be_a_folder(tmp_path):
    model = RECIPE["model"] | {"text": {"source": "of/somebody"}}
    assert fault(tmp_path, model=model).startswith(
        "model.text: expected a folder as source, or the key config beside it"
    )
    model = RECIPE["model"] | {"text": {"source": "x", "config": {"hidden_size": 3}}}
    assert fault(tmp_path, model=model) == "model.text.config: expected the key model_type, found ['hidden_size']"


def test_no_yaml(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("- just\n- a list\n")
    with pytest.raises(ArgumentError, match="expected keys such as model and stages, found list"):
        read(path)
    path.write_text("a: [")
    with pytest.raises(ArgumentError, match="cannot be read as YAML"):
        read(path)
