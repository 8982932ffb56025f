"""The bar of a notebook that runs cell by cell."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn


def cell_by_cell(console: Console, verb: str) -> Progress:
    """``Running ━━━━ 3/20 0:00:04 Task 2``, gone when all cells are done."""
    return Progress(
        TextColumn(verb),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
        console=console,
        transient=True,
    )
