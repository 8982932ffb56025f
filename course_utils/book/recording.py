"""What the scripts of recorded results share: the code of the pages, and a file of runs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from course_utils.book.chapters import read_notebook


def recorded_cells(page: Path) -> list[str]:
    """The code of a page's cells with the tag ``recorded``."""
    cells = read_notebook(page.read_text(encoding="utf-8"), page).cells
    return [cell.source for cell in cells if "recorded" in cell.metadata.get("tags", [])]


def run_recorded_cells(page: Path, names: dict[str, Any]) -> dict[str, Any]:
    """Run a page's recorded cells among ``names``, and return these with what the cells define.

    So a record is made by the very code that its page shows.
    """
    for source in recorded_cells(page):
        exec(compile(source, page.stem, "exec"), names)
    return names


def save_runs(path: Path, saved: Mapping[str, Any]) -> None:
    """Write a record as JSON, with each of ``saved["runs"]`` on a line of its own."""
    runs = ",\n".join("  " + json.dumps(each) for each in saved["runs"])
    head = json.dumps({k: v for k, v in saved.items() if k != "runs"}, ensure_ascii=False)
    path.write_text(f'{head[:-1]},\n "runs": [\n{runs}\n]}}\n', encoding="utf-8")
