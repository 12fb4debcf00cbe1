"""Agreement of the level word."""

import math

import pytest

from lmms_cpllm.metrics.levels import level_agreement, level_of_mos, level_srcc, level_within_one, quality_of_mos


@pytest.mark.parametrize(
    ("mos", "low", "high", "quality", "level"),
    [
        (1, 1, 5, 0, "bad"),
        (3, 1, 5, 50, "fair"),
        (3.5, 1, 5, 62.5, "good"),
        (3.49, 1, 5, 62.25, "fair"),
        (5, 1, 5, 100, "excellent"),
        (61.8, 0, 100, 61.8, "fair"),
        (-6.5, 0, 100, 0, "bad"),  # CVD2014 has MOS below its scale
        (101, 0, 100, 100, "excellent"),
    ],
)
def test_mos_to_level(mos, low, high, quality, level):
    assert quality_of_mos(mos, low, high) == pytest.approx(quality)
    assert level_of_mos(mos, low, high) == level


def test_agreement_counts_the_unanswered_as_wrong():
    levels = ["fair", "good", None, "bad"]
    mos = [3.0, 3.0, 3.0, 5.0]
    assert level_agreement(levels, mos, 1, 5) == 0.25
    assert level_within_one(levels, mos, 1, 5) == 0.5
    assert level_agreement([None, None], [3, 3], 1, 5) == 0.0


def test_srcc_of_the_words():
    assert level_srcc(["bad", "poor", "fair", "good", "excellent"], [1, 2, 3, 4, 5]) == pytest.approx(1.0)
    assert level_srcc(["excellent", "good", "fair", "poor", "bad"], [1, 2, 3, 4, 5]) == pytest.approx(-1.0)
    assert level_srcc(["bad", None, "good"], [1, 2, 3]) == level_srcc(["bad", "fair", "good"], [1, 2, 3])
    assert math.isnan(level_srcc(["fair", "fair", None], [1, 2, 3]))


def test_none_at_all():
    assert math.isnan(level_agreement([], [], 1, 5))
    assert math.isnan(level_within_one([], [], 1, 5))
    assert math.isnan(level_srcc([], []))


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match=r"^1 levels and 2 MOS, expected equal numbers$"):
        level_agreement(["fair"], [1, 2], 1, 5)
    with pytest.raises(ValueError, match=r"^level is 'high', expected one of excellent, good, fair, poor, bad$"):
        level_within_one(["high"], [1], 1, 5)
    with pytest.raises(ValueError, match=r"^level is 'high'"):
        level_srcc(["high"], [1])
    with pytest.raises(ValueError, match=r"^the MOS scale is 5\.\.1, expected the lower end first$"):
        quality_of_mos(3, 5, 1)
    with pytest.raises(ValueError, match=r"^MOS is nan, expected a finite number$"):
        level_agreement(["fair"], [math.nan], 1, 5)
