"""Right answers, in ordinary, unusual and noisy styles: nobody else may cost them a point."""

from course_utils.grading.selftest.attack import Attack, first
from course_utils.grading.selftest.little_course import ADD, DOUBLE

TITLE = "controls"


def _extra_cells(notebook):
    from nbformat.v4 import new_code_cell, new_markdown_cell

    notebook.cells.insert(2, new_code_cell("scratch = [k for k in range(10)]\nscratch"))
    notebook.cells.insert(5, new_markdown_cell("My notes: $x^2$, `code`, **bold**"))
    notebook.cells.append(new_code_cell("1 / 0  # a cell of mine that fails"))


def _old_format(notebook):
    for cell in notebook.cells:
        cell.pop("id", None)
    notebook.nbformat_minor = 4


CONTROLS = [
    Attack("control-ordinary", "Right answers."),
    Attack(
        "control-plots",
        "Right answers that plot, show tables and widgets.",
        cells=first(
            "%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.plot([1, 2, 3])\nplt.show()\n"
            "import ipywidgets\ndisplay(ipywidgets.IntSlider())\ndisplay({'a': 1})"
        ),
    ),
    Attack(
        "control-noisy",
        "Right answers that print a lot and warn on standard error.",
        cells={
            "add": "import sys, warnings\ndef add(a, b):\n    print('adding', a, b)\n"
            "    print('careful', file=sys.stderr)\n    warnings.warn('adding')\n    return a + b"
        },
    ),
    Attack(
        "control-unusual",
        "Right answers as a class, a lambda, a partial and a recursive function.",
        cells={
            "add": "class Adder:\n    def __call__(self, a, b):\n        return a.__add__(b)\n"
            "add = Adder()",
            "scale": "scale = lambda a, k: 0 if k == 0 else a + scale(a, k - 1)",
            "double": "import functools, torch\ndouble = functools.partial(torch.mul, 2)",
        },
    ),
    Attack("control-own-cells", "Right answers between cells of one's own.", edit=_extra_cells),
    Attack("control-old-format", "Right answers in a file without cell ids.", edit=_old_format),
    Attack(
        "control-extensions",
        "Right answers with autoreload, rounding and a seed.",
        cells=first("%load_ext autoreload\n%autoreload 2\n%precision 3\nimport random")
        | {"double": f"import torch\ntorch.manual_seed(0)\n{DOUBLE}"},
    ),
    Attack(
        "control-files",
        "Right answers that write files, start threads and processes, and wait for them.",
        cells={
            "add": "import subprocess, sys, threading\nopen('out.txt', 'w').write('mine')\n"
            "thread = threading.Thread(target=print)\nthread.start()\nthread.join()\n"
            f"subprocess.run([sys.executable, '-c', 'pass'], check=True)\n{ADD}"
        },
    ),
    Attack(
        "control-names",
        "Right answers that take the names of builtins that no test uses.",
        cells=first("list_, max, input, id = [], 3, None, 7"),
    ),
]
ATTACKS = CONTROLS
