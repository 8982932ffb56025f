"""Run a notebook to its end, whatever its cells do.

nbclient stops at a kernel that dies and at a cell that cannot be interrupted. A notebook that is
checked or graded must not: what ran before keeps its outputs, and every cell from there on gets an
error output that says why it did not run.
"""

from __future__ import annotations

import sys

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient.client import NotebookClient
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbclient.util import run_sync
from nbformat import NotebookNode
from nbformat.v4 import new_output

# The names of the errors that a person may have to look at; nbgrader's own default has the first.
TIMED_OUT = "CellTimeoutError"
STOPPED = "KernelStopped"


class KernelStartError(Exception):
    """The kernel never became ready: the machine's fault, since no cell has run yet."""


class LocalKernel(AsyncKernelManager):
    """A kernel of the running interpreter, whatever kernel the notebook's metadata names."""

    interrupt_mode = "signal"

    @property
    def kernel_spec(self) -> KernelSpec:
        # -P: a file beside the notebook must not shadow a module that the kernel starts with.
        # IPython itself puts the working folder on the path before the first cell.
        kernel = [sys.executable, "-P", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(
            # ipykernel warns on the terminal that a local connection is not encrypted.
            argv=[*kernel, "--IPKernelApp.log_level=ERROR"],
            display_name="Python",
            language="python",
            interrupt_mode=self.interrupt_mode,
        )

    @property
    def ipykernel(self) -> bool:
        return True


class RunToTheEnd(NotebookClient):
    """A notebook client whose `execute_cell` never raises for what a cell did.

    Needs ``interrupt_on_timeout=True``: a cell over its time limit is interrupted, gets an error
    named ``CellTimeoutError`` and the next cell runs. Where the interrupt is swallowed, or the
    kernel dies, that cell and all later ones get an error named ``KernelStopped``.
    """

    def create_kernel_manager(self) -> LocalKernel:
        self.km = LocalKernel(config=self.config)
        return self.km

    def start_new_kernel_client(self):
        try:
            return super().start_new_kernel_client()
        except RuntimeError as error:
            raise KernelStartError(str(error)) from error

    def reset_execution_trackers(self) -> None:
        super().reset_execution_trackers()
        self.stopped_at: int | None = None

    async def async_execute_cell(
        self,
        cell: NotebookNode,
        cell_index: int,
        execution_count: int | None = None,
        store_history: bool = True,
    ) -> NotebookNode:
        if self.stopped_at is not None:
            if cell.cell_type == "code" and cell.source.strip():
                cell.outputs = [_stopped("not run: the kernel stopped in an earlier cell")]
            return cell
        try:
            return await super().async_execute_cell(
                cell, cell_index, execution_count, store_history
            )
        except DeadKernelError:
            why = (
                "the kernel died while this cell ran (os._exit, a crash in native code, or out "
                "of memory): this cell and all later ones count as failed"
            )
        except CellTimeoutError:
            why = (
                f"this cell ran longer than {self._get_timeout(cell)} s and could not be "
                "interrupted, so the kernel was killed: this cell and all later ones count as "
                "failed"
            )
        self.stopped_at = cell_index
        cell.outputs.append(_stopped(why))
        return cell

    execute_cell = run_sync(async_execute_cell)


def _stopped(why: str) -> NotebookNode:
    return new_output("error", ename=STOPPED, evalue=why, traceback=[f"{STOPPED}: {why}"])
