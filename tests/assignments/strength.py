"""How well an assignment's tests tell right from wrong, over ten secrets.

    make strength

Prints, for the points that tests give: what the solution and the blank get; the kill rate (mistakes
that lose points exactly where they were made); the false alarms (right solutions in other styles
that lose any); and the same for files of weights. Ends with 1 if anything is not as it must be.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import torch
from a1_alternatives import ALTERNATIVES
from a1_mistakes import MISTAKES
from a1_weights import FILE, FILES, Weights
from bench import Bench, run
from rich.console import Console
from rich.progress import track
from rich.table import Table

SECRETS = ["", *(f"secret-{i}" for i in range(1, 10))]


def trained_weights(bench: Bench, folder: Path) -> Weights:
    """Weights trained once by the solution's own `train`."""
    names = bench.namespace({})
    if problem := run("parts", bench.cells["parts"].source, names):
        raise RuntimeError(problem)
    digits = names["digits"]
    weights = names["train"](digits.x_train, digits.y_train)
    torch.save(weights, folder / FILE)
    return weights


@dataclass
class Outcome:
    """What became of one kind of variant: how many runs, and which were not as they must be."""

    kind: str
    count: int = 0
    runs: int = 0
    wrong: list[str] = field(default_factory=list)

    def add(self, name: str, secret: str, failed: set[str], expected: set[str]) -> None:
        self.runs += 1
        if failed != expected:
            where = f"secret {secret!r}: " if secret else ""
            self.wrong.append(
                f"{name}: {where}fails {sorted(failed)}, should fail {sorted(expected)}"
            )


def measure(bench: Bench, folder: Path) -> Iterator[Outcome]:
    """Run every variant with every secret."""
    weights = trained_weights(bench, folder)
    with tempfile.TemporaryDirectory() as nothing:
        both = Outcome("solution all points, blank none", count=2)
        for secret in track(SECRETS, "Solution, blank"):
            failed = bench.failures({}, folder=folder, secret=secret)
            both.add("solution", secret, set(failed), set())
            failed = bench.failures(bench.blank(), folder=Path(nothing), secret=secret)
            both.add("blank", secret, set(failed), set(bench.points))
        yield both

    mistakes = Outcome("mistakes, each killed where it is made", count=len(MISTAKES))
    for name, mistake in track(MISTAKES.items(), "Mistakes"):
        changed = plant(bench, mistake.cell, mistake.right, mistake.wrong)
        for secret in SECRETS:
            failed = bench.failures(changed, folder=folder, secret=secret)
            mistakes.add(name, secret, set(failed), mistake.fails)
    yield mistakes

    styles = Outcome("right solutions in other styles", count=len(ALTERNATIVES))
    for name, cells in track(ALTERNATIVES.items(), "Other styles"):
        for secret in SECRETS:
            failed = bench.failures(cells, folder=folder, secret=secret)
            styles.add(name, secret, set(failed), set())
    yield styles

    files = Outcome("files of weights, good and bad", count=len(FILES))
    for name, (write, fails, _) in track(FILES.items(), "Files"):
        with tempfile.TemporaryDirectory() as other:
            write(Path(other, FILE), weights)
            failed = bench.failures({}, folder=Path(other), secret="")
            files.add(name, "", set(failed), fails)
    yield files


def plant(bench: Bench, cell: str, right: str, wrong: str) -> dict[str, str]:
    """A solution cell with a mistake in it.

    Raises:
        ValueError: what is to be replaced is not there.
    """
    source = bench.solutions[cell]
    if right not in source:
        raise ValueError(f"{right!r} is not in the cell {cell}:\n{source}")
    return {cell: source.replace(right, wrong)}


def main() -> int:
    torch.set_num_threads(1)
    console = Console()
    start = time.monotonic()
    bench = Bench("a1-mlps")
    with tempfile.TemporaryDirectory() as folder:
        outcomes = list(measure(bench, Path(folder)))
    table = Table(title=f"a1-mlps, {len(SECRETS)} secrets", title_justify="left")
    for name in ("", "variants", "runs", "as they must be"):
        table.add_column(name, justify="right" if name else "left")
    for outcome in outcomes:
        right = 1 - len(outcome.wrong) / outcome.runs
        table.add_row(outcome.kind, str(outcome.count), str(outcome.runs), f"{right:.1%}")
    console.print(table)
    for problem in (problem for outcome in outcomes for problem in outcome.wrong):
        console.print(problem, style="red", highlight=False, markup=False)
    points = sum(bench.points.values())
    console.print(f"{points} points by tests; {time.monotonic() - start:.0f} s")
    return 1 if any(outcome.wrong for outcome in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
