"""``course viva``: three questions for a short talk, from a student's own code and outputs.

Five minutes with somebody show whether they wrote and understand what they handed in, if the
questions are about their own lines. So one question asks why a line of theirs is as it is, one what
a change to another line would do, and one about what their cells printed or what they wrote about
it. Lines that few others in the class have come first. Nothing of a student's is run.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from rich.console import Console

from course_utils.errors import CourseError
from course_utils.grading.course import Course
from course_utils.grading.harmless import harmless
from course_utils.grading.headings import headings
from course_utils.grading.intake import take_in
from course_utils.grading.prepare import explain
from course_utils.grading.records import MALFORMED, Note
from course_utils.grading.redact import RedactHiddenTests
from course_utils.grading.restore import restore
from course_utils.grading.viva.changes import CHANGE
from course_utils.grading.viva.lines import UNREADABLE, Line, forms, lines
from course_utils.grading.viva.outputs import (
    Found,
    Place,
    name_of,
    numbers,
    results,
    sentences,
)
from course_utils.grading.viva.probes import WHY, Probe
from course_utils.grading.viva.show import KINDS, Question, Viva, clean, prose, show

LARGEST_NOTEBOOK = 20 * 2**20  # of a classmate's file that is compared with
# Candidates nearly as good as the best: which of them is asked depends on the student's name, so
# that neighbors are not asked the same.
NEARLY = 0.75


@dataclass(frozen=True)
class _Candidate:
    score: float
    question: Question


def viva(course_dir: Path, assignment: str, student: str, *, as_json: bool = False) -> None:
    """Print three questions for a student.

    Raises:
        CourseError: no such assignment, or nothing handed in under this name; the message lists who
            handed in.
    """
    found = propose(course_dir, assignment, student)
    if as_json:
        print(json.dumps(asdict(found), indent=1))
    else:
        show(Console(highlight=False), found)


def propose(course_dir: Path, assignment: str, student: str) -> Viva:
    """Choose the questions; the same for the same submission in the same class.

    Raises:
        CourseError: as `viva`.
    """
    course = Course(course_dir)
    name = course.resolve(assignment)
    handed_in = course.students(name)
    if student not in handed_in:
        where = course.folder("submitted", name, student="*")
        by = ", ".join(handed_in) or "nobody"
        raise CourseError(
            f"no submission of {name} by {student} in {where}; there are submissions by: {by}"
        )
    released = _released(course, name)
    read, notebooks, notes = _read(course, name, student, released)

    candidates: list[_Candidate] = []
    others = [one for one in handed_in if one != student]
    for notebook, content in notebooks.items():
        mates = _classmates(course, name, notebook, others)
        found = _candidates(content, released[notebook], mates)
        candidates += found if len(released) == 1 else [_named(one, notebook) for one in found]
    chosen = _choose(candidates, f"{name}\0{student}")
    if not chosen and not notes:
        notes.append("There is nothing in this notebook that is not in the released one.")
    missing = [KINDS[kind] for kind in KINDS if kind not in {one.kind for one in chosen}]
    if chosen and missing:
        notes.append(f"Nothing to ask about {' or '.join(missing)}: too little is filled in.")
    shown = [clean(one) for one in chosen]
    return Viva(name, student, prose(str(read)), shown, [prose(note) for note in notes])


# --- reading -------------------------------------------------------------------------------------


def _released(course: Course, assignment: str) -> dict[str, NotebookNode]:
    folder = course.folder("release", assignment)
    found = {path.stem: nbformat.read(path, as_version=4) for path in folder.glob("*.ipynb")}
    if not found:
        raise CourseError(
            f"{assignment} is not released in {folder}, so there is nothing to compare "
            f"submissions with: course release {assignment} --course-dir {course.root}"
        )
    return found


def _read(
    course: Course, assignment: str, student: str, released: Mapping[str, NotebookNode]
) -> tuple[Path, dict[str, NotebookNode], list[str]]:
    """The folder that is read, the notebooks in it, and why others cannot be read."""
    submitted = course.folder("submitted", assignment, student)
    graded = course.folder("autograded", assignment, student)
    note = Note.read(course.notes(assignment, "graded", student, "note.json"))
    malformed = note is not None and note.state == MALFORMED
    if not malformed and all((graded / f"{name}.ipynb").is_file() for name in released):
        try:
            read = {name: _load(graded, name, released[name]) for name in released}
        except Exception:  # damaged since: what was handed in is still there
            pass
        else:
            return graded, read, _newer(submitted, read)
    notebooks: dict[str, NotebookNode] = {}
    notes = []
    with tempfile.TemporaryDirectory(prefix="course-viva-") as temporary:
        copy = Path(temporary, "copy")
        intake = take_in(submitted, copy, sorted(released))
        notes += [f"{problem} Ask what became of the file." for problem in intake.bad.values()]
        for name in intake.good:
            try:
                notebooks[name] = _load(copy, name, released[name])
            except Exception as error:  # whatever a student's file makes nbformat do
                notes.append(explain(name, error))
    if notebooks:
        notes.append("Read as it was handed in: outputs are those of the student's own machine.")
    return submitted, notebooks, notes


def _newer(submitted: Path, graded: Mapping[str, NotebookNode]) -> list[str]:
    """A note if an answer that was handed in is not the one that was graded."""
    for name, notebook in graded.items():
        handed_in = _answers_in(submitted / f"{name}.ipynb")
        for cell in notebook.cells:
            is_answer = name_of(cell) and cell.metadata.nbgrader.get("solution")
            theirs = handed_in.get(name_of(cell), cell.source)
            if is_answer and theirs.split() != cell.source.split():
                return ["Another file was handed in since this was graded: course grade first."]
    return []


def _load(folder: Path, name: str, released: NotebookNode) -> NotebookNode:
    """A notebook with the released cells in it, known kinds of outputs, and no hidden tests."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # odd ids of cells
        notebook = nbformat.read(folder / f"{name}.ipynb", as_version=4)
    restore(notebook, released)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [harmless(output) for output in cell.outputs]
    notebook, _ = RedactHiddenTests().preprocess(notebook, {})
    return notebook


