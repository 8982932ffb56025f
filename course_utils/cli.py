"""The command ``course``. It parses arguments and calls; nothing is decided here."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.markup import escape

from course_utils.errors import CourseError

app = typer.Typer(
    name="course",
    help="Build the book, release, check, pack and grade the assignments.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

CourseDir = Annotated[
    Path, typer.Option(help="The nbgrader course directory (the folder that holds source/).")
]
Assignment = Annotated[str, typer.Argument(help="A1 stands for the one assignment named a1-…")]
DEFAULT_COURSE_DIR = Path("assignments")


@app.command()
def doctor(
    install: Annotated[
        bool, typer.Option("--install", help="Install missing system packages (root, apt).")
    ] = False,
    browser: Annotated[
        bool, typer.Option("--browser", help="Also ask for Chromium, which the tests need.")
    ] = False,
) -> None:
    """Say what this machine can do, and how to mend what it cannot."""
    from course_utils import doctor as module

    raise typer.Exit(module.run(install=install, browser=browser))


@app.command()
def build(
    only: Annotated[str | None, typer.Option(help="Execute just this chapter.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Execute again what is cached.")] = False,
) -> None:
    """Execute the chapters and build the book into _build/html."""
    from course_utils.book.build import build as run

    run(Path.cwd(), only=only, force=force)


@app.command()
def figures() -> None:
    """Copy every figure of the built book, as SVG, into _build/figures (for slides)."""
    from course_utils.book.figures import figures as run

    run(Path.cwd())


@app.command()
def claims() -> None:
    """List the lectures' claims: the page of each, and whether a cell or a source stands for it."""
    from course_utils.book.build import kept
    from course_utils.book.claims import claims as run

    root = Path.cwd()
    run(root, kept(root))


@app.command()
def release(assignment: Assignment, course_dir: CourseDir = DEFAULT_COURSE_DIR) -> None:
    """Make the students' version of an assignment from its source."""
    from course_utils.grading.release import release as run

    run(course_dir, assignment)


@app.command()
def check(
    notebook: Annotated[Path, typer.Argument(help="Your notebook.")],
) -> None:
    """Run a notebook's visible tests and say task by task what is right (students)."""
    from course_utils.student.check import check as run

    raise typer.Exit(run(notebook))


@app.command()
def pack(
    assignment: Annotated[str, typer.Argument(help="A1, or the assignment's folder.")],
) -> None:
    """Restart and run all, check, zip and print a receipt (students)."""
    from course_utils.student.pack import pack as run

    raise typer.Exit(run(assignment))


@app.command()
def grade(
    assignment: Assignment,
    course_dir: CourseDir = DEFAULT_COURSE_DIR,
    student: Annotated[list[str] | None, typer.Option(help="Only this student.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Grade again what is graded.")] = False,
    unsafe: Annotated[
        bool, typer.Option("--unsafe", help="Grade without a sandbox. Trusted code only.")
    ] = False,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Notebooks that run at a time; else one per core.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Autograde every submission of an assignment, in the sandbox."""
    from course_utils.grading.commands import grade as run

    raise typer.Exit(
        run(
            course_dir,
            assignment,
            students=student,
            force=force,
            unsafe=unsafe,
            workers=workers,
            as_json=json,
        )
    )


@app.command()
def feedback(assignment: Assignment, course_dir: CourseDir = DEFAULT_COURSE_DIR) -> None:
    """Write the feedback pages of a graded assignment."""
    from course_utils.grading.feedback import feedback as run

    run(course_dir, assignment)


@app.command()
def viva(
    assignment: Assignment,
    student: Annotated[str, typer.Option(help="Whose submission.")],
    course_dir: CourseDir = DEFAULT_COURSE_DIR,
    json: Annotated[bool, typer.Option("--json", help="Print the questions as JSON.")] = False,
) -> None:
    """Propose three questions for a short talk with a student, from the student's own work."""
    from course_utils.grading.viva.questions import viva as run

    run(course_dir, assignment, student, as_json=json)


@app.command()
def solutions(assignment: Assignment, course_dir: CourseDir = DEFAULT_COURSE_DIR) -> None:
    """Write the staff's solutions of an assignment, executed, as one page. Never released."""
    from course_utils.grading.solutions import solutions as run

    run(course_dir, assignment)


@app.command()
def data(
    names: Annotated[list[str] | None, typer.Argument(help="Data sets; none lists them.")] = None,
) -> None:
    """Fetch full data sets ahead of a class; with no name, list them."""
    from course_utils.data.fetch import run

    raise typer.Exit(run(names or []))


@app.command()
def demo() -> None:
    """Grade a sample class of A1 in a course directory of its own, _build/sample-class."""
    from course_utils.grading.demo import demo as run

    raise typer.Exit(run(Path.cwd()))


@app.command()
def selftest(
    json: Annotated[bool, typer.Option("--json", help="Print every outcome as JSON.")] = False,
) -> None:
    """Attack the grader on this machine with every submission of the corpus; say what held."""
    from course_utils.grading.selftest.run import run

    raise typer.Exit(run(as_json=json))


def main() -> NoReturn:
    """Run the command; a `CourseError` is printed as a message, never as a traceback."""
    # nbformat's jsonschema would spend a second on a grammar of addresses, which no notebook has.
    sys.modules.setdefault("rfc3987_syntax", None)
    try:
        app()
    except CourseError as error:
        Console(stderr=True).print(f"[bold red]course:[/] {escape(str(error))}", highlight=False)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        Console(stderr=True).print("course: stopped")
        sys.exit(130)
    sys.exit(0)
