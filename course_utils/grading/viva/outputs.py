"""Questions about what a student's cells printed, and about what the student wrote beside it.

An error with its message; a number in a written answer, next to the numbers that the experiment
printed; where nothing is there, the task that is not filled in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from nbformat import NotebookNode

from course_utils.ansi import strip_ansi
from course_utils.grading.viva.lines import UNREADABLE, parse
from course_utils.student.execution import STOPPED, TIMED_OUT

# How much of an answer and of an output is looked at.
LONGEST_TEXT = 20_000
MOST_SENTENCES = 200
MOST_LINES = 60
LONGEST_LINE = 300
MOST_NUMBERS = 8
NUMBER = re.compile(r"(?<![\w.])\d{1,15}(?:\.\d{1,15})?(?:[eE][-+]?\d{1,2})?(?![\w.]*\w)\s?%?")
SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z*\"'(])")
LIST_MARK = re.compile(r"^\s*(?:[-*+]|\d+[.)])\s+")
NOT_RUN = "not run:"
INTERRUPTED = {TIMED_OUT, "KeyboardInterrupt"}


@dataclass(frozen=True)
class Place:
    """Where a graded cell stands, as released.

    Attributes:
        name: nbgrader's.
        task: the nearest heading above it.
        points: of an answer its own and those of the tests that follow it, of a test its own.
        answers: the cell of code that a test tests; of other cells their own name.
    """

    name: str
    task: str
    points: float
    answers: str


@dataclass(frozen=True)
class Found:
    """Something to ask about.

    Attributes:
        place: where it stands.
        weight: how much it says, from 0 to 3; more for what failed, which comes first.
        quote: the student's own text or message.
        question: for the student.
        answer: a note for the teacher.
        printed: what the experiment printed, if it is about that.
        line: of the cell, if it is about one.
    """

    place: Place
    weight: float
    quote: str
    question: str
    answer: str
    printed: str = ""
    line: int | None = None


def results(
    cells: Sequence[NotebookNode],
    places: Mapping[str, Place],
    released: Mapping[str, str],
    given: set[float],
) -> Iterator[Found]:
    """All that can be asked about outputs and answers.

    Args:
        cells: of the student's notebook.
        places: of the released cells, by name.
        released: their sources.
        given: the numbers in the released text, which everybody has.
    """
    own = Place("a cell of the student's own", "", 1, "")
    filled: dict[str, bool] = {}  # what a test says of an answer that is not there is no news
    for index, cell in enumerate(cells):
        name = name_of(cell)
        place = places.get(name, own)
        if name in places and cell.metadata.nbgrader.get("solution"):
            filled[name] = not _same(cell.source, released[name])
        if cell.cell_type == "code" and filled.get(place.answers, True):
            yield from _errors(cell, place, released.get(name, ""))
        if name not in places or not cell.metadata.nbgrader.get("solution"):
            continue
        if not filled[name]:
            yield _attempt(place, 0.3 if cell.cell_type == "code" else 0.1)
        elif cell.cell_type == "markdown":
            near = _printed_near(cells, index)
            yield from _sentences(cell.source, place, released[name], near, given)


def name_of(cell: NotebookNode) -> str:
    """nbgrader's name of a cell; empty where it has none."""
    metadata = cell.metadata.get("nbgrader")
    name = metadata.get("grade_id") if isinstance(metadata, dict) else None
    return name if isinstance(name, str) else ""


def _same(source: str, released: str) -> bool:
    return not source.strip() or source.split() == released.split()


def _attempt(place: Place, weight: float) -> Found:
    return Found(
        place,
        weight,
        "(as it was released)",
        "This is not filled in. How would you begin: what goes in, what comes out, and which line "
        "would you write first? What did you try, and where did you stop?",
        "The student knows what was asked for and can tell of an attempt. Somebody who has worked "
        "on it remembers where it went wrong.",
    )


