"""The plan of the embedded checkpoint's recipe."""

from dataclasses import replace

import pytest

from lmms_cpllm.cli import main
from lmms_cpllm.errors import ArgumentError
from lmms_cpllm.training.full.building import counts
from lmms_cpllm.training.full.plan import Setup
from lmms_cpllm.training.planning import tiny_plan
from lmms_cpllm.training.recipe import Recipe, small
from lmms_cpllm.training.tiny import build

RECIPE = replace(small(Recipe()), texts=50)


@pytest.fixture(scope="module")
def plan():
    return tiny_plan(RECIPE, Setup(tflops=0.1, device="CPU"))


def test_the_number_of_parameters_is_that_of_the_model_that_is_built(plan):
    built, processor = build(pretrained=False, texts=RECIPE.texts)
    assert plan.parameters == counts(built)
    tokens = processor.media_tokens()
    assert plan.tokens["context"] == tokens.count("<|context|>")
    assert plan.tokens["pixel"] == tokens.count("<|pixel|>")


def test_the_tower_learns_in_its_own_stage_only_and_costs_most(plan):
    tower, features, tasks = plan.stages
    assert tower.learning == sum(plan.parameters[part] for part in ("pixel_tower", "projectors", "decoder"))
    assert tasks.learning == sum(plan.parameters[part] for part in ("projectors", "decoder"))
    assert features.learning == 0
    assert tower.step_flops > 3 * tasks.step_flops
    assert tower.memory_gb > tasks.memory_gb > 0


def test_without_the_towers_stage_its_time_is_saved(plan):
    names = [stage.name for stage in tiny_plan(replace(RECIPE, tower=None), Setup(tflops=0.1)).stages]
    assert names == [stage.name for stage in plan.stages[1:]]


def test_the_command_needs_no_data(capsys):
    assert main(["train", "recipe", "tiny", "--small", "--plan", "--tflops", "0.2"]) == 0
    said = capsys.readouterr().out
    assert "1 CPU, sharding none" in said
    assert "hours at 0.2 TFLOP/s in practice on each CPU" in said
    with pytest.raises(ArgumentError, match="tflops: expected more than 0, found 0"):
        main(["train", "recipe", "tiny", "--small", "--plan", "--tflops", "0"])


def test_what_is_of_gpus_is_refused(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["train", "recipe", "tiny", "--plan", "--gpus", "8"])
    assert ended.value.code == 2
    assert "tiny is trained on one CPU: leave out --gpus and --sharding" in capsys.readouterr().err
