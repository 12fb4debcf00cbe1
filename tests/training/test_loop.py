from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_models import tiny_cpllm

from lmms_cpllm.model import load
from lmms_cpllm.training.examples import Example
from lmms_cpllm.training.loop import (
    Features,
    Prompts,
    TrainingConfig,
    fold,
    make_batch,
    predict,
    ranking_loss,
    standardise,
    target_distribution,
    train,
)

FAMILIES = [(), ("blur",), ("noise",), ("h264",)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_cpllm(tmp_path_factory.mktemp("loop"))


def examples(count=60):
    rng = np.random.default_rng(0)
    return [
        Example(
            path=Path(f"{i}.mp4"),
            quality=float(rng.uniform(0, 100)),
            source="clips" if i % 2 else "photographs",
            content=f"content-{i // 6}",
            split="validation" if i % 6 == 0 else "train",
            families=FAMILIES[i % 4] if i % 2 else None,
        )
        for i in range(count)
    ]


def features_of(model, processor, known):
    """Features in which the quality can be read: one number is the quality, the rest noise."""
    plan = processor.video_processor.plan
    torch.manual_seed(0)
    tokens = plan.context_frames * 4, plan.pixel_moments * plan.pixel_crops * 4
    widths = [p.linear_1.in_features for p in (model.model.context_projector, model.model.pixel_projector)]
    context, pixel = (torch.randn(len(known), t, w) for t, w in zip(tokens, widths, strict=True))
    pixel[:, :, 0] = torch.tensor([e.quality / 25 for e in known]).unsqueeze(1)
    return {"context": context.half(), "pixel": pixel.half()}


def test_target_distribution_is_soft_and_keeps_the_order():
    target = target_distribution(torch.tensor([100.0, 75.0, 60.0, 0.0]), 0.35)
    torch.testing.assert_close(target.sum(-1), torch.ones(4))
    assert target.argmax(-1).tolist() == [0, 1, 2, 4]
    assert target[1, 0] == target[1, 2] > 0


def test_ranking_loss_rewards_the_right_order_within_a_source_only():
    quality, source = torch.tensor([80.0, 20.0]), torch.tensor([0, 0])
    right = ranking_loss(torch.tensor([80.0, 20.0]), quality, source)
    wrong = ranking_loss(torch.tensor([20.0, 80.0]), quality, source)
    assert right < 0.01 < 0.5 < wrong
    assert ranking_loss(torch.tensor([20.0, 80.0]), quality, torch.tensor([0, 1])) == 0
    assert ranking_loss(torch.tensor([20.0, 80.0]), torch.tensor([50.0, 51.0]), source) == 0


def test_a_batch_holds_out_the_prompt_and_the_rating_token_from_the_language_loss():
    batch = make_batch([([5, 6, 7], [8, 9]), ([5], [8])], pad=0)
    assert batch["input_ids"].tolist() == [[5, 6, 7, 8, 9], [5, 8, 0, 0, 0]]
    assert batch["labels"].tolist() == [[-100] * 4 + [9], [-100] * 5]
    assert batch["answer_at"].tolist() == [2, 0]
    assert batch["attention_mask"].sum(-1).tolist() == [5, 2]


def test_folding_the_standardisation_changes_no_score(folder):
    model, processor = load(folder)
    known = examples(12)
    raw = features_of(model, processor, known)
    raw["pixel"] = raw["pixel"] * 3 + 1
    standard, moments = standardise(raw, range(12))
    before = predict(model, Prompts(processor), standard, range(12))
    fold(model, moments)
    after = predict(model, Prompts(processor), Features(raw["context"].float(), raw["pixel"].float()), range(12))
    np.testing.assert_allclose(before, after, atol=1e-2)


def test_training_learns_to_read_quality_and_says_what_it_did(folder):
    model, processor = load(folder)
    known = examples()
    config = TrainingConfig(epochs=30, batch_size=10, pairs=4, learning_rate=3e-3)
    record = train(model, processor, known, features_of(model, processor, known), config)
    assert record["examples"] == {
        "photographs validation": 10,
        "photographs train": 20,
        "clips train": 30,
    }
    assert record["validation"]["srcc"]["photographs"] > 0.8
    assert record["config"]["epochs"] == 30


def test_the_same_seed_gives_the_same_weights(folder):
    known, weights = examples(), []
    for _ in range(2):
        model, processor = load(folder)
        config = TrainingConfig(epochs=1, batch_size=10, pairs=2)
        train(model, processor, known, features_of(model, processor, known), config)
        weights.append(model.model.pixel_projector.linear_2.weight.detach().clone())
    assert torch.equal(*weights)