def _errors(cell: NotebookNode, place: Place, released: str) -> Iterator[Found]:
    is_answer = not _same(cell.source, released)
    if is_answer and (broken := _not_python(cell.source)):
        number, line, problem = broken
        yield Found(
            place,
            10.0,
            line,
            f"Python says of this cell: {problem}. What is missing or too much, what became of "
            "the cells below without this one, and why was it handed in like that?",
            "The student mends it at a glance, and knows that every cell is run from the top when "
            "it is graded.",
            line=number,
        )
        return
    errors = [output for output in cell.outputs if output.output_type == "error"]
    if not errors:
        return
    error = errors[0]
    message = "\n".join(_lines(str(error.evalue))[:4])
    if error.ename == "NotImplementedError" or message.startswith(NOT_RUN):
        return
    tested = f" (it tests `{place.answers}`)" if place.answers not in ("", place.name) else ""
    quote = message if error.ename == "CheckFailed" else f"{error.ename}: {message}".rstrip(": ")
    if error.ename in INTERRUPTED:
        quote = message or "(interrupted at the time limit)"
    if error.ename == STOPPED:
        question = (
            "The process ended here. Which line of yours did that, on which input, and what was "
            "it meant to do?"
        )
        answer = "The student names the line. A reason that is not about the task needs a talk."
        weight = 10.0
    elif error.ename in INTERRUPTED:
        question = (
            "This ran into the time limit. Which loop of yours does not end (or takes long), on "
            "which input, and how would you see that beforehand?"
        )
        answer = "The student names the condition of the loop and an input for which it stays true."
        weight = 10.0
    else:
        question = (
            "In your own words: what does this message say, which line of yours is responsible, "
            "and what would you change?"
        )
        answer = (
            f"The student translates the message, finds the line{tested} and says how to see on "
            "a small example that the change is right."
        )
        explains = "\n" in message  # a test that says more than that it failed
        weight = 10.0 if explains else 7.0
        if error.ename == "NameError" or not tested:
            weight = 5.0
    yield Found(place, weight, quote, question, answer)


def _not_python(source: str) -> tuple[int, str, str] | None:
    """The line at which Python gives up, and why."""
    try:
        parse(source)
    except SyntaxError as error:
        number = error.lineno or 1
        typed = re.split(r"\r\n|\r|\n", source)
        line = typed[number - 1] if 0 < number <= len(typed) else ""
        return number, line.strip(), f"{error.msg} in line {number}"
    except UNREADABLE:
        return None
    return None


def _lines(text: str) -> list[str]:
    clean = strip_ansi(text[:LONGEST_TEXT])
    return [line.rstrip() for line in clean.splitlines() if line.strip()]


# --- numbers beside sentences --------------------------------------------------------------------


def _printed_near(cells: Sequence[NotebookNode], index: int) -> list[str]:
    """What the experiment printed: after the last answer and before this one, else after this."""

    def until_answer(indices: range) -> list[str]:
        for one in indices:
            cell = cells[one]
            if cell.cell_type == "markdown":
                if (cell.metadata.get("nbgrader") or {}).get("solution"):
                    return []
            elif (cell.metadata.get("nbgrader") or {}).get("grade"):
                return []  # a test's output is no experiment
            elif found := _with_numbers(cell):
                return found
        return []

    return until_answer(range(index - 1, -1, -1)) or until_answer(range(index + 1, len(cells)))


def _with_numbers(cell: NotebookNode) -> list[str]:
    text = ""
    for output in cell.outputs:
        if output.output_type == "stream" and output.name == "stdout":
            text += output.text
        elif output.output_type in ("display_data", "execute_result"):
            plain = output.data.get("text/plain", "")
            text += "" if plain.startswith("<") else f"{plain}\n"
    found = [line[:LONGEST_LINE] for line in _lines(text)[:MOST_LINES]]
    return found if any(NUMBER.search(line) for line in found) else []


