"""Tables on standard output."""

from __future__ import annotations

from collections.abc import Sequence


def print_table(columns: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    """A table on standard output; into a pipe it is never folded, so that it can be searched."""
    from rich.console import Console
    from rich.table import Table

    table = Table(*columns, show_header=any(columns))
    for line in lines:
        table.add_row(*line)
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = max(
            console.width, table.__rich_measure__(console, console.options.update(max_width=10_000)).maximum
        )
    console.print(table)
