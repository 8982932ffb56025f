"""``course data``: fetch data sets ahead of a class, or list them."""

from __future__ import annotations

import sys

from rich import box
from rich.console import Console
from rich.filesize import decimal
from rich.markup import escape
from rich.table import Table

from course_utils.data.catalog import ENTRIES, Entry, find
from course_utils.data.files import locate, own_copy, whereabouts
from course_utils.errors import DONE, NEEDS_A_PERSON, CourseError


def run(names: list[str]) -> int:
    """Fetch these data sets; with no names, print a table of all.

    A set that cannot be fetched is said so and does not keep the others back.

    Returns:
        0, or 1 if one could not be fetched.

    Raises:
        CourseError: there is no data set of one of the names; nothing is fetched then.
    """
    # As wide as it takes where nobody looks (a pipe, a file): a table that is cut can't be read.
    console = Console(width=None if sys.stdout.isatty() else 160)
    if not names:
        console.print(_table())
        return DONE
    entries = [(name, find(name)) for name in names]
    failed = False
    for name, entry in entries:
        try:
            place = _fetch(entry)
        except CourseError as error:
            failed = True
            console.print(f"[red]{name}:[/] {escape(str(error))}", highlight=False, soft_wrap=True)
        else:
            console.print(f"{name}: {escape(place)}", highlight=False, soft_wrap=True)
    return NEEDS_A_PERSON if failed else DONE


def _fetch(entry: Entry) -> str:
    """Where the data set lies, after downloading it if need be."""
    if entry.files is None:
        return "comes with the installed packages"
    if entry.copy is not None and (folder := own_copy(entry.copy, of=entry.files)):
        return f"{folder} (a reduced copy)"
    return str(locate(entry.files))


def _table() -> Table:
    # Narrow terminals fold the descriptions and keep the names whole, which are to be typed.
    table = Table(title="Data sets", title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("name", no_wrap=True)
    table.add_column("what it is")
    table.add_column("offline", no_wrap=True)
    table.add_column("download", justify="right", no_wrap=True)
    table.add_column("here", no_wrap=True)
    for name, entry in ENTRIES.items():
        size = decimal(entry.files.size) if entry.files else "–"
        offline = (entry.stand_in or "nothing") if entry.files else "itself"
        table.add_row(name, entry.what, offline, size, _here(entry))
    return table


def _here(entry: Entry) -> str:
    if entry.files is None:
        return "installed"
    if whereabouts(entry.files) is not None:
        return "yes"
    return "reduced copy" if entry.copy is not None and whereabouts(entry.copy) else "no"
