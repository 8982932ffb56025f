"""Canaries: what runs hidden around each test cell, so that tampering leaves a trace.

A student's code runs in the process that runs the tests, and can change what an ``assert`` means.
So before any of it runs, the identities of what tests depend on are read and kept here, outside;
after each test cell two canaries run that look like the test. One must fail, with a word that only
this run knows; the other must pass, and brings the identities as they are now. What differs is said
to staff. This makes tampering evident, not impossible: code that is written against these canaries,
undoes its changes in time and repeats them after, is not seen.

Nothing here talks to a kernel. The worker executes each probe with ``store_history=False`` and its
expressions, and hands in the content of the reply and the outputs::

    plan = Canaries(nonce)
    finding = plan.keep(*execute(plan.first()))             # before the student's first cell
    for probe in plan.after(test_source):                   # after each test cell
        finding = plan.finding(probe, *execute(probe))
"""

from __future__ import annotations

import ast
import builtins
import hashlib
import inspect
import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from course_utils.grading import canary_inside

_TENSOR = (
    "__eq__ __ne__ __lt__ __le__ __gt__ __ge__ __bool__ __float__ __int__ __sub__ abs all allclose "
    "any eq equal isclose item max mean min ne norm numpy sum tolist __torch_function__"
)
_NUMPY_TESTING = (
    "assert_ assert_allclose assert_almost_equal assert_approx_equal assert_array_almost_equal "
    "assert_array_equal assert_array_less assert_equal assert_raises assert_string_equal"
)
_CASES = "assertAlmostEqual assertEqual assertFalse assertIn assertRaises assertTrue fail"
_EXCEPTIONS = "AssertionError BaseException Exception "


def _of(owner: str, names: str) -> str:
    return " ".join(f"{owner}.{name}" for name in names.split())


# What tests compare with, by module. One whose package the kernel has not
# imported yet is first seen later.
WATCHED = {
    "builtins": _EXCEPTIONS
    + " ".join(name for name in dir(builtins) if name.islower() and name[0] != "_")
    + " __import__ __build_class__",
    "math": "fabs isclose isfinite isinf isnan",
    "operator": "eq ge gt le lt ne",
    "unittest.case": _of("TestCase", _CASES),
    "numpy": "abs all allclose any array array_equal array_equiv asarray isclose isfinite isnan",
    "numpy.linalg": "norm",
    "numpy._core.numeric": "allclose array_equal array_equiv isclose",
    "numpy.testing": _NUMPY_TESTING,
    "numpy.testing._private.utils": f"{_NUMPY_TESTING} assert_array_compare build_err_msg",
    "torch": "abs all allclose any eq equal isclose isfinite isnan max mean min ne norm sum tensor "
    + _of("Tensor", _TENSOR),
    "torch.linalg": "norm vector_norm",
    "torch.testing": "assert_close assert_allclose",
    "torch.testing._comparison": "assert_close originate_pairs not_close_error_metas ErrorMeta "
    + _of("TensorLikePair", "compare _compare_values _compare_attributes __init__")
    + " NumberPair.compare ObjectPair.compare",
    "course_utils.checks": "by_hand CheckFailed Draw call close equal unpack yours_or_reference",
    "course_utils.checks.by_hand": "*",
    "course_utils.checks.compare": "*",
    "course_utils.checks.draw": "*",
    "course_utils.checks.plain": "*",
    "course_utils.checks.student": "*",
    "matplotlib_inline.backend_inline": "flush_figures",
}
NAMES = [f"{module}:{name}" for module, names in WATCHED.items() for name in names.split()]
BUILTINS = set(dir(builtins)) - {"open", "exit", "quit"}  # IPython has its own
LOOKED = {"names", "marks", "parts", "foreign", "set", "shown", "hidden"}
IDENTIFIER = re.compile(r"[A-Za-z_]\w*")