def _classmates(
    course: Course, assignment: str, notebook: str, students: Sequence[str]
) -> list[dict[str, str]]:
    """The sources of others' cells, by name; a file that cannot be read counts as nothing."""
    folders = [course.folder("submitted", assignment, student) for student in students]
    found = [_answers_in(folder / f"{notebook}.ipynb") for folder in folders]
    return [answers for answers in found if answers]


def _answers_in(path: Path) -> dict[str, str]:
    try:
        if path.is_symlink() or not path.is_file() or path.stat().st_size > LARGEST_NOTEBOOK:
            return {}
        return dict(_sources(json.loads(path.read_bytes())))
    except (OSError, ValueError, RecursionError):
        return {}


def _sources(content: Any) -> Iterator[tuple[str, str]]:
    cells = content.get("cells") if isinstance(content, dict) else None
    for cell in cells if isinstance(cells, list) else []:
        metadata = cell.get("metadata") if isinstance(cell, dict) else None
        own = metadata.get("nbgrader") if isinstance(metadata, dict) else None
        name = own.get("grade_id") if isinstance(own, dict) else None
        source = cell.get("source") if isinstance(cell, dict) else None
        if isinstance(source, list):
            source = "".join(part for part in source if isinstance(part, str))
        if isinstance(name, str) and isinstance(source, str):
            yield name, source


# --- choosing ------------------------------------------------------------------------------------


def _places(released: NotebookNode) -> dict[str, Place]:
    """Where each graded cell stands and what it is worth."""
    task, answer = "", ""
    found: dict[str, Place] = {}
    for cell in released.cells:
        name, metadata = name_of(cell), cell.metadata.get("nbgrader", {})
        if cell.cell_type == "markdown" and not metadata.get("solution"):
            task = [task, *(text for _, text in headings(cell.source))][-1]
        if not name:
            continue
        points = float(metadata.get("points") or 0)
        if metadata.get("solution"):
            answer = name if cell.cell_type == "code" else answer
            found[name] = Place(name, task, points, name)
        elif metadata.get("grade"):
            found[name] = Place(name, task, points, answer)
            if answer:
                found[answer] = replace(found[answer], points=found[answer].points + points)
        else:
            found[name] = Place(name, task, 0, name)
    return found


