"""How well the assignments' tests tell right from wrong, over ten secrets.

    make strength                                   # all assignments, one after the other
    python tests/assignments/strength.py A2 A3      # some

Prints, for the points that tests give: what the solution and the blank get; the kill rate (mistakes
that lose points exactly where they were made); the false alarms (right solutions in other styles
that lose any); and the same for files of weights. Ends with 1 if anything is not as it must be.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import torch
from bench import Bench
from rich.console import Console
from rich.progress import track
from rich.table import Table
from variants import ASSIGNMENTS, File, variants

SECRETS = ["", *(f"secret-{i}" for i in range(1, 10))]


@dataclass
class Outcome:
    """What became of one kind of variant: how many runs, and which were not as they must be."""

    kind: str
    count: int = 0
    runs: int = 0
    wrong: list[str] = field(default_factory=list)

    def add(
        self, name: str, secret: str, failed: dict[str, str], expected: set[str], says: str = ""
    ) -> None:
        """Count one run.

        Args:
            name: of what was tried.
            secret: that it was tried with.
            failed: the tests that failed, and why.
            expected: those that had to fail.
            says: what one of the messages had to contain.
        """
        self.runs += 1
        where = f"{name}, secret {secret!r}" if secret else name
        if failed.keys() != expected:
            self.wrong.append(f"{where}: fails {sorted(failed)}, should fail {sorted(expected)}")
        elif failed and not any(says in message for message in failed.values()):
            self.wrong.append(f"{where}: no message says {says!r}")


def failures_with(bench: Bench, file: File, good: Path) -> dict[str, str]:
    """Why tests fail for the solution with one file of weights in the place of the good one."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(good, folder, dirs_exist_ok=True)
        weights = torch.load(folder / file.file, weights_only=True)
        (folder / file.file).unlink()
        file.write(folder / file.file, weights)
        return bench.failures({}, folder=folder, secret="")


def measure(assignment: str, bench: Bench, good: Path) -> Iterator[Outcome]:
    """Run every variant with every secret; ``good`` holds the files of a good training."""
    tried = variants(assignment)
    with tempfile.TemporaryDirectory() as nothing:
        both = Outcome("solution all points, blank none", count=2)
        for secret in track(SECRETS, "Solution, blank"):
            failed = bench.failures({}, folder=good, secret=secret)
            both.add("solution", secret, failed, set())
            failed = bench.failures(bench.blank(), folder=Path(nothing), secret=secret)
            both.add("blank", secret, failed, set(bench.points))
        yield both

    mistakes = Outcome("mistakes, each killed where it is made", count=len(tried.mistakes))
    for name, mistake in track(tried.mistakes.items(), "Mistakes"):
        changed = mistake.planted(bench.solutions)
        for secret in SECRETS:
            failed = bench.failures(changed, folder=good, secret=secret)
            mistakes.add(name, secret, failed, mistake.fails, mistake.says or "")
    yield mistakes

    styles = Outcome("right solutions in other styles", count=len(tried.alternatives))
    for name, cells in track(tried.alternatives.items(), "Other styles"):
        for secret in SECRETS:
            styles.add(name, secret, bench.failures(cells, folder=good, secret=secret), set())
    yield styles

    files = Outcome("files of weights, good and bad", count=len(tried.files))
    for name, file in track(tried.files.items(), "Files"):
        files.add(name, "", failures_with(bench, file, good), file.fails, file.says)
    yield files


def report(console: Console, assignment: str) -> bool:
    """Measure one assignment and print its table; whether all is as it must be."""
    start = time.monotonic()
    bench = Bench(assignment)
    with tempfile.TemporaryDirectory() as folder:
        bench.train(Path(folder))
        outcomes = list(measure(assignment, bench, Path(folder)))
    table = Table(title=f"{assignment}, {len(SECRETS)} secrets", title_justify="left")
    for name in ("", "variants", "runs", "as they must be"):
        table.add_column(name, justify="right" if name else "left")
    for outcome in outcomes:
        right = 1 - len(outcome.wrong) / outcome.runs
        table.add_row(outcome.kind, str(outcome.count), str(outcome.runs), f"{right:.1%}")
    console.print(table)
    wrong = [problem for outcome in outcomes for problem in outcome.wrong]
    for problem in wrong:
        console.print(problem, style="red", highlight=False, markup=False)
    points = sum(bench.points.values())
    console.print(f"{points} points by tests; {time.monotonic() - start:.0f} s\n")
    return not wrong


def main(names: list[str]) -> int:
    torch.set_num_threads(1)
    chosen = [a for a in ASSIGNMENTS if not names or a.split("-")[0].upper() in names]
    if not chosen:
        print(f"none of {names}; there are {ASSIGNMENTS}", file=sys.stderr)
        return 2
    console = Console()
    results = [report(console, assignment) for assignment in chosen]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main([name.upper() for name in sys.argv[1:]]))
