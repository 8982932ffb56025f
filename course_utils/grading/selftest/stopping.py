"""Code that does not end, or ends the kernel: that costs the cells from there on, not the "
"others."""

from course_utils.grading.selftest.attack import EITHER, REVIEWED, Attack, first
from course_utils.grading.selftest.little_course import FULL, without

TITLE = "loops, exits and crashes"

_SWALLOW = """\
import time
def scale(a, k):
    while True:
        try:
            time.sleep(1)
        except KeyboardInterrupt:
            pass"""


def _in_scale(body: str) -> dict[str, str]:
    return {"scale": f"import ctypes, os, signal, sys, time\ndef scale(a, k):\n    {body}"}


def _dies(name: str, tries: str, body: str) -> Attack:
    lost = without("scale", "part", "double")
    return Attack(name, tries, _in_scale(body), state=REVIEWED, score=lost, reason="kernel")


def _fails(name: str, tries: str, body: str) -> Attack:
    return Attack(name, tries, _in_scale(body), state=EITHER, score=without("scale"))


def _recurses(name: str, tries: str, body: str) -> Attack:
    """IPython may need longer for so long a traceback than the little course gives a cell."""
    lost = without("scale"), without("scale", "part", "double")
    return Attack(name, tries, _in_scale(body), state=EITHER, score=lost)


def _leaves(name: str, tries: str, body: str) -> Attack:
    """The kernel ends soon after the cell: how many of the next ones it still runs is chance."""
    lost = [without("scale"), without("scale", "double"), without("scale", "part", "double")]
    return Attack(name, tries, _in_scale(body), state=EITHER, score=tuple(lost))


ATTACKS = [
    Attack(
        "loop",
        "Loops forever inside a tested function.",
        {"scale": "def scale(a, k):\n    while True:\n        pass"},
        state=EITHER,
        score=without("scale"),
    ),
    Attack(
        "loop-swallows",
        "Loops forever and swallows the interrupt.",
        {"scale": _SWALLOW},
        state=REVIEWED,
        score=without("scale", "part", "double"),
        reason="could not be interrupted",
    ),
    Attack(
        "loop-in-c",
        "Loops in C, where an interrupt is not looked at.",
        _in_scale("return sum(range(10**12))"),
        state=REVIEWED,
        score=without("scale", "part", "double"),
    ),
    Attack(
        "loop-ignores-signals",
        "Ignores every signal, then sleeps.",
        _in_scale("[signal.signal(s, signal.SIG_IGN) for s in (2, 15)]; time.sleep(30)"),
        state=REVIEWED,
        score=without("scale", "part", "double"),
    ),
    _dies("os-exit", "Ends the process inside a tested function.", "os._exit(0)"),
    _dies("kills-itself", "Kills its own process.", "os.kill(os.getpid(), signal.SIGKILL)"),
    _dies("aborts", "Aborts its own process.", "os.abort()"),
    _dies("segfaults", "Reads address zero.", "ctypes.string_at(0)"),
    _dies("stops-itself", "Stops its own process.", "os.kill(os.getpid(), signal.SIGSTOP)"),
    _dies(
        "execs",
        "Replaces its process by another program.",
        "os.execv(sys.executable, [sys.executable, '-c', 'pass'])",
    ),
    _fails("sys-exit", "Raises SystemExit inside a tested function.", "sys.exit(0)"),
    _leaves("exit", "Calls exit() inside a tested function.", "exit()"),
    _leaves("quit", "Calls quit(0) inside a tested function.", "quit(0)"),
    _fails("raises-interrupt", "Raises KeyboardInterrupt.", "raise KeyboardInterrupt"),
    _fails("raises-base", "Raises a BaseException of its own.", "raise BaseException('mine')"),
    _fails("raises-generator-exit", "Raises GeneratorExit.", "raise GeneratorExit"),
    _recurses("recursion", "Recurses without end.", "return scale(a, k)"),
    _recurses(
        "recursion-further",
        "Recurses further than is usual.",
        "sys.setrecursionlimit(5000); return scale(a, k)",
    ),
    _fails("asks-input", "Asks for input, which nobody gives.", "return int(input('result? '))"),
    _fails("asks-password", "Asks for a password.", "import getpass; return getpass.getpass()"),
    _fails("reads-stdin", "Reads standard input.", "return sys.stdin.read()"),
    Attack(
        "bad-error",
        "Raises an error whose text cannot be made.",
        {
            "scale": "class Bad(Exception):\n    def __str__(self):\n        raise self\n"
            "    __repr__ = __str__\ndef scale(a, k):\n    raise Bad"
        },
        state=EITHER,
        score=without("scale"),
    ),
    Attack(
        "exits-at-top",
        "Calls exit() between definitions, as a student who stops early would.",
        first("import sys\ntry:\n    sys.exit()\nexcept SystemExit:\n    pass"),
        score=FULL,
    ),
]
