"""Accuracy over pairs."""

import math

import pytest

from lmms_cpllm.metrics.pairs import PairAccuracy, accuracy_by_difference, choose, pair_accuracy


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [(2, 1, "first"), (1, 2, "second"), (1, 1, None), (None, 1, None), (1, None, None), (math.nan, 1, None)],
)
def test_choose(first, second, expected):
    assert choose(first, second) == expected


def test_right_wrong_and_unanswered():
    assert pair_accuracy(["first", None, "first", "second"], ["first", "first", "second", "second"]) == 0.625
    assert pair_accuracy([None, None], ["first", "second"]) == 0.5
    assert pair_accuracy(["first"], ["second"]) == 0.0


def test_pairs_of_equal_mos_are_left_out():
    assert pair_accuracy(["first", "second"], ["first", None]) == 1.0
    assert math.isnan(pair_accuracy(["first"], [None]))


def test_no_pairs_are_nan():
    assert math.isnan(pair_accuracy([], []))


def test_by_difference_of_mos():
    choices = ["first", "second", None, "first", "second"]
    first, second = [3.5, 2.0, 4.0, 3.0, 1.0], [3.2, 3.0, 3.5, 3.0, 1.1]
    assert accuracy_by_difference(choices, first, second) == [
        PairAccuracy(0.0, 3.5 / 4, 0.75, 4),
        PairAccuracy(0.3, 2.5 / 3, 2 / 3, 3),  # 3.5 - 3.2 belongs here in spite of its rounding
        PairAccuracy(0.5, 0.75, 0.5, 2),
        PairAccuracy(1.0, 1.0, 1.0, 1),
    ]


def test_a_threshold_that_no_pair_reaches():
    (result,) = accuracy_by_difference(["first"], [2.0], [1.0], thresholds=[3.0])
    assert result.count == 0
    assert math.isnan(result.accuracy)
    assert math.isnan(result.answered)


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match=r"^1 choices and 2 truths, expected equal numbers$"):
        pair_accuracy(["first"], ["first", "second"])
    with pytest.raises(ValueError, match=r"^a choice is 'A', expected 'first', 'second' or None$"):
        pair_accuracy(["A"], ["first"])
    with pytest.raises(ValueError, match=r"^1 choices, 2 first MOS and 1 second MOS$"):
        accuracy_by_difference(["first"], [1, 2], [1])
