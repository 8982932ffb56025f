"""The one exception that the command line shows to people instead of a traceback."""

from __future__ import annotations

# Exit codes of the command `course`.
DONE = 0
NEEDS_A_PERSON = 1
USAGE_OR_ENVIRONMENT = 2


class CourseError(Exception):
    """Something a person can act on: what happened, where, and what to do.

    ``exit_code`` is what ``course`` exits with: 1 where the work itself needs a person (a failing
    cell, a submission that could not be graded), 2 for wrong usage or a missing piece of the
    environment.
    """

    def __init__(self, message: str, *, exit_code: int = USAGE_OR_ENVIRONMENT) -> None:
        super().__init__(message)
        self.exit_code = exit_code
