"""Kernels that are forked from a process which has imported everything, each in a sandbox.

From outside in: `manager` is what the grader asks for a kernel, `provisioner` the part of
jupyter_client that gets it one, `nursery` the handle on the zygote. From there on it is other
processes: `zygote` forks, `warden` watches over one sandbox, `kernel` is what a student's code
runs in.
"""

from typing import Any


def __getattr__(name: str) -> Any:
    # The zygote imports this package, and must not wait for what only its clients need.
    if name == "SandboxedKernel":
        from course_utils.grading.kernels.manager import SandboxedKernel

        return SandboxedKernel
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