@dataclass(frozen=True)
class Probe:
    """A cell to execute after a test.

    Attributes:
        source: what to execute.
        word: what its failure, or what its expression says, must begin with.
        expressions: to be evaluated after it (``user_expressions`` of the execute request): what
            looks around comes back in the reply, past the formatting of a traceback or a value.
        names: whose identities they ask for. Without any the source must fail.
    """

    source: str
    word: str
    expressions: dict[str, str] = field(default_factory=dict)
    names: tuple[str, ...] = ()


@dataclass
class Canaries:
    """The canaries of one run of one notebook.

    Args:
        nonce: unguessable, and different in every run: a recorded reply is worth nothing later.
    """

    nonce: str
    _before: dict[str, Any] | None = field(default=None, repr=False)
    _count: int = 0

    def first(self) -> Probe:
        """The snapshot, to be executed before any of the student's code."""
        word = self._word(0)
        return Probe("", word, _expressions(word, NAMES, [], fresh=True), tuple(NAMES))

    def keep(self, reply: Mapping[str, Any], outputs: Sequence[Mapping[str, Any]]) -> str | None:
        """Keep the snapshot. A sentence for staff if there is none: then canaries cannot help."""
        said = _said(reply, self._word(0), NAMES)
        if said is None:
            return f"The tests could not be watched: {_how_it_ended(reply)}."
        self._before = said
        return None

    def after(self, test_source: str) -> list[Probe]:
        """What to execute after a test cell. Empty if there is no snapshot."""
        if self._before is None:
            return []
        self._count += 1
        word = self._word(self._count)
        modules = {name.partition(":")[0] for name in self._before["marks"]}
        later = [name for name in NAMES if name.partition(":")[0] not in modules]
        names = (*self._before["marks"], *later)
        used = sorted(set(IDENTIFIER.findall(test_source)) & BUILTINS)
        dead, shape = _dead_expression(test_source, int(word[:8], 16))
        fails = Probe(f"assert {shape.format(dead, 0)}, {word!r}", word)
        passes = f"assert {shape.format(dead, 1)}, {word!r}"
        looks = Probe(passes, word, _expressions(word, names, used), names)
        # In an order that cannot be relied on.
        return [fails, looks] if int(word[8:16], 16) % 2 else [looks, fails]

    def finding(
        self, probe: Probe, reply: Mapping[str, Any], outputs: Sequence[Mapping[str, Any]]
    ) -> str | None:
        """What a probe's reply and outputs say about the test before it; None if all is well."""
        kinds = [output.get("output_type") for output in outputs]
        if "execute_result" in kinds:
            return "After a test, a statement without a value displayed one."
        if not probe.names:
            return self._must_have_failed(probe, reply, outputs)
        if reply.get("status") != "ok" or "error" in kinds:
            return f"After a test, an assertion that holds did not pass: {_how_it_ended(reply)}."
        said = _said(reply, probe.word, probe.names)
        if said is None:
            return "After a test, what it depends on could not be looked at."
        changes = self._changes(said)
        if not changes:
            return None
        shown = ", ".join(changes[:5]) + (f" and {len(changes) - 5} more" if changes[5:] else "")
        return f"What the tests depend on was changed: {shown}."

    def _must_have_failed(
        self, probe: Probe, reply: Mapping[str, Any], outputs: Sequence[Mapping[str, Any]]
    ) -> str | None:
        as_it_must = (reply.get("status"), reply.get("ename"), reply.get("evalue"))
        if as_it_must != ("error", "AssertionError", probe.word):
            return (
                "After a test, an assertion that cannot hold did not fail as it must: "
                f"{_how_it_ended(reply)}."
            )
        errors = [o.get("ename") for o in outputs if o.get("output_type") == "error"]
        if errors != ["AssertionError"]:
            return "After a test, an assertion failed and its error was not shown."
        return None

    def _changes(self, now: dict[str, Any]) -> list[str]:
        before = self._before
        assert before is not None
        changes = []
        for name, mark in before["marks"].items():
            if mark and now["marks"].get(name) != mark:
                changes.append(name.replace(":", "."))
        for name, mark in before["parts"].items():
            if now["parts"].get(name) != mark:
                changes.append(f"IPython's {name}")
        for what, marks in before["foreign"].items():
            if now["foreign"].get(what) != marks:
                changes.append(f"{what} of its own")
        changes += [f"{name} is in use" for name in now["set"]]
        if _numbers(now["shown"]) != [1, 0]:
            changes.append("the display of numbers")
        changes += [f"{name}, which the test uses, is not Python's" for name in now["hidden"]]
        # What was imported since is known from here on.
        before["marks"] = now["marks"] | {n: mark for n, mark in before["marks"].items() if mark}
        return changes

    def _word(self, count: int) -> str:
        return hashlib.sha256(f"{self.nonce}:{count}".encode()).hexdigest()[:32]


