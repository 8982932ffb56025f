"""Put back what of an assignment's own cells a student changed, moved, doubled or deleted.

nbgrader itself restores the source of a locked cell that it finds. It does not look for one that is
gone, stops at one that is there twice or has another schema version, and believes tags that keep a
test from running. So this comes first: the released notebook says which cells there have to be, in
which order, with which metadata. What is a student's own (answers, cells in between) stays.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field

from nbformat import NotebookNode

# A test that does not run, or may raise, would count as passed.
TAGS = {"skip-execution", "raises-exception"}

# Of nbgrader's metadata; the others are its notes.
MATTERS = {"grade", "grade_id", "locked", "points", "schema_version", "solution", "task"}


@dataclass
class Restored:
    """What was put right that a person has to look at.

    Attributes:
        reasons: sentences for staff.
        cells: the graded cells among those.
    """

    reasons: list[str] = field(default_factory=list)
    cells: list[str] = field(default_factory=list)

    def note(self, what: str, names: list[str]) -> None:
        if names:
            self.reasons.append(f"{what}: {', '.join(names)}.")
            self.cells += names


def restore(notebook: NotebookNode, released: NotebookNode, tags: set[str] = TAGS) -> Restored:
    """Change a submitted notebook so that it has the released one's cells, as released.

    Args:
        notebook: what was submitted.
        released: what the student was given.
        tags: taken off every cell.
    """
    restored = Restored()
    for cell in notebook.cells:
        _take_off(cell, tags)
    originals = {name: cell for cell in released.cells if (name := _name(cell))}
    names = list(originals)
    found = _identify(notebook, originals)

    restored.note("There twice, the last one counts", _drop_duplicates(notebook, found))
    for cell, name in zip(notebook.cells, found, strict=True):
        if name is None:
            cell.metadata.pop("nbgrader", None)
    for index, name in enumerate(found):
        if name is not None:
            notebook.cells[index] = _with_metadata(notebook.cells[index], originals[name])

    present = [name for name in found if name is not None]
    kept = _longest_in_order(present, originals)
    moved = [name for name in names if name in present and name not in kept]
    lost = [name for name in names if name not in present and _must_be_there(originals[name])]
    cells = {name: cell for cell, name in zip(notebook.cells, found, strict=True) if name in moved}
    notebook.cells = [
        cell for cell, name in zip(notebook.cells, found, strict=True) if name not in moved
    ]
    for name in [name for name in names if name in moved or name in lost]:
        _insert(notebook, released, name, cells.get(name) or _fresh(originals[name]))
    restored.note("Moved, put back in its place", moved)
    restored.note("Missing, put back", lost)
    return restored


def _take_off(cell: NotebookNode, tags: set[str]) -> None:
    given = cell.metadata.get("tags")
    if isinstance(given, list):
        cell.metadata["tags"] = [tag for tag in given if tag not in tags]
    elif given is not None:
        del cell.metadata["tags"]


def _name(cell: NotebookNode) -> str | None:
    """The name of a cell that nbgrader knows; None of any other."""
    given = cell.metadata.get("nbgrader")
    name = given.get("grade_id") if isinstance(given, dict) else None
    return name if isinstance(name, str) and name else None


def _is(cell: NotebookNode, *kinds: str) -> bool:
    return any(cell.metadata.nbgrader.get(kind) for kind in kinds)


def _must_be_there(cell: NotebookNode) -> bool:
    """Tests and what else is locked, and what a person grades.

    Not an answer that only tests grade: it may well stand in another cell by now, and an empty one
    below would undo it.
    """
    return _is(cell, "grade", "task") or (_is(cell, "locked") and not _is(cell, "solution"))


def _identify(notebook: NotebookNode, originals: dict[str, NotebookNode]) -> list[str | None]:
    """Which released cell each submitted one is: by its name, else its id, else its source."""
    found = [name if (name := _name(cell)) in originals else None for cell in notebook.cells]
    by_id = {cell.id: name for name, cell in originals.items() if "id" in cell}
    by_source = {
        cell.source: name
        for name, cell in originals.items()
        if _must_be_there(cell) and cell.source.strip()
    }
    for lookup, key in ((by_id, "id"), (by_source, "source")):
        for index, cell in enumerate(notebook.cells):
            name = lookup.get(cell.get(key))
            if found[index] is None and name is not None and name not in found:
                found[index] = name
    return found


def _drop_duplicates(notebook: NotebookNode, found: list[str | None]) -> list[str]:
    """As nbgrader does, the last of several is the one; the others become cells like any other."""
    doubled = []
    last = {name: index for index, name in enumerate(found)}
    for index, name in enumerate(found):
        if name is not None and last[name] != index:
            found[index] = None
            if name not in doubled:
                doubled.append(name)
    return doubled


def _with_metadata(cell: NotebookNode, original: NotebookNode) -> NotebookNode:
    if cell.cell_type != original.cell_type:
        source, cell = cell.source, _fresh(original)
        if _is(original, "solution"):
            cell.source = source
    given, right = cell.metadata.get("nbgrader"), original.metadata.nbgrader
    if not (isinstance(given, dict) and given.keys() <= right.keys()) or any(
        given.get(key) != right[key] for key in MATTERS & right.keys()
    ):
        cell.metadata["nbgrader"] = deepcopy(right)
    return cell


def _fresh(original: NotebookNode) -> NotebookNode:
    return deepcopy(original)


def _longest_in_order(present: list[str], originals: dict[str, NotebookNode]) -> list[str]:
    """The longest part whose order is the released one; of several, that with most answers."""
    place = {name: index for index, name in enumerate(originals)}
    best: list[list[str]] = []  # the best part that ends at each name

    def worth(part: list[str]) -> tuple[int, int]:
        return len(part), sum(_is(originals[name], "solution") for name in part)

    for name in present:
        before = [part for part in best if place[part[-1]] < place[name]]
        best.append([*max(before, key=worth, default=[]), name])
    return max(best, key=worth, default=[])


def _insert(notebook: NotebookNode, released: NotebookNode, name: str, cell: NotebookNode) -> None:
    """Before the first of the released cells after it that is there, else at the end."""
    order = [_name(one) for one in released.cells]
    place = order.index(name)
    named = {_name(one): index for index, one in enumerate(notebook.cells) if _name(one)}
    before = max((named[one] for one in order[:place] if one in named), default=-1)
    ids = {one.id: index for index, one in enumerate(notebook.cells) if "id" in one}
    for one in released.cells[place + 1 :]:
        index = named.get(_name(one)) if _name(one) else ids.get(one.get("id"))
        if index is not None and index > before:
            notebook.cells.insert(index, cell)
            return
    notebook.cells.append(cell)
