"""How strong a text says that distortions are, and whether that rises with the known strength."""

import math

import numpy as np
import pytest

from lmms_cpllm.metrics.lexicon import named
from lmms_cpllm.metrics.strength import stated_rank, stated_strength, strength_order
from lmms_cpllm.ratings import level_of
from lmms_cpllm.releases import mini
from lmms_cpllm.releases.mini_questions import facts_of
from lmms_cpllm.synthesis.language import SEVERITIES, describe, findings


@pytest.mark.parametrize(
    ("text", "step"),
    [
        ("barely visible noise", 0),
        ("The blur is hardly noticeable.", 0),
        ("very slight blur", 0),
        ("slight noise", 1),
        ("The blur is perceptible but not annoying.", 1),
        ("minor compression artifacts", 1),
        ("a bit blurry", 1),
        ("visible noise", 2),
        ("The picture is visibly blurred.", 2),
        ("moderate blur", 2),
        ("The noise is slightly annoying.", 2),
        ("strong noise", 3),
        ("The noise is annoying.", 3),
        ("Heavy compression artifacts.", 3),
        ("The picture is very noisy.", 3),
        ("highly compressed", 3),
        ("severe noise", 4),
        ("The noise is very annoying.", 4),
        ("extremely blurry", 4),
        ("very strong noise", 4),
        # Of several the strongest.
        ("moderate to heavy blockiness", 3),
        ("The picture shows slight blur.\nThere is severe noise.", 4),
        # Where no distortion is named, words of strength speak of something else.
        ("Strong light. There is noise.", None),
        ("The picture is very sharp with slight noise.", 1),
        ("The picture is very noisy and extremely beautiful.", 3),
        ("The colours are strong.", None),
        # What is denied does not count.
        ("The noise is not severe, it is slight.", 1),
        ("The blur is visible, but there is no severe noise.", 2),
        ("No visible noise.", None),
        ("Noise is not visible.", None),
        ("The picture is noisy.", None),
        ("The quality is bad.", None),
        ("", None),
    ],
)
def test_stated_strength(text, step):
    assert stated_strength(text) == step
    assert stated_strength(text.upper()) == step


def test_our_own_descriptions_are_understood():
    rng = np.random.default_rng(0)
    for row in mini.table():
        facts = facts_of(row)
        found = findings(facts)
        expected = SEVERITIES.index(found[0].severity) if found else None
        for _ in range(4):
            text = describe(facts, rng, "The quality of this video is").text
            assert stated_strength(text) == expected, text


def test_true_descriptions_are_in_order():
    rng = np.random.default_rng(1)
    ladders = {}
    for row in mini.table():
        text = describe(facts_of(row), rng, "The quality of this video is").text
        rank = stated_rank(stated_strength(text), level_of(row.mos), bool(named(text)))
        for content, family in {(one.content, one.family) for one in mini.table() if not one.reference}:
            if row.content == content and (row.reference or row.family == family):
                ladders.setdefault((content, family), []).append((row.strength, rank))
    assert len(ladders) == 36
    assert {len(ladder) for ladder in ladders.values()} == {4}
    # Half of a point where two steps of a ladder have the same words.
    assert strength_order(list(ladders.values())) > 0.97


def test_the_level_word_breaks_ties_and_stands_in():
    said = ((None, "excellent"), (1, "good"), (1, "fair"), (None, "fair"), (2, "poor"), (4, None), (None, None))
    ranks = [stated_rank(strength, level, names_any=True) for strength, level in said]
    assert ranks == [(0, 0), (1, 1), (1, 2), (2, 2), (2, 3), (4, 4), None]
    with pytest.raises(ValueError, match=r"^level is 'great', expected one of excellent, good, fair, poor, bad$"):
        stated_rank(1, "great", names_any=True)


def test_who_names_no_distortion_in_a_good_picture_says_that_there_is_none():
    assert stated_rank(None, "good", names_any=False) == (0, 1)
    assert stated_rank(None, "good", names_any=True) == (1, 1)
    assert stated_rank(None, "bad", names_any=False) == (4, 4), (
        "something is wrong, in words that are not in the lexicon"
    )


class TestOrder:
    def test_right_wrong_and_tied(self):
        low, middle, high = (0, 0), (2, 2), (4, 4)
        assert strength_order([[(0, low), (7, middle), (20, high)]]) == 1
        assert strength_order([[(20, high), (0, low), (7, middle)]]) == 1, "in any order"
        assert strength_order([[(0, high), (7, middle), (20, low)]]) == 0
        assert strength_order([[(0, low), (7, low)]]) == 0.5
        assert strength_order([[(0, low), (7, high), (20, middle)]]) == pytest.approx(2 / 3)
        assert strength_order([[(0, (1, 1)), (7, (1, 2))]]) == 1, "the level word breaks the tie"

    def test_unanswered_is_a_tie(self):
        assert strength_order([[(0, None), (7, (4, 4))]]) == 0.5
        assert strength_order([[(0, None), (7, None), (20, None)]]) == 0.5
        assert strength_order([[(0, (0, 0)), (7, None), (20, (4, 4))]]) == pytest.approx(2 / 3)

    def test_only_clips_of_a_ladder_are_compared_and_every_pair_counts_the_same(self):
        right, wrong = [(0, (0, 0)), (7, (1, 1)), (20, (2, 2))], [(0, (1, 1)), (1, (0, 0))]
        assert strength_order([right, wrong]) == 3 / 4

    def test_equal_strengths_are_no_pair_and_none_is_nan(self):
        assert strength_order([[(7, (4, 4)), (7, (0, 0)), (9, (4, 4))]]) == 0.75
        assert math.isnan(strength_order([]))
        assert math.isnan(strength_order([[(7, (4, 4))], [(7, None), (7, None)]]))
