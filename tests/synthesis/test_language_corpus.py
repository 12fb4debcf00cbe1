"""Texts for a tokenizer, drawn facts, and the prompts that the tasks use."""

import re
from itertools import islice

import numpy as np

from lmms_cpllm.metrics.lexicon import KINDS
from lmms_cpllm.synthesis.facts import kind_of
from lmms_cpllm.synthesis.language import PROMPTS, corpus, drawn_facts

PREFIXES = ("The quality of this video is", "The video of better quality is the")


def texts(count, seed=0):
    return list(corpus(np.random.default_rng(seed), count, *PREFIXES))


def test_corpus_has_the_stated_length_and_is_drawn():
    assert [len(texts(count)) for count in (0, 1, 13, 200)] == [0, 1, 13, 200]
    assert texts(50) == texts(50) != texts(50, seed=1)


def test_corpus_holds_prompts_and_answers_of_all_sorts():
    found = texts(4000)
    joined = "\n".join(found)
    for expected in (*(prompts[0] for prompts in PROMPTS.values()), "Yes.", "No.", "Nothing.", f"{PREFIXES[0]} poor."):
        assert expected in found
    assert all(f"{PREFIXES[1]} {place}." in joined for place in ("first", "second"))
    assert re.search(r"^[A-E]\. noise$", joined, re.M)


def test_the_vocabulary_is_one_that_a_small_decoder_can_learn():
    words = set(re.findall(r"[a-z]+", " ".join(texts(20000)).lower()))
    assert 300 < len(words) < 700


def test_the_prompts_of_the_tasks():
    assert {task: wordings[0] for task, wordings in PROMPTS.items()} == {
        "rate": "Rate the quality of this video.",
        "describe": "Describe the quality of this video.",
        "compare": "Which video has better quality?",
    }
    everything = [wording for wordings in PROMPTS.values() for wording in wordings]
    assert len(set(everything)) == len(everything) >= 15


def test_drawn_facts_cover_everything():
    rng = np.random.default_rng(0)
    facts = list(islice(iter(lambda: drawn_facts(rng), None), 1500))
    assert {kind_of(one.family) for each in facts for one in each.impairments or ()} == set(KINDS)
    assert {None, ()} <= {each.impairments for each in facts}
    for each in facts:
        if each.impairments:
            assert each.quality <= (min(one.acr for one in each.impairments) - 1) * 25
