"""How a kernel gets into the sandbox: a kernel manager whose command is wrapped by bubblewrap."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from course_utils.grading import sandbox
from course_utils.student.execution import LocalKernel


class SandboxedKernel(LocalKernel):
    """A kernel of this interpreter in the sandbox, spoken to over unix sockets.

    There is no network inside, so the sockets lie in a private folder that is bound in. The working
    folder is a copy of the given one without its notebooks: nbgrader's working folder holds the
    hidden tests. An interrupt goes as a message, because a signal would only reach bubblewrap.
    """

    interrupt_mode = "message"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        # Unix sockets' paths are limited to 107 characters: a short name, straight below /tmp.
        self._private = tempfile.TemporaryDirectory(prefix="course-", ignore_cleanup_errors=True)
        self._sockets = Path(self._private.name) / "sockets"
        self._work = Path(self._private.name) / "work"
        self._sockets.mkdir()
        self.transport = "ipc"
        self.connection_file = str(self._sockets / "kernel.json")

    async def _async_pre_start_kernel(self, **kwargs: Any):
        copy_files(Path(kwargs.pop("cwd")), self._work)
        return await super()._async_pre_start_kernel(
            **kwargs,
            cwd=self._private.name,
            env=sandbox.outer_environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    pre_start_kernel = _async_pre_start_kernel

    def format_kernel_cmd(self, extra_arguments: list[str] | None = None) -> list[str]:
        kernel = super().format_kernel_cmd(extra_arguments)
        return sandbox.command(kernel, sockets=self._sockets, work=self._work)

    async def _async_cleanup_resources(self, restart: bool = False) -> None:
        await super()._async_cleanup_resources(restart=restart)
        self._private.cleanup()

    cleanup_resources = _async_cleanup_resources


def copy_files(source: Path, destination: Path) -> None:
    """Copy the regular files below a folder, except notebooks; links are left behind."""
    destination.mkdir()
    for folder, _, names in os.walk(source):
        target = destination / Path(folder).relative_to(source)
        target.mkdir(exist_ok=True)
        for name in names:
            path = Path(folder, name)
            if path.suffix != ".ipynb" and path.is_file() and not path.is_symlink():
                shutil.copyfile(path, target / name)
