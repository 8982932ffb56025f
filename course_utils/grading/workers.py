"""Processes that execute notebooks, as many at a time as there are cores.

A worker that dies or hangs is replaced and its notebook executed once more; if that ends in the
same way it is reported for that notebook, and no other notices.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from course_utils.grading.kernels.nursery import Nursery
from course_utils.student.execution import KernelStartError

# What starting and ending a kernel, and interrupting a cell that does not listen, may take on top
# of the time that the notebook itself has.
GRACE = 180

# jsonschema would compile a grammar of addresses, which no notebook has, for most of a start.
WORKER = """\
import sys
sys.modules["rfc3987_syntax"] = None
from course_utils.grading.worker import main
main()
"""


class WorkerLostError(Exception):
    """The process that executed a notebook died or hung, twice."""


def cores() -> int:
    """How many notebooks may run at a time: time limits are those of a core of one's own."""
    return len(os.sched_getaffinity(0))


class Workers:
    """A pool of worker processes. It ends them, and what runs in them, when it is closed.

    Args:
        count: how many.
        nursery: where their kernels come from.
    """

    def __init__(self, count: int, nursery: Nursery) -> None:
        self.count = count
        self._idle: queue.SimpleQueue[Worker] = queue.SimpleQueue()
        self._all = [Worker(nursery) for _ in range(count)]
        for worker in self._all:
            self._idle.put(worker)
        # A thread waits for each process; the work is done there.
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="worker")

    def submit(self, job: dict[str, Any]) -> Future[dict[str, Any]]:
        """Have a notebook executed (see `course_utils.grading.execute`).

        The future's result is that of `execute`, with ``elapsed`` seconds. It raises
        `WorkerLostError`, or `KernelStartError` where no kernel starts, either after a second try.
        """
        return self._threads.submit(self._run, job)

    def _run(self, job: dict[str, Any]) -> dict[str, Any]:
        worker = self._idle.get()
        try:
            try:
                return worker.run(job)
            except (WorkerLostError, KernelStartError):
                return worker.run(job)
        finally:
            self._idle.put(worker)

    def close(self) -> None:
        for worker in self._all:
            worker.close()
        self._threads.shutdown(cancel_futures=True)

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Worker:
    """One process, started when it is needed."""

    def __init__(self, nursery: Nursery) -> None:
        self._nursery = nursery
        self._process: subprocess.Popen[bytes] | None = None
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the worker)
        self._lock = threading.RLock()
        self._closed = False

    def run(self, job: dict[str, Any]) -> dict[str, Any]:
        start = time.monotonic()
        process = self._start()
        limit = job["limits"]["submission"] + GRACE
        alarm = threading.Timer(limit, self._kill)
        alarm.daemon = True
        alarm.start()
        try:
            process.stdin.write(json.dumps(job).encode() + b"\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except OSError:
            line = b""
        finally:
            alarm.cancel()
        if not line.endswith(b"\n"):
            self._kill()
            raise WorkerLostError(self._last_words())
        answer = json.loads(line)
        if "not_started" in answer:
            raise KernelStartError(answer["not_started"])
        return answer | {"elapsed": time.monotonic() - start}

    def _start(self) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._closed:
                raise WorkerLostError("the run was stopped")
            if self._process is None or self._process.poll() is not None:
                number, description = self._nursery.fileno(), self._nursery.describe()
                self._said.seek(0)
                self._said.truncate()
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-c", WORKER, str(number), json.dumps(description)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=self._said,
                    pass_fds=[number],
                    # Ctrl-C is for the grader, which ends its workers itself.
                    start_new_session=True,
                )
            return self._process

    def _kill(self) -> None:
        # One thread at a time: once the process is waited for, its number may be another's.
        with self._lock:
            process = self._process
            if process is not None:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def _last_words(self) -> str:
        self._said.seek(0)
        lines = self._said.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it was killed, or did not answer in time"

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._kill()
