"""Scores that travel through answer texts, and texts that only look like them."""

from __future__ import annotations

import math

import pytest

from lmms_cpllm.harness import hooks, running
from lmms_cpllm.harness.replay import MARK, fill_missing, pair_line, read_choice, read_score, score_line
from lmms_cpllm.metrics.correlation import krcc, plcc, srcc

FILE = "5ee1" * 16
PLAIN = {"video": "/v/7.mp4", "name": "7", "mos": 3.0}
DOC = {**PLAIN, MARK: FILE}
PAIR = {"first": "/v/1.mp4", "second": "/v/2.mp4", "first_name": "1", "second_name": "2", "name": "1 | 2"}
PAIR |= {"first_mos": 2.0, "second_mos": 3.0}
ODD = [-3.141592653589793, 0.1 + 0.2, 1e-300, 5e-324, -1e300, 123456789.12345679, 0.0, 100.00000000000001, 2**53 + 1.0]


@pytest.mark.parametrize("score", ODD)
def test_a_score_comes_back_to_the_bit(score: float) -> None:
    assert read_score(DOC, score_line(FILE, score)) == (True, score)
    item = hooks.score_results(DOC, [score_line(FILE, score)])["srcc"]
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
    results = hooks.score_results(DOC, [score_line(FILE, None)])
    assert (results["srcc"]["quality"], results["srcc"]["reason"]) == (None, "no score in the replayed file")
    assert results["answered"] == {"video": "7", "mos": 3.0, "quality": None, "raw": True}


@pytest.mark.parametrize(
    "text",
    [
        "72",
        '{"score": 0.5}',
        '{"replayed_score": 1}',
        f'{{"replayed_from": "{FILE}", "replayed_score": 1, "quality": 7}}',
        f'{{"replayed_from": "{FILE}", "replayed_score": "1"}}',
        f'{{"replayed_from": "{FILE}", "replayed_score": true}}',
        f'{{"replayed_from": "{FILE}", "replayed_score": NaN}}',
        f'{{"replayed_from": "{FILE}", "replayed_score": Infinity}}',
        f'{{"replayed_from": "{FILE}", "replayed_score": 1',
        f'{{"replayed_from": "{FILE}", "replayed_scores": [1, 2]}}',
        '{"replayed_from": "another file", "replayed_score": 1}',
        '{"replayed_from": null, "replayed_score": 1}',
        "",
    ],
)
def test_other_texts_are_left_to_the_parser(text: str) -> None:
    assert read_score(DOC, text) == (False, None)


@pytest.mark.parametrize("doc", [PLAIN, {**PLAIN, MARK: None}, {**PLAIN, MARK: ""}, {**PLAIN, MARK: "another file"}])
@pytest.mark.parametrize("source", [FILE, None, ""])
def test_what_a_model_says_is_no_replay(doc: dict, source: str | None) -> None:
    said = score_line(source, 12345.0)
    assert read_score(doc, said) == (False, None)
    item = hooks.score_results(doc, [said])["srcc"]
    assert (item["quality"], "raw" in item) == (None, False)
    pair = {**PAIR, MARK: doc.get(MARK)}
    assert read_choice(pair, pair_line(source, 2, 1)) is None
    assert hooks.pair_results(pair, [pair_line(source, 2, 1)])["accuracy"]["choice"] is None


def test_documents_name_the_file_while_its_model_runs() -> None:
    pairs = [{"name": "1 | 2"}, {"name": "3 | 4"}]
    assert hooks._dataset(pairs).column_names == ["name"]
    running.started({"scores": "dover.csv"}, replayed=FILE)
    assert hooks._dataset(pairs)[MARK] == [FILE, FILE]
    running.stopped()
    assert (hooks._dataset(pairs).column_names, running.replayed()) == (["name"], None)
    running.started({"fingerprint": "0123"})
    assert hooks._dataset(pairs).column_names == ["name"]
    running.stopped()


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
    assert read_choice({**PAIR, MARK: FILE}, pair_line(FILE, *scores)) == (choice, reason)


def test_other_choices_are_left_to_the_parser() -> None:
    for text in ('{"choice": "first"}', pair_line(FILE, 1, "2"), score_line(FILE, 1), score_line(FILE, [1, 2])):
        assert read_choice({**PAIR, MARK: FILE}, text) is None


def items(scores: list[float | None], mos: list[float]) -> list[dict]:
    return [
        {"video": f"{place:02}", "mos": opinion, "quality": score, "raw": True}
        for place, (score, opinion) in enumerate(zip(scores, mos, strict=True))
    ]


def test_missing_scores_count_as_the_median_of_the_others() -> None:
    assert fill_missing([1.0, None, -5.0, 2.0]) == [1.0, 1.0, -5.0, 2.0]
    assert fill_missing([None, None]) == [None, None]
    found = items([-3.0, -2.0, None, 1.0, 2.0], [0.0, 1.0, 2.0, 3.0, 4.0])
    assert hooks.score_srcc(found) == pytest.approx(1, abs=1e-12)
    assert hooks.score_answered(found) == 0.8
    assert math.isnan(hooks.score_srcc(items([None, None, None], [1.0, 2.0, 3.0])))


def test_what_a_missing_score_costs_does_not_depend_on_the_unit() -> None:
    mos = [1.0, 1.5, 2.2, 2.9, 3.1, 3.3, 3.9, 4.4]
    scores = [0.1, 0.3, None, 0.2, 0.6, None, 0.5, 0.9]
    known = [None if score is None else 1000 * score - 7000 for score in scores]
    curved = [None if score is None else math.exp(5 * score) for score in scores]
    straight, shifted, bent = (items(values, mos) for values in (scores, known, curved))
    for metric in (hooks.score_srcc, hooks.score_krcc):
        assert metric(straight) == pytest.approx(metric(shifted), abs=1e-12) == pytest.approx(metric(bent), abs=1e-12)
    assert hooks.score_plcc(straight) == pytest.approx(hooks.score_plcc(shifted), abs=1e-9)
    # 50 would be the best of these scores and the middle of none.
    filled = [50.0 if score is None else score for score in scores]
    assert hooks.score_srcc(straight) == pytest.approx(srcc([0.4 if s is None else s for s in scores], mos), abs=1e-12)
    assert hooks.score_srcc(straight) != pytest.approx(srcc(filled, mos), abs=0.05)
    assert hooks.score_plcc(straight) == pytest.approx(plcc([0.4 if s is None else s for s in scores], mos), abs=1e-12)
    assert hooks.score_krcc(straight) == pytest.approx(krcc([0.4 if s is None else s for s in scores], mos), abs=1e-12)


@pytest.mark.parametrize("place", [0, 1, 7, 8])
def test_leaving_out_a_video_that_is_judged_well_costs_something(place: int) -> None:
    mos = [float(n) for n in range(9)]
    assert hooks.score_srcc(items([None if n == place else n for n in mos], mos)) < 1
