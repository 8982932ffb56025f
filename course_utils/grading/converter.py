"""nbgrader's own ``autograde`` for exactly one submission, with the kernel where it belongs.

The work (sanitizing, executing, saving grades, late penalties) is nbgrader's. Changed is what
happens when something goes wrong: a notebook that fails is reported and the next one is graded,
instead of removing the submission.
"""

from __future__ import annotations

from typing import Any

from nbformat import NotebookNode
from nbgrader.converters import Autograde
from nbgrader.preprocessors import Execute
from sqlalchemy.exc import DatabaseError

from course_utils.grading.kernels import SandboxedKernel
from course_utils.student.execution import KernelStartError, RunToTheEnd


class RecoveringExecute(RunToTheEnd, Execute):
    """nbgrader's `Execute` that goes on when a kernel dies; runs in this user's own account."""

    def preprocess_cell(self, cell: NotebookNode, resources: dict[str, Any], index: int):
        # A test that the tag kept from running would count as passed.
        tags = cell.metadata.get("tags", [])
        cell.metadata["tags"] = [tag for tag in tags if tag != self.skip_cells_with_tag]
        return super().preprocess_cell(cell, resources, index)


class SandboxedExecute(RecoveringExecute):
    """The same in the sandbox."""

    def create_kernel_manager(self) -> SandboxedKernel:
        self.km = SandboxedKernel(config=self.config)
        return self.km


class AutogradeOne(Autograde):
    """`Autograde` for the one submission that its submitted folder holds.

    Attributes:
        failures: the exception that each notebook ended with, by notebook name.
    """

    def __init__(self, *args: Any, sandbox: bool, **kwargs: Any) -> None:
        super().__init__(*args, force=True, **kwargs)
        execute = SandboxedExecute if sandbox else RecoveringExecute
        self.autograde_preprocessors = [
            execute if preprocessor is Execute else preprocessor
            for preprocessor in self.autograde_preprocessors
        ]
        self.failures: dict[str, Exception] = {}

    def convert_notebooks(self) -> None:
        (notebooks,) = self.assignments.values()
        self.notebooks = sorted(notebooks)
        ids = self.init_single_notebook_resources(self.notebooks[0])["nbgrader"]
        assignment, student = ids["assignment"], ids["student"]
        self.init_destination(assignment, student)
        self.run_pre_convert_hook()
        self.init_assignment(assignment, student)
        for notebook in self.notebooks:
            name = self.init_single_notebook_resources(notebook)["nbgrader"]["notebook"]
            try:
                self.convert_single_notebook(notebook)
            except (KernelStartError, DatabaseError):
                raise  # the machine's fault, not this submission's
            except Exception as error:
                self.failures[name] = error
        self.set_permissions(assignment, student)
        self.run_post_convert_hook()
