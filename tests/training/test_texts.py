"""Turns: prompt and answer as tokens, which of them are learnt, and where an answer must not be seen to end."""

from collections import Counter

import numpy as np
import pytest
import torch
from tiny_training import small_model

from lmms_cpllm.ratings import level_of
from lmms_cpllm.synthesis.facts import Facts, Impairment
from lmms_cpllm.synthesis.language import PROMPTS
from lmms_cpllm.synthesis.language.questions import Question
from lmms_cpllm.training.texts import Texts, Turn, collate
from lmms_cpllm.training.tiny import END

BLURRED = Facts(quality=45.0, impairments=(Impairment("blur", 2.0, 2.8),))
UNKNOWN = Facts(quality=45.0, impairments=None)
CLEAN = Facts(quality=90.0, impairments=())


@pytest.fixture(scope="module")
def made():
    model, processor = small_model()
    return model, processor, Texts(processor)


def rng(seed=0):
    return np.random.default_rng(seed)


def words(processor, tokens):
    return processor.tokenizer.decode(list(tokens))


@pytest.mark.parametrize("quality", [95.0, 75.0, 50.0, 25.0, 3.0])
def test_a_rating_is_one_token_behind_the_prefix(made, quality):
    model, processor, texts = made
    turn = texts.rate(Facts(quality=quality))
    level = level_of(quality)
    assert turn.soft
    assert words(processor, turn.prompt).endswith(processor.answer_prefix)
    assert PROMPTS["rate"][0] in words(processor, turn.prompt)
    assert words(processor, turn.answer) == f" {level}.{END}"
    assert turn.answer[0] in model.config.rating_token_ids
    assert words(processor, turn.answer[:1]) == f" {level}"


def test_placeholders_of_one_and_of_two_videos(made):
    model, processor, texts = made
    plan = processor.video_processor.plan
    contexts = plan.context_frames * processor.context_tokens
    pixels = plan.pixel_moments * plan.pixel_crops * processor.pixel_tokens
    for turn, videos in ((texts.rate(CLEAN), 1), (texts.compare(CLEAN, BLURRED, rng()), 2)):
        assert turn.prompt.count(model.config.context_token_id) == contexts * videos
        assert turn.prompt.count(model.config.pixel_token_id) == pixels * videos


def test_the_prompt_is_the_one_that_the_tasks_use(made):
    _, processor, texts = made
    message = [{"role": "user", "content": [{"type": "video"}, {"type": "text", "text": PROMPTS["rate"][0]}]}]
    prompt = processor.render(message, processor.answer_prefix)
    assert processor.tokenize([prompt], 1)["input_ids"][0].tolist() == list(texts.rate(CLEAN).prompt)


def test_a_complete_description_ends(made):
    _, processor, texts = made
    for seed in range(20):
        for facts in (BLURRED, CLEAN):
            answer = texts.describe(facts, rng(seed)).answer
            assert answer[-1] == processor.tokenizer.eos_token_id
            assert words(processor, answer).startswith(f" {level_of(facts.quality)}. ")
            assert len(answer) > 4


def test_an_incomplete_description_has_no_end(made):
    # The faults of a scored photograph are not known: where its description ends must not be learnt.
    _, processor, texts = made
    for seed in range(20):
        turn = texts.describe(UNKNOWN, rng(seed))
        assert words(processor, turn.answer) == " fair."
        assert processor.tokenizer.eos_token_id not in turn.answer
        assert turn.soft
    assert words(processor, texts.rate(UNKNOWN).answer) == f" fair.{END}"


def test_wordings_are_drawn_and_the_canonical_one_most_often(made):
    _, processor, texts = made
    found = [words(processor, texts.describe(CLEAN, rng(seed)).prompt) for seed in range(300)]
    shares = [sum(wording in prompt for prompt in found) / 300 for wording in PROMPTS["describe"]]
    # The first is part of the second.
    assert 0.65 < shares[0] - shares[1] < 0.85
    assert all(share > 0 for share in shares)


def test_a_comparison_names_the_better_one_first(made):
    model, processor, texts = made
    first, second = model.config.choice_token_ids
    for seed in range(5):
        assert texts.compare(CLEAN, BLURRED, rng(seed)).answer[0] == first
        turn = texts.compare(BLURRED, CLEAN, rng(seed))
        assert turn.answer[0] == second
        assert turn.answer[-1] == processor.tokenizer.eos_token_id
        assert turn.soft


def test_a_comparison_without_a_known_reason_has_no_end(made):
    _, processor, texts = made
    for pair in ((CLEAN, UNKNOWN), (UNKNOWN, CLEAN)):
        turn = texts.compare(*pair, rng())
        assert words(processor, turn.answer) in (" first.", " second.")
        assert turn.soft


def test_a_question_has_no_soft_token(made):
    _, processor, texts = made
    turn = texts.question("Is this video blurry?", "Yes.")
    assert not turn.soft
    assert words(processor, turn.prompt).endswith("assistant\n")
    assert words(processor, turn.answer) == f"Yes.{END}"
    kinds = {texts.ask(BLURRED, rng(seed)).answer for seed in range(40)}
    assert len(kinds) > 5


def test_most_questions_are_about_distortions(made, monkeypatch):
    _, _, texts = made
    scene = [Question(f"{kind}?", "Yes.", (), kind) for kind in ("light", "texture", "motion", "subject")]
    faults = [Question(text, "No.", (), "fault") for text in ("blur?", "noise?")]
    monkeypatch.setattr("lmms_cpllm.training.texts.ask", lambda facts, rng: [*scene, *faults])
    drawn = Counter(texts.ask(BLURRED, rng(seed)).answer for seed in range(300))
    assert drawn[texts.question("blur?", "No.").answer] / 300 == pytest.approx(6 / 10, abs=0.1)


def test_the_same_seed_gives_the_same_turn(made):
    _, processor, texts = made
    fresh = Texts(processor)
    assert texts.describe(BLURRED, rng(3)) == fresh.describe(BLURRED, rng(3))
    assert texts.ask(BLURRED, rng(3)) == fresh.ask(BLURRED, rng(3))


def test_the_soft_token_and_the_prompt_are_not_in_the_labels():
    batch = collate([Turn((5, 6, 7), (8, 9), True), Turn((5,), (8, 4), False), Turn((5, 6), (8,), True)], pad=0)
    assert batch["input_ids"].tolist() == [[5, 6, 7, 8, 9], [5, 8, 4, 0, 0], [5, 6, 8, 0, 0]]
    assert batch["labels"].tolist() == [[-100] * 4 + [9], [-100, 8, 4, -100, -100], [-100] * 5]
    assert batch["answer_at"].tolist() == [2, 0, 1]
    assert batch["attention_mask"].tolist() == [[1] * 5, [1, 1, 1, 0, 0], [1, 1, 1, 0, 0]]
    assert batch["input_ids"].dtype == batch["labels"].dtype == torch.long


def test_padding_is_no_label_though_it_is_the_end_token(made):
    _, processor, texts = made
    turns = [texts.rate(UNKNOWN), texts.describe(BLURRED, rng()), texts.describe(UNKNOWN, rng())]
    pad = processor.tokenizer.pad_token_id
    assert pad == processor.tokenizer.eos_token_id
    labels = collate(turns, pad)["labels"]
    assert (labels == pad).sum(-1).tolist() == [1, 1, 0]
