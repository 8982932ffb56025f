"""A made-up class that hands in A1, to try the grading on and to show it.

    python assignments/sample_class/a1_mlps.py COURSE_DIR

writes ``COURSE_DIR/submitted/<student>/a1-mlps/`` for every student of `STUDENTS`, from the
released ``COURSE_DIR/release/a1-mlps/a1-mlps.ipynb``. The same release gives the same files.

Nobody in it exists. Each student stands for something that happens in every class, and `STUDENTS`
says what grading must make of it.
"""

from __future__ import annotations

import copy
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ASSIGNMENT = "a1-mlps"
DUE = "2026-10-16 23:59:00 UTC"
IN_TIME = "2026-10-15 18:30:00 UTC"
TWO_HOURS_LATE = "2026-10-17 01:59:00 UTC"

# Points that tests give, and that a person gives.
AUTO_POINTS = 70
HAND_POINTS = 30

FORWARD = """\
def linear_forward(x, W, b):
    return x @ W.T + b
"""
BACKWARD = """\
def linear_backward(dy, x, W):
    return dy @ W, dy.T @ x, dy.sum(0)
"""
LOSS = """\
def cross_entropy(logits, labels):
    logits = logits - logits.max(dim=1, keepdim=True)[0]
    log_p = logits - torch.log(torch.exp(logits).sum(dim=1, keepdim=True))
    return -log_p[range(len(labels)), labels].mean()
"""
LOSS_BACKWARD = """\
def cross_entropy_backward(logits, labels):
    e = torch.exp(logits - logits.max(dim=1, keepdim=True)[0])
    p = e / e.sum(dim=1, keepdim=True)
    one_hot = torch.zeros_like(p)
    one_hot[range(len(labels)), labels] = 1
    return (p - one_hot) / len(labels)
"""
PREDICTION = """\
1. All logits are about 0, so every class gets 1/10 and the loss is -log(1/10) = 2.30.
2. 64 times the gradient is 64 times the step. I think it overshoots and the loss goes up.
"""
EXPLANATION = """\
1. Both started at 2.31 as I said. The second went up at first, but I did not expect it to come back
to 2.3.
2. The step is rate times gradient, so 0.1/64 with the large gradient is the same as 0.1 with the
right one.
3. At first all logits were near 0. Later nearly no hidden unit is active, so h = 0 and only the
bias decides, the same for all images, and ReLU passes no gradient back.
"""
ANSWERS = {"predict": PREDICTION, "explain": EXPLANATION}
RIGHT = {
    "linear-forward": FORWARD,
    "linear-backward": BACKWARD,
    "cross-entropy": LOSS,
    "cross-entropy-backward": LOSS_BACKWARD,
}

# Another right way: number by number where it is bearable, and in double precision.
LOOPS = {
    "linear-forward": """\
def linear_forward(x, W, b):
    x, W, b = x.double(), W.double(), b.double()
    columns = []
    for n in range(W.shape[0]):
        columns.append((x * W[n]).sum(dim=1) + b[n])
    return torch.stack(columns, dim=1)
""",
    "linear-backward": """\
def linear_backward(dy, x, W):
    dy, x, W = dy.double(), x.double(), W.double()
    dx = torch.zeros_like(x)
    dW = torch.zeros_like(W)
    db = torch.zeros_like(W[:, 0])
    for n in range(W.shape[0]):
        dx += dy[:, n : n + 1] * W[n]
        dW[n] = (dy[:, n : n + 1] * x).sum(dim=0)
        db[n] = dy[:, n].sum()
    return dx, dW, db
""",
    "cross-entropy": """\
def cross_entropy(logits, labels):
    total = 0.0
    for row, label in zip(logits.double(), labels):
        largest = row.max()
        total += torch.log(torch.exp(row - largest).sum()) - (row[label] - largest)
    return total / len(labels)
""",
    "cross-entropy-backward": """\
def cross_entropy_backward(logits, labels):
    gradient = torch.zeros_like(logits, dtype=torch.float64)
    for i, (row, label) in enumerate(zip(logits.double(), labels)):
        e = torch.exp(row - row.max())
        gradient[i] = e / e.sum()
        gradient[i, label] -= 1
    return gradient / len(labels)
""",
}

# Classic mistakes.
SUM_NOT_MEAN = LOSS_BACKWARD.replace("(p - one_hot) / len(labels)", "p - one_hot")
WRONG_WEIGHTS = """\
def linear_backward(dy, x, W):
    dx = dy @ W
    dW = x.T @ dy
    db = dy
    return dx, dW, db
"""
OVERFLOWING_LOSS = """\
def cross_entropy(logits, labels):
    p = torch.exp(logits) / torch.exp(logits).sum(dim=1, keepdim=True)
    return -torch.log(p[range(len(labels)), labels]).mean()
"""
OVERFLOWING_LOSS_BACKWARD = """\
def cross_entropy_backward(logits, labels):
    p = torch.exp(logits) / torch.exp(logits).sum(dim=1, keepdim=True)
    p[range(len(labels)), labels] -= 1
    return p / len(labels)
"""
SYNTAX_ERROR = """\
def linear_forward(x, W, b)
    return x @ W.T + b
"""
KILLS_THE_KERNEL = """\
import os


def cross_entropy_backward(logits, labels):
    os._exit(1)
"""
ENDLESS = """\
def cross_entropy(logits, labels):
    while torch.exp(logits).isinf().any():  # until nothing overflows
        logits = logits - logits.mean()
    p = torch.exp(logits) / torch.exp(logits).sum(dim=1, keepdim=True)
    return -torch.log(p[range(len(labels)), labels]).mean()
"""


