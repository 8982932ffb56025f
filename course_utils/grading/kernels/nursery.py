"""The zygote as seen by whoever wants kernels: one is started, any number of kernels are forked."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

from course_utils.grading.kernels.warden import LARGEST_MESSAGE
from course_utils.grading.sandbox import bubblewrap
from course_utils.grading.sandbox.cgroups import ControlGroup, sweep
from course_utils.grading.sandbox.limits import Limits
from course_utils.grading.scratch import Scratch
from course_utils.student.execution import KernelStartError

START_SECONDS = 120
ZYGOTE = "course_utils.grading.kernels.zygote"


class Nursery:
    """A zygote. Closing it, or the end of the process that made it, ends all of its kernels.

    Args:
        sandbox: False forks kernels that can do whatever this user can.
        folders: more that its kernels see, read-only, such as another interpreter's.
        preload: modules that the kernels will want, besides those that all get.

    Attributes:
        ahead: whoever takes one sandbox after another sets it, to have each made beforehand.

    Raises:
        KernelStartError: the zygote did not start; the message has its last words.
    """

    ahead = False
    _spare: Future[Fork] | None

    def __init__(
        self, *, sandbox: bool = True, folders: Sequence[str] = (), preload: Sequence[str] = ()
    ) -> None:
        self.sandbox, self.folders = sandbox, tuple(folders)
        self._scratch = Scratch()
        self.folder = self._scratch.folder
        self.folder.chmod(0o711)
        keeper = self.folder / "keeper"
        shutil.copyfile("/bin/sh", keeper)
        keeper.chmod(0o111)
        self.user = bubblewrap.unused_user() if sandbox and os.geteuid() == 0 else None
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the nursery)
        self._spare, self._thread = None, ThreadPoolExecutor(1)
        line = [sys.executable, "-P", "-m", ZYGOTE, str(theirs.fileno()), *preload]
        if sandbox:
            line = bubblewrap.outer(line, shared=self.folder, folders=self.folders)
        self._process = subprocess.Popen(
            line,
            env=_zygote_environment(self.private("zygote")),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._log,
            cwd="/",
            pass_fds=[theirs.fileno()],
            start_new_session=True,
        )
        theirs.close()
        atexit.register(self.close)
        self._socket.settimeout(START_SECONDS)
        try:
            started = self._socket.recv(16)
        except TimeoutError:
            started = b""
        if not started:
            said = self.last_words()
            self.close()
            raise KernelStartError(f"no kernels can be forked on this machine: {said}")
        self._socket.settimeout(None)

    @classmethod
    def attach(cls, descriptor: int, description: dict[str, Any]) -> Nursery:
        """Another process's nursery, by the file descriptor and `describe` that it hands over."""
        self = cls.__new__(cls)
        self.sandbox, self.folders = description["sandbox"], tuple(description["folders"])
        self.folder, self.user = Path(description["folder"]), description["user"]
        self._socket = socket.socket(fileno=descriptor)
        self._process = self._log = None
        self._spare, self._thread = None, ThreadPoolExecutor(1)
        return self

    def describe(self) -> dict[str, Any]:
        """What `attach` needs to know."""
        return {
            "sandbox": self.sandbox,
            "folders": self.folders,
            "folder": str(self.folder),
            "user": self.user,
        }

    @property
    def pid(self) -> int:
        return self._process.pid

    def fileno(self) -> int:
        return self._socket.fileno()

    def private(self, name: str) -> Path:
        """A new folder below the nursery's, owned by the user that kernels are run by."""
        folder = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.folder))
        if self.user is not None:
            os.chown(folder, self.user, self.user)
        return folder

    def spawn(self, limits: Limits, sockets: Path | None = None) -> Fork:
        """Fork a warden and have it make a sandbox, for the kernel that `Fork.begin` starts there.

        Args:
            limits: how much of the machine that kernel may use.
            sockets: a folder that it shares with its client, if it makes its sockets itself.

        Raises:
            KernelStartError: the zygote is gone.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.settimeout(START_SECONDS)
        wanted = {
            "sandbox": self.sandbox,
            "limits": limits.as_dict(),
            "folders": list(self.folders),
            "keeper": str(self.folder / "keeper"),
            "sockets": str(sockets) if sockets else None,
        }
        try:
            socket.send_fds(self._socket, [b"k"], [theirs.fileno()])
            theirs.close()
            ours.send(json.dumps(wanted).encode())
            return Fork(ours, limits, groups=self.folder.name if self.sandbox else "")
        except OSError as error:
            raise KernelStartError(f"no kernel was forked: {self.last_words()}") from error

    def take(self, limits: Limits) -> Fork:
        """As `spawn`, with ``ahead`` without the wait: that one was made, and the next is begun.

        Raises:
            KernelStartError: the zygote is gone.
        """
        if not self.ahead:
            return self.spawn(limits)
        spare, self._spare = self._spare, self._thread.submit(self.spawn, limits)
        fork = spare.result() if spare else self.spawn(limits)
        if fork.limits != limits or not fork.alive():
            fork.close()
            return self.spawn(limits)
        return fork

    def last_words(self) -> str:
        if self._log is None:
            return "the zygote has ended"
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1)
        self._log.seek(0)
        lines = self._log.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"the zygote ended with code {self._process.poll()}"

    def close(self) -> None:
        self._socket.close()
        self._thread.shutdown()
        if self._spare and self._spare.exception() is None:
            self._spare.result().close()
        sweep()
        if self._process is None:
            return
        try:
            self._process.wait(2)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._log.close()
        sweep(self.folder.name)
        self._scratch.close()
        atexit.unregister(self.close)

    def __enter__(self) -> Nursery:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@cache
def shared(*, sandbox: bool = True, folders: tuple[str, ...] = ()) -> Nursery:
    """One nursery for everybody in this process who does not bring one."""
    return Nursery(sandbox=sandbox, folders=folders)


class Fork:
    """A warden with its sandbox and, once it has begun, its kernel, from outside.

    Attributes:
        ready: the kernel listens.
        exit_code: of the kernel; None while it runs.
        ended: why the sandbox stopped it (``memory``, …); empty if it did not.
        peak_memory: the most bytes that it held at once, None where that is unknown.
        cpu: seconds of CPU time of everything in the sandbox and of its warden.
        last_words: the end of what it wrote to its standard error outside of any cell.
        failed: why there is no kernel.
    """

    def __init__(self, control: socket.socket, limits: Limits, *, groups: str) -> None:
        self.control, self.limits = control, limits
        self.ready = False
        self.exit_code: int | None = None
        self.ended = ""
        self.peak_memory: int | None = None
        self.failed = ""
        self.last_words = ""
        self.cpu = 0.0
        self.warden: int = self._next()["warden"]
        self.group = ControlGroup(f"{groups}-{self.warden}", limits) if groups else None
        if self.group:
            self.group.add(self.warden)
        # Where no control group bounds the sandbox the warden has to watch it.
        watch = self.group is not None and not {"memory", "pids"} <= self.group.bounded
        self.control.send(json.dumps({"watch": watch}).encode())
        self.control.setblocking(False)

    def begin(self, request: dict[str, Any], descriptors: Sequence[int]) -> None:
        """Have the kernel started.

        Raises:
            KernelStartError: the warden has ended.
        """
        try:
            socket.send_fds(self.control, [json.dumps(request).encode()], list(descriptors))
        except OSError as error:
            self.look()
            raise KernelStartError(self.failed or f"its warden is gone: {error}") from error

    def alive(self) -> bool:
        self.look()
        return self.exit_code is None

    def _next(self) -> dict[str, Any]:
        message = self.control.recv(LARGEST_MESSAGE)
        if not message:
            raise OSError("the warden has ended")
        return json.loads(message)

    def look(self) -> None:
        """Take in what the warden has said since the last look."""
        while self.exit_code is None:
            try:
                self.take(self.control.recv(LARGEST_MESSAGE))
            except BlockingIOError:
                return

    def take(self, message: bytes) -> None:
        said = json.loads(message) if message else {"failed": "its warden ended"}
        self.ready = self.ready or "ready" in said
        if "failed" in said:
            self.failed, self.exit_code = said["failed"], 1
        if "exit" in said:
            self.exit_code, self.peak_memory = said["exit"], said["peak_memory"]
            self.ended, self.last_words = said["ended"], said["said"].strip()
            self.cpu = said["cpu"]
        if self.exit_code is not None:
            self._settle()

    def signal(self, number: int) -> None:
        with contextlib.suppress(OSError):  # it has just ended
            self.control.send(json.dumps({"signal": number}).encode())

    def _settle(self) -> None:
        if self.group:
            self.peak_memory = self.group.peak_memory() or self.peak_memory
            if self.group.ran_out_of_memory():
                self.ended = "memory"
            self.group.remove()

    def close(self) -> None:
        """Let go; a kernel that still runs is killed."""
        self.control.close()
        if self.group:
            self.group.remove()


def _zygote_environment(home: Path) -> dict[str, str]:
    """What matters before the first line of Python runs, and matplotlib's cache."""
    inside = bubblewrap.environment()
    kept = ("PATH", "LANG", "MPLBACKEND", "PYTHONHASHSEED", "PYTHONNOUSERSITE")
    threads = {name: value for name, value in inside.items() if name.endswith("NUM_THREADS")}
    environment = {name: inside[name] for name in kept} | threads
    return environment | {
        "PYTHONDONTWRITEBYTECODE": "1",
        "HOME": str(home),
        "MPLCONFIGDIR": str(home),
    }
