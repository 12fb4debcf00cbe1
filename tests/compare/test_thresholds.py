"""The words after --require and --max-drop."""

from __future__ import annotations

import re

import pytest

from lmms_cpllm.compare.thresholds import Drop, Requirement, parse_drop, parse_requirement


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("srcc:0.85", Requirement("srcc", 0.85)),
        ("srcc:-1", Requirement("srcc", -1.0)),
        (" rmse : 5e-1 ", Requirement("rmse", 0.5)),
    ],
)
def test_requirements(text, meant):
    assert parse_requirement(text) == meant


@pytest.mark.parametrize(
    ("text", "meant"),
    [("srcc:0.01", Drop("srcc", 0.01)), ("plcc:2%", Drop("plcc", 2.0, True)), ("srcc:0", Drop("srcc", 0.0))],
)
def test_drops(text, meant):
    assert parse_drop(text) == meant


@pytest.mark.parametrize(
    ("parse", "text", "said"),
    [
        (parse_requirement, "0.85", "'0.85': expected METRIC:NUMBER such as srcc:0.85"),
        (parse_requirement, "out/run", "'out/run': expected METRIC:NUMBER such as srcc:0.85"),
        (parse_requirement, "srcc:", "'srcc:': '' is no number"),
        (parse_requirement, "srcc:nan", "'srcc:nan': 'nan' is no number"),
        (parse_requirement, "srcc:high", "'srcc:high': 'high' is no number"),
        (
            parse_requirement,
            "srcc:5%",
            "'srcc:5%': a requirement is a number, a share of the baseline is for --max-drop",
        ),
        (parse_drop, "srcc", "'srcc': expected METRIC:NUMBER or METRIC:NUMBER% such as srcc:0.01 or plcc:2%"),
        (parse_drop, "srcc:-0.1", "'srcc:-0.1': a drop is 0 or more"),
        (parse_drop, "srcc:%", "'srcc:%': '' is no number"),
        (parse_drop, "srcc:inf", "'srcc:inf': 'inf' is no number"),
        (parse_drop, "ci95_low:0.1", "'ci95_low:0.1': ci95_low is an end of the interval of srcc; name srcc"),
    ],
)
def test_other_words(parse, text, said):
    with pytest.raises(ValueError, match=f"^{re.escape(said)}$"):
        parse(text)


def test_what_is_allowed():
    assert Drop("srcc", 0.01).allowed(0.8) == 0.01
    assert Drop("srcc", 2.0, True).allowed(0.8) == pytest.approx(0.016)
    assert Drop("srcc", 2.0, True).allowed(-0.8) == pytest.approx(0.016)
    assert [str(drop) for drop in (Drop("srcc", 0.01), Drop("srcc", 2.0, True))] == ["0.01", "2%"]
