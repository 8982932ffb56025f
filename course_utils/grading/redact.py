"""Keep hidden tests out of feedback: their lines leave the sources and whatever cells printed.

A line that stands in an output as such is replaced where it stands. Then the outputs are looked at
again without colors, tags, quotes, spaces, newlines and capitals: a part that still shows a hidden
line in such a form is replaced as a whole, and so are all outputs of a cell that only do together.
"""

from __future__ import annotations

import html
import re
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_output
from nbgrader.preprocessors import ClearHiddenTests
from nbgrader.utils import is_locked

from course_utils.ansi import strip_ansi

LINE_NUMBER = re.compile(r"^(-+>)?\s*\d+\s")
TAG = re.compile(r"<[^<>]*>")
# What does not count when a text is compared as a whole: backslash-n of a literal, quotes, spaces …
NOISE = re.compile(r"\\[nrt]|[\\\s'\"`>|]+")
# A short line such as `x = 1` is hidden where it stands alone, not wherever it is part of another.
DISTINCTIVE = 12
PLACEHOLDER = "(hidden test)"


class RedactHiddenTests(ClearHiddenTests):
    """Like nbgrader's `ClearHiddenTests`, and removes the tests' lines from all outputs too.

    A student's code that prints a hidden test in a form that has to be decoded is not caught.
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
                if cell.cell_type == "code":
                    cell.outputs = redact_outputs(cell.outputs, hidden)
        return nb, resources

    def _hidden_lines(self, source: str) -> list[str]:
        lines, inside = [], False
        for line in source.splitlines():
            inside = inside or self.begin_test_delimeter in line
            if inside and line.strip():
                lines.append(line.strip())
            inside = inside and self.end_test_delimeter not in line
        return lines


def redact_outputs(outputs: list[NotebookNode], hidden: set[str]) -> list[NotebookNode]:
    """A cell's outputs without hidden lines, as they stand or in a form that can be read."""
    for output in outputs:
        _redact_output(output, hidden)
    # Together as they come, and each kind of text for itself: a page shows only one of them.
    shown = "".join(text for output in outputs for text in _texts(output))
    one = "".join(text for output in outputs for text in _texts(output)[:1])
    if shows(shown, hidden) or shows(one, hidden):
        return [new_output("stream", name="stdout", text=PLACEHOLDER)]
    return outputs


def _redact_output(output: NotebookNode, hidden: set[str]) -> None:
    for field in ("text", "ename", "evalue"):
        if field in output:
            output[field] = redact_whole(redact(output[field], hidden), hidden)
    if "traceback" in output:
        parts = [redact(part, hidden) for part in output["traceback"]]
        whole = shows("\n".join(parts), hidden)
        output["traceback"] = [PLACEHOLDER] if whole else parts
    for kind, value in output.get("data", {}).items():
        if kind.startswith("image/p") or kind == "image/jpeg":
            continue
        text = redact_whole(redact(value, hidden), hidden)
        output["data"][kind] = text if text != PLACEHOLDER or "svg" not in kind else EMPTY_SVG


EMPTY_SVG = '<svg xmlns="http://www.w3.org/2000/svg"/>'


def _texts(output: NotebookNode) -> list[str]:
    if "traceback" in output:
        return ["\n".join(output["traceback"])]
    if "text" in output:
        return [output["text"]]
    return [
        value for kind, value in output.get("data", {}).items() if not kind.startswith("image/")
    ]


def redact_whole(text: str, hidden: set[str]) -> str:
    """The text, or a placeholder for all of it where it shows a hidden line in another form."""
    return PLACEHOLDER if shows(text, hidden) else text


def shows(text: str, hidden: set[str]) -> bool:
    """Whether a text shows a hidden line when colors, tags, spaces and the like are left out."""
    lines = [bare for line in hidden if len(bare := _bare(line)) >= DISTINCTIVE]
    without_tags = html.unescape(TAG.sub("", html.unescape(text)))
    views = (_bare(text), _bare(html.unescape(text)), _bare(without_tags))
    return any(line in view for view in views for line in lines)


def _bare(text: str) -> str:
    return NOISE.sub("", strip_ansi(text)).casefold()


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
