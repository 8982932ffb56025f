"""Questions on a terminal: what a student wrote is shown as text and cannot do anything else."""

from __future__ import annotations

import re
import textwrap
import unicodedata
from dataclasses import dataclass, field, replace

from rich.console import Console
from rich.padding import Padding
from rich.syntax import Syntax
from rich.text import Text

from course_utils.ansi import strip_ansi
from course_utils.grading.viva.outputs import LONGEST_TEXT

KINDS = {"line": "a line of code", "change": "a change", "result": "an output or an answer"}
WIDEST = 110  # of code
WRAPPED = 72  # of sentences and messages
TALLEST = 6


@dataclass(frozen=True)
class Question:
    """One question.

    Attributes:
        kind: ``line``, ``change`` or ``result``.
        task: the heading of the task that it is about.
        cell: nbgrader's name of the cell.
        line: of the cell, from 1; None where it is not about code.
        quote: the student's own code, sentence or message.
        question: to be asked.
        answer: for the teacher: what a good answer contains.
        printed: the printed numbers that the sentence is about.
        topic: what the question is about.
        shared: how many classmates have the same line, and how many have filled in this cell; empty
            where there is nobody to compare with.
    """

    kind: str
    task: str
    cell: str
    line: int | None
    quote: str
    question: str
    answer: str
    printed: str = ""
    topic: str = ""
    shared: str = ""


@dataclass(frozen=True)
class Viva:
    """The questions for one student.

    Attributes:
        read: the file that they are from.
        notes: what the teacher should know, for instance that a file is damaged.
    """

    assignment: str
    student: str
    read: str
    questions: list[Question] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def tame(text: str, *, wrap: bool = False) -> str:
    """A student's text for a terminal: no control characters, no long lines, not too many lines.

    Characters that turn the direction of text around count as control characters.

    Args:
        text: any.
        wrap: break long lines, as one may in prose, instead of cutting them.
    """
    kept: list[str] = []
    for line in strip_ansi(text[:LONGEST_TEXT]).expandtabs(4).splitlines():
        line = prose(line)
        if wrap:
            kept += textwrap.wrap(line, WRAPPED) or [""]
        else:
            kept.append(line if len(line) <= WIDEST else f"{line[: WIDEST - 2]} …")
    return "\n".join(kept if len(kept) <= TALLEST else [*kept[: TALLEST - 1], "…"])


def prose(text: str) -> str:
    """Our own sentence with pieces of the student's in it: on one line, uncut."""
    return "".join(
        "·" if unicodedata.category(one) in ("Cc", "Cf", "Cs", "Zl", "Zp") else one
        for one in strip_ansi(text)
    )


def clean(question: Question) -> Question:
    return replace(
        question,
        task=prose(question.task),
        cell=prose(question.cell),
        quote=tame(question.quote, wrap=question.line is None),
        question=prose(question.question),
        answer=re.sub(r" {2,}", " ", prose(question.answer)),
        printed=tame(question.printed),
    )


def show(console: Console, found: Viva) -> None:
    console.print(Text(f"{found.assignment}: questions for {tame(found.student)}", style="bold"))
    console.print(Text(f"from {found.read}", style="dim"), soft_wrap=True)
    for number, one in enumerate(found.questions, start=1):
        where = f"{one.cell}, line {one.line}" if one.line else one.cell
        console.print()
        console.print(
            Text.assemble(
                (f"{number}  {KINDS[one.kind].capitalize()}", "bold"),
                (f"   {one.task}   " if one.task else "   ", ""),
                (where, "cyan"),
            )
        )
        if one.printed:
            console.print(Padding(Text(one.printed, style="green"), (0, 0, 0, 5)))
        console.print(Padding(_quoted(one), (0, 0, 0, 3)))
        console.print(Padding(Text(one.question), (0, 0, 0, 3)))
        note = f"A good answer: {one.answer}"
        if one.shared:
            same, _, others = one.shared.partition(" of ")
            note += f" (The same line: {same} of {others} classmates.)"
        console.print(Padding(Text(note, style="dim"), (0, 0, 0, 3)))
    for note in found.notes:
        console.print()
        console.print(Text(note, style="yellow"))


def _quoted(question: Question) -> Syntax | Text:
    if question.line is None:
        return Text("\n".join(f"│ {line}" for line in question.quote.splitlines()), style="italic")
    return Syntax(
        question.quote,
        "python",
        line_numbers=True,
        start_line=question.line,
        background_color="default",
        word_wrap=True,
    )
