"""Files that are broken, in the wrong place, or not what they seem."""

from __future__ import annotations

import json
import os
import socket
import tarfile
import zipfile
from pathlib import Path

from nbformat import NotebookNode

from course_utils.grading.records import MALFORMED
from course_utils.grading.selftest.attack import BROKEN, EITHER, REVIEWED, Attack, World
from course_utils.grading.selftest.little_course import NOTEBOOK

TITLE = "files that are handed in"


def _says_why(world: World, graded) -> str | None:
    """A malformed submission gets a page that says what to do."""
    page = world.page(graded.student)
    if graded.state == MALFORMED and "could not be graded" not in page:
        return "there is no feedback page with the reason"
    return None


def _text(change):
    return lambda notebook: change(json.dumps(notebook))


def _broken(name, tries, edit, reason="") -> Attack:
    return Attack(name, tries, edit=edit, state=BROKEN, score=0, reason=reason, probe=_says_why)


def _odd(name, tries, edit) -> Attack:
    """Either graded in full or malformed with 0: never in between, never lost."""
    return Attack(
        name,
        tries,
        edit=edit,
        state=(*EITHER, *BROKEN),
        score=None,
        probe=lambda world, graded: (
            _says_why(world, graded)
            if graded.score == (0 if graded.state == MALFORMED else graded.max_score)
            else f"score {graded.score:g} in state {graded.state}"
        ),
    )


def _with_nan(notebook: NotebookNode):
    notebook.cells[0].metadata["x"] = float("nan")
    return json.dumps(notebook)


def _huge_number(notebook):
    return json.dumps(notebook).replace('"nbformat": 4', '"nbformat": 4' + "0" * 5000)


def _cells_odd(notebook):
    return json.dumps({**notebook, "cells": {"0": notebook.cells[0]}})


def _source_odd(notebook):
    notebook.cells[1]["source"] = {"a": 1}
    return json.dumps(notebook)


def _unknown_cell(notebook):
    notebook.cells[1]["cell_type"] = "video"
    return json.dumps(notebook)


def _surrogates(notebook):
    notebook.cells[0].source = "\ud800 lonely"


def _nul(notebook):
    notebook.cells[0].source = "a\0b"


def _right_to_left(notebook):
    notebook.cells[0].source = "\u202e gnihtemos \u2066"


def _big(notebook):
    notebook.cells[0].source = "x" * (30 * 2**20)


def _many_cells(notebook):
    from nbformat.v4 import new_markdown_cell

    notebook.cells += [new_markdown_cell("x") for _ in range(2000)]


def _deep_metadata(notebook):
    deep: dict = {}
    for _ in range(300):
        deep = {"a": deep}
    notebook.metadata["deep"] = deep


def _version3(notebook):
    cells = [
        {"cell_type": "code", "input": one.source, "outputs": [], "language": "python"}
        for one in notebook.cells
    ]
    worksheets = [{"cells": cells, "metadata": {}}]
    return json.dumps(
        {"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": worksheets}
    )


