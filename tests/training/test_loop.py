"""The training loop: what it learns, what it keeps, and that a run that was cut off is the straight one."""

import itertools
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tiny_training import mixed_examples, readable_features, small_model

from lmms_cpllm.errors import DataError
from lmms_cpllm.metrics.lexicon import KINDS
from lmms_cpllm.training import loop
from lmms_cpllm.training.batches import Mix
from lmms_cpllm.training.features import CachedFeatures, moments_of
from lmms_cpllm.training.loop import Average, Stage, examine, run_stage, validate
from lmms_cpllm.training.losses import answer_logits, are_answered, project
from lmms_cpllm.training.recipe import freeze_towers, train_indices
from lmms_cpllm.training.texts import Texts, Turn, collate

STAGE = Stage("test", epochs=3, mix=Mix(4, 4, 0, questions=2, pairs=3), learning_rate=2e-3, seed=7)


class Stopped(Exception):
    """Somebody pulled the plug."""


class CutOff(CachedFeatures):
    """Features that end at the beginning of an epoch."""

    def __init__(self, source, epoch):
        self._features, self._moments, self._epoch = source._features, source._moments, epoch

    def begin(self, epoch):
        if epoch == self._epoch:
            raise Stopped


def prepared(count=36):
    model, processor = small_model(seed=1)
    freeze_towers(model)
    known = mixed_examples(count)
    raw = readable_features(model, processor, known)
    source = CachedFeatures(raw, moments_of(raw, train_indices(known)))
    return model, Texts(processor), known, source


def trained(folder, stage=STAGE, cut_off_at=None, count=36):
    model, texts, known, source = prepared(count)
    features = source if cut_off_at is None else CutOff(source, cut_off_at)
    record = run_stage(model, texts, known, features, source, stage, folder)
    weights = {name: p.detach().clone() for name, p in model.named_parameters() if p.requires_grad}
    return weights, record


def equal(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    folder = tmp_path_factory.mktemp("straight")
    return folder, *trained(folder)


def test_a_run_that_was_cut_off_is_the_straight_one_to_the_bit(straight, tmp_path):
    folder, weights, record = straight
    for epoch in (1, 2):
        with pytest.raises(Stopped):
            trained(tmp_path, cut_off_at=epoch)
        assert len(json.loads((tmp_path / "history.json").read_text())) == epoch
    resumed, again = trained(tmp_path)
    assert equal(resumed, weights)
    assert again == record
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(
        ["best.safetensors", "epoch-003.safetensors", "history.json", "settings.json"]
    )
    for name in ("best.safetensors", "epoch-003.safetensors"):  # weights, their mean, the optimiser's state
        assert equal(load_file(folder / name), load_file(tmp_path / name)), name
    state = load_file(tmp_path / "epoch-003.safetensors")
    assert any(name.endswith("exp_avg_sq") for name in state)
    assert any(name.startswith("average.") for name in state)
    assert {"kinds.weight", "average.kinds.bias"} <= state.keys()
    assert (folder / "history.json").read_text() == (tmp_path / "history.json").read_text()


def test_a_stage_of_a_given_number_of_steps(tmp_path):
    trained(tmp_path, replace(STAGE, epochs=2, steps=2))
    assert load_file(tmp_path / "epoch-002.safetensors")["optimizer.0.step"] == 4


def test_a_finished_stage_is_not_trained_again(straight, monkeypatch):
    folder, weights, record = straight
    monkeypatch.setattr(loop, "step_losses", None)
    again, found = trained(folder)
    assert equal(again, weights)
    assert found == record


def test_a_folder_with_another_stage_is_refused(straight):
    folder, _, _ = straight
    for stage in (replace(STAGE, epochs=4), replace(STAGE, mix=Mix(1, 1, 0))):
        with pytest.raises(DataError, match=r"straight0: holds a stage with another stage \(see its settings.json\)"):
            trained(folder, stage)
    with pytest.raises(DataError, match=r"straight0: holds a stage with another corpus \(see"):
        trained(folder, count=48)
    model, texts, known, source = prepared()
    with torch.no_grad():
        model.model.pixel_tower._backbone.conv_stem.weight.add_(0.1)
    with pytest.raises(DataError, match=r"straight0: holds a stage with another began_with \(see"):
        run_stage(model, texts, known, source, source, STAGE, folder)


def test_without_enough_to_validate_the_last_epoch_is_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "validate", lambda *_: {"validation": {}, "questions": None})
    _, record = trained(tmp_path)
    assert (record["epoch"], record["validation"]) == (3, {})
    assert equal(
        load_file(tmp_path / "best.safetensors"),
        {
            name.removeprefix("average."): value
            for name, value in load_file(tmp_path / "epoch-003.safetensors").items()
            if name.startswith("average.")
        },
    )


