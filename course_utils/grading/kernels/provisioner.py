"""``warm-sandbox``: a provisioner that gives Jupyter kernels forked from a zygote, in a sandbox.

jupyter_client asks it for a kernel wherever a kernelspec names it (`course doctor --install` puts
one there) or ``JUPYTER_DEFAULT_PROVISIONER_NAME`` does: nbclient, papermill, stock nbgrader.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any, BinaryIO

from jupyter_client.provisioning import KernelProvisionerBase

from course_utils.grading.kernels import nursery as nurseries
from course_utils.grading.kernels.nursery import Fork, Nursery
from course_utils.grading.kernels.parcel import pack, regular_files, unpack
from course_utils.grading.kernels.warden import LARGEST_MESSAGE, PORTS
from course_utils.grading.sandbox import bubblewrap
from course_utils.grading.sandbox.limits import Limits
from course_utils.student.execution import KernelStartError


class WarmSandbox(KernelProvisionerBase):
    """A kernel in the sandbox: forked where it is this interpreter's, else started in there.

    The kernel manager may have the attributes ``nursery``, ``limits``, ``secret`` and ``seed``.

    Attributes:
        written: a folder with the files that the notebook wrote, after the kernel's end and as long
            as its nursery is there.
        fork: what became of the kernel.
    """

    fork: Fork | None = None
    written: Path | None = None
    _folder: Path | None = None

    @property
    def has_process(self) -> bool:
        return self.fork is not None

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Sockets in a folder that only this user can see, and a request for the warden."""
        manager = self.parent
        self._limits: Limits = getattr(manager, "limits", None) or Limits()
        self._warm = is_this_interpreter(self.kernel_spec.argv)
        self._nursery: Nursery = getattr(manager, "nursery", None) or nurseries.shared(
            folders=() if self._warm else interpreter_folders(self.kernel_spec.argv)
        )
        self._folder = Path(tempfile.mkdtemp(prefix="kernel-", dir=self._nursery.folder))
        manager.transport = "ipc"
        manager.ip = str(self._folder / "s")
        for name, number in PORTS.items():
            setattr(manager, f"{name}_port", number)
        self._given = tempfile.TemporaryFile()  # noqa: SIM115 (closed when the kernel has it)
        folder = Path(kwargs.pop("cwd", None) or os.devnull)
        # Notebooks stay here: nbgrader's working folder holds the hidden tests, in one of them.
        names = [name for name, _ in regular_files(folder) if not name.endswith(".ipynb")]
        pack(folder, names, self._given)
        self._given.flush()
        return await super().pre_launch(cmd=[], **kwargs)

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> dict[str, Any]:
        manager, sockets = self.parent, []
        key = manager.session.key.decode()
        warm, sandbox = self._warm, self._nursery.sandbox
        request = {
            "environment": self._environment(),
            "work": bubblewrap.WORK if sandbox else str(self._nursery.private("work")),
            "connection": {"key": key},
            "seed": getattr(manager, "seed", None) or int.from_bytes(os.urandom(7), "big"),
            "argv": None,
        }
        self._archive = tempfile.TemporaryFile()  # noqa: SIM115 (closed by cleanup)
        try:
            if warm:
                sockets = [_listening(f"{manager.ip}-{number}") for number in PORTS.values()]
                self.fork = self._nursery.take(self._limits)
            else:
                folder = self._prepare_cold(request, key)
                self.fork = self._nursery.spawn(self._limits, folder)
            descriptors = [self._given, self._archive, *sockets]
            self.fork.begin(request, [d.fileno() for d in descriptors])
        finally:
            self._given.close()
            for one in sockets:
                one.close()
        while warm and not self.fork.ready and self.fork.exit_code is None:
            await self._hear()
        # A cold kernel says nothing: it is there when its sockets are, to which one connects once.
        ours = [Path(f"{manager.ip}-{number}") for number in PORTS.values()]
        while await self.poll() is None and not all(path.exists() for path in ours):
            await asyncio.sleep(0.02)
        if self.fork.failed or self.fork.exit_code is not None:
            said = self.fork.failed or self.fork.last_words or f"exit {self.fork.exit_code}"
            raise KernelStartError(said.strip().splitlines()[-1])
        return manager.get_connection_info()

    def _environment(self) -> dict[str, str]:
        secret = getattr(self.parent, "secret", None) or os.environ.get(bubblewrap.SECRET, "")
        if self._nursery.sandbox:
            return bubblewrap.environment(secret)
        return {**os.environ, **bubblewrap.environment(secret), "HOME": str(Path.home())}

    def _prepare_cold(self, request: dict[str, Any], key: str) -> Path:
        """Another kernel makes its sockets itself, in a folder that it shares with its client."""
        folder = self._nursery.private("sockets")
        self.parent.ip = str(folder / "s")
        ports = {f"{name}_port": number for name, number in PORTS.items()}
        inside = bubblewrap.SOCKETS if self._nursery.sandbox else str(folder)
        _write_connection_file(folder / "kernel.json", f"{inside}/s", ports, key)
        if self._nursery.user is not None:
            os.chown(folder / "kernel.json", self._nursery.user, self._nursery.user)
        names = {"connection_file": f"{inside}/kernel.json", "resource_dir": ""}
        argv = [word.format(**names) for word in self.kernel_spec.argv]
        request["argv"] = argv
        return folder

    async def _hear(self) -> None:
        """Wait for the warden's next words."""
        assert self.fork is not None
        self.fork.take(
            await asyncio.get_running_loop().sock_recv(self.fork.control, LARGEST_MESSAGE)
        )

    async def poll(self) -> int | None:
        if self.fork is None:
            return 0
        self.fork.look()
        return self.fork.exit_code

    async def wait(self) -> int | None:
        while self.fork is not None and self.fork.exit_code is None:
            await self._hear()
        return 0 if self.fork is None else self.fork.exit_code

    async def send_signal(self, signum: int) -> None:
        if self.fork is not None and self.fork.exit_code is None:
            self.fork.signal(signum)

    async def kill(self, restart: bool = False) -> None:
        """Kill the kernel and wait until nothing of the sandbox is left."""
        await self.send_signal(signal.SIGKILL)
        await self.wait()

    async def terminate(self, restart: bool = False) -> None:
        await self.send_signal(signal.SIGTERM)

    async def cleanup(self, restart: bool = False) -> None:
        if self.fork is not None:
            if self.fork.exit_code is not None and not self.fork.failed:
                self.written = _unpack(self._archive, self._nursery.folder)
            self.fork.close()
            self._archive.close()
            self.fork = None
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


