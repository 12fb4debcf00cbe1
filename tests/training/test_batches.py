"""What a step holds."""

import itertools
from dataclasses import replace

import pytest
import torch
from tiny_training import example, mixed_examples, small_model

from lmms_cpllm.metrics.lexicon import KINDS
from lmms_cpllm.synthesis.facts import Facts, Impairment
from lmms_cpllm.training.batches import TIE, Batches, Mix, kinds_there
from lmms_cpllm.training.texts import Texts

MIX = Mix(synthetic=4, still=3, human=2, questions=3, pairs=4)


@pytest.fixture(scope="module")
def texts():
    return Texts(small_model()[1])


def corpus():
    """Clips, stills, moved stills; some of them for validation."""
    known = mixed_examples(48)
    for number in range(48, 58):
        facts = Facts(quality=float(number), impairments=None)
        scene = {"source": "human", "scene": f"still-{number}", "content": "s1-3", "closed": False}
        known.append(example(number, float(number), facts=facts, **scene))
    known.append(example(99, 50.0, split="left out"))
    known.append(example(98, 50.0, split="test"))
    return known


def epoch(known, texts, mix=MIX, seed=0, number=0):
    batches = Batches(known, texts, mix, seed)
    found = list(batches.epoch(number))
    assert len(found) == batches.steps
    return found


def rated(batch):
    """Numbers of the examples that are rated, in their order."""
    return [batch.videos[place] for place in batch.rated["place"].tolist()[: len(batch.quality)]]


def pairs(batch):
    places = [batch.videos[place] for place in batch.pairs["place"].tolist()] if batch.pairs else []
    return list(zip(places[::2], places[1::2], strict=True))


def test_every_batch_holds_scored_photographs(texts):
    known = corpus()
    for batch in epoch(known, texts):
        sources = [known[i].source for i in rated(batch)]
        assert [sources.count(source) for source in ("synthetic", "still", "human")] == [4, 3, 2]
        assert batch.quality.tolist() == pytest.approx([known[i].quality for i in rated(batch)], abs=1e-4)
        assert batch.sd.tolist() == pytest.approx([known[i].sd for i in rated(batch)])
        assert batch.kind.tolist() == [0 if known[i].source == "synthetic" else 1 for i in rated(batch)]
        there = torch.tensor([kinds_there(known[i]) for i in rated(batch)])
        torch.testing.assert_close(batch.there, there, equal_nan=True)


def test_a_source_that_is_missing_is_left_out(texts):
    known = [e for e in corpus() if e.source != "human"]
    assert {len(batch.quality) for batch in epoch(known, texts)} == {7}
    known = [e for e in corpus() if e.source == "still"]
    assert {len(batch.quality) for batch in epoch(known, texts)} == {3}


