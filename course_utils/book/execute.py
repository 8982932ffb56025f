"""Run chapters, side by side, each in a kernel of its own."""

from __future__ import annotations

import ast
import asyncio
import copy
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

from course_utils.ansi import strip_ansi
from course_utils.book import kernel
from course_utils.book.chapters import Chapter

CELL_SECONDS = 600

# Run after a chapter's own cells, in its kernel, and not kept: what the card of the page says.
_RECORD = "import course_utils.runtime as _runtime; print(repr(_runtime.record()))"

# Called as (chapter, cells done, cells in all).
Progress = Callable[[Chapter, int, int], None]


@dataclass(frozen=True)
class Failure:
    """A chapter that did not run to its end.

    Attributes:
        cell: the number of the code cell, from 1, as the published notebook counts them.
        line: where that cell opens in the chapter's source.
        first_line: the cell's first line of code.
        error: one line, ``NameError: name 'w' is not defined``.
        traceback: all of it, plain text.
        notebook: the chapter with the outputs up to there.
    """

    chapter: Chapter
    cell: int
    line: int
    first_line: str
    error: str
    traceback: str
    notebook: NotebookNode


@dataclass(frozen=True)
class Result:
    """A chapter with its outputs; ``notebook.metadata.course`` holds what was measured."""

    chapter: Chapter
    notebook: NotebookNode
    seconds: float


def side_by_side(device: str) -> int:
    """How many chapters run at once: one a core; a GPU is not shared."""
    if not device.startswith("cpu"):
        return 1
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS and Windows
        return os.cpu_count() or 1


def execute(
    chapters: list[Chapter],
    *,
    private: Path,
    at_once: int,
    finished: Callable[[Result], None],
    progress: Progress,
) -> list[Failure]:
    """Run the chapters; each result goes to ``finished`` as it comes.

    A failing chapter does not stop the others. The working directory of a chapter is its folder.

    Returns:
        The chapters that failed, in the order given.
    """
    environment = kernel.environment(private)

    async def run_all(sockets: Path) -> list[Failure]:
        free = asyncio.Semaphore(at_once)

        async def run(chapter: Chapter) -> Failure | None:
            async with free:
                outcome = await _execute(chapter, environment, sockets, progress)
            if isinstance(outcome, Failure):
                return outcome
            finished(outcome)
            return None

        outcomes = await asyncio.gather(*(run(chapter) for chapter in chapters))
        return [outcome for outcome in outcomes if outcome is not None]

    with tempfile.TemporaryDirectory(prefix="course-") as sockets:
        return asyncio.run(run_all(Path(sockets)))


async def _execute(
    chapter: Chapter, environment: dict[str, str], sockets: Path, progress: Progress
) -> Result | Failure:
    notebook = copy.deepcopy(chapter.notebook)
    cells = [(index, notebook.cells[index]) for index, _ in chapter.code_cells]
    progress(chapter, 0, len(cells))
    manager = kernel.manager(sockets)
    client = NotebookClient(
        notebook,
        km=manager,
        timeout=CELL_SECONDS,
        coalesce_streams=True,
        record_timing=False,
    )
    await client.async_start_new_kernel(cwd=str(chapter.path.parent), env=environment)
    number, index = 1, cells[0][0]
    try:
        await client.async_start_new_kernel_client()
        started = time.perf_counter()
        for number, (index, cell) in enumerate(cells, start=1):
            await client.async_execute_cell(cell, index, execution_count=number)
            progress(chapter, number, len(cells))
        seconds = time.perf_counter() - started
        client.set_widgets_metadata()
        facts = await _record(client)
    except (CellExecutionError, CellTimeoutError, RuntimeError) as error:
        return _failure(chapter, number, index, error, notebook)
    finally:
        if client.kc is not None:
            client.kc.stop_channels()
        await manager.shutdown_kernel(now=True)
    notebook.metadata["language_info"] = {"name": "python", "pygments_lexer": "ipython3"}
    notebook.metadata["course"] = facts | {"seconds": round(seconds, 2), "cells": len(cells)}
    return Result(chapter, notebook, seconds)


async def _record(client: NotebookClient) -> dict:
    """Ask the kernel for `course_utils.runtime.record()`, in a cell that is taken out again."""
    client.nb.cells.append(nbformat.v4.new_code_cell(_RECORD))
    last = len(client.nb.cells) - 1
    try:
        cell = await client.async_execute_cell(client.nb.cells[last], last, store_history=False)
    finally:
        client.nb.cells.pop()
    # Printed, since IPython shows no value while the last cell in its history ends in a semicolon.
    return ast.literal_eval(
        "".join(out.text for out in cell.outputs if out.get("name") == "stdout")
    )


def _failure(
    chapter: Chapter, number: int, index: int, error: Exception, notebook: NotebookNode
) -> Failure:
    source = notebook.cells[index].source
    if isinstance(error, CellExecutionError):
        what = f"{error.ename}: {error.evalue}"
    elif isinstance(error, CellTimeoutError):
        what = f"the cell ran for more than {CELL_SECONDS} seconds and was stopped"
    elif isinstance(error, DeadKernelError):
        what = "the process died (out of memory, or a crash in compiled code)"
    else:
        what = f"the chapter's process did not answer ({error})"
    return Failure(
        chapter=chapter,
        cell=number,
        line=chapter.line(index),
        first_line=next(line for line in source.splitlines() if line.strip()).strip(),
        error=strip_ansi(what).strip().splitlines()[0],
        traceback=strip_ansi(str(error)),
        notebook=notebook,
    )
