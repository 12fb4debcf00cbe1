"""Targets and losses."""

import numpy as np
import pytest
import torch
from tiny_training import feature_shapes, mixed_examples, readable_features, small_model

from lmms_cpllm.metrics.lexicon import KINDS
from lmms_cpllm.model.modeling_cpllm import expected_quality
from lmms_cpllm.training.batches import Batches, Mix
from lmms_cpllm.training.losses import (
    answer_logits,
    kind_head,
    kinds_loss,
    mixed,
    project,
    ranking_loss,
    step_losses,
    target_distribution,
)
from lmms_cpllm.training.texts import Texts, collate

QUALITIES = torch.tensor([0.0, 2.0, 10.0, 24.0, 37.5, 50.0, 61.0, 75.0, 90.0, 98.0, 100.0])


@pytest.mark.parametrize("sd", [0.0, 0.2, 0.4, 0.8])
def test_the_target_expects_the_label_and_has_one_peak(sd):
    target = target_distribution(QUALITIES, torch.full_like(QUALITIES, sd))
    torch.testing.assert_close(target.sum(-1), torch.ones(len(QUALITIES)))
    inner = QUALITIES.sub(50).abs() <= 48
    torch.testing.assert_close(expected_quality(target)[inner], QUALITIES[inner], atol=0.02, rtol=0)
    assert (expected_quality(target) - QUALITIES).abs().max() < 3  # at the very ends no soft target can
    steps = target.diff(dim=-1)
    rises_again = (steps[:, 1:] > 1e-6) & (steps[:, :-1] < -1e-6)
    assert not rises_again.any()
    assert (expected_quality(target).diff() > 0).all()


def test_the_target_is_symmetric_and_softer_where_the_label_is_less_certain():
    [centre, left, right] = target_distribution(torch.tensor([50.0, 30.0, 70.0]), torch.full((3,), 0.3))
    torch.testing.assert_close(centre, centre.flip(0))
    torch.testing.assert_close(left, right.flip(0), atol=1e-5, rtol=0)
    sharp, soft = target_distribution(torch.tensor([50.0, 50.0]), torch.tensor([0.1, 0.8]))
    assert sharp[2] > soft[2] + 0.2
    assert sharp.argmax() == 2
    assert target_distribution(torch.tensor([100.0]), torch.tensor([0.2])).argmax() == 0  # best first


def test_ranking_rewards_the_right_order():
    quality, kind = torch.tensor([80.0, 20.0, 50.0]), torch.zeros(3)
    right, flat, wrong = (
        ranking_loss(torch.tensor(p), quality, kind) for p in ([80.0, 20, 50], [50.0, 50, 50], [20.0, 80, 50])
    )
    assert right < 0.01 < flat < wrong
    assert wrong > 0.5


def test_ranking_leaves_other_kinds_and_ties_alone():
    predicted = torch.tensor([20.0, 80.0], requires_grad=True)
    other = ranking_loss(predicted, torch.tensor([80.0, 20.0]), torch.tensor([0, 1]))
    tie = ranking_loss(predicted, torch.tensor([52.0, 50.0]), torch.tensor([0, 0]))
    assert other == tie == 0
    (other + tie).backward()
    assert predicted.grad.tolist() == [0, 0]


def test_ranking_is_least_where_the_difference_is_that_of_the_labels():
    quality, kind = torch.tensor([58.0, 50.0]), torch.zeros(2)
    gaps = torch.arange(-20.0, 41.0)
    losses = torch.stack([ranking_loss(torch.tensor([50.0 + gap, 50.0]), quality, kind) for gap in gaps])
    assert gaps[losses.argmin()] == 8


@pytest.mark.parametrize("labels", [(70.0, 50.0), (98.0, 2.0), (100.0, 0.0)])
@pytest.mark.parametrize("said", [(0.0, 100.0), (100.0, 0.0), (60.0, 40.0), (50.0, 50.0)])
def test_ranking_has_a_finite_gradient_however_sure_and_however_wrong(labels, said):
    predicted = torch.tensor(said, requires_grad=True)
    loss = ranking_loss(predicted, torch.tensor(labels), torch.zeros(2))
    loss.backward()
    assert torch.isfinite(loss)
    assert loss >= -1e-6
    assert torch.isfinite(predicted.grad).all()
    assert predicted.grad[0] <= 0 <= predicted.grad[1] or labels == (70.0, 50.0)  # 20 apart may be said too strongly


