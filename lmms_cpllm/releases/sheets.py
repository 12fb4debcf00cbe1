"""Read the Excel files (.xlsx) that releases come with, as the tables that text files give: every cell is text."""

from __future__ import annotations

import zipfile
from pathlib import Path

from lmms_cpllm.errors import DataError
from lmms_cpllm.releases.tables import Table, table_of


def read_sheet(path: Path, sheet: str) -> Table:
    """One sheet of an Excel file; the first row with text is the head line, numbers come in Python's shortest form.

    Raises:
        DataError: no Excel file, damaged, no such sheet, or an empty one.
    """
    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        book = load_workbook(path, read_only=True, data_only=True)
    except (InvalidFileException, zipfile.BadZipFile, KeyError, ValueError, OSError) as error:
        raise DataError(f"{path}: not a whole Excel file (.xlsx): {error}. Put the official file back.") from error
    try:
        if sheet not in book.sheetnames:
            raise DataError(
                f"{path}: sheet {sheet} expected, found {', '.join(book.sheetnames)}. Put the official file back."
            )
        rows = [
            (number, [_text(cell) for cell in cells])
            for number, cells in enumerate(book[sheet].iter_rows(values_only=True), start=1)
        ]
    finally:
        book.close()
    return table_of(path, rows)


def _text(cell: object) -> str:
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():  # Excel has no whole numbers: an id 123 is stored as 123.0
        return str(int(cell))
    return str(cell).strip()
