"""``course viva`` asks about a student's own lines, whatever is in them, and runs none of them."""

from __future__ import annotations

import ast
import json
import os
import re
import unicodedata
from pathlib import Path

import nbformat
import pytest
import torch
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_output
from tiny_course import ADD, ASSIGNMENT, SCALE, answers, cell, make_course, released, submit

from course_utils.errors import CourseError
from course_utils.grading.viva.changes import CHANGE
from course_utils.grading.viva.constructs import carried
from course_utils.grading.viva.lines import lines
from course_utils.grading.viva.outputs import sentences
from course_utils.grading.viva.probes import WHY
from course_utils.grading.viva.questions import Viva, propose, viva
from course_utils.grading.viva.shapes import said, shape_of

SOFTMAX = """\
def add(a, b):
    shifted = a - a.max(1, keepdim=True).values
    p = shifted.exp() / shifted.exp().sum(1, keepdim=True)
    return p @ b.T"""
LOOP = """\
def scale(a, k):
    total = a.clone()
    for row in range(len(a)):
        total[row] += k * a[row]
    return total"""
EXPLAINED = "The loss fell to 0.417 in the second run. It was 2.31 before."


def as_released(root: Path) -> NotebookNode:
    """What ``course release`` makes of the tiny course, without its gradebook, which takes time."""
    path = root / "release" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
    path.parent.mkdir(parents=True)
    text = (root / "source" / ASSIGNMENT / path.name).read_text(encoding="utf-8")
    notebook = nbformat.reads(text, as_version=4)
    for one in notebook.cells:
        raises = "# YOUR CODE HERE\n    raise NotImplementedError()"
        one.source = re.sub("### BEGIN SOL.*?### END SOLUTION", raises, one.source, flags=re.S)
        one.source = re.sub("### BEGIN HID.*?### END HIDDEN TESTS", "", one.source, flags=re.S)
    nbformat.write(notebook, path)
    return notebook


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """A class: two with the same code, one with code of her own, others with nothing to read."""
    root = make_course(tmp_path_factory.mktemp("viva"))
    blank = as_released(root)
    submit(root, "ada", answers(blank, add=SOFTMAX, scale=LOOP, explain=EXPLAINED))
    submit(root, "bob", answers(blank, explain="It fell to 0.417."))
    submit(root, "eve", answers(blank))
    submit(root, "blank", blank)
    submit(root, "torn", '{"cells": [')
    submit(root, "bytes", b"\xff\xfe\x00")
    submit(root, "odd", '{"cells": [1, {"metadata": 3}], "metadata": [], "nbformat": 4}')
    (root / "submitted" / "away" / ASSIGNMENT).mkdir(parents=True)
    os.symlink("/etc/passwd", root / "submitted" / "away" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb")
    return root


def printing(notebook: NotebookNode, text: str) -> NotebookNode:
    """A cell of the experiment, with what it printed, before the written answer."""
    shown = new_code_cell("run()", outputs=[new_output("stream", name="stdout", text=text)])
    notebook.cells.insert(len(notebook.cells) - 1, shown)
    return notebook


def failing(notebook: NotebookNode, name: str, ename: str, message: str) -> NotebookNode:
    error = new_output("error", ename=ename, evalue=message, traceback=[])
    cell(notebook, name).outputs = [error]
    return notebook


def asked(root: Path, student: str, notebook: NotebookNode | str, **more) -> Viva:
    submit(root, student, notebook, **more)
    try:
        return propose(root, "p1", student)
    finally:
        (root / "submitted" / student / ASSIGNMENT / f"{ASSIGNMENT}.ipynb").unlink()
        (root / "submitted" / student / ASSIGNMENT).rmdir()


def test_one_question_of_each_kind_about_lines_that_are_the_students_own(root):
    found = propose(root, "p1", "ada")
    notebook = nbformat.read(
        root / "submitted" / "ada" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb", as_version=4
    )
    given = "\n".join(one.source for one in released(root).cells)

    assert [one.kind for one in found.questions] == ["line", "change", "result"]
    assert len({one.cell for one in found.questions}) == 3
    for one in found.questions[:2]:
        typed = cell(notebook, one.cell).source.splitlines()
        assert typed[one.line - 1].strip() == one.quote
        assert one.quote not in given
        assert one.task.startswith("Task ")
        assert one.shared == "0 of 2"
    assert found.questions[2].quote in EXPLAINED


def test_the_same_submission_gets_the_same_questions(root, capsys):
    assert propose(root, "p1", "ada") == propose(root, "p1", "ada")
    viva(root, "p1", "ada", as_json=True)
    shown = json.loads(capsys.readouterr().out)
    assert [one["question"] for one in shown["questions"]] == [
        one.question for one in propose(root, "p1", "ada").questions
    ]


def test_a_line_that_only_one_student_has_is_asked_before_one_that_all_have(root):
    mixed = ADD.replace("return a + b", "both = a @ b\n    return a + b")
    line = asked(root, "mix", answers(released(root), add=mixed)).questions[0]
    assert (line.quote, line.shared) == ("both = a @ b", "0 of 3")


def test_names_of_variables_do_not_make_a_line_ones_own(root):
    renamed = "def scale(number, factor):\n    return number * factor"
    found = asked(root, "copy", answers(released(root), scale=renamed, add="pass"))
    assert {one.shared for one in found.questions if one.cell == "scale"} == {"2 of 3"}


def test_lines_of_the_release_are_never_asked_about(root):
    found = propose(root, "p1", "blank")
    assert [one.kind for one in found.questions] == ["result"]
    assert "not filled in" in found.questions[0].question
    assert "Nothing to ask about a line of code or a change" in " ".join(found.notes)


@pytest.mark.parametrize(
    ("student", "said"),
    [
        ("torn", "breaks off"),
        ("bytes", "not a text file"),
        ("odd", "no notebook"),
        ("away", "is a link to another file"),
    ],
)
def test_a_file_that_cannot_be_read_gets_a_reason(root, capsys, student, said):
    viva(root, "p1", student)
    assert said in " ".join(capsys.readouterr().out.split())
    assert not propose(root, "p1", student).questions


def test_who_did_not_hand_in_gets_a_list_of_who_did(root, tmp_path):
    with pytest.raises(CourseError, match=r"by: ada, away, blank, bob, bytes, eve, odd, torn"):
        propose(root, "p1", "zoe")
    unreleased = make_course(tmp_path)
    with pytest.raises(CourseError, match="submissions by: nobody"):
        propose(unreleased, "p1", "zoe")
    submit(unreleased, "zoe", "{}")
    with pytest.raises(CourseError, match="course release p1-numbers"):
        propose(unreleased, "p1", "zoe")


def test_a_cell_that_is_not_python_is_asked_about_and_the_others_still_are(root):
    found = asked(root, "typo", answers(released(root), add="def add(a, b)\n    return a + b"))
    *code, result = found.questions
    assert {one.cell for one in code} == {"scale"}
    assert (result.cell, result.line, result.quote) == ("add", 1, "def add(a, b)")
    assert "expected ':'" in result.question


HOSTILE = {
    "markup": "def add(a, b):\n    return '[bold red]x[/] [link=file:///etc]' + a",
    "control": "def add(a, b):\n    return a + '\x1b]0;owned\x07\x1b[2J\u202eevil\u2028' + b",
    "long": f"def add(a, b):\n    return a + {'b + ' * 9000}b",
    "huge": "def add(a, b):\n" + "    a = a @ b\n" * 20_000 + "    return a",
    "many": "def add(a, b):\n" + "    a @= b.T.sum(0)\n" * 1_000,
    "deep": f"def add(a, b):\n    return {'(' * 150}a{')' * 150} + {'-' * 5000}b",
    "nested": f"def add(a, b):\n    return a{'.max(1)[0]' * 400}",
    "digits": f"def add(a, b):\n    return a + 0x{'f' * 6000} * b / (1e400 * {'9' * 3000})",
    "surrogate": "def add(a, b):\n    return a + '\\udcff' + '\udcff'",
    "counting": "def add(a, b):\n    return 1\n" + " So it is 1.5 or 2.25 now." * 900,
    "magic": "%matplotlib inline\n!rm -rf x\ndef add(a, b):\n    return a @ b",
    "names": "def add(a, b):\n    [x for a[0] in b]\n    (yield) @ a\n    return lambda: a @ b",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_code_is_shown_as_text_or_not_at_all(root, capsys, name):
    work = answers(released(root), add=HOSTILE[name], explain=f"{HOSTILE[name]} is 0.417.")
    work = failing(printing(work, HOSTILE[name] + " 0.417"), "test-scale", "E", HOSTILE[name])
    submit(root, f"x-{name}", work)
    try:
        viva(root, "p1", f"x-{name}")
    finally:
        path = root / "submitted" / f"x-{name}" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
        path.unlink()
        path.parent.rmdir()
    shown = capsys.readouterr().out

    odd = {one for one in shown if unicodedata.category(one) in ("Cc", "Cf", "Cs", "Zl", "Zp")}
    assert odd <= {"\n"}
    assert len(shown) < 8_000
    if name == "markup":
        assert "[bold red]x[/]" in shown, "as it was typed, not as colors"


def test_nothing_of_a_student_is_run(root, tmp_path):
    trap = f"open({str(tmp_path / 'ran')!r}, 'w').close()\nimport os\nos._exit(3)\n"
    found = asked(root, "trap", answers(released(root), add=trap + ADD))
    assert found.questions
    assert not (tmp_path / "ran").exists()


def test_a_failing_test_comes_first_and_shows_no_hidden_line(root):
    graded = root / "autograded" / "bob" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
    graded.parent.mkdir(parents=True)
    work = nbformat.read(root / "source" / ASSIGNMENT / graded.name, as_version=4)
    work = answers(work, explain="It fell to 0.417.")
    message = "expected 6, got 5\nassert add(4700, 11) == hidden_sum\nsum or mean?"
    nbformat.write(
        failing(printing(work, "loss 0.4171"), "test-add", "CheckFailed", message), graded
    )
    try:
        found = propose(root, "p1", "bob")
        cell(work, "add").source += "  # mended"
        nbformat.write(work, graded)
        assert "handed in since" in " ".join(propose(root, "p1", "bob").notes)
    finally:
        graded.unlink()
    assert not found.notes
    result = found.questions[-1]
    assert str(graded.parent) == found.read
    assert result.cell == "test-add"
    assert result.quote.splitlines() == ["expected 6, got 5", "(hidden test)", "sum or mean?"]
    assert "4700" not in json.dumps([vars(one) for one in found.questions])


@pytest.mark.parametrize(
    ("sentence", "asks", "row"),
    [
        ("The loss fell to 0.417 in the end.", "your 0.417", "second 0.4169"),
        ("It is 41.7 % in the end.", "your 41.7 %", "second 0.4169"),
        ("The loss fell to 0.53 in the end.", "Where does 0.53 come from", "first 2.309"),
        ("By the rule, log(7) = 1.95 it is.", "Where does 1.95 come from", "first 2.309"),
        ("The second one is the better one.", "stands behind this sentence", "first 2.309"),
    ],
)
def test_a_written_number_is_looked_for_among_the_printed_ones(root, sentence, asks, row):
    work = printing(answers(released(root), explain=sentence), "first 2.309\nsecond 0.4169\n")
    result = asked(root, "num", work).questions[-1]
    assert result.quote == sentence
    assert asks in result.question
    assert row in result.printed


def test_of_several_notebooks_the_one_is_named(tmp_path):
    root = make_course(tmp_path)
    blank = as_released(root)
    nbformat.write(blank, root / "release" / ASSIGNMENT / "second.ipynb")
    folder = submit(root, "ada", answers(blank)).parent
    nbformat.write(answers(blank, add=SOFTMAX), folder / "second.ipynb")
    cells = {one.cell.split(": ")[0] for one in propose(root, "p1", "ada").questions}
    assert cells == {"second"}, "where there is most to ask"


def test_sentences_lose_their_numbering_and_keep_their_decimals():
    text = "1. It was 2.5 at first. Then it fell,\nas I said.\n2. Why? Because of the rate of 0.1."
    assert sentences(text) == [
        "It was 2.5 at first.",
        "Then it fell, as I said.",
        "Because of the rate of 0.1.",
    ]


# --- probes --------------------------------------------------------------------------------------

DOCSTRING = '''def f(x, W, b, V, z, labels, k):
    """x: (B, M), W: (N, M), b: (N,), V: (P, N, M), z: (B, K), labels: (B,) int64, k: a number

    -> y: (B, N)
    """
'''
SIZES = {"B": 2, "M": 3, "N": 5, "P": 7, "K": 11, "1": 1}
EXPRESSIONS = """\
x @ W.T + b
W @ x[0]
V @ x.T
x.sum(0)
x.sum(-1, keepdim=True)
torch.sum(V, (0, 2))
x.mean()
z - z.max(1, keepdim=True).values
z.max(1, keepdim=True)[0]
z.argmax(1)
torch.einsum("bm,pnm->bpn", x, V)
torch.stack([x @ V[p].T for p in range(len(V))])
torch.stack([x @ V[p].T for p in range(len(V))], dim=1).amax(1)
z[range(len(labels)), labels]
z[torch.arange(len(labels)), labels].log()
x[:, None] * W[None]
x[:, 1 : 1 + 1]
x[labels]
V.transpose(0, 2)
V.permute(2, 0, 1)
b.unsqueeze(1) * x.T[0]
torch.where(z > 0, z, 0.0)
torch.zeros(len(x), x.shape[1])
(k * x).double().exp() / k
z.logsumexp(dim=1)
x.flatten()
x.reshape(-1)
x[:, ::2]
""".splitlines()


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_a_shape_that_is_stated_is_the_shape_that_torch_gives(text):
    known, _ = said(DOCSTRING)
    values = {
        name: torch.zeros([SIZES[size] for size in shape]) for name, shape in known.items() if shape
    }
    values |= {"labels": torch.zeros(2, dtype=torch.int64), "k": 2.0, "torch": torch}
    truth = eval(text, values)

    shape = shape_of(ast.parse(text, mode="eval").body, known)
    if text not in ("x.reshape(-1)", "x[:, ::2]"):  # without a rule there is no answer
        assert shape is not None
    if shape is not None:
        sizes = [eval(size, dict(SIZES)) if size not in SIZES else SIZES[size] for size in shape]
        assert tuple(truth.shape) == tuple(sizes)


def test_a_result_of_another_shape_than_the_task_asks_for_is_told_to_the_teacher():
    given = DOCSTRING.replace("-> y: (B, N)", "-> dW: (N, M), db: (N,)")
    wrong = "    dW = z.T @ x\n    db = x.sum(1)\n    db = b\n    return dW, db"
    dw, db, again, _ = lines(given + wrong, given)
    assert "dW of shape (N, M); here it is (K, M)" in dw.unlike_wanted
    assert not db.unlike_wanted, "it is set again"
    assert not again.unlike_wanted


@pytest.mark.parametrize(
    ("body", "taken"),
    [
        ("h = tanh(x[t] @ W + h)\n    out.append(h)", ["h"]),
        ("h[t] = x[t] + h[t - 1]", ["h"]),
        ("dW[t] = x[t]\n    total += x[t]", ["total"]),
        ("y[t] += x[t]", []),
        ("z = x[t]\n    y.append(z + sum(u for u in z))", []),
    ],
)
def test_what_a_round_of_a_loop_takes_over(body, taken):
    assert carried(ast.parse(f"for t in range(T):\n    {body}").body[0]) == taken


CODE = """\
x, W = x.double(), W.double()
db = dy.sum(0)
z = torch.einsum("bm,pnm->bpn", x, V) + b
s = z - z.max(1, keepdim=True)[0]
p = s.exp() / s.exp().sum(1, keepdim=True)
loss = -torch.log(p[range(len(labels)), labels]).mean()
p[range(len(labels)), labels] -= 1
p = p / len(labels)
scores = (q @ k.transpose(1, 2)) / d ** 0.5
scores = scores.masked_fill(mask, float("-inf"))
for t in reversed(range(T)):
    dh = dh @ U
    dU += dh.T @ h[t]
out = F.pad(x, (1, 1))[:, ::2]
won = (z == z.amax(1, keepdim=True)) * dy[:, None]
W = torch.randn(64, 784, generator=torch.Generator().manual_seed(0)) * 0.05
h = h.detach()
slope = (f(x + h) - f(x - h)) / (2 * h)
y = x.clone().reshape(2, -1)
with torch.no_grad():
    W -= 0.1 * dW
optimizer.zero_grad()
if x.shape != y.shape:
    x[0] = 1e-5
while (x > 0).any():
    x = x[1:3]
winner = z.argmax(dim=0)
labels[0] = 7
dW = np.dot(dy.T, x)
return p @ W
"""


def test_every_question_is_open_and_has_a_note_for_the_teacher():
    source = "def f(x, W, dy, V, b, labels):\n" + "".join(
        f"    {line}\n" for line in CODE.splitlines()
    )
    used = set()
    for line in lines(source):
        for _, probe in (*WHY, *CHANGE):
            for one in probe(line):
                used.add(probe)
                assert one.question.endswith("?")
                words = re.findall(r"[a-z]+", one.question.casefold())
                assert {"what", "which", "why", "how", "where", "when"} & set(words)
                assert not re.match(
                    r"(is|are|does|do|can|will|would|has)\b", one.question.casefold()
                )
                assert len(one.answer) > 30
    assert {probe for _, probe in (*WHY, *CHANGE)} == used, "a probe that finds nothing here"


def test_writing_into_an_argument_is_asked_about_unless_it_is_a_copy():
    def topics(body: str) -> list[str]:
        found = lines(f"def f(x):\n    {body}")
        return [one.question for line in found for _, probe in CHANGE for one in probe(line)]

    assert any("is an argument" in one for one in topics("x[x < 0] = 0"))
    assert not any("is an argument" in one for one in topics("x = x.clone()\n    x[x < 0] = 0"))


def test_an_error_of_the_students_own_cell_is_asked_about_where_no_test_fails(root):
    work = answers(released(root), explain="Your answer", scale=SCALE)
    own = new_code_cell("boom()", outputs=[])
    work.cells.append(own)
    own.outputs = [new_output("error", ename="IndexError", evalue="7 is too large", traceback=[])]
    result = asked(root, "own", work).questions[-1]
    assert result.quote == "IndexError: 7 is too large"
