"""One run: submissions are prepared here, executed by workers, and recorded here.

Workers execute while this process prepares the next ones and records the last; only this process
ever writes.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client.kernelspec import NoSuchKernel
from sqlalchemy.exc import DatabaseError

from course_utils.errors import CourseError
from course_utils.grading import sandbox as sandbox_module
from course_utils.grading.converter import kernel_command
from course_utils.grading.course import Course, database_error, fingerprint
from course_utils.grading.execute import lost
from course_utils.grading.gradebook import open_gradebook
from course_utils.grading.kernels.nursery import Nursery
from course_utils.grading.kernels.provisioner import interpreter_folders
from course_utils.grading.kernels.zygote import WHERE_WANTED
from course_utils.grading.prepare import Prepared, prepare
from course_utils.grading.recorder import Recorder
from course_utils.grading.records import Graded, Note, result
from course_utils.grading.report import Clock, write_report
from course_utils.grading.sandbox.limits import Limits
from course_utils.grading.scratch import Scratch
from course_utils.grading.workers import WorkerLostError, Workers
from course_utils.student.execution import KernelStartError

Progress = Callable[[str, int, int], None]


@dataclass
class Flight:
    """A submission between being prepared and being recorded."""

    prepared: Prepared
    fingerprint: str
    seconds: float
    futures: dict[str, Future[dict[str, Any]]]


@dataclass
class Run:
    """One run over the submissions of one assignment."""

    course: Course
    assignment: str
    sandbox: bool
    workers: int
    progress: Progress
    clock: Clock = field(default_factory=Clock)
    results: dict[str, Graded] = field(default_factory=dict)

    def grade(self, students: list[str], *, force: bool) -> list[Graded]:
        """Skip what is known, grade the rest, and write the report whatever happens."""
        # With another secret the hidden tests are others.
        self.secret = os.environ.get(sandbox_module.SECRET, "")
        source = self.course.source_fingerprint(self.assignment)
        self.total = len(students)
        try:
            with open_gradebook(self.course) as self.gradebook:
                todo: deque[tuple[str, str]] = deque()
                for student in students:
                    now = self._fingerprint(source, student)
                    if force or not self._known(student, now):
                        todo.append((student, now))
                if todo:
                    self._grade(todo)
        except DatabaseError as error:
            raise database_error(self.course.directory("*").db_url, error) from error
        finally:
            results = [self.results[student] for student in students if student in self.results]
            report = self.course.notes(self.assignment, "report.json")
            write_report(report, self.clock, results, left=len(students) - len(results))
        return results

    def _fingerprint(self, source: str, student: str) -> str:
        secret = hashlib.sha256(self.secret.encode()).hexdigest()
        submitted = self.course.folder("submitted", self.assignment, student)
        return f"{source}:{secret}:{fingerprint(submitted)}"

    def _note(self, student: str) -> Path:
        return self.course.notes(self.assignment, "graded", student, "note.json")

    def _known(self, student: str, now: str) -> bool:
        """Whether a submission was graded from the same files; then its result is taken over."""
        note = Note.read(self._note(student))
        folder = self.course.folder("autograded", self.assignment, student)
        if note is None or note.fingerprint != now or not folder.is_dir():
            return False
        graded = result(self.gradebook, self.assignment, student, note, skipped=True)
        if graded is not None:
            self._done(graded)
        return graded is not None

    def _done(self, graded: Graded) -> None:
        self.results[graded.student] = graded
        self.progress(graded.student, len(self.results), self.total)

    def _grade(self, todo: deque[tuple[str, str]]) -> None:
        self.limits = _limits(self.course)
        folder = self.course.folder("release", self.assignment)
        self.released = {
            row.name: nbformat.read(folder / f"{row.name}.ipynb", as_version=4)
            for row in self.gradebook.find_assignment(self.assignment).notebooks
        }
        self.kernels = {name: self._kernel(name) for name in self.released}
        code = "".join(cell.source for nb in self.released.values() for cell in nb.cells)
        preload = [module for word, module in WHERE_WANTED.items() if word in code]
        folders = {f for argv in self.kernels.values() if argv for f in interpreter_folders(argv)}
        self.clock.workers = self.workers
        with ExitStack() as stack:
            self.temporary = stack.enter_context(Scratch())
            try:
                nursery = stack.enter_context(
                    Nursery(sandbox=self.sandbox, folders=sorted(folders), preload=preload)
                )
            except KernelStartError as error:
                raise CourseError(f"nothing was graded: {error}") from error
            workers = stack.enter_context(Workers(self.workers, nursery))
            in_flight: list[Flight] = []
            while todo or in_flight:
                # Always one more prepared than can run, so that no worker waits for this process.
                while todo and len(in_flight) <= 2 * self.workers:
                    in_flight.append(self._prepare(*todo.popleft(), workers))
                landed = next((one for one in in_flight if _landed(one)), None)
                if landed is None:
                    futures = [f for one in in_flight for f in one.futures.values()]
                    wait([f for f in futures if not f.done()], return_when=FIRST_COMPLETED)
                else:
                    in_flight.remove(landed)
                    self._record(landed)

    def _kernel(self, notebook: str) -> list[str] | None:
        """The command of a notebook's kernel; None for this interpreter's."""
        try:
            return kernel_command(self.released[notebook], self.course.config)
        except NoSuchKernel as error:
            kernelspec = self.released[notebook].metadata.get("kernelspec", {})
            if kernelspec.get("language", "python") == "python":
                return None  # an environment of the author's own, of which there is only this one
            raise CourseError(
                f"nothing was graded: {notebook}.ipynb needs a kernel that is not installed here "
                f"({error}). Install it, or name another in the source notebook."
            ) from error

    def _prepare(self, student: str, now: str, workers: Workers) -> Flight:
        start = time.monotonic()
        temporary = self.temporary / f"{len(os.listdir(self.temporary))}-{time.monotonic_ns()}"
        temporary.mkdir()
        with self.clock.of("prepare"), _machine(student):
            prepared = prepare(self.course, self.assignment, student, self.released, temporary)
            self.gradebook.db.remove()
        common = {
            "secret": self.secret,
            "limits": self.limits.as_dict(),
            "folder": str(prepared.copy),
        }
        futures = {
            name: workers.submit(
                job
                | common
                | {
                    "argv": self.kernels[name],
                    "keep": str(prepared.written(name)),
                    "seed": self.course.seed(self.assignment, student, name),
                }
            )
            for name, job in prepared.jobs.items()
            if job is not None
        }
        return Flight(prepared, now, time.monotonic() - start, futures)

    def _record(self, flight: Flight) -> None:
        prepared, student = flight.prepared, flight.prepared.student
        executions: dict[str, dict[str, Any] | None] = dict.fromkeys(prepared.jobs)
        for name, future in flight.futures.items():
            try:
                executions[name] = future.result()
            except WorkerLostError as error:
                executions[name] = lost(prepared.jobs[name], str(error))
            except KernelStartError as error:
                raise CourseError(
                    f"stopped at {student}: the kernel did not start ({error}). Nothing was "
                    "recorded for this submission; what was graded before it is kept."
                ) from error
            flight.seconds += executions[name]["elapsed"]
            self.clock.spent["execute"] += executions[name]["elapsed"]
        recorder = Recorder(self.course, self.assignment, self.gradebook, prepared, executions)
        with self.clock.of("record"), _finish_first(), _machine(student):
            graded = recorder.record(
                self._note(student),
                fingerprint=flight.fingerprint,
                seconds=round(flight.seconds, 2),
                sandbox=self.sandbox,
            )
            shutil.rmtree(prepared.temporary, ignore_errors=True)
            self._done(graded)


def _landed(flight: Flight) -> bool:
    return all(future.done() for future in flight.futures.values())


def _limits(course: Course) -> Limits:
    try:
        return Limits.of(course.config)
    except ValueError as error:
        raise CourseError(f"{course.root}: {error}") from error


@contextmanager
def _machine(student: str) -> Iterator[None]:
    """What the machine fails at ends the run instead of being held against a student."""
    try:
        yield
    except OSError as error:
        raise CourseError(
            f"stopped at {student}: {error}. What was graded before is kept; the same command goes "
            "on from there."
        ) from error


@contextmanager
def _finish_first() -> Iterator[None]:
    """Ctrl-C waits until the submission in hand is recorded."""
    if threading.current_thread() is not threading.main_thread():
        yield  # Python interrupts the main thread only
        return
    pressed: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: pressed.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if pressed:
        raise KeyboardInterrupt
