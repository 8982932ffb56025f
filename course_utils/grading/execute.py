"""Run the cells of one notebook in a kernel: cells in, outputs out, both as plain JSON.

This is what a worker does. It knows no gradebook, no student, no assignment, and sees no metadata.
"""

from __future__ import annotations

import math
import secrets
import shutil
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import nbformat
from jupyter_client.manager import AsyncKernelManager
from nbclient.util import run_sync
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from course_utils.grading.canaries import Canaries, Probe
from course_utils.student.execution import STOPPED, RunToTheEnd

NewKernel = Callable[[], AsyncKernelManager]


def execute(job: Mapping[str, Any], new_kernel: NewKernel) -> dict[str, Any]:
    """Execute a notebook.

    Args:
        job: ``cells`` (each with ``type``, ``source``, ``timeout`` and ``test``), ``settings`` (of
            nbclient), ``folder`` (the kernel's working folder), ``keep`` (a folder that does
            not exist, for the files that the notebook wrote) and ``limits``.
        new_kernel: makes a kernel manager.

    Returns:
        ``cells`` (each with ``outputs``, ``execution_count``, ``ran`` and ``seconds``),
        ``language_info``, ``widgets``, ``stopped`` (why the kernel stopped, empty if it did not),
        ``findings`` (sentences for staff), ``peak_memory`` and ``cpu`` (seconds of CPU time, here
        and in the sandbox).

    Raises:
        KernelStartError: no cell ran.
    """
    start = time.process_time()
    client = Client(job, new_kernel)
    cells = []
    with client.setup_kernel():
        info = client.wait_for_reply(client.kc.kernel_info())["content"]
        client.begin()
        for index, cell in enumerate(client.nb.cells):
            cells.append(client.run(cell, index))
        client.set_widgets_metadata()
    ended = getattr(client.manager, "ended", "")
    stopped = client.why
    if stopped and ended:
        stopped = f"{stopped} (the sandbox stopped it: {ended})"
    if (written := getattr(client.manager, "written", None)) is not None:
        shutil.move(written, job["keep"])
    return {
        "cells": cells,
        "language_info": info["language_info"],
        "widgets": client.nb.metadata.get("widgets"),
        "stopped": stopped,
        "findings": client.findings,
        "peak_memory": getattr(client.manager, "peak_memory", None),
        "cpu": time.process_time() - start + getattr(client.manager, "cpu", 0.0),
    }