def test_only_the_training_side_is_drawn_and_all_of_it(texts):
    known = corpus()
    found = [batch for number in range(5) for batch in epoch(known, texts, number=number)]
    train = {i for i, e in enumerate(known) if e.split == "train"}
    assert {i for batch in found for i in batch.videos} == train
    assert {i for batch in found for i in rated(batch)} == train
    # As many steps as it takes to see about as many videos as there are.
    assert len(found) == 5 * (len(train) // MIX.rated)
    assert Batches([example(0)], texts, MIX, 0).steps == 1


@pytest.mark.parametrize("steps", [1, 30])
def test_as_many_steps_as_are_asked_for(texts, steps):
    batches = Batches(corpus(), texts, MIX, 0, steps)
    assert batches.steps == len(list(batches.epoch(0))) == steps


def test_no_example_twice_before_all_of_its_source_had_their_turn(texts):
    known = corpus()
    order = [i for batch in epoch(known, texts) for i in rated(batch) if known[i].source == "synthetic"]
    count = sum(e.source == "synthetic" and e.split == "train" for e in known)
    assert len(set(order[:count])) == min(count, len(order))


def test_videos_are_listed_once_and_places_point_to_them(texts):
    known = corpus()
    for batch in epoch(known, texts):
        assert len(set(batch.videos)) == len(batch.videos)
        assert batch.rated["place"].shape == (MIX.rated + MIX.questions,)
        assert batch.rated["input_ids"].shape[0] == MIX.rated + MIX.questions
        asked = batch.rated["place"][MIX.rated :]
        assert set(asked.tolist()) <= set(batch.rated["place"][: MIX.rated].tolist())
        assert batch.pairs["place"].shape[0] == 2 * batch.pairs["choice"].shape[0]
        assert batch.pairs["input_ids"].shape[0] == batch.pairs["choice"].shape[0]


@pytest.mark.parametrize("fresh", [True, False])
def test_pairs_are_of_one_kind_of_label_and_clearly_apart(texts, fresh):
    known = corpus()
    found = epoch(known, texts, replace(MIX, fresh_pairs=fresh))
    compared = [
        (pair, choice) for b in found if b.pairs for pair, choice in zip(pairs(b), b.pairs["choice"], strict=True)
    ]
    assert len(compared) > 15
    for (a, b), choice in compared:
        assert (known[a].source == "synthetic") == (known[b].source == "synthetic")
        assert abs(known[a].quality - known[b].quality) > TIE
        assert int(choice) == int(known[a].quality < known[b].quality)
    if not fresh:
        assert all(len(batch.videos) <= MIX.rated for batch in found)
        assert all({*itertools.chain(*pairs(batch))} <= {*rated(batch)} for batch in found)
    else:
        scenes = [known[a].scene == known[b].scene for (a, b), _ in compared if known[a].source == "synthetic"]
        assert 0.2 < sum(scenes) / len(scenes) < 0.9


def test_clips_of_one_scored_photograph_are_compared_too(texts):
    known = [example(i, 3.0 + 3.9 * i, source="human", scene=f"still-{i // 3}") for i in range(24)]
    compared = [pair for batch in epoch(known, texts, replace(MIX, human=4)) for pair in pairs(batch)]
    # Of any two clips two of 23 are of one photograph.
    assert 0.3 < sum(known[a].scene == known[b].scene for a, b in compared) / len(compared) < 0.9


def test_without_a_clear_difference_there_is_no_pair(texts):
    known = [example(i, 50.0 + i * 0.1) for i in range(12)]
    [batch, *_] = epoch(known, texts)
    assert batch.pairs == {}
    assert len(batch.quality) == 4


def same(a, b):
    tensors = [(a.rated, b.rated), (a.pairs, b.pairs)]
    return a.videos == b.videos and all(
        x.keys() == y.keys() and all(torch.equal(x[key], y[key]) for key in x) for x, y in tensors
    )


def test_the_same_seed_and_epoch_give_the_same_batches(texts):
    known = corpus()
    first, again = epoch(known, texts, seed=3, number=2), epoch(known, Texts(texts.processor), seed=3, number=2)
    assert all(same(a, b) for a, b in zip(first, again, strict=True))
    for other in (epoch(known, texts, seed=4, number=2), epoch(known, texts, seed=3, number=1)):
        assert not all(same(a, b) for a, b in zip(first, other, strict=True))


def test_a_later_epoch_needs_no_earlier_one(texts):
    batches = Batches(corpus(), texts, MIX, 0)
    list(batches.epoch(0))
    assert all(same(a, b) for a, b in zip(batches.epoch(1), epoch(corpus(), texts, number=1), strict=True))


def test_the_share_of_descriptions(texts):
    known = [example(i, 50.0, acr=3.0) for i in range(40)]
    end = texts.processor.tokenizer.eos_token_id
    for share in (0.0, 1.0):
        lengths = []
        for batch in epoch(known, texts, replace(MIX, describe_share=share, questions=0)):
            labels = batch.rated["labels"][: len(batch.quality)]
            lengths += (labels != -100).sum(-1).tolist()
            assert (labels == end).sum(-1).tolist() == [1] * len(labels)
        assert (min(lengths) > 2) == bool(share)
        assert (max(lengths) == 2) == (not share)


def test_of_a_photograph_with_unknown_faults_no_fault_is_asked(texts):
    # Only what is known of the scene: no answer about faults may be learnt from a photograph that might have them.
    known = [example(i, 40.0, facts=Facts(40.0, impairments=None), source="still", closed=False) for i in range(30)]
    tokenizer = texts.processor.tokenizer
    for batch in epoch(known, texts, replace(MIX, questions=3), seed=1):
        for row in range(len(batch.quality), len(batch.rated["place"])):
            labels = batch.rated["labels"][row]
            answer = tokenizer.decode(labels[labels != -100]).removesuffix("<|im_end|>")
            prompt = tokenizer.decode(batch.rated["input_ids"][row]).lower()
            assert answer
            assert not any(word in prompt for word in ("blur", "noise", "compress", "distortion", "fault", "problem"))


def kinds(known):
    """The kinds that are there, those that are not, and those of which it is not known."""
    told = dict(zip(KINDS, kinds_there(known), strict=True))
    there, absent = ({kind for kind, value in told.items() if value == wanted} for wanted in (1, 0))
    return there, absent, {kind for kind, value in told.items() if value != value}


def of_impairments(*acr_of_families, **changes):
    done = tuple(Impairment(family, 1.0, acr) for family, acr in acr_of_families)
    return example(facts=Facts(50.0, impairments=done), **changes)


def test_kinds_of_a_clip_whose_faults_are_all_known():
    assert kinds(example()) == (set(), set(KINDS), set())
    assert kinds(example(acr=2.0)) == ({"blur"}, {*KINDS} - {"blur"}, set())
    # What may or may not be noticed is neither.
    assert kinds(example(acr=4.2)) == (set(), {*KINDS} - {"blur"}, {"blur"})
    # Of one kind the worse counts, in any order.
    for codecs in (("h264", 2.0), ("vp9", 4.4)), (("vp9", 4.4), ("h264", 2.0)):
        there, absent, unknown = kinds(of_impairments(*codecs, ("noise", 4.4)))
        assert (there, unknown) == ({"compression"}, {"noise"})
        assert len(absent) == len(KINDS) - 2


def test_kinds_of_a_photograph_are_known_as_far_as_they_were_made():
    still = example(facts=Facts(50.0, impairments=None), source="still", closed=False)
    assert kinds(still) == (set(), set(), set(KINDS))
    # What was done afterwards is there; whether anything else was there before is not known.
    assert kinds(of_impairments(("blur", 2.0), source="human", closed=False)) == ({"blur"}, set(), {*KINDS} - {"blur"})
    # A faultless one whose clip hides nothing is as good as a clean scene.
    assert kinds(of_impairments(("blur", 2.0), source="human")) == ({"blur"}, {*KINDS} - {"blur"}, set())
