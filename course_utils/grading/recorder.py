"""A graded submission on its way into the gradebook and ``autograded/``, in one go."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from contextlib import chdir
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from nbgrader import utils
from sqlalchemy.exc import DatabaseError

from course_utils.grading.course import Course
from course_utils.grading.gradebook import OpenGradebook
from course_utils.grading.prepare import Prepared, explain
from course_utils.grading.records import (
    GRADED,
    MALFORMED,
    NEEDS_REVIEW,
    Graded,
    Note,
    fill_gaps,
    mark_for_review,
    record_zero,
    result,
)
from course_utils.student.execution import STOPPED

Executions = Mapping[str, dict[str, Any] | None]


@dataclass
class Recorder:
    """Records one submission.

    Attributes:
        executions: what the workers gave, by notebook; None where executing is switched off.
        review: sentences for staff.
    """

    course: Course
    assignment: str
    gradebook: OpenGradebook
    prepared: Prepared
    executions: Executions
    review: list[str] = field(default_factory=list)

    def record(self, note_file: Path, *, fingerprint: str, seconds: float, sandbox: bool) -> Graded:
        """Write it all: files, then rows in one transaction, then the note that says it is done.

        Whatever ends the process in between, there is no note, and so it is done again.
        """
        prepared = self.prepared
        self.review += [f"Left out: {what}." for what in prepared.left_out]
        note_file.unlink(missing_ok=True)
        with self.gradebook.transaction():
            if prepared.notebooks:
                self._convert()
            else:
                self._enter()
            for name in sorted(prepared.malformed):
                self._record_malformed(name)
            for name in sorted(set(prepared.notebooks) - set(prepared.malformed)):
                self._look_over(name)
            state, reason = self._verdict()
            note = Note(fingerprint, state, reason, seconds, sandbox, *self._costs())
            row = (self.gradebook, self.assignment, prepared.student)
            graded = result(*row, note, skipped=False)
        assert graded is not None
        note.write(note_file)
        return graded

    def _verdict(self) -> tuple[str, str]:
        reasons = [*self.prepared.malformed.values(), *self.review]
        if not set(self.prepared.notebooks) - set(self.prepared.malformed):
            return MALFORMED, " ".join(reasons)
        return (NEEDS_REVIEW if reasons else GRADED), " ".join(reasons)

    def _costs(self) -> tuple[dict[str, dict[str, float]], int | None]:
        """Seconds per cell of each notebook, and the most memory that one took."""
        done = {name: execution for name, execution in self.executions.items() if execution}
        cells = {
            name: {
                _label(cell, index): one["seconds"]
                for index, (cell, one) in enumerate(
                    zip(self.prepared.notebooks[name].cells, execution["cells"], strict=True)
                )
                if one["seconds"] and cell.cell_type == "code"
            }
            for name, execution in done.items()
        }
        peaks = [peak for one in done.values() if (peak := one["peak_memory"]) is not None]
        return cells, max(peaks, default=None)

    def _convert(self) -> None:
        """nbgrader's steps for one submission; a notebook that fails costs no other."""
        prepared, converter = self.prepared, self.prepared.converter
        ids = self.assignment, prepared.student
        with chdir(self.course.root):
            converter.init_destination(*ids)
            converter.run_pre_convert_hook()
            converter.init_assignment(*ids)
            for name, notebook in prepared.notebooks.items():
                try:
                    converter.record(prepared.path(name), notebook, self.executions[name])
                except (DatabaseError, OSError):
                    raise  # the machine's fault, not this submission's
                except Exception as error:
                    prepared.malformed[name] = explain(name, error)
                else:
                    self._note_odd(name)
            for name in prepared.notebooks:
                converter.keep_written(prepared.path(name), prepared.written(name))
            converter.set_permissions(*ids)
            converter.run_post_convert_hook()

    def _note_odd(self, name: str) -> None:
        odd = self.prepared.converter.odd
        self.review += [f"{cell}: {why}." for cell, why in odd.items()]

    def _enter(self) -> None:
        """What nbgrader does first: an empty folder, rows for the student and the submission."""
        folder = self.course.folder("autograded", self.assignment, self.prepared.student)
        shutil.rmtree(folder, ignore_errors=True)
        timestamp = self.course.directory("*").get_existing_timestamp(str(self.prepared.copy))
        given = {} if timestamp is None else {"timestamp": timestamp}
        self.gradebook.update_or_create_student(self.prepared.student)
        self.gradebook.update_or_create_submission(self.assignment, self.prepared.student, **given)

    def _record_malformed(self, name: str) -> None:
        """Score 0, and the released notebook with the reason on top stands in for it."""
        record_zero(self.gradebook, self.assignment, self.prepared.student, name)
        released = self.course.folder("release", self.assignment) / f"{name}.ipynb"
        notebook = nbformat.read(released, as_version=4)
        said = f"**This notebook could not be graded.** {self.prepared.malformed[name]}"
        cell = nbformat.v4.new_markdown_cell(said, id="could-not-be-graded")
        if (notebook.nbformat, notebook.nbformat_minor) < (4, 5):
            del cell["id"]
        notebook.cells.insert(0, cell)
        folder = self.course.folder("autograded", self.assignment, self.prepared.student)
        target = folder / f"{name}.ipynb"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        nbformat.write(notebook, target)
        os.chmod(target, 0o444)

    def _look_over(self, name: str) -> None:
        """Close the gaps that nbgrader leaves, and mark what a person has to see."""
        where = (self.gradebook, self.assignment, self.prepared.student, name)
        cells = self.prepared.notebooks[name].cells
        graded = [
            cell.metadata.nbgrader.grade_id if utils.is_grade(cell) or utils.is_task(cell) else None
            for cell in cells
        ]
        if gaps := fill_gaps(*where, present={one for one in graded if one}):
            self.review.append(f"Missing or without a score, counted 0: {', '.join(gaps)}.")
        if self.prepared.left_out:
            mark_for_review(*where)
        restored = self.prepared.restored[name]
        self.review += restored.reasons
        if restored.reasons:
            # Of an answer that only tests grade nbgrader shows nothing: then all of the notebook.
            mark_for_review(*where, cells=set(restored.cells) & set(graded) or None)
        execution = self.executions[name]
        if execution is None:
            return
        if execution["stopped"]:
            ends = [_stopped(one["outputs"]) for one in execution["cells"]]
            mark_for_review(*where, cells={c for c, end in zip(graded, ends, strict=True) if end})
            self.review.append(f"The kernel stopped: {execution['stopped']}.")
        if execution["findings"]:
            mark_for_review(*where)
            self.review += execution["findings"]


def _stopped(outputs: list[dict[str, Any]]) -> bool:
    return any(output.get("ename") == STOPPED for output in outputs)


def _label(cell: nbformat.NotebookNode, index: int) -> str:
    known = cell.metadata.get("nbgrader", {}).get("grade_id")
    return known or f"cell {index}"