class Client(RunToTheEnd):
    """`RunToTheEnd` with a limit on the whole notebook, canaries around tests, and a stopwatch."""

    def __init__(self, job: Mapping[str, Any], new_kernel: NewKernel) -> None:
        self.job, self.new_kernel = job, new_kernel
        super().__init__(
            _notebook(job["cells"]),
            resources={"metadata": {"path": job["folder"]}},
            allow_errors=True,
            interrupt_on_timeout=True,
            shutdown_kernel="immediate",
            record_timing=False,
            timeout_func=lambda cell: self.seconds_for_cell,
            **job["settings"],
        )
        self.on_cell_executed = self._on_reply
        self.canaries = Canaries(secrets.token_hex(16))
        self.findings: list[str] = []
        self.why = ""
        self.reply: dict[str, Any] | None = None
        self.seconds_for_cell = 0
        self.shown = 0

    def create_kernel_manager(self) -> AsyncKernelManager:
        self.km = self.manager = self.new_kernel()
        return self.km

    def process_message(
        self, msg: dict[str, Any], cell: NotebookNode, cell_index: int
    ) -> NotebookNode | None:
        """Keep what the kernel shows, up to the limit of a notebook; then it is killed."""
        self.shown += len(repr(msg["content"]))
        if self.shown <= self.job["limits"]["output"]:
            return super().process_message(msg, cell, cell_index)
        self.manager.kill_now()
        return None

    def begin(self) -> None:
        """Start the clock, and have the canaries look at a kernel that no student has touched."""
        self.end = time.monotonic() + self.job["limits"]["submission"]
        if any(cell["test"] for cell in self.job["cells"]):
            self._note(self.canaries.keep(*self._hidden(self.canaries.first())))

    def run(self, cell: NotebookNode, index: int) -> dict[str, Any]:
        """Execute a cell, after a test also its canaries, and say what came of it."""
        given = self.job["cells"][index]
        start, self.reply = time.monotonic(), None
        if cell.cell_type == "code" and cell.source.strip():
            self._run_in_time(cell, index, given["timeout"])
        seconds = time.monotonic() - start
        if self.reply is not None and self.reply["status"] != "ok":
            _show_error(cell, self.reply)
        if given["test"] and self.stopped_at is None:
            for probe in self.canaries.after(cell.source):
                self._note(self.canaries.finding(probe, *self._hidden(probe)))
        return {
            "outputs": [_plain(output) for output in cell.get("outputs", [])],
            "execution_count": cell.get("execution_count"),
            "ran": self.reply is not None,
            "seconds": round(seconds, 4),
        }

    def _run_in_time(self, cell: NotebookNode, index: int, timeout: float | None) -> None:
        left = math.ceil(self.end - time.monotonic())
        if left <= 0 and self.stopped_at is None:
            limit = self.job["limits"]["submission"]
            why = f"not run: the notebook took longer than {limit} s in all"
            self.stopped_at = index
            cell.outputs = [new_output("error", ename=STOPPED, evalue=why, traceback=[why])]
        else:
            self.seconds_for_cell = left if not timeout or timeout < 0 else min(timeout, left)
            self.execute_cell(cell, index)
        if self.stopped_at == index:
            if self.shown > (limit := self.job["limits"]["output"]):
                cell.outputs[-1].evalue = f"the notebook had shown more than {limit >> 20} MiB"
            self.why = cell.outputs[-1].evalue

    async def _async_execute_hidden(
        self, probe: Probe
    ) -> tuple[dict[str, Any], list[NotebookNode]]:
        """A cell of our own, which leaves no trace in the notebook or its numbering."""
        shown, self.reply = self.reply, None
        cell = new_code_cell(probe.source or "pass")
        self.seconds_for_cell = 10
        self.nb.cells.append(cell)
        plain = self.kc.execute
        self.kc.execute = partial(plain, user_expressions=probe.expressions)
        try:
            await self.async_execute_cell(cell, len(self.nb.cells) - 1, store_history=False)
        finally:
            self.kc.execute = plain
            self.nb.cells.pop()
            reply, self.reply = self.reply, shown
        if self.stopped_at is not None and not self.why:
            self.why = cell.outputs[-1].evalue
        return reply or {"status": "no reply"}, cell.outputs

    _hidden = run_sync(_async_execute_hidden)

    def _on_reply(self, cell: NotebookNode, cell_index: int, execute_reply: Any) -> None:
        self.reply = execute_reply["content"]

    def _note(self, finding: str | None) -> None:
        if finding and finding not in self.findings:
            self.findings.append(finding)


def _notebook(cells: list[dict[str, Any]]) -> NotebookNode:
    new = {"code": new_code_cell, "markdown": new_markdown_cell}
    made = [new.get(cell["type"], new_markdown_cell)(cell["source"]) for cell in cells]
    return new_notebook(cells=made)


def _show_error(cell: NotebookNode, reply: Mapping[str, Any]) -> None:
    """As nbgrader does: an error that the kernel reports and nothing shows is shown."""
    name = str(reply.get("ename", reply["status"]))
    if not any(o.output_type == "error" and o.ename == name for o in cell.outputs):
        said = str(reply.get("evalue", ""))
        lines = [str(line) for line in reply.get("traceback", [])]
        lines = lines or ["ERROR: An error occurred while showtraceback was disabled"]
        cell.outputs.append(new_output("error", ename=name, evalue=said, traceback=lines))


def _plain(output: NotebookNode) -> dict[str, Any]:
    """An output as it may stand in a notebook: what a kernel sends need not be one."""
    try:
        nbformat.validate(output, ref="output", version=4)
    except Exception:
        why = "what the kernel sent as an output is none"
        return new_output("error", ename="NotAnOutput", evalue=why, traceback=[why])
    return output


def lost(job: Mapping[str, Any], why: str) -> dict[str, Any]:
    """What stands for an execution that nobody came back from: no cell counts as run."""
    said = f"the process that executed this notebook was lost, twice ({why})"
    error = new_output("error", ename=STOPPED, evalue=said, traceback=[said])
    nothing = {"outputs": [error], "execution_count": None, "ran": False, "seconds": 0.0}
    return {
        "cells": [nothing] * len(job["cells"]),
        "language_info": {"name": "python"},
        "widgets": None,
        "stopped": said,
        "findings": [],
        "peak_memory": None,
        "cpu": 0.0,
        "elapsed": 0.0,
    }
