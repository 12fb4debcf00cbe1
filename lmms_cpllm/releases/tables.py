"""Read the text tables that releases come with: byte order marks, blank rows, odd column names; cells stay text."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lmms_cpllm.errors import DataError


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
    try:
        with path.open(encoding=encoding, newline="") as file:
            reader = csv.reader(file, delimiter=delimiter)
            rows = [(reader.line_num, [cell.strip() for cell in row]) for row in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: not a text table in {encoding}: {error}. Put the official file back.") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    rows = [(line, cells) for line, cells in rows if any(cells)]
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


def parse_number(text: str) -> float | None:
    """A finite number, or None. A decimal comma is not accepted: releases that use it say so in their own reader."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
