"""The page: one HTML file that needs nothing else. What comes from a model or a file name is text in it, never markup."""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from lmms_cpllm import __version__
from lmms_cpllm.errors import UserError
from lmms_cpllm.ratings import LEVELS
from lmms_cpllm.report import exports
from lmms_cpllm.report.building import EXTREMES, Report, TaskReport
from lmms_cpllm.report.packing import description_data, dumps, ladder_data, score_data
from lmms_cpllm.report.runs import readable

TEMPLATES = Path(__file__).parent / "templates"

# Of all descriptions together; scores, pictures and the plotting library take the rest of 20 MB.
DESCRIPTION_BYTES = 6_000_000

_SCRIPTS = ("data.js", "filters.js", "tables.js", "plots.js", "page.js")
_INSTALL = "pip install 'lmms-cpllm[report]'"


def render(report: Report, title: str, now: datetime) -> str:
    """The whole page.

    Args:
        report: what it shows.
        title: its heading.
        now: when it was made.

    Raises:
        UserError: Jinja2 or plotly is not installed.
    """
    jinja2, plotly = _jinja2(), plotly_source()
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": exports.number,
        "interval_of": exports.interval,
        "readable": readable,
        "signed": _signed,
        "p_value": _p_value,
        "plain": _plain,
    }
    script = "\n".join((TEMPLATES / name).read_text(encoding="utf-8") for name in _SCRIPTS)
    place = {model: number for number, model in enumerate(report.board.models)}
    described = _described(report, place)
    from markupsafe import Markup

    return environment.get_template("page.html").render(
        title=title,
        made=now.strftime("%Y-%m-%d %H:%M"),
        version=__version__,
        report=report,
        board=report.board,
        labels=report.gathered.labels,
        place=place,
        levels=LEVELS,
        extremes=EXTREMES,
        whiskers=_whiskers(report),
        described={task: (taken, total) for task, (_, taken, total) in described.items()},
        data={name: Markup(dumps(part)) for name, part in _data(report, place, described).items()},
        css=Markup((TEMPLATES / "page.css").read_text(encoding="utf-8")),
        script=Markup(script),
        plotly=Markup(plotly),
        # The page as it stands may run, and nothing that gets into it later; it may not talk to anybody.
        policy="default-src 'none'; base-uri 'none'; form-action 'none'; img-src data: blob:; "
        f"style-src 'unsafe-inline'; script-src {_hashed(script)} {_hashed(plotly)}",
    )


def _signed(value: float) -> str:
    """A difference: +.031."""
    return exports.number(value) if math.isnan(value) or value < 0 else f"+{exports.number(value)}"


def _p_value(p: float) -> str:
    return "<.001" if p < 0.001 else exports.number(p)


def _plain(value: float) -> str:
    """An error in units of MOS, with as many digits as one of its size needs."""
    return exports.NONE if math.isnan(value) else f"{value:.{1 if value >= 100 else 2 if value >= 10 else 3}f}"


def check_packages() -> None:
    """Before anything is computed. Raises UserError as `render`."""
    _jinja2()
    plotly_source()


def plotly_source() -> str:
    """plotly.js as the installed package carries it, about 5 MB. Raises UserError where there is none."""
    try:
        from plotly.offline import get_plotlyjs
    except ImportError as error:
        raise UserError(f"lmms-cpllm report draws with plotly, which is not installed: {_INSTALL}") from error
    return get_plotlyjs()


def _jinja2():
    try:
        import jinja2
    except ImportError as error:
        raise UserError(f"lmms-cpllm report needs Jinja2, which is not installed: {_INSTALL}") from error
    return jinja2


def _hashed(script: str) -> str:
    digest = hashlib.sha256(script.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


def _described(report: Report, place: Mapping[str, int]) -> dict[str, tuple[Any, int, int]]:
    """Task to its packed descriptions, the videos that are in them, and all of its videos."""
    with_words = [one for one in report.tasks if one.descriptions]
    found = {}
    for one in with_words:
        packed, taken = description_data(one.descriptions, place, DESCRIPTION_BYTES // len(with_words))
        found[one.task] = packed, taken, len({said.video for said in one.descriptions})
    return found


def _data(report: Report, place: Mapping[str, int], described: Mapping[str, tuple[Any, int, int]]) -> dict[str, Any]:
    """Name of an element to what it holds."""
    labels = [report.gathered.labels[model] for model in report.board.models]
    data: dict[str, Any] = {"page": {"models": labels, "levels": LEVELS, "extremes": EXTREMES}}
    for number, one in enumerate(report.tasks):
        data |= {f"{kind}-{number}": part for kind, part in _of_task(one, place).items()}
        if one.task in described:
            data[f"words-{number}"] = described[one.task][0]
    return data


def _of_task(one: TaskReport, place: Mapping[str, int]) -> dict[str, Any]:
    parts = {}
    if one.scores:
        parts["scores"] = score_data(one.scores, place, one.thumbnails)
    if one.ladders:
        parts["ladders"] = ladder_data(one.ladders, place)
    return parts


def _whiskers(report: Report) -> dict[tuple[str, str], tuple[float, float, float]]:
    """(model, task) to (low, value, high) in 0..100 per cent of the range that all models take on the task."""
    found = {}
    for task in report.board.tasks:
        cells = {key: cell for key, cell in report.board.cells.items() if key[1] == task and cell.low == cell.low}
        low = min((cell.low for cell in cells.values()), default=0.0)
        high = max((cell.high for cell in cells.values()), default=1.0)
        width = (high - low) or 1.0
        for key, cell in cells.items():
            found[key] = tuple(round(100 * (x - low) / width, 1) for x in (cell.low, cell.value, cell.high))
    return found
