"""How a failed check looks to the student."""

from __future__ import annotations


class CheckFailed(AssertionError):  # noqa: N818 (a student's result, not an error of the course)
    """A student's work is not right yet. The message says what is wrong."""

    def _render_traceback_(self) -> list[str]:
        """What IPython shows: the message alone, because the frames are all ours."""
        return [str(self)]
