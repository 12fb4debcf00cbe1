"""What programs read: JSON, JUnit XML, annotations. What people read is compared literally in test_compare_command.py."""

from __future__ import annotations

import json
import math
from pathlib import Path
from xml.etree import ElementTree

import pytest

from lmms_cpllm.compare import formats
from lmms_cpllm.compare.check import REGRESSED, Change, Check
from lmms_cpllm.results.folder import LeftOut

CHECKS = [
    Check("", "", "complete", False, "out: nothing\n  what to do: run it"),
    Check("cpllm", "vqa_mini", "complete", True, value=120.0),
    Check("cpllm", "vqa_mini", "answered", True, value=1.0, limit=">= 1"),
    Check("cpllm", "vqa_mini", "srcc", False, "too low", 0.5, ">= 0.85"),
    Check("cpllm", "vqa_mini", "srcc drop", False, "worse", None, "<= 1%", Change(0.7, 0.5, -0.3, -0.1, REGRESSED)),
    Check("<b>&'\" \x00\x1b\ud800 a,b:c 5%", "vqa_mini", "rmse", False, "not defined: 100%", math.nan, "<= 1"),
]
LEFT_OUT = [LeftOut(Path("out/20260101_000000_results.json"), "20260101_000000", "older", "cpllm", "vqa_mini")]


class TestJUnit:
    @pytest.fixture
    def text(self) -> str:
        return formats.to_xml(CHECKS)

    def test_it_is_valid(self, text):
        etree = pytest.importorskip("lxml.etree")
        schema = etree.XMLSchema(file=str(Path(__file__).with_name("junit.xsd")))
        schema.assertValid(etree.fromstring(text.encode()))
        schema.assertValid(etree.fromstring(formats.to_xml(CHECKS[1:3]).encode()))

    def test_a_suite_for_each_model_and_task(self, text):
        suites = ElementTree.fromstring(text.encode())
        assert suites.attrib == {
            "name": "lmms-cpllm compare",
            "tests": "6",
            "failures": "4",
            "errors": "0",
            "time": "0",
        }
        told = [(suite.get("name"), suite.get("tests"), suite.get("failures"), len(suite)) for suite in suites]
        assert told[:2] == [("lmms-cpllm compare", "1", "1", 1), ("vqa_mini cpllm", "4", "2", 4)]
        cases = {case.get("name"): case for case in suites[1]}
        assert all(case.get("classname") == "vqa_mini cpllm" for case in cases.values())
        assert len(cases["complete"]) == len(cases["answered"]) == 0
        failure = cases["srcc drop"].find("failure")
        assert failure.attrib == {"message": "worse", "type": "srcc drop"}
        assert failure.text == (
            "worse\nfound: 0.5000, was 0.7000\nasked: <= 1%\n"
            "change, 95 % interval: -0.2000 (-0.3000 to -0.1000)\nverdict: regressed"
        )

    def test_any_text_survives_but_what_xml_cannot_hold(self, text):
        name = ElementTree.fromstring(text.encode())[2].get("name")
        assert name == "vqa_mini <b>&'\" \ufffd\ufffd\ufffd a,b:c 5%"


def test_json_has_everything_and_no_nan():
    text = formats.to_json(CHECKS[1:], LEFT_OUT)
    document = json.loads(text, parse_constant=lambda constant: pytest.fail(constant))
    assert document["passed"] is False
    assert document["checks"][3] == {
        "model": "cpllm",
        "task": "vqa_mini",
        "name": "srcc drop",
        "passed": False,
        "reason": "worse",
        "value": None,
        "limit": "<= 1%",
        "change": {"before": 0.7, "after": 0.5, "low": -0.3, "high": -0.1, "verdict": "regressed"},
    }
    assert document["checks"][4]["value"] is None
    assert document["not_counted"] == [
        {
            "source": "out/20260101_000000_results.json",
            "date": "20260101_000000",
            "reason": "older",
            "model": "cpllm",
            "task": "vqa_mini",
            "groups": [],
            "spoils": False,
        }
    ]
    assert json.loads(formats.to_json(CHECKS[1:3], []))["passed"] is True


def test_annotations_are_one_escaped_line_each():
    lines = formats.annotations(CHECKS, LEFT_OUT)
    assert lines[:2] == [
        "::error title=complete::out: nothing%0A  what to do: run it",
        "::error title=vqa_mini%2C cpllm%2C srcc::too low",
    ]
    assert lines[3].endswith("a%2Cb%3Ac 5%25%2C rmse::not defined: 100%25")
    assert lines[4:] == [
        "::notice title=not counted::not counted: out/20260101_000000_results.json (vqa_mini of cpllm): older"
    ]


def test_the_last_line():
    assert formats.verdict(CHECKS) == "4 of 6 checks failed"
    assert formats.verdict(CHECKS[1:3]) == "all 2 checks hold"
