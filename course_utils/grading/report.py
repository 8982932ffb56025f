"""What a run did: every submission's result, and where the time went."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from course_utils.grading.records import Graded


@dataclass
class Clock:
    """Seconds of a run, by what they were spent on.

    Attributes:
        workers: how many notebooks could run at a time.
        spent: ``prepare`` and ``record`` in this process, ``execute`` in all workers together.
    """

    workers: int = 0
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    start: float = field(default_factory=time.monotonic)
    spent: dict[str, float] = field(
        default_factory=lambda: dict.fromkeys(("prepare", "execute", "record"), 0.0)
    )

    @contextmanager
    def of(self, what: str) -> Iterator[None]:
        start = time.monotonic()
        try:
            yield
        finally:
            self.spent[what] += time.monotonic() - start

    def totals(self) -> dict[str, float]:
        """``idle`` is the time of workers that had no notebook."""
        wall = time.monotonic() - self.start
        idle = max(0.0, wall * self.workers - self.spent["execute"])
        return {name: round(s, 3) for name, s in {"wall": wall, **self.spent, "idle": idle}.items()}


def write_report(path: Path, clock: Clock, results: Sequence[Graded], left: int) -> None:
    """Write a run's report.

    Args:
        path: the file; one of an earlier run is replaced.
        clock: the run's.
        results: in the order of the class list.
        left: submissions that the run did not come to.
    """
    content = {
        "started": clock.started.isoformat(timespec="seconds"),
        "workers": clock.workers,
        "seconds": clock.totals(),
        "graded": sum(not graded.skipped for graded in results),
        "unchanged": sum(graded.skipped for graded in results),
        "left": left,
        "submissions": [asdict(graded) for graded in results],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(content, indent=1), encoding="utf-8")
    os.replace(partial, path)
