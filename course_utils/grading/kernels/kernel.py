"""The kernel that a forked process turns into: ipykernel's own, on sockets that are open already.

Its five sockets are bound by whoever asked for the kernel, in a folder that the sandbox does not
have, and handed in. So there is no folder between the two that a student's code could fill or put
links into, and a client may connect before the kernel is there.
"""

from __future__ import annotations

import inspect
import logging
import os
import random
import sys
from typing import Any, NoReturn

import zmq
from ipykernel.compiler import XCachingCompiler
from ipykernel.heartbeat import Heartbeat
from ipykernel.iostream import OutStream
from ipykernel.ipkernel import IPythonKernel
from ipykernel.kernelapp import IPKernelApp
from traitlets import Type
from traitlets.config import Config

from course_utils.grading.kernels.warden import PORTS
from course_utils.grading.sandbox.limits import Limits

ENDPOINT = "/handed/in"  # ipykernel's name for them; nothing is bound there
CUT_OFF = "\n[… the rest of this cell's output was cut off: it is longer than {} characters]\n"


class CappedOutStream(OutStream):
    """A kernel's stdout or stderr that keeps the first ``limit`` characters of each cell."""

    limit = Limits.cell_output

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._cell, self._printed = None, 0
        super().__init__(*args, **kwargs)

    def write(self, string: str) -> int | None:
        cell = self.parent_header.get("msg_id")
        if cell != self._cell:
            self._cell, self._printed = cell, 0
        if not isinstance(string, str) or self._printed + len(string) <= self.limit:
            self._printed += len(string)
            return super().write(string)
        if self._printed <= self.limit:
            super().write(string[: self.limit - self._printed] + CUT_OFF.format(self.limit))
            self._printed = self.limit + 1
        return len(string)


class _HandedInHeartbeat(Heartbeat):
    descriptor: int

    def _bind_socket(self) -> None:
        self.socket.setsockopt(zmq.USE_FD, self.descriptor)
        self.socket.bind(f"ipc://{ENDPOINT}")


class _CellCompiler(XCachingCompiler):
    """Tells `inspect` what it finds out anyway: no module is the file that a cell is said to be.

    It would ask thousands of modules, several times for each traceback.
    """

    def get_code_name(self, raw_code: str, code: str, number: int) -> str:
        name = super().get_code_name(raw_code, code, number)
        getattr(inspect, "modulesbyfile", {})[name] = ""
        return name


class _Kernel(IPythonKernel):
    compiler_class = Type(_CellCompiler)


class HandedInKernelApp(IPKernelApp):
    """ipykernel's application on sockets that came as file descriptors."""

    kernel_class = Type(_Kernel)
    outstream_class = "course_utils.grading.kernels.kernel.CappedOutStream"

    def __init__(self, sockets: dict[str, int], ready: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._sockets, self._ready = sockets, ready

    def _bind_socket(self, s: zmq.Socket[Any], port: int) -> int:
        name = next(name for name, number in PORTS.items() if number == port)
        s.setsockopt(zmq.USE_FD, self._sockets[name])
        s.bind(f"ipc://{ENDPOINT}")
        return port

    def init_heartbeat(self) -> None:
        self.heartbeat = _HandedInHeartbeat(zmq.Context(), ("ipc", ENDPOINT, PORTS["hb"]))
        self.heartbeat.descriptor = self._sockets["hb"]
        self.heartbeat.start()

    def init_connection_file(self) -> None:
        pass  # what it would hold was handed in

    def parse_command_line(self, argv: list[str] | None = None) -> None:
        pass  # there is none, and making the parser takes longer than the rest

    def load_config_file(self, suppress_errors: bool | None = None) -> None:
        pass  # a submission is graded without anybody's own configuration

    def write_connection_file(self, **kwargs: Any) -> None:
        pass

    def log_connection_info(self) -> None:
        self._ports = dict(PORTS)

    def start(self) -> None:
        os.write(self._ready, b"1")
        os.close(self._ready)
        super().start()


def run(
    connection: dict[str, str], sockets: dict[str, int], limits: Limits, seed: int, ready: int
) -> NoReturn:
    """Be a kernel until the end."""
    _seed(seed)
    sys.argv = ["ipykernel_launcher.py"]
    # Where nothing else reads them, the originals of stdout and stderr hold what is never printed.
    CappedOutStream.limit = limits.cell_output
    app = HandedInKernelApp.instance(
        sockets,
        ready,
        transport="ipc",
        ip=ENDPOINT,
        log_level=logging.ERROR,
        config=Config(
            HistoryManager={"hist_file": ":memory:"}, Session={"key": connection["key"].encode()}
        ),
        **{f"{name}_port": number for name, number in PORTS.items()},
    )
    app.initialize([])
    app.start()
    os._exit(0)


def _seed(seed: int) -> None:
    """Random numbers that nobody seeded: other ones in every kernel, the same when graded again."""
    random.seed(seed)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(seed % 2**32)
    if "torch" in sys.modules:
        # torch.manual_seed would also note where it was called from, for a GPU that is not there.
        sys.modules["torch"].default_generator.manual_seed(seed)