@dataclass(frozen=True)
class Student:
    """One made-up student, and what grading must make of the submission.

    Attributes:
        id: the student's id, which says what is the matter.
        does: the same in a sentence.
        state: the state in which the submission must end.
        score: the points that the tests must give, of `AUTO_POINTS`.
        by_hand: the points that must wait for a person.
        cells: the source of each cell that the student filled in, by grade id.
        own_cell: the source of a cell that the student added at the end, if any.
        truncated: the file broke off on the way.
        timestamp: when it was handed in.
    """

    id: str
    does: str
    state: str
    score: int
    by_hand: int = 0
    cells: Mapping[str, str] = field(default_factory=dict)
    own_cell: str | None = None
    truncated: bool = False
    timestamp: str = IN_TIME

    @property
    def late(self) -> bool:
        return self.timestamp == TWO_HOURS_LATE


STUDENTS = (
    Student(
        "s01-perfect",
        "everything right, both questions answered",
        "graded",
        70,
        by_hand=30,
        cells=RIGHT | ANSWERS,
    ),
    Student(
        "s02-loops",
        "everything right in another style: loops, double precision",
        "graded",
        70,
        by_hand=30,
        cells=LOOPS | ANSWERS,
    ),
    Student(
        "s03-sum-not-mean",
        "the loss's gradient is not divided by the batch size",
        "graded",
        52,
        by_hand=30,
        cells=RIGHT | ANSWERS | {"cross-entropy-backward": SUM_NOT_MEAN},
    ),
    Student(
        "s04-wrong-weights",
        "the weight's gradient transposed, the bias's not summed over the batch",
        "graded",
        52,
        by_hand=30,
        cells=RIGHT | ANSWERS | {"linear-backward": WRONG_WEIGHTS},
    ),
    Student(
        "s05-overflow",
        "softmax as the formula says it, which overflows for large logits",
        "graded",
        53,
        by_hand=10,
        cells=RIGHT
        | {"cross-entropy": OVERFLOWING_LOSS, "cross-entropy-backward": OVERFLOWING_LOSS_BACKWARD}
        | {"predict": PREDICTION},
    ),
    Student("s06-empty", "the assignment as it was released", "graded", 0),
    Student(
        "s07-crash",
        "one cell is not Python, and one of the student's own raises",
        "graded",
        62,
        by_hand=30,
        cells=RIGHT | ANSWERS | {"linear-forward": SYNTAX_ERROR},
        own_cell="print(digits.x_train[5000])",
    ),
    Student(
        "s08-kills-kernel",
        "the last function ends the Python process: what came before still counts",
        "graded-needs-review",
        52,
        by_hand=30,
        cells=RIGHT | ANSWERS | {"cross-entropy-backward": KILLS_THE_KERNEL},
    ),
    Student(
        "s09-endless",
        "a loop that never ends for large logits: that test fails at the time limit",
        "graded",
        62,
        by_hand=30,
        cells=RIGHT | ANSWERS | {"cross-entropy": ENDLESS},
    ),
    Student(
        "s10-truncated",
        "half of the file is missing",
        "malformed",
        0,
        cells=RIGHT | ANSWERS,
        truncated=True,
    ),
    Student(
        "s11-late",
        "only task 1, and two hours late",
        "graded",
        35,
        cells={"linear-forward": FORWARD, "linear-backward": BACKWARD},
        timestamp=TWO_HOURS_LATE,
    ),
)


def write(course_dir: Path) -> None:
    """Write every student's submission into ``course_dir/submitted``, over what is there.

    Raises:
        FileNotFoundError: the assignment has not been released in this course directory.
    """
    released = course_dir / "release" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
    notebook = json.loads(released.read_text(encoding="utf-8"))
    for student in STUDENTS:
        text = json.dumps(_fill_in(notebook, student), indent=1, ensure_ascii=False) + "\n"
        folder = course_dir / "submitted" / student.id / ASSIGNMENT
        folder.mkdir(parents=True, exist_ok=True)
        if student.truncated:
            text = text[: len(text) // 2]
        (folder / released.name).write_text(text, encoding="utf-8", newline="\n")
        (folder / "timestamp.txt").write_text(student.timestamp, encoding="utf-8")


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


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(f"usage: python {sys.argv[0]} COURSE_DIR")
    try:
        write(Path(sys.argv[1]))
    except FileNotFoundError as error:
        sys.exit(f"There is no {error.filename}. Release {ASSIGNMENT} first: course release A1")
    print(f"{len(STUDENTS)} submissions of {ASSIGNMENT} are in {Path(sys.argv[1]) / 'submitted'}")
