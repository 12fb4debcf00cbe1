"""Checks as text: what people read, and what programs read."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from lmms_cpllm.compare.check import COMPLETE, Check
from lmms_cpllm.compare.junit import to_junit
from lmms_cpllm.results.folder import LeftOut

COLUMNS = ("model", "task", "check", "found", "asked", "change, 95 % interval", "verdict", "")


def cells(check: Check) -> tuple[str, ...]:
    """A row of the table, one cell for each of `COLUMNS`."""
    change = check.change
    moved = "" if change is None else f"{change.after - change.before:+.4f} ({change.low:+.4f} to {change.high:+.4f})"
    return (
        check.model,
        check.task,
        check.name,
        _found(check),
        check.limit,
        moved,
        change.verdict if change else "",
        "ok" if check.passed else "FAILED",
    )


def failures(checks: Sequence[Check]) -> list[str]:
    """One line for each failed check."""
    return [f"FAILED {_title(one)}: {one.reason}" for one in checks if not one.passed]


def not_counted(left_out: Sequence[LeftOut]) -> list[str]:
    """One line for each run that does not count."""
    return [
        f"not counted: {one.source}{f' ({one.task} of {one.model})' if one.model else ''}: {one.reason}"
        for one in left_out
    ]


def verdict(checks: Sequence[Check]) -> str:
    """The last line."""
    failed = sum(not one.passed for one in checks)
    return f"{failed} of {len(checks)} checks failed" if failed else f"all {len(checks)} checks hold"


def to_json(checks: Sequence[Check], left_out: Sequence[LeftOut]) -> str:
    """Everything; what is not defined is null."""
    document = {
        "passed": all(one.passed for one in checks),
        "checks": [asdict(one) for one in checks],
        "not_counted": [_left_out(one) for one in left_out],
    }
    return json.dumps(_without_nan(document), indent=2, ensure_ascii=False)


def _left_out(one: LeftOut) -> dict[str, Any]:
    told = asdict(replace(one, run=None))
    del told["run"]  # what it reported is no part of a check
    return {**told, "source": str(one.source)}


def to_xml(checks: Sequence[Check]) -> str:
    """JUnit XML."""
    return to_junit(checks, _detail)


def annotations(checks: Sequence[Check], left_out: Sequence[LeftOut]) -> list[str]:
    """Workflow commands of GitHub Actions: an error for each failed check, a notice for each run that does not count.

    https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
    """
    errors = [f"::error title={_property(_title(one))}::{_message(one.reason)}" for one in checks if not one.passed]
    return errors + [f"::notice title=not counted::{_message(line)}" for line in not_counted(left_out)]


def _message(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")


def _title(check: Check) -> str:
    return ", ".join(part for part in (check.task, check.model, check.name) if part)


def _detail(check: Check) -> str:
    names = ("found", "asked", "change, 95 % interval", "verdict")
    told = dict(zip(COLUMNS, cells(check), strict=True))
    return "\n".join([check.reason, *(f"{name}: {told[name]}" for name in names if told[name])])


def _found(check: Check) -> str:
    if check.change is not None:
        return f"{check.change.after:.4f}, was {check.change.before:.4f}"
    if check.value is None:
        return ""
    return f"{check.value:.0f} rows" if check.name == COMPLETE else f"{check.value:.4f}"


def _without_nan(part: Any) -> Any:
    if isinstance(part, dict):
        return {name: _without_nan(inner) for name, inner in part.items()}
    if isinstance(part, (list, tuple)):
        return [_without_nan(inner) for inner in part]
    return None if isinstance(part, float) and not math.isfinite(part) else part
