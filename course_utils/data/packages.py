"""Data files that other packages carry in their wheels."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from course_utils.errors import CourseError


def package_file(package: str, *parts: str, pip: str) -> Path:
    """The path of a file (or folder) in an installed package, which is not imported.

    Args:
        package: the name to import it by.
        parts: the way from the package's folder to the file.
        pip: the name to install it by.

    Raises:
        CourseError: the package is not installed, or has no such file.
    """
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise CourseError(
            f"This data comes with the package {pip}, which is not installed: pip install {pip}"
        )
    path = Path(spec.origin).parent.joinpath(*parts)
    if not path.exists():
        raise CourseError(
            f"The package {pip} has no {'/'.join(parts)}: it may be damaged, or too new or too "
            f"old for this course. {install_again(pip)}"
        )
    return path


@contextmanager
def reading(path: Path, *, pip: str) -> Iterator[None]:
    """Turn what a damaged file of a package makes Python say into what to do about it."""
    try:
        yield
    except (OSError, EOFError, ValueError, KeyError) as error:
        raise CourseError(f"{path} cannot be read ({error}). {install_again(pip)}") from error


def install_again(pip: str) -> str:
    """What to do about a damaged package, as a sentence."""
    return f"Install the package again: pip install --force-reinstall --no-deps {pip}"
