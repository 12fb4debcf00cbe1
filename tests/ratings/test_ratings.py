"""The scale: levels, qualities, distributions, and the line of JSON."""

import dataclasses
import json
import math
import subprocess
import sys

import pytest

from lmms_cpllm import ratings
from lmms_cpllm.ratings import LEVELS, WEIGHTS, from_distribution, from_quality, level_of, quality_of, to_json


def test_levels_and_weights_are_the_acr_scale():
    assert LEVELS == ("excellent", "good", "fair", "poor", "bad")
    assert WEIGHTS == (5, 4, 3, 2, 1)
    assert [quality_of(level) for level in LEVELS] == [100.0, 75.0, 50.0, 25.0, 0.0]


@pytest.mark.parametrize(
    ("quality", "level"),
    [
        (0, "bad"),
        (12.499, "bad"),
        (12.5, "poor"),
        (37.499, "poor"),
        (37.5, "fair"),
        (62.499, "fair"),
        (62.5, "good"),
        (87.499, "good"),
        (87.5, "excellent"),
        (100, "excellent"),
    ],
)
def test_level_is_the_nearest_and_half_way_the_better(quality, level):
    assert level_of(quality) == level


@pytest.mark.parametrize("quality", [-0.001, 100.001, math.nan, math.inf])
def test_quality_outside_is_refused(quality):
    with pytest.raises(ValueError, match=rf"^quality is {quality}, expected a number in 0\.\.100$"):
        from_quality(quality)


def test_unknown_level_is_refused():
    with pytest.raises(ValueError, match=r"^level is 'Good', expected one of excellent, good, fair, poor, bad$"):
        quality_of("Good")


def test_distribution_becomes_its_expectation():
    rating = from_distribution([0.1, 0.2, 0.4, 0.2, 0.1])
    assert rating.acr == pytest.approx(3.0, abs=1e-12)
    assert rating.quality == pytest.approx(50.0, abs=1e-12)
    assert rating.level == "fair"
    assert rating.distribution == pytest.approx((0.1, 0.2, 0.4, 0.2, 0.1), abs=1e-15)


@pytest.mark.parametrize(("index", "quality"), list(enumerate([100.0, 75.0, 50.0, 25.0, 0.0])))
def test_certain_distribution_is_its_level(index, quality):
    rating = from_distribution([float(place == index) for place in range(5)])
    assert (rating.quality, rating.level) == (quality, LEVELS[index])


def test_distribution_is_divided_by_its_sum():
    rounded = from_distribution([0.2504, 0.2504, 0.2498, 0.1249, 0.1249])
    assert sum(rounded.distribution) == pytest.approx(1.0, abs=1e-15)
    # Undivided, this one would end above 100.
    assert from_distribution([1.0009, 0, 0, 0, 0]).quality == 100.0


@pytest.mark.parametrize(
    ("distribution", "message"),
    [
        ([0.5, 0.5], "a distribution has 2 values, expected 5: excellent, good, fair, poor, bad"),
        (
            [1.5, -0.5, 0, 0, 0],
            r"a distribution is \[1\.5, -0\.5, 0\.0, 0\.0, 0\.0\], expected five finite values >= 0",
        ),
        (
            [math.nan, 1, 0, 0, 0],
            r"a distribution is \[nan, 1\.0, 0\.0, 0\.0, 0\.0\], expected five finite values >= 0",
        ),
        ([0.5, 0, 0, 0, 0], r"a distribution sums to 0\.5, expected 1 within 0\.001"),
    ],
)
def test_bad_distribution_is_refused(distribution, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        from_distribution(distribution)


def test_rating_is_frozen_and_complete_as_a_dict():
    rating = from_quality(61.84)
    with pytest.raises(dataclasses.FrozenInstanceError):
        rating.quality = 3.0
    expected = {"quality": 61.84, "acr": 1 + 61.84 / 25, "level": "fair", "distribution": None}
    assert dataclasses.asdict(rating) == expected


def test_json_line_is_as_documented():
    rating = from_distribution([0.0123456789, 0.5, 0.4376543211, 0.05, 0.0])
    assert to_json(rating) == (
        '{"quality": 61.8673, "acr": 3.4747, "rating": "fair", "distribution": '
        '{"excellent": 0.012346, "good": 0.5, "fair": 0.437654, "poor": 0.05, "bad": 0.0}}'
    )
    assert to_json(from_quality(61.84031)) == '{"quality": 61.8403, "acr": 3.4736, "rating": "fair"}'


def test_json_line_agrees_with_itself_where_rounding_changes_the_level():
    line = json.loads(to_json(from_quality(62.49996)))
    assert line == {"quality": 62.5, "acr": 3.5, "rating": "good"}


def test_json_line_is_read_back():
    rating = from_distribution([0.01, 0.24, 0.5, 0.2, 0.05])
    read = ratings.parse_answer(to_json(rating)).rating
    assert read.quality == pytest.approx(rating.quality, abs=5e-5)
    assert read.distribution == pytest.approx(rating.distribution, abs=5e-7)
    assert read.level == rating.level
    # Our own line is on 0..100 whatever the prompt asked for.
    assert ratings.parse_answer(to_json(rating), low=1, high=5).rating == read


def test_import_needs_neither_torch_nor_scipy():
    code = (
        "import sys, lmms_cpllm.ratings, lmms_cpllm.metrics.summary, lmms_cpllm.metrics.pairs, lmms_cpllm.metrics.levels\n"
        "print([name for name in ('torch', 'pandas', 'scipy.stats', 'scipy.optimize') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