def test_kinds_are_told_where_they_are_known():
    logits = torch.tensor([[3.0, -1.0], [0.5, 2.0]], requires_grad=True)
    loss = kinds_loss(logits, torch.tensor([[1.0, float("nan")], [0.0, float("nan")]]))
    wanted = -(torch.tensor(3.0).sigmoid().log() + torch.tensor(-0.5).sigmoid().log()) / 2
    torch.testing.assert_close(loss, wanted)
    loss.backward()
    assert (logits.grad != 0).tolist() == [[True, False], [True, False]]
    assert logits.grad[0, 0] < 0 < logits.grad[1, 0]


def test_where_no_kind_is_known_nothing_is_learned():
    logits = torch.ones(2, 3, requires_grad=True)
    loss = kinds_loss(logits, torch.full((2, 3), float("nan")))
    loss.backward()
    assert loss == 0
    assert not logits.grad.any()


@pytest.fixture(scope="module")
def step():
    model, processor = small_model()
    known, texts = mixed_examples(24), Texts(processor)
    batch = next(Batches(known, texts, Mix(4, 3, 0, questions=3, pairs=4), 0).epoch(0))
    raw = {key: value.float()[batch.videos] for key, value in readable_features(model, processor, known).items()}
    return model, texts, known, batch, raw


def losses_of(model, batch, context, pixel):
    return step_losses(model, batch, *project(model, context, pixel, 0.0, 0.0), kind_head(model, 0))


def random_features(model, texts, videos):
    return [torch.randn(videos, *shape) for shape in feature_shapes(model, texts.processor).values()]


def test_losses_of_a_step_and_what_they_reach(step):
    model, _, _, batch, raw = step
    losses = losses_of(model, batch, raw["context"], raw["pixel"])
    assert losses.keys() == {"rating", "ranking", "language", "choice", "kinds"}
    assert all(torch.isfinite(loss) and loss > 0 for loss in losses.values())
    for name, loss in losses.items():
        model.zero_grad()
        loss.backward(retain_graph=True)
        for projector in (model.model.context_projector, model.model.pixel_projector):
            assert projector.linear_1.weight.grad.abs().sum() > 0, name
    model.zero_grad()


def test_a_step_without_pairs_has_no_choice(step):
    model, texts, known, _, _ = step
    batch = next(Batches(known, texts, Mix(3, 2, 0, questions=1, pairs=0), 0).epoch(0))
    context, pixel = random_features(model, texts, len(batch.videos))
    assert "choice" not in losses_of(model, batch, context, pixel)


def test_ratings_alone_are_mixed_within_one_kind_of_label(step):
    _, texts, known, _, _ = step
    batch = next(Batches(known, texts, Mix(8, 6, 0, questions=3, pairs=0), 0).epoch(0))
    count = len(batch.quality)
    assert 0 < batch.alone.sum() < count
    numbers = torch.zeros(len(batch.rated["place"]), 2, 1)
    # What was mixed can be told from the sums: a power of two each.
    numbers[:count] = (2.0 ** torch.arange(count))[:, None, None]
    torch.manual_seed(0)
    views, quality = mixed(batch, [numbers, 3 * numbers], 0.4)
    torch.testing.assert_close(views[1], 3 * views[0])
    assert torch.equal(views[0][count:], numbers[count:])
    changed = views[0][:count, 0, 0] != numbers[:count, 0, 0]
    assert changed.any()
    assert not (changed & ~batch.alone).any()
    for row in changed.nonzero()[:, 0].tolist():
        own, value = float(numbers[row, 0, 0]), float(views[0][row, 0, 0])
        partners = [
            other
            for other in range(count)
            if other != row
            and 0 < (weight := (value - own) / (float(numbers[other, 0, 0]) - own)) <= 0.5 + 1e-6
            and abs(float(torch.lerp(batch.quality[row], batch.quality[other], weight) - quality[row])) < 1e-2
        ]
        assert any(batch.alone[other] and batch.kind[other] == batch.kind[row] for other in partners)
    assert torch.equal(quality[~changed], batch.quality[~changed])


def test_mixing_changes_the_ratings_loss_and_is_of_the_seed(step):
    model, _, _, batch, raw = step
    views = project(model, raw["context"], raw["pixel"], 0.0, 0.0)

    def found(mixup):
        torch.manual_seed(1)
        return step_losses(model, batch, *views, kind_head(model, 0), mixup)

    plain, once, again = found(0.0), found(0.4), found(0.4)
    assert once["rating"] != plain["rating"]
    assert once["kinds"] == plain["kinds"]
    assert all(torch.equal(once[name], again[name]) for name in once)


