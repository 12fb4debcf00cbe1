"""Scores that travel through answer texts, and texts that only look like them."""

from __future__ import annotations

import math

import pytest

from lmms_cpllm.harness import hooks
from lmms_cpllm.harness.replay import fill_missing, pair_line, read_choice, read_score, score_line

DOC = {"video": "/v/7.mp4", "name": "7", "mos": 3.0}
ODD = [-3.141592653589793, 0.1 + 0.2, 1e-300, 5e-324, -1e300, 123456789.12345679, 0.0, 100.00000000000001, 2**53 + 1.0]


@pytest.mark.parametrize("score", ODD)
def test_a_score_comes_back_to_the_bit(score: float) -> None:
    assert read_score(score_line(score)) == (True, score)
    item = hooks.score_results(DOC, [score_line(score)])["srcc"]
    assert item == {
        "video": "7",
        "mos": 3.0,
        "quality": score,
        "acr": None,
        "level": None,
        "distribution": None,
        "reason": "",
        "raw": True,
    }
    assert math.copysign(1, item["quality"]) == math.copysign(1, score)


def test_a_video_without_a_score() -> None:
    results = hooks.score_results(DOC, [score_line(None)])
    assert (results["srcc"]["quality"], results["srcc"]["reason"]) == (None, "no score in the replayed file")
    assert results["answered"] == {"video": "7", "mos": 3.0, "quality": None, "raw": True}


@pytest.mark.parametrize(
    "text",
    [
        "72",
        '{"score": 0.5}',
        '{"replayed_score": 1, "quality": 7}',
        '{"replayed_score": "1"}',
        '{"replayed_score": true}',
        '{"replayed_score": NaN}',
        '{"replayed_score": Infinity}',
        '{"replayed_score": 1',
        '{"replayed_scores": [1, 2]}',
        "",
    ],
)
def test_other_texts_are_left_to_the_parser(text: str) -> None:
    assert read_score(text) == (False, None)


@pytest.mark.parametrize(
    ("scores", "choice", "reason"),
    [
        ((-2.5, -2.5000000000000004), "first", ""),
        ((0.1, 0.30000000000000004), "second", ""),
        ((1.0, 1.0), None, "equal scores in the replayed file"),
        ((1.0, None), None, "no score in the replayed file"),
        ((None, None), None, "no score in the replayed file"),
    ],
)
def test_the_higher_score_wins(scores: tuple, choice: str | None, reason: str) -> None:
    assert read_choice(pair_line(*scores)) == (choice, reason)


def test_other_choices_are_left_to_the_parser() -> None:
    assert read_choice('{"choice": "first"}') is None
    assert read_choice('{"replayed_scores": [1]}') is None
    assert read_choice('{"replayed_scores": [1, "2"]}') is None


def test_missing_scores_count_as_the_median_of_the_others() -> None:
    assert fill_missing([1.0, None, -5.0, 2.0]) == [1.0, 1.0, -5.0, 2.0]
    assert fill_missing([None, None]) == [None, None]
    items = [
        {"video": str(n), "mos": float(n), "quality": quality, "raw": True}
        for n, quality in enumerate([-3.0, -2.0, None, 1.0, 2.0])
    ]
    assert hooks.score_srcc(items) == pytest.approx(1, abs=1e-12)
    assert hooks.score_answered(items) == 0.8
