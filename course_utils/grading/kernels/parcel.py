"""Files on their way into a sandbox and out of it again: tar files, with regular files only.

Whoever unpacks one trusts nothing in it. (`tarfile`'s own filters came with Python 3.11.4.)
"""

from __future__ import annotations

import os
import shutil
import stat
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO

MOST_FILES = 10_000
DEEPEST = 20  # folders in one another; far more of them break whoever walks through


def regular_files(folder: Path) -> Iterator[tuple[str, os.stat_result]]:
    """The regular files below a folder, by name: `MOST_FILES` of them, and none behind a link."""
    count, folders = 0, [""]
    while folders:
        inside = folders.pop()
        try:
            entries = sorted(os.scandir(folder / inside), key=lambda entry: entry.name)
        except OSError:  # unreadable, or its path is too long
            continue
        for entry in entries:
            name = os.path.join(inside, entry.name)
            status = entry.stat(follow_symlinks=False)
            if stat.S_ISDIR(status.st_mode) and name.count(os.sep) < DEEPEST:
                folders.append(name)
            elif stat.S_ISREG(status.st_mode):
                count += 1
                if count > MOST_FILES:
                    return
                yield name, status


def pack(folder: Path, names: Iterator[str] | list[str], file: BinaryIO) -> None:
    """Put files of a folder into a tar file; one that cannot be read is left out."""
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name in names:
            try:
                with open(folder / name, "rb") as content:
                    entry = tarfile.TarInfo(name)
                    entry.size = os.fstat(content.fileno()).st_size
                    archive.addfile(entry, content)
            except OSError:
                continue


def unpack(file: BinaryIO, folder: Path) -> int:
    """Write a tar file's regular files below a folder; how many there were.

    Raises:
        tarfile.TarError: it is no tar file, or breaks off.
    """
    count = 0
    file.seek(0)
    with tarfile.open(fileobj=file) as archive:
        for entry in archive:
            path = PurePosixPath(entry.name)
            content = archive.extractfile(entry) if entry.isreg() else None
            deep = len(path.parts) > DEEPEST + 1
            if content is None or deep or path.is_absolute() or ".." in path.parts:
                continue
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            with open(target, "xb") as copy:
                shutil.copyfileobj(content, copy)
            count += 1
    return count
