"""What of a graded notebook may go into a feedback page: known kinds of outputs, no odd metadata.

nbgrader's template writes some of a notebook's fields into the page as they come, and stops at
others that are not what it expects. A student's code decides what is in all of them.
"""

from __future__ import annotations

import re
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_output
from nbgrader.preprocessors import NbGraderPreprocessor

TEXTS = ("text/html", "text/markdown", "text/latex", "image/svg+xml", "text/plain")
PICTURES = ("image/png", "image/jpeg")
BASE64 = re.compile(r"[A-Za-z0-9+/=\s]*")
WORD = re.compile(r"[\w+#.-]{1,40}")


class KeepHarmless(NbGraderPreprocessor):
    """Reduces a notebook to what feedback shows of it."""

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]):
        language = nb.metadata.get("language_info", {})
        known = {name: language.get(name) for name in ("name", "pygments_lexer")}
        nb.metadata = NotebookNode(
            language_info={
                name: value
                for name, value in known.items()
                if isinstance(value, str) and WORD.fullmatch(value)
            }
        )
        for cell in nb.cells:
            kept = {name: cell.metadata[name] for name in ("nbgrader",) if name in cell.metadata}
            cell.metadata = NotebookNode(kept)
            if "attachments" in cell:
                cell.attachments = _pictures(cell.attachments)
            if cell.cell_type == "code":
                cell.outputs = [harmless(output) for output in cell.outputs]
        return nb, resources


def _pictures(attachments: Any) -> NotebookNode:
    """Those attachments of a text that are pictures."""
    given = attachments if isinstance(attachments, dict) else {}
    return NotebookNode(
        {
            name: NotebookNode(kept)
            for name, data in given.items()
            if isinstance(data, dict) and (kept := _only_pictures(data))
        }
    )


def _only_pictures(data: dict[str, Any]) -> dict[str, str]:
    return {
        name: data[name]
        for name in PICTURES
        if isinstance(data.get(name), str) and BASE64.fullmatch(data[name])
    }


def harmless(output: NotebookNode) -> NotebookNode:
    """An output with the fields of its kind and no others."""
    kind = output.get("output_type")
    if kind == "stream":
        name = "stderr" if output.get("name") == "stderr" else "stdout"
        return new_output("stream", name=name, text=_text(output.get("text")))
    if kind == "error":
        fields = {name: _text(output.get(name)) for name in ("ename", "evalue")}
        lines = output.get("traceback")
        traceback = [_text(line) for line in lines] if isinstance(lines, list) else []
        return new_output("error", **fields, traceback=traceback)
    given = output.get("data")
    data = given if isinstance(given, dict) else {}
    kept = {name: data[name] for name in TEXTS if isinstance(data.get(name), str)}
    kept |= _only_pictures(data)
    if data and not kept:
        kept = {"text/plain": "(an output that feedback does not show)"}
    sizes = {name: _size(output.get("metadata"), name) for name in PICTURES if name in kept}
    return new_output("display_data", data=kept, metadata=sizes)


def _size(metadata: Any, kind: str) -> dict[str, int]:
    given = metadata.get(kind) if isinstance(metadata, dict) else None
    if not isinstance(given, dict):
        return {}
    return {
        name: given[name]
        for name in ("width", "height")
        if isinstance(given.get(name), int) and 0 < given[name] < 10_000
    }


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