def test_kinds_are_read_off_both_views_of_each_rated_video_of_known_faults(step):
    model, _, known, batch, raw = step
    context, pixel = (part.detach().requires_grad_() for part in project(model, raw["context"], raw["pixel"], 0.0, 0.0))
    head = kind_head(model, 0)
    step_losses(model, batch, context, pixel, head)["kinds"].backward()
    rated = {batch.videos[place] for place in batch.rated["place"][: len(batch.quality)]}
    wanted = [i in rated and known[i].source == "synthetic" for i in batch.videos]
    assert 0 < sum(wanted) < len(rated) < len(wanted)
    for part in (context, pixel):
        assert [bool(grad.any()) for grad in part.grad] == wanted
    assert head.weight.grad.any()


def test_what_is_there_is_that_of_the_video_in_its_place(step):
    model, _, _, batch, raw = step
    context, pixel = project(model, raw["context"], raw["pixel"], 0.0, 0.0)
    head = kind_head(model, 0)
    logits = torch.stack([head(torch.cat((context[place], pixel[place])).mean(0)) for place in batch.rated["place"]])
    torch.testing.assert_close(
        step_losses(model, batch, context, pixel, head)["kinds"], kinds_loss(logits[: len(batch.there)], batch.there)
    )


def test_the_head_of_kinds_is_of_its_seed_and_moves_no_other_luck(step):
    model = step[0]
    torch.manual_seed(3)
    before = torch.get_rng_state()
    head = kind_head(model, 1)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(head.weight, kind_head(model, 1).weight)
    assert not torch.equal(head.weight, kind_head(model, 2).weight)
    assert head.out_features == len(KINDS)


def test_the_logits_of_an_answer_are_those_of_the_model(step):
    """Right-padded in a batch, a prompt is read as it is read alone."""
    model, texts, known, _, raw = step
    turns = [texts.rate(known[0].facts), texts.question("Is there any noise, or can nothing be seen?", "Yes.")]
    context, pixel = project(model, raw["context"][:2], raw["pixel"][:2], 0.0, 0.0)
    first, _ = answer_logits(model, collate(turns, texts.processor.tokenizer.pad_token_id), context, pixel)
    for row, turn in enumerate(turns):
        media = {f"{name}_features": raw[name][row : row + 1] for name in ("context", "pixel")}
        alone = model.answer_logits(torch.tensor([turn.prompt]), **media)[0]
        torch.testing.assert_close(first[row], alone, atol=1e-4, rtol=1e-4)


def test_the_language_loss_of_a_turn_is_the_mean_over_the_tokens_behind_the_soft_one(step):
    model, texts, known, _, raw = step
    turn = texts.rate(known[0].facts)
    batch = collate([turn], texts.processor.tokenizer.pad_token_id)
    context, pixel = project(model, raw["context"][:1], raw["pixel"][:1], 0.0, 0.0)
    _, language = answer_logits(model, batch, context, pixel)
    media = {f"{name}_features": raw[name][:1] for name in ("context", "pixel")}
    logits = model(input_ids=batch["input_ids"], **media).logits[0].log_softmax(-1)
    wanted = [-logits[len(turn.prompt) + i - 1, token] for i, token in enumerate(turn.answer) if i > 0]
    torch.testing.assert_close(language, torch.stack(wanted).mean(), atol=1e-4, rtol=1e-4)


def test_a_short_answer_counts_as_much_as_a_long_description(step):
    model, texts, known, _, raw = step
    clip = next(example for example in known if example.facts.impairments)
    turns = [texts.question("Is there noise?", "Yes."), texts.describe(clip.facts, np.random.default_rng(0))]
    assert len(turns[1].answer) > 3 * len(turns[0].answer)
    pad = texts.processor.tokenizer.pad_token_id

    def language(*places: int) -> torch.Tensor:
        projected = project(model, raw["context"][list(places)], raw["pixel"][list(places)], 0.0, 0.0)
        return answer_logits(model, collate([turns[i] for i in places], pad), *projected)[1]

    torch.testing.assert_close(language(0, 1), (language(0) + language(1)) / 2, atol=1e-4, rtol=1e-4)


def test_at_most_one_view_of_a_video_is_silent(step):
    model, texts, *_ = step
    context, pixel = random_features(model, texts, 400)
    torch.manual_seed(0)
    with torch.no_grad():
        context, pixel = project(model, context, pixel, 0.0, 0.5)
    silent = [(part == 0).flatten(1).all(-1) for part in (context, pixel)]
    assert not (silent[0] & silent[1]).any()
    assert all(0.15 < float(part.float().mean()) < 0.35 for part in silent)


def test_noise_is_in_standard_deviations(step):
    model, texts, *_ = step
    zeros = [features * 0 for features in random_features(model, texts, 64)]
    seen = []
    hook = model.model.context_projector.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    project(model, *zeros, 0.3, 0.0)
    project(model, *zeros, 0.0, 0.0)
    hook.remove()
    assert float(seen[0].std()) == pytest.approx(0.3, abs=0.01)
    assert not seen[1].any()
