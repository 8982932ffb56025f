"""What of a submission is let in: regular files, and notebooks that can be read.

nbgrader copies a submission's folder following links, stops at a timestamp it cannot parse and
gives up on a notebook that is not JSON. So it gets a clean copy, and what was wrong is told.
"""

from __future__ import annotations

import errno
import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbgrader.utils import parse_utc

from course_utils.grading.course import walk

LARGEST_FILE = 100 * 2**20
DEEPEST = 50
# Where the disk is full or the like, going on would blame every student for it.
MACHINE_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EMFILE, errno.ENFILE, errno.ENOMEM}
AGAIN = "Download the assignment again, paste your answers into it and submit that file."


@dataclass
class Intake:
    """A clean copy of a submission.

    Attributes:
        good: the assignment's notebooks that can be read.
        bad: why each of the others cannot be graded, in words for the student.
        left_out: what was not copied, in words for staff.
    """

    good: list[str] = field(default_factory=list)
    bad: dict[str, str] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)


def take_in(submitted: Path, copy: Path, notebooks: list[str]) -> Intake:
    """Copy what can be graded of the folder ``submitted`` to ``copy``.

    Args:
        submitted: a student's folder for one assignment.
        copy: a folder that does not exist yet.
        notebooks: the names, without ``.ipynb``, that the assignment has.
    """
    intake = Intake()
    _copy_regular_files(submitted, copy, intake.left_out)
    for name in notebooks:
        file = f"{name}.ipynb"
        if (submitted / file).is_symlink():
            intake.left_out.remove(f"{file} is a link")
            problem = f"{file} is a link to another file. Submit the file itself."
        else:
            problem = _unreadable(copy / file, found=sorted(copy.glob("*.ipynb")))
        if problem:
            intake.bad[name] = problem
        else:
            intake.good.append(name)
    for path in copy.glob("*.ipynb"):
        if path.stem not in intake.good:
            _remove(path)

    stamp = copy / "timestamp.txt"
    if stamp.is_file():
        try:
            parse_utc(stamp.read_text(encoding="utf-8").strip() or None)
        except (ValueError, OverflowError, TypeError):
            stamp.unlink()
            intake.left_out.append("timestamp.txt is not a time: whether it is late is unknown")
    elif stamp.is_dir():
        _remove(stamp)
        intake.left_out.append("timestamp.txt is a folder: whether it is late is unknown")
    return intake


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def _copy_regular_files(source: Path, destination: Path, left_out: list[str]) -> None:
    destination.mkdir(parents=True)
    for path in sorted(walk(source)):
        inside = path.relative_to(source)
        if path.is_symlink():
            left_out.append(f"{inside} is a link")
        elif path.is_dir():
            continue
        elif len(inside.parts) > DEEPEST:
            deep = f"files in more than {DEEPEST} folders, one in the other"
            left_out += [] if deep in left_out else [deep]
        elif not path.is_file():
            left_out.append(f"{inside} is no regular file")
        elif path.stat().st_size > LARGEST_FILE:
            left_out.append(f"{inside} is larger than {LARGEST_FILE // 2**20} MiB")
        else:
            try:
                (destination / inside).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, destination / inside)
            except OSError as error:
                if error.errno in MACHINE_ERRORS:
                    raise
                left_out.append(f"{inside} cannot be read ({error.strerror})")


def _unreadable(path: Path, found: list[Path]) -> str | None:
    """Why a notebook cannot be graded, or None; a byte order mark is taken off on the way."""
    if not path.is_file():
        others = ", ".join(other.name for other in found)
        return f"There is no notebook {path.name} in your submission" + (
            f" (found: {others}). Give it back its name and submit again."
            if others
            else ". Submit it again."
        )
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        return f"{path.name} is not a text file in UTF-8, so it is no notebook. {AGAIN}"
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return (
            f"{path.name} is not a complete notebook: its JSON breaks off or is damaged at line "
            f"{error.lineno}, column {error.colno} ({error.msg}). {AGAIN}"
        )
    except ValueError as error:  # a number of more digits than Python reads
        return f"{path.name} is no notebook: {_first_line(error)}. {AGAIN}"
    except RecursionError:
        return f"{path.name} is nested too deeply to be a notebook. {AGAIN}"
    try:
        nbformat.reads(text, as_version=4)
    except Exception as error:
        return f"{path.name} is JSON but no notebook ({_first_line(error)}). {AGAIN}"
    path.write_text(text, encoding="utf-8", newline="")
    return None


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
