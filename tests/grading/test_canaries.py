"""Canaries say what a student's code changed under the tests, and nothing about honest code."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from course_utils.grading.canaries import Canaries, Probe
from course_utils.student.execution import LocalKernel

TEST = "assert add(1, 2) == 3\nassert all(scale(k, 2) == 2 * k for k in range(3))"
IMPORTS = """
import torch, numpy.testing, torch.testing, unittest, matplotlib_inline.backend_inline
import course_utils.checks
def add(a, b): return a + b
def scale(a, k): return a * k
"""
Ended = tuple[dict[str, Any], list[dict[str, Any]]]


class Kernel:
    """A kernel that is told a cell and says the reply and the outputs, as nbformat has them."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        # In a thread: the browser tests leave a loop running in this one.
        self.thread = ThreadPoolExecutor(1)
        self.manager = LocalKernel()
        self._run(self.manager.start_kernel(extra_arguments=["--HistoryManager.enabled=False"]))
        self.client = self.manager.client()
        self.client.start_channels()
        self._run(self.client.wait_for_ready(timeout=60))

    def _run(self, what: Any) -> Any:
        return self.thread.submit(self.loop.run_until_complete, what).result()

    def __call__(self, source: str | Probe, *, hidden: bool = True) -> Ended:
        outputs = []
        probe = source if isinstance(source, Probe) else Probe(source, "")

        def collect(message: dict[str, Any]) -> None:
            if message["msg_type"] in ("error", "stream", "display_data", "execute_result"):
                outputs.append({"output_type": message["msg_type"], **message["content"]})

        reply = self._run(
            self.client.execute_interactive(
                probe.source or "pass",
                store_history=not hidden,
                user_expressions=probe.expressions,
                output_hook=collect,
                timeout=20,
            )
        )
        return reply["content"], outputs

    def close(self) -> None:
        self.client.stop_channels()
        self._run(self.manager.shutdown_kernel(now=True))
        self.loop.close()
        self.thread.shutdown()


@pytest.fixture(scope="module")
def kernel():
    kernel = Kernel()
    kernel(IMPORTS)
    yield kernel
    kernel.close()


def watched(kernel: Kernel, nonce: str = "n") -> Canaries:
    plan = Canaries(nonce)
    assert plan.keep(*kernel(plan.first())) is None
    return plan


def findings(kernel: Kernel, plan: Canaries, test: str = TEST) -> list[str]:
    found = [plan.finding(probe, *kernel(probe)) for probe in plan.after(test)]
    return [finding for finding in found if finding]


HONEST = {
    "plots": "%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()",
    "interactive plots": "plt.ion(); plt.figure(); plt.plot([1, 2])",
    "widgets": "import ipywidgets\nipywidgets.IntSlider()",
    "reloads": "%load_ext autoreload\n%autoreload 2",
    "rounds what it shows": "%precision 3\n0.12345",
    "prints": "import sys\nprint('x' * 100)\nprint('careful', file=sys.stderr)",
    "warns": "import warnings\nwarnings.warn('careful')",
    "fails": "1 / 0",
    "shows a class its own way": """
class Money:
    def __eq__(self, other): return True
shown = get_ipython().display_formatter.formatters['text/plain']
shown.for_type(Money, lambda money, printer, cycle: printer.text('$'))
Money()""",
    "seeds and switches": "torch.manual_seed(0); torch.set_default_dtype(torch.float32)",
    "prints arrays its own way": "numpy.set_printoptions(precision=2)",
    "imports more": "import sklearn, networkx, PIL.Image, tqdm.auto, pandas_is_not_here as p",
    "takes the name of a builtin that no test uses": "max = 3; input = None; list_ = list",
    "uses threads": "import threading; t = threading.Thread(target=print); t.start(); t.join()",
    "times": "%timeit -n1 -r1 add(1, 2)",
    "ends in a semicolon": "add(1, 2);",
    "has a cell magic": "%%capture out\nprint(1)",
}


@pytest.mark.parametrize("source", HONEST.values(), ids=HONEST)
def test_honest_code_raises_no_alarm(kernel, source):
    plan = watched(kernel)
    kernel(source, hidden=False)
    kernel(TEST, hidden=False)
    assert findings(kernel, plan) == []


def test_a_module_imported_after_the_snapshot_is_known_from_then_on():
    kernel = Kernel()
    try:
        plan = watched(kernel)
        kernel("import numpy as np, numpy.testing, matplotlib.pyplot as plt, six\nplt.plot([1])")
        assert findings(kernel, plan) == []
        kernel("np.allclose = lambda *a, **k: True")
        (finding,) = findings(kernel, plan)
        assert "numpy.allclose" in finding
    finally:
        kernel.close()


def test_a_submodule_that_nobody_imported_yet_is_seen_before_it_can_be_changed():
    kernel = Kernel()
    try:
        kernel("import numpy")
        plan = watched(kernel)
        kernel("import numpy.testing\nnumpy.testing.assert_allclose = lambda *a, **k: None")
        (finding,) = findings(kernel, plan)
        assert "numpy.testing.assert_allclose" in finding
    finally:
        kernel.close()


