"""The trusted process beside each kernel: makes its sandbox, starts it, watches it, cleans up.

It is forked from the zygote and enters the sandbox's namespaces, all but the pid namespace: the
kernel, its child, is inside that one too and cannot see it. So whatever a student's code does to
the file system, the warden looks at it from inside as well, where no link leads out.

The messages on its socket, JSON: which sandbox is wanted; back ``{"warden": pid}``; then, once it
is in its control group, ``{"watch": …}``, and the sandbox is made; some time later the kernel that
is wanted (with file descriptors); back ``{"ready": true}`` when it listens; ``{"signal": number}``
as often as wanted; and at the end ``{"exit": code, …}``. When the socket closes everything ends.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import select
import signal
import socket
import subprocess
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from course_utils.grading.kernels.parcel import pack, regular_files, unpack
from course_utils.grading.sandbox import bubblewrap, confinement, seccomp
from course_utils.grading.sandbox.limits import Limits

LARGEST_MESSAGE = 128 * 1024
# The file descriptors that come with a request, in this order; the sockets are listening already.
SOCKETS = ("shell", "iopub", "stdin", "control", "hb")
DESCRIPTORS = ("given", "written", *SOCKETS)
# The numbers of the connection's ports, which with ipc sockets are parts of file names.
PORTS = {name: number for number, name in enumerate(SOCKETS, start=1)}
WATCH_SECONDS = 0.2
# The sandbox's first process. It has the student's user, who could write to its memory; but a copy
# of the shell that can be executed and not read has a memory that nobody can open. It ends with the
# warden, whose pipe it reads.
KEEP = "echo; read x; exec /keeper -c 'read x'"
SOCKETS_SIZE = 2**20
LAST_WORDS = 4096
USAGE = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)


def run(control: socket.socket) -> NoReturn:
    """Serve one kernel and end."""
    code = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        Warden(control).serve()
        code = 0
    except BaseException:
        tell(control, {"failed": traceback.format_exc()})
    finally:
        os._exit(code)


def tell(control: socket.socket, message: dict[str, Any]) -> None:
    with contextlib.suppress(OSError):  # nobody there: the next look at the socket ends everything
        control.send(json.dumps(message).encode())


class Warden:
    def __init__(self, control: socket.socket) -> None:
        self.control = control
        self.wanted: dict[str, Any] = json.loads(control.recv(LARGEST_MESSAGE))
        self.limits = Limits(**self.wanted["limits"])
        self.ended = ""
        self.last_words = b""

    def serve(self) -> None:
        tell(self.control, {"warden": os.getpid()})
        message = self.control.recv(LARGEST_MESSAGE)
        if not message:
            return
        # A kernel that makes its sockets itself does so in a folder on the host's disk.
        self.watched = json.loads(message)["watch"] or bool(self.wanted["sockets"])
        holder = self._make_sandbox() if self.wanted["sandbox"] else None
        request, sent, _, _ = socket.recv_fds(self.control, LARGEST_MESSAGE, len(DESCRIPTORS))
        if not request:
            return  # nobody came for it; the sandbox ends with this process
        self.request: dict[str, Any] = json.loads(request)
        self.descriptors = dict(zip(DESCRIPTORS, sent, strict=False))
        work = Path(self.request["work"])
        with os.fdopen(self.descriptors["given"], "rb") as given:
            unpack(given, work)
        before = _stamps(work)
        os.chdir(work)
        self.ready, ready = os.pipe()
        self.errors, errors = os.pipe()
        self.kernel = os.fork()
        if self.kernel == 0:
            self._become_kernel(ready, errors)
        os.close(ready)
        os.close(errors)
        for name in SOCKETS:
            if name in self.descriptors:
                os.close(self.descriptors[name])
        if holder:
            confinement.drop_capabilities()
        code, peak = self._watch()
        if holder:
            # The sandbox's first process goes, and with it all that still run in there.
            signal.pidfd_send_signal(self.first, signal.SIGKILL)
            select.select([self.first], [], [])
            holder.wait()
        with os.fdopen(self.descriptors["written"], "wb") as written:
            pack(work, _written(work, before, self.limits), written)
        mine, others = (resource.getrusage(who) for who in USAGE)
        tell(
            self.control,
            {
                "cpu": sum(u.ru_utime + u.ru_stime for u in (mine, others)),
                "exit": code,
                "peak_memory": peak,
                "ended": self.ended,
                "said": self.last_words.decode(errors="replace"),
            },
        )

    def _make_sandbox(self) -> subprocess.Popen[bytes]:
        """Have bubblewrap make the namespaces, and enter them."""
        information, told = os.pipe()
        rules, given = os.pipe()
        os.write(given, seccomp.program())
        os.close(given)
        sockets = self.wanted["sockets"]
        line = bubblewrap.command(
            ["/bin/sh", "-c", KEEP],
            limits=self.limits,
            sockets=Path(sockets) if sockets else None,
            folders=self.wanted["folders"],
            options=[
                *("--as-pid-1", "--ro-bind", self.wanted["keeper"], "/keeper"),
                *("--info-fd", str(told), "--seccomp", str(rules)),
            ],
        )
        holder = subprocess.Popen(
            line,
            env=bubblewrap.outer_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=(told, rules),
        )
        os.close(told)
        os.close(rules)
        assert holder.stdin is not None
        assert holder.stdout is not None
        assert holder.stderr is not None
        if not holder.stdout.read(1):  # the program in the sandbox runs: all of it is made
            said = holder.stderr.read().decode(errors="replace").strip()
            raise RuntimeError(f"bubblewrap could not make a sandbox: {said}")
        with os.fdopen(information, "rb") as file:
            self.first = os.pidfd_open(json.load(file)["child-pid"])
        confinement.join(self.first)
        holder.stdin.write(b"\n")
        holder.stdin.flush()
        while Path("/proc/1/comm").read_text() != "keeper\n":
            time.sleep(0.0005)
        return holder

    def _become_kernel(self, ready: int, errors: int) -> NoReturn:
        """In the forked child: give up every power and turn into the kernel."""
        try:
            kept = [ready, *(self.descriptors[n] for n in SOCKETS if n in self.descriptors)]
            os.dup2(errors, 2)
            _close_all_but(kept)
            if self.wanted["sandbox"]:
                confinement.confine(self.limits, seccomp.program())
            else:
                os.setsid()
            signal.signal(signal.SIGINT, signal.default_int_handler)
            os.environ.clear()
            os.environ.update(self.request["environment"])
            if self.request["argv"]:
                os.write(ready, b"1")
                os.execvp(self.request["argv"][0], self.request["argv"])
            from course_utils.grading.kernels import kernel

            sockets = {name: self.descriptors[name] for name in SOCKETS}
            kernel.run(
                self.request["connection"], sockets, self.limits, self.request["seed"], ready
            )
        except BaseException:
            os.write(2, traceback.format_exc().encode())
        finally:
            os._exit(1)

    def _watch(self) -> tuple[int, int]:
        """Wait for the kernel's end, passing signals on; its exit code and peak memory."""
        pidfd = os.pidfd_open(self.kernel)
        poll = select.poll()
        for descriptor in (self.control.fileno(), pidfd, self.ready, self.errors):
            poll.register(descriptor, select.POLLIN)
        timeout = WATCH_SECONDS * 1000 if self.watched else None
        while True:
            happened = dict(poll.poll(timeout))
            if self.errors in happened:
                if more := os.read(self.errors, 2**16):
                    self.last_words = (self.last_words + more)[-LAST_WORDS:]
                else:
                    poll.unregister(self.errors)
            if self.ready in happened:
                poll.unregister(self.ready)
                if os.read(self.ready, 1):
                    tell(self.control, {"ready": True})
            if self.control.fileno() in happened:
                message = self.control.recv(LARGEST_MESSAGE)
                number = json.loads(message)["signal"] if message else signal.SIGKILL
                os.kill(self.kernel, number)
                if number == signal.SIGKILL:
                    poll.unregister(self.control)
            if pidfd in happened:
                break
            if self.watched and not self.ended and (why := self._over_limit()):
                self.ended = why
                os.kill(self.kernel, signal.SIGKILL)
        _, status, usage = os.wait4(self.kernel, 0)
        return os.waitstatus_to_exitcode(status), usage.ru_maxrss * 1024

    def _over_limit(self) -> str:
        """Which bound the sandbox as a whole is over, where no control group keeps it."""
        if self.wanted["sockets"] and _size(bubblewrap.SOCKETS) > SOCKETS_SIZE:
            return "disk"
        memory = sum(_used(path) for path in ("/tmp", "/dev/shm", self.request["work"]))
        processes = 0
        for entry in os.scandir("/proc"):
            if entry.name.isdigit():
                try:
                    with open(f"/proc/{entry.name}/smaps_rollup") as file:
                        lines = dict(line.split(":", 1) for line in file.readlines()[1:])
                    processes += len(os.listdir(f"/proc/{entry.name}/task"))
                except OSError:
                    continue  # it ended meanwhile
                memory += 1024 * sum(
                    int(lines[name].split()[0]) for name in ("Private_Dirty", "Private_Clean")
                )
        if memory > self.limits.memory:
            return "memory"
        return "processes" if processes > self.limits.processes else ""


def _size(folder: str) -> int:
    return sum(status.st_size for _, status in regular_files(Path(folder)))


def _used(path: str) -> int:
    found = os.statvfs(path)
    return (found.f_blocks - found.f_bfree) * found.f_frsize


def _close_all_but(kept: list[int]) -> None:
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1):
        os.dup2(nothing, descriptor)
    last = 2
    for descriptor in [*sorted(kept), os.sysconf("SC_OPEN_MAX")]:
        os.closerange(last + 1, descriptor)
        last = descriptor


def _stamps(folder: Path) -> dict[str, tuple[int, int]]:
    return {name: (status.st_size, status.st_mtime_ns) for name, status in regular_files(folder)}


def _written(work: Path, before: dict[str, tuple[int, int]], limits: Limits) -> Iterator[str]:
    """The files that are new or changed, as many as are allowed."""
    count = size = 0
    for name, stamp in _stamps(work).items():
        if before.get(name) != stamp and size + stamp[0] <= limits.files_size:
            count, size = count + 1, size + stamp[0]
            if count > limits.files:
                return
            yield name
