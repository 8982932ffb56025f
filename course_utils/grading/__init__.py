"""The autograder: any nbgrader course directory, every submission in a sandbox of its own.

What ``course grade`` promises:

- Every submission ends in exactly one recorded state: ``graded``, ``graded-needs-review`` (with the
  reason) or ``malformed`` (score 0 with a message the student understands). None is missing from
  the gradebook and no grade in it is empty where a machine should have given one.
- Scores are nbgrader's on every well-formed submission. Tests, their order and points are those of
  the release; a test that did not run, or that left an error, scores 0; partial credit is a number
  from 0 to the cell's points; a warning on standard error costs nothing. What had to be restored
  and would have changed a score silently is marked for a person.
- Student code runs without network and sees neither the gradebook, the source folder, hidden tests
  on disk, other submissions, the home folder nor the environment of the person who grades. Memory,
  processes, time, disk and output of a submission are bounded (`Limits`; on machines without
  writable cgroups memory is watched rather than bounded).
- A kernel that dies or cannot be interrupted costs the cells from there on, not those before.
- A run that is stopped, by Ctrl-C or ``kill -9``, is completed by the next one.
- ``gradebook.db`` and ``autograded/`` are nbgrader's own, so the Formgrader, ``nbgrader
  generate_feedback`` and exporters work on them. Files that a notebook writes come back.
- Feedback pages show no line of a hidden test and run nothing that a student wrote; they load
  nothing from the network.

What it cannot promise:

- Tests run in the student's own process, where code that means to can patch builtins and IPython,
  use transformers or a display hook, read a test's source from the interpreter's frames, or talk
  to the kernel's sockets. Canaries make most of that evident (``graded-needs-review``); tests in
  the student's process can be made tamper-evident, not tamper-proof.
- Feedback can hold what a hidden test says when it fails, and whatever a student's code made of a
  test in another form; formulas appear as TeX.
- Students' code runs on the CPU: the sandbox has no GPU device.

`Autograde` is nbgrader's converter of that name with this execution, for nbgrader's applications.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from course_utils.grading.dropin import Autograde

__all__ = ["Autograde"]


def __getattr__(name: str):
    # PEP 562: the sandbox's kernels import this package, and must not wait for nbgrader.
    if name == "Autograde":
        from course_utils.grading.dropin import Autograde

        return Autograde
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