# What is done and what staff read.
FORMATTER = "get_ipython().display_formatter.formatters['text/plain']"
ERASES_ASSERTS = """
import ast
class Erase(ast.NodeTransformer):
    def visit_Assert(self, node): return ast.Pass()
"""
TAMPERING = {
    "torch.allclose": ("torch.allclose = lambda *a, **k: True", "torch.allclose"),
    "torch.Tensor.__eq__": ("torch.Tensor.__eq__ = lambda a, b: True", "torch.Tensor.__eq__"),
    "a code object": (
        "numpy.testing.assert_allclose.__code__ = (lambda *a, **k: None).__code__",
        "numpy.testing.assert_allclose",
    ),
    "what NumPy dispatches to": (
        "def yes(a, b, rtol=0, atol=0, equal_nan=False): return True\n"
        "numpy.allclose._implementation.__code__ = yes.__code__",
        "numpy.allclose",
    ),
    "defaults": (
        "torch.testing.assert_close.__kwdefaults__.update(rtol=1e9, atol=1e9)",
        "torch.testing.assert_close",
    ),
    "an inner comparison": (
        "torch.testing._comparison.TensorLikePair.compare = lambda self: None",
        "TensorLikePair.compare",
    ),
    "checks": ("course_utils.checks.close = lambda *a, **k: None", "course_utils.checks.close"),
    "inside checks": (
        "course_utils.checks.compare._all_close = lambda *a, **k: True",
        "course_utils.checks.compare._all_close",
    ),
    "unittest": (
        "unittest.TestCase.assertEqual = lambda *a, **k: None",
        "unittest.case.TestCase.assertEqual",
    ),
    "a module replaced": (
        "import sys, types\nsys.modules['math'] = types.SimpleNamespace(isclose=lambda *a: True)",
        "math.isclose",
    ),
    "builtins.all": ("import builtins\nbuiltins.all = lambda each: True", "builtins.all"),
    "builtins.isinstance": (
        "import builtins\nold = isinstance\nbuiltins.isinstance = lambda *a, old=old: old(*a)",
        "builtins.isinstance",
    ),
    "builtins.__import__": (
        "import builtins\nold = builtins.__import__\n"
        "builtins.__import__ = lambda *a, old=old, **k: old(*a, **k)",
        "builtins.__import__",
    ),
    "AssertionError": (
        "import builtins\nclass E(Exception): pass\nbuiltins.AssertionError = E",
        "builtins.AssertionError",
    ),
    "a builtin hidden": ("def all(each): return True", "all, which the test uses"),
    "an AST transformer": (
        f"{ERASES_ASSERTS}get_ipython().ast_transformers.append(Erase())",
        "did not fail",
    ),
    "a choosy AST transformer": (
        "import ast\nclass Erase(ast.NodeTransformer):\n"
        "    def visit_Assert(self, node):\n"
        "        return ast.Pass() if 'zzz' in ast.unparse(node) else node\n"
        "get_ipython().ast_transformers.append(Erase())",
        "an AST transformer",
    ),
    "an input transformer": (
        "import re\nget_ipython().input_transformers_post.append(\n"
        "    lambda lines: [re.sub('^assert .*', 'pass', line) for line in lines])",
        "did not fail",
    ),
    "an input transformer that looks for this test's assertions": (
        "get_ipython().input_transformers_cleanup.append(\n"
        "    lambda lines: ['pass\\n' if 'add(1' in line or 'all(sc' in line else line\n"
        "                   for line in lines])",
        "",
    ),
    "a partial as transformer": (
        "import functools\ndef f(x, lines): return lines\n"
        "get_ipython().input_transformers_cleanup.append(functools.partial(f, 1))",
        "an input transformer",
    ),
    "a callback that claims to be a library's": (
        "def f(*a): pass\nf.__module__ = 'matplotlib_inline.backend_inline'\n"
        "f.__qualname__ = 'flush_figures'\nget_ipython().events.register('post_run_cell', f)",
        "a callback",
    ),
    "compile": ("get_ipython().compile = type(get_ipython().compile)()", "shell.compile"),
    "run_ast_nodes": (
        "old = get_ipython().run_ast_nodes\n"
        "get_ipython().run_ast_nodes = lambda *a, old=old, **k: old(*a, **k)",
        "shell.run_ast_nodes",
    ),
    "showtraceback": ("get_ipython().showtraceback = lambda *a, **k: None", "was not shown"),
    "a custom exception handler": (
        "get_ipython().set_custom_exc((AssertionError,), lambda *a, **k: None)",
        "After a test",
    ),
    "a trace function": (
        "import sys\nsys.settrace(lambda *a: None)",
        "sys.settrace",
    ),
    "a profile function": ("import sys\nsys.setprofile(lambda *a: None)", "sys.setprofile"),
    "the display of numbers": (
        f"{FORMATTER}.for_type(float, lambda f, p, c: p.text('4.0'))",
        "the display of numbers",
    ),
    "the display hook": (
        "import sys\nold = get_ipython().displayhook\n"
        "class Hook(type(old)):\n    pass\nold.__class__ = Hook",
        "display hook",
    ),
    "results that nobody asked for": (
        "import os\ndef more(*a):\n"
        "    shell = get_ipython()\n"
        "    shell.kernel.session.send(shell.kernel.iopub_socket, 'execute_result',\n"
        "        {'data': {'text/plain': '4.0'}, 'metadata': {}, 'execution_count': 1},\n"
        "        parent=shell.parent_header, ident=b'execute_result')\n"
        "get_ipython().events.register('post_run_cell', more)",
        "displayed one",
    ),
    "the kernel's do_execute": (
        "k = get_ipython().kernel\nold = k.do_execute\n"
        "k.do_execute = lambda *a, old=old, **q: old(*a, **q)",
        "kernel.do_execute",
    ),
    "the session's send": (
        "s = get_ipython().kernel.session\nold = s.send\n"
        "s.send = lambda *a, old=old, **q: old(*a, **q)",
        "session.send",
    ),
    "an importer": (
        "import sys\nclass Finder:\n    @staticmethod\n"
        "    def find_spec(*a): return None\nsys.meta_path.insert(0, Finder)",
        "an importer",
    ),
}
# After these even a new snapshot says, or cannot say, what was done.
LASTING = {
    "a builtin hidden",
    "an AST transformer",
    "an input transformer",
    "an input transformer that looks for this test's assertions",
    "run_ast_nodes",
    "showtraceback",
    "a custom exception handler",
    "a trace function",
    "a profile function",
    "the display of numbers",
    "results that nobody asked for",
}


