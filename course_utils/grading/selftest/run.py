"""``course selftest``: hand in the corpus, grade it, and say what held on this machine."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass

import nbformat
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from course_utils.errors import DONE, NEEDS_A_PERSON
from course_utils.grading import engine
from course_utils.grading.feedback import feedback
from course_utils.grading.records import Graded
from course_utils.grading.release import release
from course_utils.grading.selftest.attack import Attack, World
from course_utils.grading.selftest.corpus import ATTACKS, CLASSES
from course_utils.grading.selftest.little_course import ASSIGNMENT, answered, submit
from course_utils.grading.selftest.world import world

Tell = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Outcome:
    """How one attack ended; ``not_held`` is what came of it that must not, empty if it held."""

    attack: str
    tries: str
    state: str
    score: float | None
    reason: str
    not_held: str


def hand_in(made: World, attacks: Iterable[Attack]) -> None:
    """Release the little course's assignment and write the submissions."""
    with redirect_stdout(io.StringIO()):
        release(made.root, ASSIGNMENT)
    path = made.root / "release" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
    released = nbformat.read(path, as_version=4)
    for attack in attacks:
        notebook = answered(released, attack.sources(made))
        instead = attack.edit(notebook) if attack.edit else None
        folder = submit(made.root, attack.name, notebook if instead is None else instead)
        if attack.files:
            attack.files(folder)


def attempt(
    made: World,
    attacks: list[Attack],
    *,
    sandbox: bool = True,
    tell: Tell = lambda student, done, total: None,
) -> dict[str, Graded]:
    """Hand in attacks, grade them, and write feedback pages for those whose probes look at them."""
    hand_in(made, attacks)
    graded = engine.grade(made.root, ASSIGNMENT, sandbox=sandbox, progress=tell)
    read = [attack.name for attack in attacks if attack.probe]
    if read:
        with redirect_stdout(io.StringIO()):
            feedback(made.root, ASSIGNMENT, students=read)
    return {one.student: one for one in graded}


def judge(made: World, attacks: Iterable[Attack], graded: dict[str, Graded]) -> list[Outcome]:
    """What came of each attack."""
    outcomes = []
    for attack in attacks:
        one = graded.get(attack.name)
        outcomes.append(
            Outcome(
                attack=attack.name,
                tries=attack.tries,
                state=one.state if one else "",
                score=one.score if one else None,
                reason=one.reason if one else "",
                not_held=attack.not_held(one, made),
            )
        )
    return outcomes


def run(*, as_json: bool = False) -> int:
    """Run the whole corpus in a temporary course directory; 0 if all held, else 1.

    Raises:
        CourseError: this machine cannot make a sandbox, or grading fails as a whole.
    """
    console = Console()
    bar = Progress(
        TextColumn("Attacking"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
        console=Console(stderr=True),
    )
    with world() as made, bar:
        task = bar.add_task("", total=len(ATTACKS))

        def tell(student: str, done: int, total: int) -> None:
            bar.update(task, description=escape(student), completed=done, total=total)

        outcomes = judge(made, ATTACKS, attempt(made, ATTACKS, tell=tell))
        bar.update(task, description="")
    if as_json:
        print(json.dumps([asdict(outcome) for outcome in outcomes], indent=1))
    else:
        _print(console, {outcome.attack: outcome for outcome in outcomes})
    return NEEDS_A_PERSON if any(outcome.not_held for outcome in outcomes) else DONE


def _print(console: Console, outcomes: dict[str, Outcome]) -> None:
    table = Table(title="What held on this machine", title_justify="left")
    table.add_column("class")
    table.add_column("held", justify="right")
    table.add_column("not held", overflow="fold")
    for title, attacks in CLASSES.items():
        failed = [attack.name for attack in attacks if outcomes[attack.name].not_held]
        held = f"{len(attacks) - len(failed)}/{len(attacks)}"
        table.add_row(title, f"[{'red' if failed else 'green'}]{held}[/]", ", ".join(failed))
    console.print(table)
    for outcome in outcomes.values():
        if outcome.not_held:
            said = f"[red]{outcome.attack}[/] {escape(outcome.tries)} {escape(outcome.not_held)}."
            console.print(said, highlight=False)
    failed = sum(bool(outcome.not_held) for outcome in outcomes.values())
    console.print(
        f"{len(outcomes) - failed} of {len(outcomes)} held."
        if failed
        else f"All {len(outcomes)} held."
    )
