"""Keep hidden tests out of feedback: their lines leave the sources and whatever cells printed."""

from __future__ import annotations

import re
from typing import Any

from nbformat import NotebookNode
from nbgrader.preprocessors import ClearHiddenTests
from nbgrader.utils import is_locked

from course_utils.ansi import strip_ansi

LINE_NUMBER = re.compile(r"^(-+>)?\s*\d+\s")
# A short line such as `x = 1` is hidden where it stands alone, not wherever it is part of another.
DISTINCTIVE = 12
PLACEHOLDER = "(hidden test)"


class RedactHiddenTests(ClearHiddenTests):
    """Like nbgrader's `ClearHiddenTests`, and removes the tests' lines from all outputs too.

    A student's code that prints a hidden test in another form (encoded, say) is not caught.
    """

    enforce_metadata = False

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]):
        hidden = {line for cell in nb.cells for line in self._hidden_lines(cell.source)}
        nb, resources = super().preprocess(nb, resources)
        # A line that a visible test has too is no secret, and its failures should show it.
        tests = [cell for cell in nb.cells if is_locked(cell)]
        hidden -= {line.strip() for cell in tests for line in cell.source.splitlines()}
        if hidden:
            for cell in nb.cells:
                for output in cell.get("outputs", []):
                    _redact_output(output, hidden)
        return nb, resources

    def _hidden_lines(self, source: str) -> list[str]:
        lines, inside = [], False
        for line in source.splitlines():
            inside = inside or self.begin_test_delimeter in line
            if inside and line.strip():
                lines.append(line.strip())
            inside = inside and self.end_test_delimeter not in line
        return lines


def _redact_output(output: NotebookNode, hidden: set[str]) -> None:
    for field in ("text", "evalue"):
        if field in output:
            output[field] = redact(output[field], hidden)
    if "traceback" in output:
        output["traceback"] = [redact(part, hidden) for part in output["traceback"]]
    for kind, value in output.get("data", {}).items():
        if isinstance(value, str) and not kind.startswith("image/p"):
            output["data"][kind] = redact(value, hidden)


def redact(text: str, hidden: set[str]) -> str:
    """Replace every run of lines that show a hidden line by one placeholder."""
    kept: list[str] = []
    for line in text.split("\n"):
        bare = LINE_NUMBER.sub("", strip_ansi(line)).strip()
        if bare in hidden or any(len(part) >= DISTINCTIVE and part in bare for part in hidden):
            if not kept or kept[-1] != PLACEHOLDER:
                kept.append(PLACEHOLDER)
        else:
            kept.append(line)
    return "\n".join(kept)
