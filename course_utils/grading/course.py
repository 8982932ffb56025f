"""An nbgrader course directory: where its folders are, its configuration and its gradebook."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from nbgrader.api import Gradebook
from nbgrader.coursedir import CourseDirectory
from sqlalchemy.exc import DatabaseError
from traitlets.config import Config
from traitlets.config.loader import ConfigFileNotFound, PyFileConfigLoader

from course_utils.errors import CourseError

CONFIG_FILE = "nbgrader_config.py"


@dataclass(frozen=True)
class Course:
    """A course directory with the settings of its ``nbgrader_config.py``, and no others.

    Raises:
        CourseError: the folder or its source folder does not exist, or the configuration fails.
    """

    root: Path

    def __post_init__(self) -> None:
        object.__setattr__(self, "root", Path(self.root).resolve())
        if not self.root.is_dir():
            raise CourseError(f"no course directory {self.root}: give one with --course-dir")
        source = self.root / self.directory("*").source_directory
        if not source.is_dir():
            raise CourseError(
                f"{self.root} is no nbgrader course directory: it has no folder {source.name}/"
            )

    @cached_property
    def config(self) -> Config:
        try:
            return PyFileConfigLoader(CONFIG_FILE, path=str(self.root)).load_config()
        except ConfigFileNotFound:
            return Config()
        except Exception as error:
            raise CourseError(f"{self.root / CONFIG_FILE} failed: {error!r}") from error

    def directory(self, assignment: str, **settings: Any) -> CourseDirectory:
        """nbgrader's description of this course directory, set to one assignment."""
        return CourseDirectory(
            config=self.config, root=str(self.root), assignment_id=assignment, **settings
        )

    def folder(self, step: str, assignment: str, student: str = ".") -> Path:
        """The folder of a step (``source``, ``release``, ``submitted``, ``autograded``, …)."""
        directory = self.directory(assignment)
        name = getattr(directory, f"{step}_directory")
        return Path(directory.format_path(name, student, assignment))

    def assignments(self) -> list[str]:
        """The names of the assignments in the source folder."""
        parent = self.folder("source", "any").parent
        return sorted(p.name for p in parent.iterdir() if p.is_dir() and p.name[0] not in "._")

    def students(self, assignment: str) -> list[str]:
        """The students who submitted something for an assignment, that is, have a folder for it."""
        pattern = self.folder("submitted", assignment, student="\0")
        before, _, after = str(pattern).partition("\0")
        parent = Path(before)
        if not parent.is_dir():
            return []
        return sorted(
            p.name
            for p in parent.iterdir()
            if not p.name.startswith(".") and p.is_dir() and Path(f"{p}{after}").is_dir()
        )

    def resolve(self, name: str) -> str:
        """The assignment that ``A1`` stands for: ``a1``, else the only ``a1-…``; case is ignored.

        Raises:
            CourseError: none or several fit; the message lists what exists.
        """
        wanted = name.casefold()
        existing = self.assignments()
        exact = [a for a in existing if a == name] or [
            a for a in existing if a.casefold() == wanted
        ]
        found = exact or [a for a in existing if a.casefold().startswith(f"{wanted}-")]
        if len(found) == 1:
            return found[0]
        source = self.folder("source", "any").parent
        if found:
            raise CourseError(f"{name} could be {', '.join(found)} in {source}: name one of them")
        listed = ", ".join(existing) or "none"
        raise CourseError(f"no assignment {name} in {source}; there are: {listed}")

    @contextmanager
    def gradebook(self) -> Iterator[Gradebook]:
        """nbgrader's gradebook, created if it does not exist.

        Raises:
            CourseError: the database cannot be read or written.
        """
        with alembic_on_path():
            directory = self.directory("*")
            try:
                with Gradebook(directory.db_url, directory.course_id) as gradebook:
                    yield gradebook
            except DatabaseError as error:
                raise database_error(directory.db_url, error) from error

    def notes(self, *parts: str) -> Path:
        """A file of our own beside the gradebook: what was graded or released from what."""
        return self.root.joinpath(".course", *parts)

    def seed(self, *names: str) -> int:
        """A seed for random numbers that a notebook does not seed itself.

        The same whenever it is graded, so that its grade is, and known to nobody without the
        course's own key, which is made when it is first needed.
        """
        path = self.notes("key")
        if not path.is_file():
            path.parent.mkdir(exist_ok=True)
            with contextlib.suppress(FileExistsError):
                os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o600))
                path.write_bytes(secrets.token_bytes(32))
        text = "\0".join(names).encode()
        return int.from_bytes(hmac.digest(path.read_bytes(), text, "sha256")[:7], "big")

    def source_fingerprint(self, assignment: str) -> str:
        """Changes when the assignment's source or the course's configuration does."""
        return fingerprint(self.folder("source", assignment), self.root / CONFIG_FILE)


def database_error(url: str, error: DatabaseError) -> CourseError:
    return CourseError(
        f"the gradebook {url} cannot be used: {error.orig}. Is it open elsewhere, read-only, or "
        "from another version of nbgrader (then back it up and run: nbgrader db upgrade)?"
    )


@contextmanager
def alembic_on_path() -> Iterator[None]:
    """nbgrader runs the program ``alembic`` to create a gradebook; it lies beside Python."""
    before = os.environ.get("PATH", "")
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), before])
    try:
        yield
    finally:
        os.environ["PATH"] = before


def fingerprint(*paths: Path) -> str:
    """SHA-256 over the names and contents of files and folders; links count by their target."""
    digest = hashlib.sha256()

    def add(*parts: bytes) -> None:
        for part in parts:
            digest.update(len(part).to_bytes(8, "big") + part)

    for path in paths:
        files = sorted(walk(path)) if path.is_dir() else [path]
        for file in files:
            add(os.fsencode(file.relative_to(path)))
            if file.is_symlink():
                add(b"link", os.fsencode(os.readlink(file)))
            elif file.is_file():
                add(b"file", _digest(file))
    return digest.hexdigest()


def walk(folder: Path) -> Iterator[Path]:
    """Everything below a folder, as deep as the system can name it; links are not followed.

    `os.walk` and `Path.rglob` call themselves for each level, and folders can be nested more deeply
    than that.
    """
    left = [folder]
    while left:
        try:
            entries = list(os.scandir(left.pop()))
        except OSError:  # not ours to read, or a name too long
            continue
        for entry in entries:
            if not os.path.lexists(entry.path):
                continue
            yield Path(entry.path)
            if entry.is_dir(follow_symlinks=False):
                left.append(Path(entry.path))


def _digest(file: Path) -> bytes:
    try:
        with file.open("rb") as content:
            return hashlib.file_digest(content, "sha256").digest()
    except OSError as error:
        return str(error.errno).encode()
