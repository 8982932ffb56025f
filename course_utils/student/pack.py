"""``course pack``: check an assignment, put it into one file and write a receipt.

The student's files go in as they are on disk. The check runs on a copy in memory: a notebook whose
outputs a program just replaced is no longer the one that the student looked at and saved, and
grading runs it again anyway.
"""

from __future__ import annotations

import hashlib
import os
import zipfile
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from course_utils.errors import DONE, CourseError
from course_utils.student import check

# Never part of the work: caches, environments, editors' and version control's own files.
SKIPPED_FOLDERS = {"__pycache__", "node_modules", "venv"}
LARGEST_FILE = 100 * 2**20
# The zip format's earliest time: the same work always gives the same bytes.
EPOCH = (1980, 1, 1, 0, 0, 0)


def pack(assignment: str) -> int:
    """Check the assignment's notebooks, zip its folder and print a receipt.

    ``A1`` stands for the folder ``a1-…`` here, or for this folder if it is that one. Failing tests
    are a warning: unfinished work may be submitted. Writes ``<name>.zip`` and
    ``<name>.receipt.txt`` beside the assignment's folder.

    Raises:
        CourseError: the folder or its notebook cannot be found or read.
    """
    console = Console()
    folder = find(assignment, Path.cwd())
    name = folder.name
    passed = True
    for notebook in sorted(folder.glob("*.ipynb")):
        console.print(f"[bold]{escape(notebook.name)}[/]", highlight=False)
        outcomes = check.run(check.read(notebook), notebook, console)
        passed &= check.report(outcomes, console)
    if not passed:
        console.print(
            "\n[yellow]Some tests fail.[/] The file is packed all the same; you can mend your "
            "work and pack it again.",
        )

    archive = folder.parent / f"{name}.zip"
    files = write_zip(folder, archive)
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    lines = [
        f"assignment  {name}",
        f"file        {archive.name}",
        f"size        {archive.stat().st_size} bytes",
        f"SHA-256     {digest}",
        f"packed at   {datetime.now(UTC).isoformat(timespec='seconds')}",
        f"tests       {'all visible tests pass' if passed else 'some visible tests fail'}",
        *(f"contains    {file}" for file in files),
    ]
    receipt = folder.parent / f"{name}.receipt.txt"
    receipt.write_text("\n".join(lines) + "\n", encoding="utf-8")
    console.print("\n[bold]Receipt[/]")
    for line in lines:
        console.print(f"  {escape(line)}", highlight=False, soft_wrap=True)
    console.print(f"\nSubmit {escape(str(archive))}", highlight=False, soft_wrap=True)
    console.print(f"Keep   {escape(str(receipt))}", highlight=False, soft_wrap=True)
    return DONE


def find(assignment: str, here: Path) -> Path:
    """The assignment's folder: a path, a folder ``a1`` or ``a1-…`` below ``here``, or ``here``.

    Raises:
        CourseError: none or several fit, or there is no notebook in it.
    """
    wanted = assignment.casefold()
    fits = [
        path
        for path in [*here.iterdir(), here]
        if path.is_dir()
        and (path.name.casefold() == wanted or path.name.casefold().startswith(f"{wanted}-"))
    ]
    fits = [path for path in fits if path.name.casefold() == wanted] or fits
    if not fits and any(p.stem.casefold().startswith(f"{wanted}-") for p in here.glob("*.ipynb")):
        fits = [here]
    if not fits and (here / assignment).is_dir():
        fits = [(here / assignment).resolve()]
    if not fits:
        raise CourseError(
            f"no folder {assignment} or {assignment.lower()}-… in {here}: run this in the "
            "assignment's folder or in the one above it, or give the folder"
        )
    if len(fits) > 1:
        names = ", ".join(sorted(path.name for path in fits))
        raise CourseError(f"{assignment} could be {names}: name one of them")
    if not any(fits[0].glob("*.ipynb")):
        raise CourseError(f"there is no notebook in {fits[0]}")
    return fits[0]


def write_zip(folder: Path, archive: Path) -> list[str]:
    """Zip the regular files of a folder under its name; the same files give the same bytes.

    Returns:
        The paths inside the archive, sorted.

    Raises:
        CourseError: a file is larger than graders accept.
    """
    entries = {}
    for parent, subfolders, names in os.walk(folder):
        subfolders[:] = [s for s in subfolders if s[0] != "." and s not in SKIPPED_FOLDERS]
        for name in names:
            path = Path(parent, name)
            if name[0] == "." or path.is_symlink() or not path.is_file():
                continue
            if path in (archive, archive.with_suffix(".receipt.txt")):
                continue
            if path.stat().st_size > LARGEST_FILE:
                raise CourseError(
                    f"{path} is larger than {LARGEST_FILE // 2**20} MiB: move it out of the folder"
                )
            entries[(Path(folder.name) / path.relative_to(folder)).as_posix()] = path
    partial = archive.with_suffix(".zip.partial")
    with zipfile.ZipFile(partial, "w") as opened:
        for name in sorted(entries):
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.external_attr = 0o644 << 16
            entry.create_system = 3
            opened.writestr(entry, entries[name].read_bytes(), zipfile.ZIP_DEFLATED)
    os.replace(partial, archive)
    return sorted(entries)
