"""The leaderboard as Markdown and LaTeX for papers, and all metrics as CSV for other programs."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping

from lmms_cpllm.report.gather import Gathered
from lmms_cpllm.report.leaderboard import Cell, Leaderboard, Mean

CSV_COLUMNS = (
    *("model", "task", "metric", "value", "ci95_low", "ci95_high", "n", "answered", "higher_is_better"),
    *("complete", "task_version", "date", "notes"),
)
NONE = "\u2013"  # an en dash

_LATEX = {
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    NONE: "--",
    "…": r"\ldots{}",
    "∞": r"$\infty$",
    "\n": " ",
}


def number(value: float) -> str:
    """Three decimals, without the zero before the point, as this field prints correlations; a dash for nan."""
    if math.isnan(value):
        return NONE
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    text = f"{value:.3f}"
    return text.replace("0.", ".", 1) if text.startswith(("0.", "-0.")) else text


def interval(low: float, high: float) -> str:
    """`[.501, .739]`; empty where there is none."""
    return "" if math.isnan(low) or math.isnan(high) else f"[{number(low)}, {number(high)}]"


def markdown(board: Leaderboard, labels: Mapping[str, str]) -> str:
    """A table of GitHub's Markdown, with its notes below."""
    head = ["model", *(f"{_md(task)} {_md(board.headlines[task])}" for task in board.tasks)]
    head += [f"mean {_md(metric)}" for metric in board.means]
    notes = _Notes()
    lines = [_row(head), _row(["---"] * len(head))]
    for model in board.models:
        cells = [_md_cell(board.cells.get((model, task)), notes) for task in board.tasks]
        cells += [_md_mean(of_model.get(model), board, metric) for metric, of_model in board.means.items()]
        lines.append(_row([_md(labels[model]), *cells]))
    text = "\n".join(lines) + "\n\n" + _CAPTION + "\n"
    return text + "".join(f"\n{place}. {_md(note)}" for place, note in notes.numbered()) + ("\n" if notes else "")


_CAPTION = "In brackets: 95 % bootstrap interval over videos. n: documents; answered: share with an answer. Bold: best."


def latex(board: Leaderboard, labels: Mapping[str, str]) -> str:
    """A `table` with `booktabs` rules, to be pasted into a paper; its notes follow the caption."""
    head = ["Model", *(f"{_tex(task)} ({_tex(board.headlines[task])})" for task in board.tasks)]
    head += [f"mean {_tex(metric)}" for metric in board.means]
    notes = _Notes()
    lines = [
        r"% \usepackage{booktabs}",
        r"\begin{table}",
        r"\centering",
        rf"\begin{{tabular}}{{l{'r' * (len(head) - 1)}}}",
        r"\toprule",
        " & ".join(head) + r" \\",
        r"\midrule",
    ]
    for model in board.models:
        cells = [_tex_cell(board.cells.get((model, task)), notes) for task in board.tasks]
        cells += [_tex_mean(of_model.get(model), board, metric) for metric, of_model in board.means.items()]
        lines.append(" & ".join([_tex(labels[model]), *cells]) + r" \\")
    told = "".join(rf" \textsuperscript{{{place}}}{_tex(note)}." for place, note in notes.numbered())
    lines += [
        r"\bottomrule",
        r"\end{tabular}",
        rf"\caption{{{_tex(_CAPTION)}{told}}}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def csv_text(gathered: Gathered, board: Leaderboard) -> str:
    """A line for each model, task and metric; the interval stands beside the metric that stands for the task."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for model in board.models:
        for task in board.tasks:
            cell, partial = board.cells.get((model, task)), gathered.partial.get((model, task))
            run = gathered.runs.get((model, task)) or (partial.run if partial else None)
            if cell is None or run is None:
                continue
            for metric, value in run.metrics.items():
                is_headline = metric == board.headlines[task]
                low, high = (cell.low, cell.high) if is_headline else (math.nan, math.nan)
                direction = run.higher_is_better.get(metric)
                writer.writerow(
                    [
                        *(_plain(model), task, metric, *map(_exact, (value, low, high))),
                        *(cell.n, _exact(cell.answered), "" if direction is None else str(direction).lower()),
                        *(str(cell.complete).lower(), run.version, run.date, _plain("; ".join(cell.notes))),
                    ]
                )
    return buffer.getvalue()


class _Notes:
    """Sentences and their numbers, in the order in which they are first referred to."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}

    def places(self, cell: Cell) -> str:
        return ",".join(str(self._places.setdefault(note, len(self._places) + 1)) for note in cell.notes)

    def numbered(self) -> list[tuple[int, str]]:
        return [(place, note) for note, place in self._places.items()]

    def __len__(self) -> int:
        return len(self._places)


def _text(cell: Cell | Mean) -> str:
    return " ".join(part for part in (number(cell.value), interval(cell.low, cell.high)) if part)


def _facts(cell: Cell) -> str:
    answered = "" if math.isnan(cell.answered) else f", answered {cell.answered:.2f}"
    return f"n {cell.n}{answered}"


def _md_cell(cell: Cell | None, notes: _Notes) -> str:
    if cell is None:
        return NONE
    value = f"**{number(cell.value)}**" if cell.best else number(cell.value)
    parts = [
        value,
        interval(cell.low, cell.high),
        f"({_facts(cell)})",
        f"<sup>{places}</sup>" if (places := notes.places(cell)) else "",
    ]
    return " ".join(part for part in parts if part)


def _md_mean(mean: Mean | None, board: Leaderboard, metric: str) -> str:
    if mean is None:
        return NONE
    text = _text(mean)
    value = f"**{text}**" if mean.best else text
    missing = (
        ""
        if mean.tasks == len(board.mean_tasks[metric])
        else f", {mean.tasks} of {len(board.mean_tasks[metric])} tasks"
    )
    return f"{value} (n {mean.n}{missing})"


def _tex_cell(cell: Cell | None, notes: _Notes) -> str:
    if cell is None:
        return "--"
    value = rf"\textbf{{{_tex(number(cell.value))}}}" if cell.best else _tex(number(cell.value))
    places = notes.places(cell)
    raised = rf"\textsuperscript{{{places}}}" if places else ""
    parts = [value + raised, _tex(interval(cell.low, cell.high)), rf"({_tex(_facts(cell))})"]
    return " ".join(part for part in parts if part)


def _tex_mean(mean: Mean | None, board: Leaderboard, metric: str) -> str:
    if mean is None:
        return "--"
    text = _tex(_text(mean))
    value = rf"\textbf{{{text}}}" if mean.best else text
    missing = (
        ""
        if mean.tasks == len(board.mean_tasks[metric])
        else f", {mean.tasks} of {len(board.mean_tasks[metric])} tasks"
    )
    return f"{value} (n {mean.n}{missing})"


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _md(text: str) -> str:
    """Names as they are, whatever Markdown or HTML would make of them."""
    safe = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\n", " ")
    return "".join(f"\\{character}" if character in "\\`*_[]|#" else character for character in safe)


def _tex(text: str) -> str:
    return "".join(_LATEX.get(character, character) for character in text)


def _exact(value: float) -> str:
    """As Python prints it, so that it reads back to the same number; empty for nan."""
    return "" if math.isnan(value) else repr(float(value))


def _plain(text: str) -> str:
    """A spreadsheet takes what begins with one of these for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text
