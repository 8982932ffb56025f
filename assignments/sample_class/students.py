"""Made-up classes that hand in the assignments, to try the grading on and to show it.

Nobody in them exists. Each student stands for something that happens in every class, and the class
says what grading must make of it. One file beside this one for each assignment has its `CLASS`.
"""

from __future__ import annotations

import copy
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

TIME = "%Y-%m-%d %H:%M:%S UTC"


@dataclass(frozen=True)
class Student:
    """One made-up student, and what grading must make of the submission.

    Attributes:
        id: the student's id, which says what is the matter.
        does: the same in a sentence.
        state: the state in which the submission must end.
        score: the points that the tests must give.
        by_hand: the points that must wait for a person.
        cells: the source of each cell that the student filled in, by grade id.
        own_cell: the source of a cell that the student added at the end, if any.
        truncated: the file broke off on the way.
        weights: which files of weights are handed in, a word of the class's `Class.files`; or none.
        late: handed in two hours late, not a day early.
    """

    id: str
    does: str
    state: str
    score: int
    by_hand: int = 0
    cells: Mapping[str, str] = field(default_factory=dict)
    own_cell: str | None = None
    truncated: bool = False
    weights: str = ""
    late: bool = False


@dataclass(frozen=True)
class Class:
    """The students who hand in one assignment.

    Attributes:
        assignment: its name.
        due: when it is due.
        auto_points: the points that its tests give.
        hand_points: the points that a person gives.
        students: who hands in.
        files: the contents of the files of weights, by their names, for a word such as "trained".
    """

    assignment: str
    due: str
    auto_points: int
    hand_points: int
    students: tuple[Student, ...]
    files: Callable[[str], Mapping[str, bytes]]

    def write(self, course_dir: Path) -> None:
        """Write every student's submission into ``course_dir/submitted``, over what is there.

        It is made from the released notebook: the same release gives the same files.

        Raises:
            FileNotFoundError: the assignment has not been released in this course directory.
        """
        released = course_dir / "release" / self.assignment / f"{self.assignment}.ipynb"
        notebook = json.loads(released.read_text(encoding="utf-8"))
        for student in self.students:
            text = json.dumps(_fill_in(notebook, student), indent=1, ensure_ascii=False) + "\n"
            if student.truncated:
                text = text[: len(text) // 2]
            folder = course_dir / "submitted" / student.id / self.assignment
            folder.mkdir(parents=True, exist_ok=True)
            (folder / released.name).write_text(text, encoding="utf-8", newline="\n")
            due = datetime.strptime(self.due, TIME)
            handed_in = due + (timedelta(hours=2) if student.late else -timedelta(days=1))
            (folder / "timestamp.txt").write_text(handed_in.strftime(TIME), encoding="utf-8")
            for name, content in (self.files(student.weights) if student.weights else {}).items():
                (folder / name).write_bytes(content)


def saved(weights: Mapping[str, Any]) -> bytes:
    """What ``torch.save`` writes of tensors."""
    import torch  # not before a class trains

    file = io.BytesIO()
    torch.save({name: tensor.detach() for name, tensor in weights.items()}, file)
    return file.getvalue()


def _fill_in(released: dict[str, Any], student: Student) -> dict[str, Any]:
    """The released notebook with the student's answers in it."""
    notebook = copy.deepcopy(released)
    cells = {
        cell["metadata"].get("nbgrader", {}).get("grade_id"): cell for cell in notebook["cells"]
    }
    for name, source in student.cells.items():
        cells[name]["source"] = source.strip().splitlines(keepends=True)
    if student.own_cell:
        notebook["cells"].append(
            {
                "cell_type": "code",
                "execution_count": None,
                "id": "own-cell",
                "metadata": {},
                "outputs": [],
                "source": student.own_cell.splitlines(keepends=True),
            }
        )
    return notebook