NOTEBOOKS = [
    _broken(
        "truncated", "A file that breaks off.", _text(lambda t: t[: len(t) // 2]), "breaks off"
    ),
    _broken("empty", "An empty file.", lambda n: "", NOTEBOOK),
    _broken("list", "JSON that is a list.", lambda n: "[1, 2]", "no notebook"),
    _broken("number", "JSON that is a number.", lambda n: "7", "no notebook"),
    _broken("null", "JSON that is null.", lambda n: "null", "no notebook"),
    _broken("object-json", "JSON that is an empty object.", lambda n: "{}", ""),
    _broken(
        "picture", "A picture under the notebook's name.", lambda n: b"\x89PNG\r\n\xff\xfe", "UTF-8"
    ),
    _broken(
        "script-file", "A Python script under the notebook's name.", lambda n: "def add(a, b): ..."
    ),
    _broken("web-page", "A log-in page saved as notebook.", lambda n: "<!DOCTYPE html><p>Log in"),
    _broken("nul-bytes", "A file of NUL bytes.", lambda n: bytes(4096)),
    _broken("utf16", "A notebook in UTF-16.", lambda n: json.dumps(n).encode("utf-16")),
    _broken(
        "latin1",
        "A notebook in Latin-1 with an umlaut.",
        lambda n: json.dumps(n).replace("Because.", "ä").encode("latin-1"),
    ),
    _broken(
        "conflict",
        "A notebook with marks of a git conflict.",
        _text(lambda t: t.replace("{", "{\n<<<<<<< HEAD\n", 1)),
    ),
    _broken("nested", "JSON that is nested 100,000 deep.", lambda n: "[" * 100_000),
    _broken(
        "nested-closed",
        "JSON that is nested 5,000 deep and closed.",
        lambda n: '{"cells":' + "[" * 5000 + "]" * 5000 + "}",
    ),
    _broken("cells-odd", "Cells that are no list.", _cells_odd),
    _broken("source-odd", "A cell whose source is no text.", _source_odd),
    _broken(
        "version-odd",
        "A format version that is text.",
        _text(lambda t: t.replace('"nbformat": 4', '"nbformat": "four"')),
    ),
    _odd(
        "version-5",
        "Format version 5.",
        _text(lambda t: t.replace('"nbformat": 4', '"nbformat": 5')),
    ),
    _odd("version-huge", "A format version with 5,000 digits.", _huge_number),
    _odd("cell-unknown", "A cell of an unknown type.", _unknown_cell),
    Attack(
        "version-3",
        "A notebook of format 3, which has no metadata for tests.",
        edit=_version3,
        state=(*REVIEWED, *BROKEN),
        score=None,
    ),
    Attack(
        "byte-order-mark", "A byte order mark before the text.", edit=_text(lambda t: "\ufeff" + t)
    ),
    Attack(
        "windows-lines",
        "Windows' line ends.",
        edit=lambda n: json.dumps(n, indent=1).replace("\n", "\r\n").encode(),
    ),
    _odd("nan", "NaN, which is not JSON, in the metadata.", _with_nan),
    _odd("surrogates", "Half a character.", _surrogates),
    _odd("nul", "A NUL character in a cell.", _nul),
    Attack("right-to-left", "Characters that reverse the text.", edit=_right_to_left),
    Attack("big-cell", "A cell of 30 MB.", edit=_big, state=(*EITHER, *BROKEN), score=None),
    Attack("many-cells", "Adds 2,000 cells of its own.", edit=_many_cells),
    Attack(
        "deep-metadata",
        "Metadata that is nested 300 deep.",
        edit=_deep_metadata,
        state=(*EITHER, *BROKEN),
        score=None,
    ),
]


def _path(folder: Path) -> Path:
    return folder / NOTEBOOK


def _rename(to: str):
    return lambda folder: _path(folder).rename(folder / to)


def _into_folder(folder):
    (folder / "work").mkdir()
    _path(folder).rename(folder / "work" / NOTEBOOK)


def _as_folder(folder):
    _path(folder).unlink()
    _path(folder).mkdir()
    (_path(folder) / "x").write_text("x")


def _extra(folder):
    (folder / "other.ipynb").write_text("{ broken")
    (folder / f"Copy of {NOTEBOOK}").write_bytes(_path(folder).read_bytes())


def _link_solution(folder):
    _path(folder).unlink()
    _path(folder).symlink_to(folder.parents[2] / "source" / folder.name / NOTEBOOK)


def _link_loop(folder):
    (folder / "a").symlink_to(folder / "b")
    (folder / "b").symlink_to(folder / "a")
    (folder / "up").symlink_to("..")


def _hard_link(folder):
    os.link(folder.parents[2] / "nbgrader_config.py", folder / "config.txt")


def _unix_socket(folder):
    here = os.getcwd()
    os.chdir(folder)  # the path of a socket is short
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind("socket")
    finally:
        os.chdir(here)


def _device(folder):
    try:
        os.mknod(folder / "device", 0o020666, os.makedev(1, 5))
    except PermissionError:  # only root can
        os.mkfifo(folder / "device")


def _shadow(*names: str):
    def files(folder):
        for name in names:
            (folder / f"{name}.py").write_text("raise RuntimeError('shadowed')\n")

    return files


def _archives(folder):
    with zipfile.ZipFile(folder / "up.zip", "w") as file:
        file.writestr("../../../written-by-zip", "x")
        file.writestr("/tmp/written-by-zip", "x")
    with tarfile.open(folder / "up.tar", "w") as file:
        member = tarfile.TarInfo("../../../written-by-tar")
        file.addfile(member)


def _bomb(folder):
    with zipfile.ZipFile(folder / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("zeros", bytes(2**26))


def _names(folder):
    for name in ("-rf", "a\nb", "$(touch written)", "`id`", "x;y", "ü" * 60, "...", "%s%n"):
        (folder / name).write_text("x")
    os.close(os.open(os.fsencode(folder) + b"/\xff\xfe", os.O_CREAT | os.O_WRONLY))


def _over_source(folder):
    (folder / "data.txt").write_text("9 9 9\n")


def _source_file_as_folder(folder):
    (folder / "data.txt").mkdir(parents=True)
    (folder / "data.txt" / "x").write_text("x")


def _sparse(folder):
    with (folder / "big.bin").open("wb") as file:
        file.truncate(2**32)


def _deep_folders(folder):
    for _ in range(60):
        folder = folder / "deep"
    folder.mkdir(parents=True)
    (folder / "x").write_text("x")


def _unreadable(folder):
    (folder / "private").mkdir()
    (folder / "private" / "x").write_text("x")
    (folder / "private" / "x").chmod(0)


def _stamp(text: str | bytes):
    data = text if isinstance(text, bytes) else text.encode()
    return lambda folder: (folder / "timestamp.txt").write_bytes(data)


def _stamp_folder(folder):
    (folder / "timestamp.txt").unlink()
    (folder / "timestamp.txt").mkdir()


def _gone(name, tries, files, reason="") -> Attack:
    return Attack(name, tries, files=files, state=BROKEN, score=0, reason=reason, probe=_says_why)


def _left_out(name, tries, files, reason) -> Attack:
    return Attack(name, tries, files=files, state=REVIEWED, reason=reason)


def _any(name, tries, files) -> Attack:
    return Attack(name, tries, files=files, state=EITHER, probe=_nothing_unpacked)


def _nothing_unpacked(world: World, graded) -> str | None:
    for folder in (world.root, world.root / "submitted", world.outside, Path("/tmp")):
        if found := list(folder.glob("written*")):
            return f"{found[0]} was written"
    return None


FILES = [
    _gone("missing", "No notebook.", lambda folder: _path(folder).unlink(), "There is no notebook"),
    _gone(
        "renamed", "The notebook under another name.", _rename("my homework (1).ipynb"), "homework"
    ),
    _gone("other-case", "The notebook's name in capitals.", _rename(NOTEBOOK.upper())),
    _gone("in-a-folder", "The notebook in a folder.", _into_folder, "There is no notebook"),
    _gone("is-a-folder", "A folder under the notebook's name.", _as_folder),
    _gone("links-solution", "A link to the instructor's notebook.", _link_solution, "link"),
    _any("extra-notebooks", "Two notebooks more, one of them broken.", _extra),
    _left_out(
        "links-out",
        "A link to a file of the machine.",
        lambda folder: (folder / "passwd").symlink_to("/etc/passwd"),
        "passwd",
    ),
    _left_out(
        "links-folder",
        "A link to the course directory.",
        lambda folder: (folder / "course").symlink_to(folder.parents[2]),
        "course",
    ),
    _left_out("links-loop", "Links in a circle.", _link_loop, "link"),
    _any("hard-link", "A hard link to the course's configuration.", _hard_link),
    _left_out(
        "pipe",
        "A named pipe, at which a reader waits forever.",
        lambda folder: os.mkfifo(folder / "pipe"),
        "pipe",
    ),
    _left_out("socket", "A socket.", _unix_socket, "socket"),
    _left_out("device-file", "A device without end.", _device, "device"),
    _left_out("sparse", "A file of 4 GB that is a hole.", _sparse, "big.bin"),
    _any("shadow-torch", "A torch.py beside the notebook.", _shadow("antigravity", "tornado")),
    _any(
        "shadow-start",
        "Modules that a kernel starts with.",
        _shadow("json", "ipykernel", "zmq", "sitecustomize", "usercustomize", "traitlets"),
    ),
    _any("archives", "Archives that unpack outside their folder.", _archives),
    _any("zip-bomb", "An archive that unpacks to much more.", _bomb),
    Attack(
        "names",
        "Names with options, commands and newlines.",
        files=_names,
        state=EITHER,
        probe=_nothing_unpacked,
    ),
    _any("over-source", "A file under the name of the assignment's own.", _over_source),
    _any(
        "source-folder", "A folder under the name of the assignment's file.", _source_file_as_folder
    ),
    _any("deep-folders", "Folders sixty deep.", _deep_folders),
    _any("unreadable", "A file that may not be read.", _unreadable),
    _left_out("time-garbage", "A timestamp that is no time.", _stamp("yesterday, I think"), "time"),
    _left_out(
        "time-bytes", "A timestamp of bytes that are no text.", _stamp(b"\xff\xfe\0"), "time"
    ),
    _any("time-empty", "An empty timestamp.", _stamp("")),
    _any("time-future", "A time in the year 2999.", _stamp("2999-01-01 00:00:00 UTC")),
    _any("time-past", "A time before computers.", _stamp("0001-01-01 00:00:00 UTC")),
    _any("time-zone", "A timestamp with a strange zone.", _stamp("2026-01-01 10:00:00 XYZ")),
    _any("time-folder", "A folder for a timestamp.", _stamp_folder),
]

ATTACKS = [*NOTEBOOKS, *FILES]
