"""What is recorded of a graded submission: rows in nbgrader's gradebook and a note beside it."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from nbgrader.api import Gradebook, MissingEntry, SubmittedNotebook

GRADED = "graded"
NEEDS_REVIEW = "graded-needs-review"
MALFORMED = "malformed"


@dataclass(frozen=True)
class Graded:
    """How one submission ended.

    Attributes:
        student: the student's id.
        assignment: the assignment's name.
        state: ``graded``, ``graded-needs-review`` or ``malformed``.
        reason: why it is not plainly ``graded``; empty otherwise.
        score: points that the tests gave.
        max_score: points that the tests can give.
        by_hand: points of answers that wait for a person.
        late: seconds after the due date, 0 where there is none.
        seconds: how long grading took when it was last done.
        sandboxed: whether the student's code ran in the sandbox.
        skipped: nothing changed since it was last graded, so it was not graded again.
        cells: seconds that each cell ran, by notebook.
        peak_memory: the most bytes that a notebook's sandbox held, None where that is unknown.
    """

    student: str
    assignment: str
    state: str
    reason: str
    score: float
    max_score: float
    by_hand: float
    late: float
    seconds: float
    sandboxed: bool
    skipped: bool = False
    cells: dict[str, dict[str, float]] = field(default_factory=dict)
    peak_memory: int | None = None


def scores(gradebook: Gradebook, assignment: str, student: str) -> dict[str, float]:
    """The numbers of `Graded`, as the gradebook has them.

    Raises:
        MissingEntry: the submission is not in the gradebook.
    """
    submission = gradebook.find_submission(assignment, student)
    score = max_score = by_hand = 0.0
    for notebook in submission.notebooks:
        manual = _manual_cells(notebook)
        for grade in notebook.grades:
            if grade.name in manual:
                by_hand += grade.max_score if grade.needs_manual_grade else 0
            else:
                score += grade.auto_score or 0
                max_score += grade.max_score
    late = submission.total_seconds_late
    return {"score": score, "max_score": max_score, "by_hand": by_hand, "late": late}


def _manual_cells(notebook: SubmittedNotebook) -> set[str]:
    """The cells that a person grades: answers that carry points, and tasks."""
    source = notebook.notebook
    return {cell.name for cell in [*source.solution_cells, *source.task_cells]}


def record_zero(gradebook: Gradebook, assignment: str, student: str, notebook: str) -> None:
    """Score 0, not empty, in every cell of a notebook that could not be graded."""
    submitted = gradebook.find_submission_notebook(notebook, assignment, student)
    for grade in submitted.grades:
        grade.auto_score = 0
        # As nbgrader does: a person's score from before is kept, and has to be looked at again.
        grade.needs_manual_grade = grade.manual_score is not None
    for comment in submitted.comments:
        comment.auto_comment = None
    submitted.late_submission_penalty = None
    gradebook.db.commit()


def fill_gaps(
    gradebook: Gradebook, assignment: str, student: str, notebook: str, present: Collection[str]
) -> list[str]:
    """Score 0 for cells that the submitted notebook lost, and for tests that gave no number.

    Returns:
        Their names; all of them are marked for a person.
    """
    submitted = gradebook.find_submission_notebook(notebook, assignment, student)
    manual = _manual_cells(submitted)
    gaps = []
    for grade in submitted.grades:
        if grade.name not in present or (grade.auto_score is None and grade.name not in manual):
            grade.auto_score = 0
            grade.needs_manual_grade = True
            gaps.append(grade.name)
    gradebook.db.commit()
    return gaps


def mark_for_review(
    gradebook: Gradebook,
    assignment: str,
    student: str,
    notebook: str,
    cells: Collection[str] | None = None,
) -> None:
    """Have nbgrader show cells (all, by default) as waiting for a person; scores stay."""
    submitted = gradebook.find_submission_notebook(notebook, assignment, student)
    for grade in submitted.grades:
        if cells is None or grade.name in cells:
            grade.needs_manual_grade = True
    gradebook.db.commit()


@dataclass(frozen=True)
class Note:
    """What lies beside the gradebook: from which files a result came, and how it ended."""

    fingerprint: str
    state: str
    reason: str
    seconds: float
    sandboxed: bool
    cells: dict[str, dict[str, float]] = field(default_factory=dict)
    peak_memory: int | None = None

    def write(self, path: Path) -> None:
        """All or nothing, so that a run killed here leaves no half note."""
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps(asdict(self), indent=1), encoding="utf-8")
        os.replace(partial, path)

    @classmethod
    def read(cls, path: Path) -> Note | None:
        try:
            return cls(**json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None


def result(
    gradebook: Gradebook, assignment: str, student: str, note: Note, *, skipped: bool
) -> Graded | None:
    """A submission's result from its note and its rows; None where the rows are missing."""
    try:
        numbers = scores(gradebook, assignment, student)
    except MissingEntry:
        return None
    return Graded(
        student=student,
        assignment=assignment,
        state=note.state,
        reason=note.reason,
        seconds=note.seconds,
        sandboxed=note.sandboxed,
        skipped=skipped,
        cells=note.cells,
        peak_memory=note.peak_memory,
        **numbers,
    )


def needs_a_person(results: Iterable[Graded]) -> list[Graded]:
    return [graded for graded in results if graded.state != GRADED]
