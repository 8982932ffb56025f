"""What the attacks are aimed at: servers that listen, files that are secret, a folder to "
"write to."""

from __future__ import annotations

import os
import secrets
import selectors
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from course_utils.grading.selftest.attack import World
from course_utils.grading.selftest.little_course import ASSIGNMENT, NOTEBOOK, make

# Who must stay untouched is whom the others try to read.
VICTIM = "control-ordinary"


@contextmanager
def world() -> Iterator[World]:
    """A course directory without submissions, and targets; all of it is gone afterwards."""
    with ExitStack() as stack:
        root, outside = (
            Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=f"selftest-{kind}-")))
            for kind in ("course", "outside")
        )
        outside.chmod(0o777)
        make(root)
        secret = secrets.token_hex(16)
        (root / "secret.txt").write_text(secret)
        notebook = f"{ASSIGNMENT}/{NOTEBOOK}"
        values = {
            "root": str(root),
            "outside": str(outside),
            "gradebook": str(root / "gradebook.db"),
            "source": str(root / "source" / notebook),
            "other": str(root / "submitted" / VICTIM / notebook),
            "autograded": str(root / "autograded" / VICTIM / notebook),
            "config": str(root / "nbgrader_config.py"),
            "secretfile": str(root / "secret.txt"),
            "secret": secret,
            "mark": f"left-over-{secret[:8]}",
            "host": socket.gethostname(),
            "pid": str(os.getpid()),
            "pidns": os.readlink("/proc/self/ns/pid"),
        }
        made = World(root, outside, values)
        values |= stack.enter_context(_servers(made))
        stack.enter_context(_environment("COURSE_SELFTEST", f"{secret}-in-environment"))
        yield made


@contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


@contextmanager
def _servers(made: World) -> Iterator[dict[str, str]]:
    """Listen on every kind of socket, and note what comes in; yields their addresses."""
    abstract = f"course-{made.values['secret'][:8]}"
    unix = str(made.outside / "socket")
    with ExitStack() as stack:
        tcp = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        port = tcp.getsockname()[1]
        sockets = {"TCP": tcp}
        for kind, family, sort, address in (
            ("UDP", socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0)),
            ("abstract unix", socket.AF_UNIX, socket.SOCK_STREAM, f"\0{abstract}"),
            ("unix", socket.AF_UNIX, socket.SOCK_STREAM, unix),
        ):
            sockets[kind] = stack.enter_context(socket.socket(family, sort))
            sockets[kind].bind(address)
            if sort == socket.SOCK_STREAM:
                sockets[kind].listen()
        os.chmod(unix, 0o777)
        stop = threading.Event()
        thread = threading.Thread(target=_listen, args=(sockets, made.connections, stop))
        thread.start()
        try:
            yield {
                "port": str(port),
                "udp": str(sockets["UDP"].getsockname()[1]),
                "abstract": abstract,
                "unix": unix,
            }
        finally:
            stop.set()
            thread.join()


def _listen(sockets: dict[str, socket.socket], seen: list[str], stop: threading.Event) -> None:
    with selectors.DefaultSelector() as selector:
        for kind, one in sockets.items():
            selector.register(one, selectors.EVENT_READ, kind)
        while not stop.is_set():
            for key, _ in selector.select(timeout=0.2):
                seen.append(key.data)
                if key.data == "UDP":
                    sockets[key.data].recv(1024)
                else:
                    sockets[key.data].accept()[0].close()
