"""A worker process: a line of JSON for each notebook in, a line for each that was executed out.

Started by `course_utils.grading.workers`, with the nursery that it gets its kernels from as two
arguments: its file descriptor and its description. Everything that it knows of a course comes in
those lines.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
from typing import Any, BinaryIO

from course_utils.grading.execute import execute
from course_utils.grading.kernels import SandboxedKernel
from course_utils.grading.kernels.nursery import Nursery
from course_utils.grading.sandbox.limits import Limits
from course_utils.student.execution import KernelStartError


def main() -> None:
    nursery = Nursery.attach(int(sys.argv[1]), json.loads(sys.argv[2]))
    nursery.ahead = True
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever prints must not print between the answers
    jobs: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(sys.stdin.buffer, jobs), daemon=True).start()
    while True:
        answer = _answer(json.loads(jobs.get()), nursery)
        # A lone surrogate is valid in JSON's escapes and nowhere else.
        line = json.dumps(answer, ensure_ascii=False).encode("utf-8", "replace")
        answers.write(line + b"\n")
        answers.flush()


def _listen(lines: BinaryIO, jobs: queue.SimpleQueue[bytes]) -> None:
    """The end of the input is the end of the process that reads the answers, and so of this one."""
    for line in lines:
        jobs.put(line)
    os._exit(0)


def _answer(job: dict[str, Any], nursery: Nursery) -> dict[str, Any]:
    def new_kernel() -> SandboxedKernel:
        return SandboxedKernel(
            nursery=nursery,
            limits=Limits(**job["limits"]),
            secret=job["secret"],
            argv=job["argv"],
            seed=job["seed"],
        )

    try:
        return execute(job, new_kernel)
    except KernelStartError as error:
        return {"not_started": str(error)}