@cache
def _look() -> str:
    source = inspect.getsource(canary_inside.look)
    tree = ast.parse(source)
    function = tree.body[0]
    assert isinstance(function, ast.FunctionDef)
    function.body = function.body[1:]  # a shorter message to the kernel: no docstring, no comments
    return ast.unparse(tree)


def _expressions(
    word: str, names: Sequence[str], used: Sequence[str], *, fresh: bool = False
) -> dict[str, str]:
    """An expression that looks around and says so in an error that begins with a word.

    It uses no name of the notebook's own namespace. An error's text comes back as it is, where a
    value would be displayed in whatever way the notebook has chosen.
    """
    modules: dict[str, list[str]] = {}
    for name in names:
        module, _, path = name.partition(":")
        modules.setdefault(module, []).append(path)
    grouped = {module: " ".join(paths) for module, paths in modules.items()}
    call = f"look({grouped!r}, {list(used)!r}, fresh={fresh})"
    code = f"{_look()}\nraise LookupError({word!r} + repr({call}))"
    return {"said": f"(lambda known: known['exec']({code!r}, {{}}))((lambda: 0).__builtins__)"}


def _dead_expression(test_source: str, choice: int) -> tuple[str, str]:
    """An expression of the test's own that is never evaluated, and how to make an assertion of it.

    The assertion begins as the test's does, and has the same kind of syntax tree.
    """
    plain, compared = "{} if 0 else {}", "({} if 0 else {}) == 1"
    try:
        tree = ast.parse(test_source)
    except (SyntaxError, ValueError, RecursionError):
        return "None", plain
    found = [node.test for node in ast.walk(tree) if isinstance(node, ast.Assert)]
    found = found or [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    if not found:
        return "None", plain
    chosen = found[choice % len(found)]
    shape = plain
    if isinstance(chosen, ast.Compare) and choice // 7 % 2:
        chosen, shape = chosen.left, compared
    dead = ast.unparse(chosen)
    if isinstance(chosen, ast.IfExp | ast.Lambda | ast.NamedExpr | ast.GeneratorExp):
        dead = f"({dead})"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            compile(f"assert {shape.format(dead, 1)}", "test", "exec")
    except SyntaxError:  # ``await``, ``yield``
        return "None", plain
    return dead, shape


def _said(reply: Mapping[str, Any], word: str, names: Sequence[str]) -> dict[str, Any] | None:
    """What a probe's expression said; None if it did not, or in another run's words."""
    try:
        error = reply["user_expressions"]["said"]
        text = error["evalue"]
        if error["ename"] != "LookupError" or not text.startswith(word):
            return None
        said = ast.literal_eval(text.removeprefix(word))
        if said.keys() != LOOKED:
            return None
        marks = dict(zip(said["names"] or names, said["marks"], strict=True))
        return said | {"marks": marks}
    except (LookupError, ValueError, SyntaxError, TypeError, AttributeError, RecursionError):
        return None


def _how_it_ended(reply: Mapping[str, Any]) -> str:
    if reply.get("status") != "error":
        return f"it ended with status {reply.get('status')!r}"
    return f"it ended with {reply.get('ename')}: {str(reply.get('evalue'))[:100]}"


def _numbers(shown: Sequence[Any]) -> list[float] | None:
    try:
        return [float(text) for text in shown]
    except (TypeError, ValueError):
        return None
