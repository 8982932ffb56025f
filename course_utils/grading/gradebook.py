"""One open gradebook for everything that is recorded of a submission, and one transaction.

nbgrader's converters and preprocessors open the gradebook anew, nine times for one notebook, and
commit after every cell. Here they get the one that is open, and what they write becomes visible at
once or not at all: a run that is killed in between has written nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from nbgrader.api import Assignment, BaseCell, Gradebook, Notebook, SourceCell
from nbgrader.api import Course as CourseRow

from course_utils.grading.course import Course, alembic_on_path

# Rows that a submission does not change.
FIXED = (Assignment, BaseCell, CourseRow, Notebook, SourceCell)


class OpenGradebook(Gradebook):
    """A gradebook that stays open when its users close it, and keeps what they commit to itself."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._commit = self.db.commit
        self.db.commit = self._flush

    def _flush(self) -> None:
        self.db.flush()
        # As after a commit: nbgrader reads sums (a notebook's score) that the database computes.
        for row in list(self.db):
            if not isinstance(row, FIXED):
                self.db.expire(row)

    def close(self) -> None:
        pass

    def really_close(self) -> None:
        super().close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything in it is written, or, after an exception, nothing."""
        try:
            yield
            self._commit()
        finally:
            # A session that is thrown away rolls back, and forgets the rows it has seen: the next
            # submission costs the same in a class of ten and of a thousand.
            self.db.remove()


@contextmanager
def open_gradebook(course: Course) -> Iterator[OpenGradebook]:
    """The gradebook of a course, lent to all of nbgrader as long as it is open."""
    directory = course.directory("*")
    with alembic_on_path():
        gradebook = OpenGradebook(directory.db_url, directory.course_id)
    try:
        with _lent(gradebook):
            yield gradebook
    finally:
        gradebook.really_close()


@contextmanager
def _lent(gradebook: Gradebook) -> Iterator[None]:
    """Whoever in nbgrader asks for a gradebook gets this one."""

    def opened(*_: Any, **__: Any) -> Gradebook:
        return gradebook

    borrowers = [
        module
        for name, module in sys.modules.items()
        if name.startswith(("nbgrader.converters.", "nbgrader.preprocessors."))
        and getattr(module, "Gradebook", None) is Gradebook
    ]
    patches = [mock.patch.object(module, "Gradebook", opened) for module in borrowers]
    for patch in patches:
        patch.start()
    try:
        yield
    finally:
        for patch in patches:
            patch.stop()
