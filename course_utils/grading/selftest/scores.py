"""Tests that end in a value, a warning or an error, and answers that want more than they get."""

from course_utils.grading.selftest.attack import EITHER, REVIEWED, Attack
from course_utils.grading.selftest.little_course import FULL, without

TITLE = "partial credit, warnings and errors"


def _part(name: str, value: str, score: float, state=(*EITHER,)) -> Attack:
    body = f"def part():\n    return {value}"
    return Attack(
        name, f"Gives {value} for partial credit.", {"part": body}, state=state, score=score
    )


LOST = without("part")

ATTACKS = [
    _part("part-half", "1.5", FULL - 0.5, ("graded",)),
    _part("part-zero", "0", LOST, ("graded",)),
    _part("part-inf", "float('inf')", LOST, REVIEWED),
    _part("part-minus-inf", "-float('inf')", LOST, REVIEWED),
    _part("part-nan", "float('nan')", LOST, REVIEWED),
    _part("part-negative", "-1", LOST, REVIEWED),
    _part("part-huge", "1e9", LOST, REVIEWED),
    _part("part-overflow", "10**400", LOST, REVIEWED),
    _part("part-tiny-more", "2.0000001", LOST, REVIEWED),
    Attack(
        "part-text",
        "Returns an object whose text is a number.",
        {
            "part": "class Two:\n    def __repr__(self):\n        return '1e3'\ndef "
            "part():\n    return Two()"
        },
        state=REVIEWED,
        score=LOST,
    ),
    Attack(
        "part-shows-more",
        "Shows a value of its own before the test's.",
        {"part": "def part():\n    import sys\n    sys.displayhook(2)\n    return 0"},
        state=EITHER,
        score=LOST,
    ),
    Attack(
        "value-then-error",
        "Displays full points, then fails.",
        {"add": "import sys\ndef add(a, b):\n    sys.displayhook(4)\n    return 3"},
        state=EITHER,
        score=without("add"),
    ),
    Attack(
        "display-then-error",
        "Displays full points by display(), then fails.",
        {"add": "def add(a, b):\n    display(4)\n    return 3"},
        state=EITHER,
        score=without("add"),
    ),
    Attack(
        "clears-then-error",
        "Clears the output when it has failed.",
        {
            "add": "from IPython.display import clear_output\nclass Bad:\n"
            "    def __eq__(self, other):\n        clear_output(wait=True)\n        return False\n"
            "def add(a, b):\n    return Bad()"
        },
        state=EITHER,
        score=without("add"),
    ),
    Attack(
        "value-in-full-test",
        "Displays 1 in a test that gives all or nothing.",
        {"add": "import sys\ndef add(a, b):\n    sys.displayhook(1)\n    return a + b"},
        state=EITHER,
        score=None,
    ),
    Attack(
        "warns",
        "Warns in a tested function, which costs nothing.",
        {"add": "import warnings\ndef add(a, b):\n    warnings.warn('x')\n    return a + b"},
    ),
    Attack(
        "stderr",
        "Prints to standard error in a tested function, which costs nothing.",
        {
            "scale": "import sys\ndef scale(a, k):\n    print('x', file=sys.stderr)\n    "
            "return a * k"
        },
    ),
    Attack(
        "logs",
        "Logs an error, which costs nothing.",
        {"add": "import logging\ndef add(a, b):\n    logging.error('x')\n    return a + b"},
    ),
    Attack(
        "syntax-error",
        "Hands in a cell that is no Python.",
        {"add": "def add(a, b)\n    return a + b"},
        score=without("add"),
    ),
    Attack(
        "wrong",
        "Hands in a wrong answer.",
        {"scale": "def scale(a, k):\n    return a + k"},
        score=without("scale"),
    ),
]
