"""The autograder: any nbgrader course directory, one submission at a time, in a sandbox.

What ``course grade`` promises now:

- Every submission ends in exactly one recorded state: ``graded``, ``graded-needs-review`` (with the
  reason) or ``malformed`` (score 0 with a message the student understands). None is missing from
  the gradebook and no grade in it is empty where a machine should have given one.
- Student code runs without network and sees neither the gradebook, the source folder, hidden tests
  on disk, other submissions, the home folder nor the environment of the person who grades.
- A kernel that dies or cannot be interrupted costs the cells from there on, not those before.
- ``gradebook.db`` and ``autograded/`` are nbgrader's own, so the Formgrader, ``nbgrader
  generate_feedback`` and exporters work on them.

- Feedback pages show no line of a hidden test and run nothing that a student wrote; they load
  nothing from the network.

What it does not promise yet:

- Scores can be forged by code that means to: tests run in the student's own process, where it can
  patch builtins and IPython, use transformers or a display hook, read a test's source from the
  interpreter's frames, or talk to the kernel's sockets. In-process tests can be made
  tamper-evident, not tamper-proof.
- A warning on stderr in a test cell counts as failure, as in nbgrader.
- Cells with a damaged ``schema_version`` make a notebook ``malformed`` rather than being restored.
- The number of processes, CPU time, total memory, disk use and output size of a submission are not
  bounded (`course_utils.grading.sandbox` says what is), nor is the time of a whole submission: only
  that of each cell.
- Files that a notebook writes while it is graded are not kept.
- Feedback can hold what a hidden test says when it fails, and whatever a student's code made of a
  test in another form; formulas appear as TeX.
- Students' code runs on the CPU: the sandbox has no GPU device.
"""
