"""Ladders: right and wrong steps, the threshold of detection, falls back, ties and clips without a score."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from lmms_cpllm.metrics.ladder import (
    Ladder,
    detected_shares,
    detected_step,
    detected_strength,
    fall_back,
    mean_srcc,
    steps_right,
    violated_share,
    violations,
)

ALL = (steps_right, mean_srcc, detected_step, detected_strength, violated_share, violations, fall_back)
PERFECT = Ladder((20.0, 30.0, 40.0), (90.0, 80.0, 60.0, 30.0))
BLIND = Ladder((20.0, 30.0, 40.0), (70.0, 70.0, 70.0, 70.0))
SILENT = Ladder((20.0, 30.0, 40.0), (None, None, None, None))
REVERSED = Ladder((20.0, 30.0, 40.0), (30.0, 60.0, 80.0, 90.0))
LATE = Ladder((20.0, 30.0, 40.0), (80.0, 85.0, 75.0, 60.0))


def values(*ladders):
    return tuple(function(ladders) for function in ALL)


@pytest.mark.parametrize(
    ("ladder", "expected"),
    [
        (PERFECT, (1.0, 1.0, 1.0, 20.0, 0.0, 0.0, 0.0)),
        (REVERSED, (0.0, -1.0, math.inf, math.inf, 1.0, 3.0, 60.0)),
        (BLIND, (0.5, 0.0, math.inf, math.inf, 0.0, 0.0, 0.0)),
        (SILENT, (0.5, 0.0, math.inf, math.inf, 1.0, 0.0, 0.0)),
        (LATE, (2 / 3, 0.8, 2.0, 30.0, 1.0, 1.0, 5.0)),
    ],
)
def test_one_ladder(ladder, expected):
    assert values(ladder) == pytest.approx(expected)


def test_no_ladders_are_nan_and_not_zero():
    assert all(math.isnan(value) for value in values())
    assert detected_shares([]) == ()


def test_silence_is_worth_no_more_than_a_coin_in_a_comparison():
    ladder = Ladder((1.0, 2.0, 3.0), (90.0, None, 60.0, 95.0))
    assert steps_right([ladder]) == pytest.approx((0.5 + 0.5 + 0.0) / 3)
    assert detected_shares([ladder]) == (0.5, 1.0, 0.0)
    # Without a score for the clean clip nothing is detected.
    assert detected_shares([Ladder((1.0, 2.0), (None, 50.0, 10.0))]) == (0.5, 0.5)


def test_clips_without_a_score_are_passed_over_by_falls_back_and_violate():
    ladder = Ladder((1.0, 2.0, 3.0), (90.0, None, 60.0, 65.0))
    assert (violations([ladder]), fall_back([ladder])) == (1.0, 5.0)
    assert violated_share([Ladder((1.0, 2.0), (90.0, None, 60.0))]) == 1.0
    # 90 -> none -> 95 is a rise over both steps.
    assert fall_back([Ladder((1.0, 2.0), (90.0, None, 95.0))]) == 5.0


def test_srcc_is_that_of_scipy_and_shrinks_with_silence():
    scores = (80.0, 82.0, 70.0, 70.0, 40.0, 45.0)
    ladder = Ladder((1, 2, 3, 4, 5), scores)
    assert mean_srcc([ladder]) == pytest.approx(-stats.spearmanr(range(6), scores).statistic, abs=1e-12)
    assert mean_srcc([Ladder((1, 2, 3), (90.0, 80.0, None, 60.0))]) == pytest.approx(0.75)
    assert mean_srcc([Ladder((1, 2, 3), (90.0, None, None, 60.0))]) == 0.0, "two points order themselves"


def test_the_threshold_is_three_of_four_contents():
    seen, unseen = Ladder((1.0, 2.0), (90.0, 80.0, 50.0)), Ladder((1.0, 2.0), (90.0, 95.0, 50.0))
    assert detected_strength([seen, seen, seen, unseen]) == 1.0
    assert detected_strength([seen, seen, unseen, unseen]) == 2.0
    tie = Ladder((1.0, 2.0), (90.0, 90.0, 50.0))
    assert detected_strength([seen, tie]) == 1.0, "a tie is half of a hit"


def test_a_lucky_hit_below_the_threshold_does_not_count():
    # Detected at 1 and 3, but not at 2.
    assert detected_step([Ladder((1.0, 2.0, 3.0), (80.0, 70.0, 85.0, 60.0))]) == 3.0
    assert detected_step([Ladder((1.0, 2.0, 3.0), (80.0, 70.0, 60.0, 85.0))]) == math.inf


def test_ladders_of_several_lengths():
    short, long = Ladder((1.0,), (90.0, 95.0)), Ladder((1.0, 2.0), (90.0, 80.0, 70.0))
    assert detected_shares([short, long]) == (0.5, 1.0)
    assert detected_step([short, long]) == 2.0
    assert detected_strength([short, long]) == 2.0
    assert steps_right([short, long]) == pytest.approx(2 / 3), "every step has one vote"
    with pytest.raises(ValueError, match="different strengths, expected those of one distortion"):
        detected_strength([long, Ladder((1.0, 3.0), (90.0, 80.0, 70.0))])


def test_overall_is_over_all_ladders():
    both = (PERFECT, REVERSED)
    assert values(*both) == pytest.approx((0.5, 0.0, math.inf, math.inf, 0.5, 3.0, 30.0))


@pytest.mark.parametrize("seed", range(20))
def test_properties_of_random_ladders(seed):
    rng = np.random.default_rng(seed)
    ladders = []
    for _ in range(4):
        scores = [None if rng.random() < 0.2 else float(rng.integers(0, 8)) for _ in range(6)]
        ladders.append(Ladder((1, 2, 3, 4, 5), tuple(scores)))
    turned = [Ladder(a.strengths, tuple(None if s is None else -s for s in a.scores)) for a in ladders]
    moved = [Ladder(a.strengths, tuple(None if s is None else 3 * s - 100 for s in a.scores)) for a in ladders]
    # A score that says the opposite has the opposite; only the order of the scores counts.
    assert steps_right(turned) == pytest.approx(1 - steps_right(ladders))
    assert mean_srcc(turned) == pytest.approx(-mean_srcc(ladders))
    assert values(*moved)[:-1] == values(*ladders)[:-1]
    assert fall_back(moved) == pytest.approx(3 * fall_back(ladders))
    assert values(*ladders[::-1]) == pytest.approx(values(*ladders))
    known = [[s for s in a.scores if s is not None] for a in ladders]
    rises = [b - a for s in known for a, b in itertools.pairwise(s) if b > a]
    assert (violations(ladders), fall_back(ladders)) == (len(rises), pytest.approx(sum(rises) / 4))
    assert 0 <= steps_right(ladders) <= 1 >= violated_share(ladders) >= 0


def test_shapes_are_checked():
    with pytest.raises(ValueError, match="2 strengths and 2 scores, expected one score more, the clean clip's"):
        Ladder((1.0, 2.0), (1.0, 2.0))
    with pytest.raises(ValueError, match=r"strengths are \(2.0, 1.0\), expected them to rise"):
        Ladder((2.0, 1.0), (1.0, 2.0, 3.0))