@pytest.fixture(scope="module")
def victim():
    kernel = Kernel()
    kernel(IMPORTS)
    yield kernel
    kernel.close()


@pytest.fixture
def victim_of(request, victim):
    """A kernel to be spoiled: the same for all, or one of its own where that lasts."""
    if request.node.callspec.id not in LASTING:
        yield victim
        return
    kernel = Kernel()
    kernel(IMPORTS)
    yield kernel
    kernel.close()


@pytest.mark.parametrize(("source", "said"), TAMPERING.values(), ids=TAMPERING)
def test_tampering_is_said(victim_of, source, said):
    plan = watched(victim_of)
    assert findings(victim_of, plan) == []
    reply, _ = victim_of(source, hidden=False)
    assert reply["status"] == "ok", reply
    victim_of(TEST, hidden=False)
    found = findings(victim_of, plan) + findings(victim_of, plan)
    assert said in " ".join(found)
    assert found


def test_a_reply_recorded_in_one_run_is_worth_nothing_in_another(kernel):
    first, second = watched(kernel, "one"), watched(kernel, "two")
    ones, others = (sorted(p.after(TEST), key=lambda q: bool(q.names)) for p in (first, second))
    said = ("did not fail as it must", "could not be looked at")
    for before, now, finding in zip(ones, others, said, strict=True):
        ended = kernel(before)
        assert first.finding(before, *ended) is None
        assert finding in second.finding(now, *ended)
        assert before.source != now.source


def test_a_reply_is_worth_nothing_for_the_next_test_of_the_same_run(kernel):
    plan = watched(kernel)
    before, now = (sorted(plan.after(TEST), key=lambda q: bool(q.names)) for _ in range(2))
    for once, again in zip(before, now, strict=True):
        ended = kernel(once)
        assert plan.finding(once, *ended) is None
        assert plan.finding(again, *ended) is not None


def test_without_a_snapshot_there_are_no_probes(kernel):
    plan = Canaries("n")
    said = plan.keep({"status": "error", "ename": "KernelStopped", "evalue": "gone"}, [])
    assert said == "The tests could not be watched: it ended with KernelStopped: gone."
    assert plan.after(TEST) == []


@pytest.mark.parametrize(
    "test",
    [
        "",
        "%timeit add(1, 2)\nassert add(1, 2) == 3",
        "assert (await answer()) == 3",
        "assert (yes := add(1, 2)) == 3, yes",
        "assert 1 if add else 0",
        "assert {'a': '{}'}['a'] == '{}'",
        "assert 'quo\"te' == \"it's\", '''a\nb'''",
        "checks.close(add(1, 2), 3)",
        "def test():\n    for _ in range(3):\n        assert add(1, 2) == 3\ntest()",
        "with open('x') as f:\n    exit, quit",
        "x = 1;",
        "assert not undefined and never[0].defined()",
        "this is not Python",
        "assert '¶´' == '¶´'",
    ],
)
def test_any_test_cell_can_be_followed_by_canaries(kernel, test):
    plan = watched(kernel, test)
    assert len(plan.after(test)) == 2
    for _ in range(3):
        assert findings(kernel, plan, test) == []


def test_canaries_leave_nothing_in_the_notebook(kernel):
    plan = watched(kernel)
    names = "print(sorted(globals()), len(In), len(Out))"
    _, before = kernel(names)
    assert findings(kernel, plan) == []
    _, after = kernel(names)
    assert before == after