def _candidates(
    notebook: NotebookNode, released: NotebookNode, mates: Sequence[Mapping[str, str]]
) -> list[_Candidate]:
    places = _places(released)
    sources = {name_of(cell): cell.source for cell in released.cells}
    most = max((place.points for place in places.values()), default=0) or 1
    found: list[_Candidate] = []
    for cell in notebook.cells:
        name = name_of(cell)
        if cell.cell_type == "code" and name in places and cell.metadata.nbgrader.get("solution"):
            theirs = [forms(mate[name], sources[name]) for mate in mates if name in mate]
            theirs = [one for one in theirs if one]
            worth = _worth(places[name].points, most)
            found += _about_code(cell.source, sources[name], places[name], theirs, worth)
    given = {value for cell in released.cells for _, value, _ in numbers(cell.source)}
    said = [
        {" ".join(one.split()) for text in mate.values() for one in sentences(text)}
        for mate in mates
    ]
    for one in results(notebook.cells, places, sources, given):
        score = one.weight * _worth(one.place.points, most)
        if one.printed:
            same = sum(" ".join(one.quote.split()) in theirs for theirs in said)
            score *= 1.2 - 0.2 * same / max(len(said), 1)
        found.append(_Candidate(score, _of_result(one)))
    return found


def _named(candidate: _Candidate, notebook: str) -> _Candidate:
    """With the notebook in the name of its cell, where there are several notebooks."""
    question = candidate.question
    return replace(candidate, question=replace(question, cell=f"{notebook}: {question.cell}"))


def _worth(points: float, most: float) -> float:
    return 0.5 + 0.5 * math.sqrt(min(points / most, 1))


def _about_code(
    source: str, released: str, place: Place, theirs: Sequence[Counter[str]], worth: float
) -> list[_Candidate]:
    found: list[_Candidate] = []
    try:
        for line in lines(source, released):
            same = sum(line.form in one for one in theirs)
            rare = 1 - same / len(theirs) if theirs else 0.5
            shared = f"{same} of {len(theirs)}" if theirs else ""
            for kind, probes in (("line", WHY), ("change", CHANGE)):
                found += _asked(line, kind, probes, place, worth * (0.6 + 0.8 * rare), shared)
    except (*UNREADABLE, OverflowError):
        return []  # Python's own limits; results() says what is not Python
    return found


def _asked(
    line: Line,
    kind: str,
    probes: Sequence[tuple[str, Probe]],
    place: Place,
    factor: float,
    shared: str,
) -> Iterator[_Candidate]:
    unlike = line.unlike_wanted
    for topic, probe in probes:
        for asked in probe(line):
            yield _Candidate(
                (asked.weight + (0.7 if unlike else 0)) * factor,
                Question(
                    kind=kind,
                    task=place.task,
                    cell=place.name,
                    line=line.number,
                    quote=line.quote,
                    question=asked.question,
                    answer=f"{unlike} {asked.answer}".strip(),
                    topic=topic,
                    shared=shared,
                ),
            )


def _of_result(found: Found) -> Question:
    return Question(
        kind="result",
        task=found.place.task,
        cell=found.place.name,
        line=found.line,
        quote=found.quote,
        question=found.question,
        answer=found.answer,
        printed=found.printed,
    )


def _choose(candidates: Sequence[_Candidate], seed: str) -> list[Question]:
    """One of each kind where there is one, of different tasks and about different things.

    What failed is the scarcest and is chosen first.
    """
    chosen: list[Question] = []
    for kind in ("result", "line", "change"):
        left = [one for one in candidates if one.question.kind == kind]
        cells, tasks = {one.cell for one in chosen}, {_task(one) for one in chosen}
        topics = {one.topic for one in chosen} - {""}
        for fits in (
            lambda one, done=tasks, about=topics: _task(one) not in done and one.topic not in about,
            lambda one, done=cells, about=topics: one.cell not in done and one.topic not in about,
            lambda one, done=cells: one.cell not in done,
        ):
            if fresh := [one for one in left if fits(one.question)]:
                left = fresh
                break
        if left:
            # First the task, or tasks with many lines would be asked about most.
            task = min({_task(one) for one in _best(left)}, key=lambda one: _draw(seed, one))
            there = [one for one in left if _task(one.question) == task]
            chosen.append(min(_best(there), key=lambda one: _draw(seed, one.cell, one.question)))
    return sorted(chosen, key=lambda one: list(KINDS).index(one.kind))


def _best(candidates: Sequence[_Candidate]) -> list[Question]:
    most = max(one.score for one in candidates)
    return [one.question for one in candidates if one.score >= NEARLY * most]


def _task(question: Question) -> str:
    """``Task 3`` of ``Task 3: softmax`` and of ``Task 3, the gradient``."""
    return re.split(r"[:,.(–—]", question.task)[0].strip()


def _draw(*texts: str) -> bytes:
    return hashlib.sha256("\0".join(texts).encode("utf-8", "replace")).digest()
