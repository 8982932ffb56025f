"""What keeps students' code away from everything that is not theirs.

The parts, each a file: `bubblewrap` makes the namespaces and the file system, `confinement` is what
a process does to itself once it is inside, `seccomp` which system calls it keeps, `cgroups` and
`limits` how much of the machine it may use.
"""

from course_utils.grading.sandbox.bubblewrap import (
    HOME,
    SECRET,
    USER,
    WORK,
    command,
    environment,
    outer,
    outer_environment,
    why_not,
)
from course_utils.grading.sandbox.limits import Limits

__all__ = [
    "HOME",
    "SECRET",
    "USER",
    "WORK",
    "Limits",
    "command",
    "environment",
    "outer",
    "outer_environment",
    "why_not",
]