def sentences(text: str) -> list[str]:
    """The sentences of an answer, without the marks of its list."""
    blocks: list[str] = []
    for line in text[:LONGEST_TEXT].splitlines():
        if not line.strip():
            blocks.append("")
        elif LIST_MARK.match(line) or not blocks or not blocks[-1]:
            blocks.append(LIST_MARK.sub("", line).strip())
        else:
            blocks[-1] += f" {line.strip()}"
    parts = [part.strip() for block in blocks for part in SENTENCE_END.split(block)]
    return [part for part in parts if len(part.split()) > 2][:MOST_SENTENCES]


def numbers(text: str) -> Iterator[tuple[str, float, float]]:
    """Each number as it is written, its value, and half a unit of its last digit."""
    for match in NUMBER.finditer(text):
        written = match[0].strip()
        bare = written.rstrip("% ")
        mantissa, _, exponent = bare.lower().partition("e")
        decimals = len(mantissa.partition(".")[2])
        yield written, float(bare), 0.501 * 10.0 ** (int(exponent or 0) - decimals)


def _tells(written: str) -> bool:
    """Not the number of an item, a year or a size that everybody has."""
    return "." in written or "%" in written or len(written) > 2


def _sentences(
    source: str, place: Place, released: str, printed: list[str], given: set[float]
) -> Iterator[Found]:
    known = {" ".join(one.split()) for one in sentences(released)}
    for sentence in sentences(source):
        if " ".join(sentence.split()) in known:
            continue
        telling = [
            (written, value, half)
            for written, value, half in numbers(sentence)
            if _tells(written) and value not in given
        ][:MOST_NUMBERS]
        yield _about(sentence, telling, place, printed)


def _about(
    sentence: str, telling: list[tuple[str, float, float]], place: Place, printed: list[str]
) -> Found:
    if not printed:
        return Found(
            place,
            1.0,
            sentence,
            "Say this again in other words: what follows from what, and which result would have "
            "shown you that it is wrong?",
            "Somebody who thought it can say it in another order, with an example.",
        )
    if not telling:
        return Found(
            place,
            1.2,
            sentence,
            "Which of the printed numbers stands behind this sentence, and which number would "
            "have shown you the opposite?",
            "The student points at a number and says what it would have been otherwise.",
            printed=_rows(printed, None),
        )
    unmatched = [written for written, value, half in telling if not _row(printed, value, half)]
    if unmatched:
        results = [one for one in unmatched if re.search(rf"[=≈]\s*{re.escape(one)}", sentence)]
        written = (results or unmatched)[0]
        return Found(
            place,
            2.3,
            sentence,
            f"Where does {written} come from: which printed number is it, or which calculation? "
            "Do it again here.",
            f"{written} is not among the numbers printed here, so it was calculated or expected, "
            "or comes from another run. Who wrote the sentence can get it again in a minute.",
            printed=_rows(printed, None),
        )
    written = telling[0][0]
    rows = dict.fromkeys(_row(printed, value, half) for _, value, half in telling)
    return Found(
        place,
        2.2,
        sentence,
        f"Which of the printed numbers is your {written}, what exactly is it a mean or a count of, "
        "and what would have made it clearly larger or smaller?",
        "The student finds the column, says over what it was taken, and gives the reason with the "
        "quantities of the task, not by repeating the sentence.",
        printed=_rows(printed, list(rows)),
    )


def _row(printed: list[str], value: float, half: float) -> str:
    """The first printed line with this number, rounded as the sentence has it."""
    for line in printed:
        for written, shown, _ in numbers(line):
            factors = (1, 100, 0.01) if "%" in written else (1, 100)
            if any(abs(shown * factor - value) <= half for factor in factors):
                return line
    return ""


def _rows(printed: list[str], rows: list[str] | None) -> str:
    """A few printed lines: the columns' names and those rows, or the first."""
    if rows is None:
        chosen = printed[:4]
    else:
        head = [] if printed[0] in rows or NUMBER.search(printed[0]) else printed[:1]
        chosen = [*head, *rows[:4]]
    return "\n".join(re.sub(r" {2,}", "  ", line).strip() for line in chosen)