def test_another_seed_gives_other_weights(straight, tmp_path):
    weights, _ = trained(tmp_path, replace(STAGE, epochs=1, seed=8))
    assert not equal(weights, straight[1])


def test_it_learns_to_read_the_quality_and_says_what_it_did(tmp_path):
    stage = replace(STAGE, epochs=8, average=0.9, learning_rate=5e-3)
    _, record = trained(tmp_path, stage, count=72)
    assert record["examples"] == {
        "synthetic validation": 6,
        "still validation": 6,
        "synthetic train": 30,
        "still train": 30,
    }
    assert record["stage"]["epochs"] == 8
    assert record["stage"]["mix"]["synthetic"] == 4
    assert len(record["history"]) == 8
    assert record["validation"].keys() == {"synthetic", "still"}
    assert min(record["validation"].values()) > 0.8
    first, last = record["history"][0]["losses"], record["history"][-1]["losses"]
    assert first.keys() == {"rating", "ranking", "language", "choice", "kinds"}
    assert all(last[name] < first[name] for name in ("rating", "ranking", "language", "kinds"))
    json.dumps(record)


def scripted(monkeypatch, scores, questions=(0.5,) * 4):
    """Validations that are written down beforehand."""
    told = zip(scores, questions, strict=False)

    def validated(*_):
        score, share = next(told)
        return {"validation": {"still": score}, "questions": share}

    monkeypatch.setattr(loop, "validate", validated)


def kept(folder):
    """Weights of the model in the best epoch; those of the head of kinds end with the stage."""
    saved = load_file(folder / "best.safetensors")
    assert saved.pop("kinds.weight").shape[0] == saved.pop("kinds.bias").shape[0] == len(KINDS)
    return saved


def test_the_best_epoch_is_kept(tmp_path, monkeypatch):
    scripted(monkeypatch, [0.2, 0.6, 0.4])
    weights, record = trained(tmp_path / "three")
    assert record["epoch"] == 2
    assert record["validation"] == {"still": 0.6}
    scripted(monkeypatch, [0.2, 0.6])
    with pytest.raises(Stopped):
        trained(tmp_path / "two", cut_off_at=2)
    # The same run, stopped behind its second epoch, holds the same mean of weights.
    second = load_file(tmp_path / "two" / "epoch-002.safetensors")
    assert all(torch.equal(weights[name], second[f"average.{name}"]) for name in weights)
    assert not all(torch.equal(weights[name], second[name]) for name in weights)
    assert equal(kept(tmp_path / "three"), weights)


def test_patience_ends_a_stage(tmp_path, monkeypatch):
    scripted(monkeypatch, [0.5, 0.3, 0.4, 0.9])
    stage = replace(STAGE, epochs=4, patience=2)
    _, record = trained(tmp_path, stage)
    assert len(record["history"]) == 3
    assert record["epoch"] == 1
    _, again = trained(tmp_path, stage)  # and a run that goes on does not go on
    assert again == record


