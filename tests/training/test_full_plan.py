"""A plan says what will be: parameters to the last one, memory within a fifth of what a real step takes."""

import json
from dataclasses import asdict, replace

import pytest
import torch
from full_training import make_parts, stage, three_stages, write_recipe
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode, sdpa_backward_flop_count, sdpa_flop_count

from lmms_cpllm.cli import main
from lmms_cpllm.errors import ArgumentError
from lmms_cpllm.training.full.building import (
    assemble_start,
    counts,
    empty_model,
    learning,
    plan_config,
    plan_views,
    prepare,
    set_modes,
)
from lmms_cpllm.training.full.losses import batch_losses, total
from lmms_cpllm.training.full.plan import Setup, make_plan, memory_of, pair_share
from lmms_cpllm.training.full.reading import find, read
from lmms_cpllm.training.full.simulation import Cost, Shapes, simulate

# Large enough for what the framework itself holds not to matter.
WIDE = {"hidden_size": 256, "intermediate_size": 512, "head_dim": 32, "vocab_size": 2048}
# PyTorch's counter does not know the attention of a CPU; it hands over shapes.
FLASH = {
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: lambda *shapes, **_: sdpa_flop_count(*shapes[:3]),
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward: lambda *shapes, **_: sdpa_backward_flop_count(
        *shapes[:4]
    ),
}


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plan")
    return read(write_recipe(folder, three_stages(), make_parts(folder / "parts")))


def test_the_number_of_parameters_is_that_of_the_model_that_is_built(recipe):
    built, processor = assemble_start(recipe)
    plan = make_plan(replace(recipe, stages=recipe.stages[1:2]), Setup())
    assert plan.parameters == counts(built)
    assert sum(plan.parameters.values()) == sum(parameter.numel() for parameter in built.parameters())
    tokens = processor.media_tokens()
    assert plan.tokens == {"context": tokens.count("<|context|>"), "pixel": tokens.count("<|pixel|>"), "text": 256}
    model = prepare(built, recipe.stages[1], "fp32")
    assert plan.stages[0].learning == sum(parameter.numel() for _, parameter in learning(model))


@pytest.mark.parametrize(("number", "checkpointing"), [(0, False), (1, True), (2, False)])
def test_memory_and_operations_are_those_of_a_real_step(recipe, tmp_path, number, checkpointing):
    """Measured by what PyTorch's allocator reports, with values instead of shapes, on the second step of an optimizer."""
    stage_ = replace(recipe.stages[number], checkpointing=checkpointing)
    config = plan_config(recipe.model)
    for name, value in WIDE.items():
        setattr(config.text_config, name, value)
    views = plan_views(recipe.model, empty_model(config))
    shapes = Shapes(samples=2, videos=2, length=120, answers=20)
    planned = simulate(config, views, stage_, "fp32", shapes)
    measured, flops = measure(config, views, stage_, shapes, tmp_path / "trace.json")
    weights, moments, working = memory_of(planned, 0, 0, Setup())
    assert weights + moments + working == pytest.approx(measured, rel=0.2)
    assert planned.flops == flops


def measure(config, views, stage_, shapes, trace) -> tuple[int, int]:
    """Peak bytes, and operations of forward and backward, of a step with values."""
    from lmms_cpllm.model import CPLLMForConditionalGeneration

    model = prepare(CPLLMForConditionalGeneration._from_config(config, dtype=torch.float32), stage_, "fp32")
    set_modes(model, stage_)
    optimizer = torch.optim.AdamW([parameter for _, parameter in learning(model)], fused=True)
    crops = (views.pixel_moments, views.pixel_crops, views.pixel_frames, 3, views.crop_size, views.crop_size)
    media = views.context_frames * config.context_grid**2, crops[0] * crops[1] * config.pixel_grid**2
    ids = torch.full((shapes.samples, shapes.length), 9)
    ids[:, : media[0]], ids[:, media[0] : sum(media)] = config.context_token_id, config.pixel_token_id
    inputs = {
        "input_ids": ids,
        "attention_mask": torch.ones_like(ids),
        "context_values": torch.randn(shapes.videos, views.context_frames, 3, *views.context_size),
        "pixel_values": torch.randn(shapes.videos, *crops),
        "logits_to_keep": torch.arange(shapes.length - shapes.answers, shapes.length),
    }
    targets = {
        "labels": torch.full((shapes.samples, shapes.answers), 3),
        "answer_at": torch.zeros(shapes.samples, dtype=torch.long),
        "quality": torch.full((shapes.samples,), 40.0),
        "sd": torch.full((shapes.samples,), 0.5),
        "group": torch.zeros(shapes.samples, dtype=torch.long),
        "choice": torch.full((shapes.samples,), -1),
    }

    def step() -> None:
        logits = model(**inputs, use_cache=False).logits
        total(batch_losses(logits, targets, config, ranking=False), asdict(stage_.losses)).backward()
        optimizer.step()
        optimizer.zero_grad()

    step()  # makes the optimizer's state
    held = [*model.parameters(), *inputs.values()]
    held += [value for state in optimizer.state.values() for value in state.values()]
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiled:
        step()
    profiled.export_chrome_trace(str(trace))
    events = json.loads(trace.read_text())["traceEvents"]
    allocated = [event["args"]["Total Allocated"] for event in events if event["name"] == "[memory]"]
    peak = sum(tensor.numel() * tensor.element_size() for tensor in held) + max(allocated)
    with FlopCounterMode(display=False, custom_mapping=FLASH) as flops:
        logits = model(**inputs, use_cache=False).logits
        total(batch_losses(logits, targets, config, ranking=False), asdict(stage_.losses)).backward()
    return peak, flops.get_total_flops()


def test_what_is_sharded_is_shared():
    cost = Cost(flops=0, weights=800, learning=400, peak=500, activations=200)
    assert memory_of(cost, 50, 100, Setup()) == (800, 800, 500)
    assert memory_of(cost, 50, 100, Setup(gpus=4)) == (800, 800, 500)
    assert memory_of(cost, 50, 100, Setup(gpus=4, sharding="fsdp")) == (200, 200, 100 + 200 + 100 + 2 * 50)
    assert memory_of(cost, 50, 100, Setup(gpus=4, sharding="zero2")) == (200, 200, 100 + 200 + 800)


def test_pairs_cost_two_videos(recipe):
    # Scores with a weight of 2 and 0.3 of pairs, conversations with a weight of 1 and none.
    assert pair_share(recipe.stages[1]) == pytest.approx(0.2)
    assert pair_share(recipe.stages[0]) == pytest.approx(0.6)


def test_published_sizes():
    """Numbers of the parts as published: SigLIP2, VideoPrism, Qwen3; and new projectors."""
    found = counts(empty_model(plan_config(read(find("small")).model)))
    assert found["context_tower"] == 92_884_224
    assert found["pixel_tower"] == 114_365_184
    assert found["decoder"] == 596_049_920


def test_the_command(tmp_path, capsys):
    path = write_recipe(tmp_path, [stage("one")], make_parts(tmp_path / "parts"))
    assert (
        main(["train", "recipe", str(path), "--plan", "--gpus", "2", "--sharding", "fsdp", "--memory-gb", "0.0001"])
        == 0
    )
    said = capsys.readouterr().out
    assert "2 GPUs, sharding fsdp" in said
    assert "more than 0.0001 GB" in said
    with pytest.raises(ArgumentError, match="sharding: expected one of none, zero2, fsdp, found 'zero9'"):
        main(["train", "recipe", str(path), "--plan", "--sharding", "zero9"])
