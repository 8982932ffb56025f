"""Memory and processes of a whole sandbox, bounded by control groups where they can be made.

That is as root, in most containers too. Elsewhere the kernel's warden adds up what the sandbox's
processes hold, which is slower to notice (`course_utils.grading.kernels.warden`).
"""

from __future__ import annotations

import contextlib
import errno
import os
import time
from pathlib import Path

from course_utils.grading.sandbox.limits import Limits

MOUNT = Path("/sys/fs/cgroup")
CONTROLLERS = ("memory", "pids")
PREFIX = "course-"


class ControlGroup:
    """A control group for one sandbox, or for as many controllers as there are.

    Attributes:
        bounded: the controllers that are in force, of ``memory`` and ``pids``.
    """

    def __init__(self, name: str, limits: Limits) -> None:
        self.folders: dict[str, Path] = {}
        for controller, parent in _parents().items():
            folder = parent / f"{PREFIX}{name}"
            try:
                folder.mkdir(exist_ok=True)
                _limit(folder, controller, limits)
            except OSError:
                with contextlib.suppress(OSError):
                    folder.rmdir()
                continue
            self.folders[controller] = folder
        self.bounded = frozenset(self.folders)

    def add(self, pid: int) -> None:
        """Put a process in; what it forks from now on is in it too.

        Raises:
            OSError: there is no such process.
        """
        for folder in set(self.folders.values()):
            (folder / "cgroup.procs").write_text(str(pid))

    def peak_memory(self) -> int | None:
        """The most memory that was held at once, in bytes, where that is known."""
        for name in ("memory.max_usage_in_bytes", "memory.peak"):
            if words := self._words(name):
                return int(words[0])
        return None

    def ran_out_of_memory(self) -> bool:
        """Whether the kernel ended a process because the group was at its limit."""
        for name in ("memory.oom_control", "memory.events"):
            words = self._words(name)
            if "oom_kill" in words:
                return words[words.index("oom_kill") + 1] != "0"
        return False

    def _words(self, name: str) -> list[str]:
        return _words(self.folders["memory"] / name) if "memory" in self.folders else []

    def remove(self) -> None:
        """Remove the group, at once or when its last process has been taken apart."""
        _ended.update(self.folders.values())
        sweep()


_ended: set[Path] = set()


def sweep(ended: str | None = None) -> None:
    """Remove the groups that have ended, and those of runs that were killed.

    Args:
        ended: what the names of groups begin with that nobody uses any more.
    """
    old = time.time() - 600
    found = {f for parent in set(_parents().values()) for f in parent.glob(f"{PREFIX}*")}
    for folder in found:
        with contextlib.suppress(FileNotFoundError):  # another run sweeps too
            if folder.stat().st_mtime < old or (ended and folder.name.startswith(PREFIX + ended)):
                _ended.add(folder)
    for folder in list(_ended):
        try:
            folder.rmdir()
        except OSError as error:
            if error.errno != errno.ENOENT:  # a process is still in it
                continue
        _ended.discard(folder)


def _limit(folder: Path, controller: str, limits: Limits) -> None:
    # The warden, bubblewrap's two processes and the kernel's own threads are not the student's.
    own_processes = 24
    if (folder / "cgroup.controllers").exists():  # version 2
        name = f"{controller}.max"
    else:
        name = "memory.limit_in_bytes" if controller == "memory" else "pids.max"
    value = limits.memory if controller == "memory" else limits.processes + own_processes
    (folder / name).write_text(str(value))
    if controller == "memory":
        for swap in ("memory.memsw.limit_in_bytes", "memory.swap.max"):
            with contextlib.suppress(OSError):
                if (folder / swap).exists():
                    (folder / swap).write_text(str(0 if swap.endswith("max") else value))


def _parents() -> dict[str, Path]:
    """For each controller the folder in which a group can be made."""
    found: dict[str, Path] = {}
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return found
    for line in lines:
        _, names, path = line.split(":", 2)
        for controller in CONTROLLERS:
            if controller in names.split(","):
                # In a container the path may be the host's, which cannot be seen: then its root.
                own = MOUNT / controller / path.lstrip("/")
                found[controller] = own if own.is_dir() else MOUNT / controller
        if not names:
            # Version 2 lets no group have both processes and children with controllers, so ours
            # lie beside this process's own group.
            parent = (MOUNT / path.lstrip("/")).parent
            enabled = _words(parent / "cgroup.subtree_control")
            for controller in CONTROLLERS:
                if controller in enabled:
                    found.setdefault(controller, parent)
    return {name: folder for name, folder in found.items() if os.access(folder, os.W_OK)}


def _words(path: Path) -> list[str]:
    try:
        return path.read_text().split()
    except OSError:
        return []