def test_an_epoch_is_chosen_by_ratings_and_answers(tmp_path, monkeypatch):
    scripted(monkeypatch, [0.62, 0.6, 0.5], [0.5, 0.7, 0.75])
    record = trained(tmp_path)[1]
    assert (record["epoch"], record["validation"], record["questions"]) == (2, {"still": 0.6}, 0.7)


def test_equal_scores_count_for_the_earlier_epoch(tmp_path, monkeypatch):
    scripted(monkeypatch, [0.5, 0.5])
    assert trained(tmp_path, replace(STAGE, epochs=2))[1]["epoch"] == 1


def test_a_validation_without_a_figure_counts_as_no_correlation(tmp_path, monkeypatch):
    # Of constant predictions SRCC is nan, which is greater than nothing and smaller than nothing.
    scripted(monkeypatch, [float("nan"), 0.3, float("nan")])
    assert trained(tmp_path, STAGE)[1]["epoch"] == 2


def test_frozen_towers_stay_as_they_are(tmp_path):
    model, texts, known, source = prepared(24)
    before = {name: p.detach().clone() for name, p in model.named_parameters() if "_tower." in name}
    buffers = {name: b.detach().clone() for name, b in model.named_buffers() if "_tower." in name}
    run_stage(model, texts, known, source, source, replace(STAGE, epochs=1), tmp_path)
    assert before
    assert all(torch.equal(before[name], p) for name, p in model.named_parameters() if name in before)
    assert all(torch.equal(buffers[name], b) for name, b in model.named_buffers() if name in buffers)
    assert not any("_tower." in name for name in kept(tmp_path))
    assert not model.training


def test_towers_learn_at_their_own_rate():
    trained_parameters = {
        "model.context_tower.x": torch.nn.Parameter(torch.zeros(1)),
        "model.context_projector.x": torch.nn.Parameter(torch.ones(1)),
    }
    groups = loop._groups(trained_parameters, replace(STAGE, learning_rate=1e-3, tower_rate=1e-4))
    assert [(group["lr"], float(group["params"][0].detach())) for group in groups] == [(1e-3, 1.0), (1e-4, 0.0)]
    del trained_parameters["model.context_tower.x"]
    assert len(loop._groups(trained_parameters, STAGE)) == 1


