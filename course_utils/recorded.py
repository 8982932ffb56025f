"""Where a chapter finds the results that took too long for its page."""

from __future__ import annotations

from pathlib import Path

from course_utils.errors import CourseError

HERE = Path(__file__).parent


def recorded_file(name: str) -> Path:
    """The file that a chapter names, as ``results/….json``, wherever its notebook is run.

    That is the chapter's own folder, the clone that this package is installed from, or the package
    itself, whose wheel brings the records along: a notebook that was downloaded, or opened on
    Colab, lies in none of the book's folders.

    Raises:
        CourseError: there is no such file in any of these places.
    """
    for folder in (Path(), HERE.parent / "chapters", HERE / "chapters"):
        if (folder / name).is_file():
            return folder / name
    raise CourseError(
        f"{name}, a recorded result of the book, is neither here nor installed with the course. "
        "Run the notebook in the folder chapters/ of a clone, or install the course again."
    )
