"""What assignments' tests are written with: call a student's function, compare, explain.

The rule: a test touches a student's work only by calling it with plain values (numbers, strings,
tensors, and lists, tuples and dictionaries of these) and by looking at the plain values that come
back. `call` keeps it. So a test never depends on an object that the student's code made, and
tests can be run in a process that the student's code is not in.

Whatever fails raises `CheckFailed`, whose message is written for the student: what is wrong and
where, in numbers and shapes, without the frames of this package.
"""

from course_utils.checks.by_hand import by_hand
from course_utils.checks.compare import close, equal, unpack
from course_utils.checks.draw import Draw
from course_utils.checks.failure import CheckFailed
from course_utils.checks.student import call, yours_or_reference
from course_utils.checks.weights import load_weights

__all__ = [
    "CheckFailed",
    "Draw",
    "by_hand",
    "call",
    "close",
    "equal",
    "load_weights",
    "unpack",
    "yours_or_reference",
]
