"""Checks as JUnit XML: a test suite for each model and task, a test case for each check."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import groupby
from xml.etree import ElementTree

from lmms_cpllm.compare.check import Check

SUITE = "lmms-cpllm compare"

# What XML 1.0 has no way to write, not even as a number.
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def to_junit(checks: Sequence[Check], detail: Callable[[Check], str]) -> str:
    """The document, with its declaration.

    Args:
        checks: those of one model and task follow each other.
        detail: what is said about a failed check, apart from its reason.
    """
    root = ElementTree.Element("testsuites", _counts(SUITE, checks))
    for (model, task), group in groupby(checks, key=lambda one: (one.model, one.task)):
        group = list(group)
        name = " ".join(part for part in (task, model) if part) or SUITE
        suite = ElementTree.SubElement(root, "testsuite", _counts(name, group))
        for one in group:
            attributes = {"name": _clean(one.name), "classname": _clean(name), "time": "0"}
            case = ElementTree.SubElement(suite, "testcase", attributes)
            if not one.passed:
                failure = ElementTree.SubElement(case, "failure", {"message": _clean(one.reason), "type": one.name})
                failure.text = _clean(detail(one))
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(root, encoding="unicode")}'


def _counts(name: str, checks: Sequence[Check]) -> dict[str, str]:
    failures = sum(not one.passed for one in checks)
    return {
        "name": _clean(name),
        "tests": str(len(checks)),
        "failures": str(failures),
        "errors": "0",
        "time": "0",
    }


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("\ufffd", text)