def test_rates_rise_and_fall():
    rates = [loop._rate(step, 100, 0.1) for step in range(101)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[9] == rates[10] == pytest.approx(1)
    assert all(a >= b for a, b in itertools.pairwise(rates[10:]))
    assert rates[100] == pytest.approx(0, abs=1e-9)
    assert loop._rate(0, 1, 0.05) == 1


def test_predictions_do_not_depend_on_how_many_are_made_at_once(monkeypatch):
    model, texts, known, source = prepared(24)
    whole, answered = examine(model, texts, source, known, range(10))
    monkeypatch.setattr(loop, "_EXAMINED_AT_ONCE", 3)
    parts, again = examine(model, texts, source, known, range(10))
    np.testing.assert_allclose(whole, parts, atol=1e-3)
    assert answered.tolist() == again.tolist()
    assert whole.shape == answered.shape == (10,)
    assert ((whole >= 0) & (whole <= 100)).all()
    assert [found.shape for found in examine(model, texts, source, known, [])] == [(0,), (0,)]
    np.testing.assert_allclose(examine(model, texts, source, known, [7, 2])[0], whole[[7, 2]], atol=1e-3)


def test_an_answer_is_right_when_greedy_decoding_gives_it():
    model, texts, _, source = prepared(24)
    end = texts.processor.tokenizer.pad_token_id
    views = project(model, *source.take([3]), 0.0, 0.0)
    turn = texts.question("Is the picture blurred?", "Yes.")
    said = list(turn.prompt)
    with torch.inference_mode():
        for _ in range(4):
            turns = collate([Turn(tuple(said), (end,), False)], end)
            said.append(int(answer_logits(model, turns, *views)[0].argmax()))
        greedy = tuple(said[len(turn.prompt) :])
        other = (*greedy[:-1], greedy[-1] + 1)
        # Beside a longer one: what pads a turn is not judged.
        longer = (*greedy, *greedy)
        turns = collate([Turn(turn.prompt, answer, False) for answer in (greedy, other, longer[:-1])], end)
        found = are_answered(model, turns, *(view.expand(3, -1, -1) for view in views))
    assert found[:2].tolist() == [True, False]


def read_off(monkeypatch, quality_of, taken=None):
    """Ratings that a test makes up; of the questions every other one is answered."""

    def examined(model, texts, features, examples, indices):
        if taken is not None:
            taken.append(list(indices))
        return np.array([quality_of(examples[i]) for i in indices]), np.arange(len(indices)) % 2 == 0

    monkeypatch.setattr(loop, "examine", examined)


def test_validation_is_of_each_source_with_three_or_more(monkeypatch):
    model, texts, known, source = prepared(60)
    read_off(monkeypatch, lambda example: example.quality)
    found = validate(model, texts, source, known)
    assert found["validation"] == {"synthetic": pytest.approx(1), "still": pytest.approx(1)}
    assert found["questions"] == pytest.approx(0.5, abs=0.1)
    few = [replace(e, split="train") if e.source == "still" and i > 2 else e for i, e in enumerate(known)]
    assert validate(model, texts, source, few)["validation"].keys() == {"synthetic"}
    none = [replace(e, split="train") for e in known]
    assert validate(model, texts, source, none) == {"validation": {}, "questions": None}


def test_a_validation_may_take_some_of_each_source_always_the_same(monkeypatch):
    model, texts, known, source = prepared(60)
    known = [replace(e, split="validation") for e in known]
    taken = []
    read_off(monkeypatch, lambda example: example.quality, taken)
    for most in (7, 7, 1000):
        validate(model, texts, source, known, most)
    third = len(taken) // 3
    some, again, whole = taken[:third], taken[third : 2 * third], taken[2 * third :]
    assert some == again
    for few, everything in zip(some, whole, strict=True):
        assert len(few) == 7
        assert set(few) < set(everything)
        assert len(set(np.diff([everything.index(i) for i in few]))) > 1
    assert [len(indices) for indices in whole] == [
        sum(e.source == known[indices[0]].source for e in known) for indices in whole
    ]


def test_the_mean_of_weights_forgets_the_first_steps():
    parameter = torch.nn.Parameter(torch.zeros(1))
    average = Average({"x": parameter}, decay=0.5)
    assert float(average.mean["x"]) == 0
    for value in (10.0, 20.0):
        with torch.no_grad():
            parameter.fill_(value)
        average.update()
    # 2/11 and 3/12 of the old mean: young means follow faster than the decay says.
    assert float(average.mean["x"]) == pytest.approx((10 * 9 / 11) * 0.25 + 20 * 0.75)
    with average.in_place():
        assert float(parameter.detach()) == pytest.approx(float(average.mean["x"]))
    assert float(parameter.detach()) == 20
    with pytest.raises(Stopped), average.in_place():
        raise Stopped
    assert float(parameter.detach()) == 20


@pytest.mark.parametrize("pays", [False, True])
def test_half_precision_is_taken_where_the_processor_has_it(tmp_path, monkeypatch, pays):
    monkeypatch.setattr(loop, "has_fast_bfloat16", lambda device: pays)
    found = []
    whole = loop.step_losses

    def noted(*args):
        found.append((torch.is_autocast_enabled("cpu"), not torch.backends.cuda.flash_sdp_enabled()))
        return whole(*args)

    monkeypatch.setattr(loop, "step_losses", noted)
    _, record = trained(tmp_path, replace(STAGE, epochs=1))
    assert record["bfloat16"] is pays
    assert set(found) == {(pays, pays)}
    monkeypatch.setattr(loop, "has_fast_bfloat16", lambda device: True)
    assert trained(tmp_path / "off", replace(STAGE, epochs=1, half_precision=False))[1]["bfloat16"] is False
