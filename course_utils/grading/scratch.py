"""Folders below ``/tmp`` that go with the process that made them, even if it is killed.

A process that is killed cannot clean up. But the system takes back its locks: so each folder holds
a locked file, and whoever makes the next folder removes those that nobody locks any more.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from pathlib import Path

PREFIX = "course-"
LOCK = ".lock"


class Scratch:
    """A new folder, readable by its owner only, until it is closed or this process has ended.

    Attributes:
        folder: its path, which is short: sockets lie in there, whose paths have at most 107
            characters.
    """

    def __init__(self) -> None:
        sweep()
        self.folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir="/tmp"))
        self._lock = (self.folder / "lock").open("w")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        (self.folder / "lock").rename(self.folder / LOCK)  # from here on others look at it

    def close(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        self._lock.close()

    def __enter__(self) -> Path:
        return self.folder

    def __exit__(self, *_: object) -> None:
        self.close()


def sweep() -> None:
    """Remove the folders of this user's processes that were killed."""
    for folder in Path("/tmp").glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):  # another one's, or gone meanwhile
            if folder.is_symlink() or folder.stat().st_uid != os.geteuid():
                continue
            with (folder / LOCK).open("r+") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
