"""Read the text tables that releases come with: byte order marks, blank rows, odd column names; cells stay text."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lmms_cpllm.errors import DataError
from lmms_cpllm.releases.base import Label, Labels

DEVIATIONS = ("sd", "std", "mos_sd", "mos_std", "stdev", "standard deviation")
"""Columns and keys of the standard deviation of the opinions about a video; in lower case."""


@dataclass(frozen=True)
class Table:
    """A table with a head line. Ids such as 0042 or 11985618 survive because no cell is ever read as a number here."""

    path: Path
    columns: tuple[str, ...]
    """Column names, lower case, without blanks around them."""
    lines: tuple[tuple[int, Mapping[str, str]], ...]
    """(line number in the file, column -> cell without blanks around it); rows without any text are left out."""


def read_csv(path: Path, *, delimiter: str = ",", encoding: str = "utf-8-sig") -> Table:
    """Read a delimited text file. Missing cells at the end of a row read as "".

    Raises:
        DataError: the file cannot be opened, is not text, or is empty.
    """
    return table_of(path, read_rows(path, delimiter=delimiter, encoding=encoding))


def read_rows(
    path: Path, *, delimiter: str = ",", encoding: str = "utf-8-sig", quoted: bool = True
) -> list[tuple[int, list[str]]]:
    """(line number, cells without blanks around them) of a delimited text file with or without a head line.

    Args:
        path: the file.
        delimiter: one character.
        encoding: the default takes a byte order mark off.
        quoted: whether a cell in double quotes may hold the delimiter; False keeps quotes as they are.

    Raises:
        DataError: the file cannot be opened or is not text.
    """
    try:
        with path.open(encoding=encoding, newline="") as file:
            reader = csv.reader(file, delimiter=delimiter, quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE)
            return [(reader.line_num, [cell.strip() for cell in row]) for row in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: not a text table in {encoding}: {error}. Put the official file back.") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error


def table_of(path: Path, rows: Sequence[tuple[int, Sequence[str]]]) -> Table:
    """A table from (line number, cells) whose first line with any text is the head line. Raises DataError without one."""
    rows = [(line, list(cells)) for line, cells in rows if any(cells)]
    if not rows:
        raise DataError(f"{path}: the file is empty, a table with a head line expected. Put the official file back.")
    columns = tuple(cell.lower() for cell in rows[0][1])
    lines = tuple(
        (line, dict(zip(columns, cells + [""] * (len(columns) - len(cells)), strict=False))) for line, cells in rows[1:]
    )
    return Table(path, columns, lines)


def require_columns(table: Table, needed: Sequence[str]) -> None:
    """Raises a DataError that names the columns expected and found."""
    absent = [name for name in needed if name not in table.columns]
    if absent:
        raise DataError(
            f"{table.path}: columns {', '.join(needed)} expected, found {', '.join(table.columns)}. "
            "Put the official file back."
        )


def table_labels(
    table: Table,
    name_column: str,
    mos_column: str,
    *,
    name: Callable[[str], str] = str,
    parse: Callable[[str], float | None] | None = None,
) -> Labels:
    """Labels from two columns of a table.

    Args:
        table: as read.
        name_column: column of the videos' names.
        mos_column: column of the MOS.
        name: from a name in the file to what `videos` calls the same video.
        parse: from a cell to a number, None where it is none; default `parse_number`.

    Raises:
        DataError: one of the columns is missing.
    """
    require_columns(table, (name_column, mos_column))
    labels, faults = [], []
    for line, cells in table.lines:
        text, mos = cells[name_column], (parse or parse_number)(cells[mos_column])
        if not text:
            faults.append(f"line {line}: {name_column} is empty")
        elif mos is None:
            faults.append(f"line {line}: {mos_column} {cells[mos_column]!r} of {text} is not a number")
        else:
            labels.append(Label(name(text), mos, f"line {line}", deviation(cells, parse)))
    return Labels(table.path, tuple(labels), tuple(faults))


def deviation(cells: Mapping[str, str], parse: Callable[[str], float | None] | None = None) -> float | None:
    """The standard deviation of the opinions, from the first of `DEVIATIONS` that a line has; None where there is none."""
    for column in DEVIATIONS:
        if cells.get(column) is not None:
            value = (parse or parse_number)(str(cells[column]))
            return value if value is not None and value >= 0 else None
    return None


def parse_decimal_comma(text: str) -> float | None:
    """A finite number with a decimal comma or point, or None; never both, so that no thousands are taken for decimals."""
    return None if "," in text and "." in text else parse_number(text.replace(",", "."))


def parse_number(text: str) -> float | None:
    """A finite number, or None. A decimal comma is not accepted: releases that use it say so in their own reader."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