def is_this_interpreter(argv: list[str]) -> bool:
    """Whether a kernelspec starts ipykernel in the interpreter that runs now."""
    if "ipykernel_launcher" not in argv and "ipykernel" not in argv:
        return False
    program = argv[0]
    if program in ("python", "python3", f"python3.{sys.version_info.minor}"):
        return True  # jupyter_client's own rule: a bare name is the running interpreter
    return os.path.abspath(program) == os.path.abspath(sys.executable)


def interpreter_folders(argv: list[str]) -> tuple[str, ...]:
    """Where the interpreter of another kernelspec lives, behind its links too."""
    program = shutil.which(argv[0]) or argv[0]
    places = {Path(os.path.abspath(program)), Path(os.path.realpath(program))}
    return tuple(sorted({str(p.parent.parent) for p in places if p.is_absolute()}))


def _listening(path: str) -> socket.socket:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    made.bind(path)
    made.listen(16)
    return made


def _write_connection_file(path: Path, ip: str, ports: dict[str, int], key: str) -> None:
    content = {"transport": "ipc", "ip": ip, "key": key, "signature_scheme": "hmac-sha256"}
    path.write_text(json.dumps(content | ports))


def _unpack(archive: BinaryIO, parent: Path) -> Path | None:
    """The files that a notebook wrote, in a new folder of this user's; None if there are none."""
    folder = Path(tempfile.mkdtemp(prefix="written-", dir=parent))
    try:
        if unpack(archive, folder):
            return folder
    except (tarfile.TarError, OSError):
        pass
    shutil.rmtree(folder, ignore_errors=True)
    return None
