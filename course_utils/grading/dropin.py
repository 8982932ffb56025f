"""nbgrader's ``Autograde`` converter with our execution: for nbgrader's own applications and API.

Put in its place it behaves as documented there: a submission that fails is removed again and
counted, and the command ends with exit code 1. `course_utils.grading.engine` is for those who want
every submission recorded, and many at a time.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbgrader.api import Gradebook
from nbgrader.converters.base import NbGraderException

from course_utils.grading import sandbox
from course_utils.grading.converter import SplitAutograde, kernel_command
from course_utils.grading.kernels.nursery import Nursery
from course_utils.grading.kernels.provisioner import interpreter_folders
from course_utils.grading.records import mark_for_review
from course_utils.grading.restore import Restored
from course_utils.grading.sandbox.limits import Limits
from course_utils.grading.scratch import Scratch
from course_utils.grading.workers import Workers


class Autograde(SplitAutograde):
    """A drop-in for `nbgrader.converters.Autograde` that executes in the sandbox.

    Raises:
        NbGraderException: from `start`, as nbgrader's does; also where there is no sandbox.
    """

    def start(self) -> None:
        if reason := sandbox.why_not():
            message = f"Students' code would run without a sandbox: {reason}"
            self.log.error(message)
            raise NbGraderException(message)
        self._workers: Workers | None = None
        with ExitStack() as self._stack:
            super().start()

    def convert_single_notebook(self, notebook_filename: str) -> None:
        ids = self.init_single_notebook_resources(notebook_filename)["nbgrader"]
        self.log.info("Sanitizing %s", notebook_filename)
        released = self._released(ids["assignment"], notebook_filename)
        notebook, restored = self.sanitize(notebook_filename, released)
        self.log.info("Autograding %s", notebook_filename)
        job, execution = self.job(notebook), None
        with Scratch() as temporary:
            written = temporary / "written"
            if job is not None:
                job["argv"] = kernel_command(notebook, self.config)
                execution = self._execute_elsewhere(job, ids, written)
            self.record(notebook_filename, notebook, execution)
            self.keep_written(notebook_filename, written)
        self._mark(ids, restored, execution)

    def _execute_elsewhere(
        self, job: dict[str, Any], ids: dict[str, str], written: Path
    ) -> dict[str, Any]:
        if self._workers is None:
            argv = job["argv"]
            folders = interpreter_folders(argv) if argv else ()
            nursery = self._stack.enter_context(Nursery(folders=folders))
            self._workers = self._stack.enter_context(Workers(1, nursery))
        common = {
            "limits": Limits.of(self.config).as_dict(),
            "secret": os.environ.get(sandbox.SECRET, ""),
            "folder": os.path.abspath(self._format_dest(ids["assignment"], ids["student"])),
            "keep": str(written),
            "seed": None,
        }
        return self._workers.submit(job | common).result()

    def _released(self, assignment: str, path: str) -> NotebookNode | None:
        """The released notebook, by which a submitted one is put right.

        None if it is not there or not the one that the gradebook knows, or if the submitted one has
        graded cells of its own: then nbgrader fails, as documented.
        """
        folder = self.coursedir.format_path(self.coursedir.release_directory, ".", assignment)
        try:
            released = nbformat.read(Path(folder, Path(path).name), as_version=4)
            submitted = nbformat.read(path, as_version=4)
        except (OSError, ValueError):
            return None
        with Gradebook(self.coursedir.db_url, self.coursedir.course_id) as gradebook:
            row = gradebook.find_notebook(Path(path).stem, assignment)
            known = {cell.name for cell in row.source_cells}
        return released if _names(released) == known >= _names(submitted) else None

    def _mark(
        self, ids: dict[str, str], restored: Restored, execution: dict[str, Any] | None
    ) -> None:
        """What a person has to look at is shown by nbgrader as waiting for a manual grade."""
        stopped = execution["stopped"] if execution else ""
        findings = execution["findings"] if execution else []
        for reason in [*restored.reasons, *findings, *filter(None, [stopped])]:
            self.log.warning("%s of %s: %s", ids["notebook"], ids["student"], reason)
        cells = None if stopped or findings else restored.cells
        if cells is None or cells:
            with Gradebook(self.coursedir.db_url, self.coursedir.course_id) as gradebook:
                where = (ids["assignment"], ids["student"], ids["notebook"])
                mark_for_review(gradebook, *where, cells)


def _names(notebook: NotebookNode) -> set[str]:
    given = (cell.metadata.get("nbgrader") for cell in notebook.cells)
    return {one["grade_id"] for one in given if isinstance(one, dict) and one.get("grade_id")}
