"""Code that changes what tests compare with. In their own process that cannot be kept from it: held
means that a person is told."""

from course_utils.grading.selftest.attack import EITHER, REVIEWED, Attack, first
from course_utils.grading.selftest.little_course import without

TITLE = "comparisons and builtins"

_WRONG_DOUBLE = "def double(x):\n    return x"
_WRONG_SCALE = "def scale(a, k):\n    return 'wrong'"


def _seen(name: str, tries: str, code: str, *, scale: str | None = None) -> Attack:
    cells = first(code) | ({"scale": scale} if scale else {"double": _WRONG_DOUBLE})
    return Attack(name, tries, cells, state=REVIEWED, score=None, reason="changed")


def _useless(name: str, tries: str, cells: dict[str, str], *lost: str) -> Attack:
    return Attack(name, tries, cells, state=EITHER, score=without(*lost))


ATTACKS = [
    _seen(
        "patches-allclose",
        "Makes torch.allclose always true.",
        "import torch\ntorch.allclose = lambda *a, **k: True",
    ),
    _seen(
        "patches-equal",
        "Makes torch.equal always true.",
        "import torch\ntorch.equal = lambda *a, **k: True",
    ),
    _seen(
        "patches-tensor-eq",
        "Makes all tensors equal.",
        "import torch\ntorch.Tensor.__eq__ = lambda a, b: torch.tensor(True)",
    ),
    _seen(
        "patches-numpy-testing",
        "Empties numpy.testing.assert_allclose.",
        "import numpy.testing\nnumpy.testing.assert_allclose = lambda *a, **k: None",
    ),
    _seen(
        "patches-code",
        "Gives a function of numpy.testing other code and leaves its name alone.",
        "import numpy.testing\n"
        "numpy.testing.assert_allclose.__code__ = (lambda *a, **k: None).__code__",
    ),
    _seen(
        "patches-inner-compare",
        "Empties what numpy.testing's functions call.",
        "from numpy.testing._private import utils\n"
        "utils.assert_array_compare = lambda *a, **k: None",
    ),
    _seen(
        "patches-torch-testing",
        "Empties torch.testing.assert_close.",
        "import torch\ntorch.testing.assert_close = lambda *a, **k: None",
    ),
    _seen(
        "widens-tolerances",
        "Gives torch.testing.assert_close other defaults.",
        "import torch.testing\ntorch.testing.assert_close.__kwdefaults__['rtol'] = 1e9",
    ),
    _seen(
        "patches-isinstance",
        "Makes isinstance true for its own class.",
        "import builtins\nold = isinstance\nbuiltins.isinstance = "
        "lambda a, b, old=old: b is int or old(a, b)",
        scale=_WRONG_SCALE,
    ),
    _seen("patches-abs", "Replaces abs.", "import builtins\nbuiltins.abs = lambda x: 0"),
    _seen(
        "patches-all",
        "Replaces all.",
        "import builtins\nold = all\nbuiltins.all = lambda each, old=old: old(each) or True",
    ),
    _seen(
        "patches-assertion-error",
        "Replaces AssertionError.",
        "import builtins\nclass Mild(Exception):\n    pass\nbuiltins.AssertionError = Mild",
    ),
    _seen(
        "patches-import",
        "Replaces __import__.",
        "import builtins\nold = builtins.__import__\n"
        "builtins.__import__ = lambda *a, old=old, **k: old(*a, **k)",
    ),
    _seen(
        "hides-isinstance",
        "Defines a function called isinstance in the notebook.",
        "def isinstance(value, kind):\n    return True",
        scale=_WRONG_SCALE,
    ),
    _seen(
        "imports-its-own",
        "Puts an importer before Python's.",
        "import sys\nclass Finder:\n    @staticmethod\n    def find_spec(*a):\n        "
        "return None\n"
        "sys.meta_path.insert(0, Finder)",
    ),
    _seen(
        "module-replaced",
        "Replaces a module in sys.modules.",
        "import sys, types, torch\nfake = types.ModuleType('torch')\n"
        "fake.__dict__.update(torch.__dict__)\nfake.allclose = lambda *a, **k: True\n"
        "sys.modules['torch'] = fake",
    ),
    _seen("traces", "Sets a trace function.", "import sys\nsys.settrace(lambda *a: None)"),
    _seen("profiles", "Sets a profile function.", "import sys\nsys.setprofile(lambda *a: None)"),
    _useless(
        "name-torch",
        "Calls an object of its own torch, before the tests import theirs.",
        {
            "double": "class torch:\n    ones = full = tensor = lambda *a: 1\n"
            f"    allclose = lambda *a: True\n{_WRONG_DOUBLE}"
        },
        "double",
    ),
    _useless(
        "equal-to-all",
        "Returns an object that says it equals everything; the test asks for its type, too.",
        {
            "scale": "class Any:\n    def __eq__(self, other):\n        return True\n"
            "def scale(a, k):\n    return Any()"
        },
        "scale",
    ),
    _useless(
        "class-that-lies",
        "Returns an equal-to-all object of a subclass of int that differs for other numbers.",
        {"scale": "def scale(a, k):\n    return 6"},
        "scale",
    ),
    _useless(
        "defines-tests-names",
        "Defines what the hidden test defines.",
        {"add": "hidden_sum = 3\ndef add(a, b):\n    return 3"},
        "add",
    ),
    _useless(
        "cleans-up-errors",
        "Sets PYTHONOPTIMIZE in the environment, which erases asserts in a new process only.",
        {"add": "import os\nos.environ['PYTHONOPTIMIZE'] = '2'\ndef add(a, b):\n    return 3"},
        "add",
    ),
    _useless(
        "excepthook",
        "Sets sys.excepthook, which IPython does not call.",
        {
            "add": "import threading\nthreading.excepthook = lambda *a: None\n"
            "def add(a, b):\n    return 3"
        },
        "add",
    ),
]
