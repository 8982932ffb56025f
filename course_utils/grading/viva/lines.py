"""The lines of code that are a student's own, each with what can be known of it without running it.

Code is read with Python's ``ast`` and never executed. What cannot be parsed has no lines.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache, reduce

from course_utils.grading.viva.shapes import Shape, Shapes, after, said, shape_of, show

LARGEST_SOURCE = 20_000  # characters; nobody types more into one cell
UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)
MAGIC = re.compile(r"^(\s*)[%!].*$", re.M)
NAME = re.compile(r"Name\(id='(\w+)'")
NOT_ASKED = (ast.Import, ast.ImportFrom, ast.Pass, ast.Raise, ast.Global, ast.Nonlocal, ast.Assert)
BLOCKS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass(frozen=True)
class Function:
    """What the statements of a function share.

    Attributes:
        name: empty for code outside of any function.
        parameters: the names of its arguments.
        wanted: the shapes that its released docstring gives for results.
        used: the names of all functions, methods and variables in it.
        body: its statements with their lines, in the order of the text.
    """

    name: str
    parameters: tuple[str, ...] = ()
    wanted: Shapes = field(default_factory=dict)
    used: frozenset[str] = frozenset()
    body: tuple[ast.stmt, ...] = ()


@dataclass(frozen=True)
class Line:
    """One statement of a cell; of a loop or a condition, its first line.

    Attributes:
        statement: as parsed.
        source: the cell's source.
        function: where it stands.
        known: the shapes of names before it runs.
        form: the same for statements that differ in names of variables, spaces and comments only.
        loops: the loops around it, outermost first.
    """

    statement: ast.stmt
    source: str
    function: Function
    known: Shapes
    form: str
    loops: tuple[ast.For | ast.While, ...] = ()

    @property
    def number(self) -> int:
        """Its place in the cell, from 1."""
        return self.statement.lineno

    @cached_property
    def quote(self) -> str:
        """Its lines as they stand in the cell, without what they are indented by in common."""
        last = max(part.end_lineno or part.lineno for part in own(self.statement))
        lines = _rows(self.source)[self.number - 1 : last]
        margin = min((len(one) - len(one.lstrip()) for one in lines if one.strip()), default=0)
        return "\n".join(one[margin:].rstrip() for one in lines)

    def nodes(self) -> Iterator[ast.AST]:
        """What stands in its own line, without the body of a loop."""
        for part in own(self.statement):
            yield from ast.walk(part)

    def text(self, node: ast.AST) -> str:
        """The source of a part of it, on one line and not too long."""
        first, last = node.lineno - 1, node.end_lineno
        rows = [row.encode("utf-8", "surrogatepass") for row in _rows(self.source)[first:last]]
        rows[-1] = rows[-1][: node.end_col_offset]
        rows[0] = rows[0][node.col_offset :]
        segment = b" ".join(rows).decode("utf-8", "surrogatepass")
        segment = " ".join(segment.split())
        return segment if len(segment) <= 70 else f"{segment[:68]} …"

    def shape(self, node: ast.AST) -> Shape | None:
        return shape_of(node, self.known)

    @property
    def unlike_wanted(self) -> str:
        """A sentence where the result's shape is known and not the one that the task asks for."""
        for name, value in self._results():
            shape = self.shape(value)
            if shape is not None and shape != self.function.wanted[name]:
                return (
                    f"The task asks for {name} of shape {show(self.function.wanted[name])}; here "
                    f"it is {show(shape)}. Let the student find that."
                )
        return ""

    def _results(self) -> list[tuple[str, ast.expr]]:
        """The expressions in this line that are the function's results as they stand."""
        wanted = list(self.function.wanted)
        returned = [
            values
            for statement in self.function.body
            if isinstance(statement, ast.Return)
            and len(values := _values(statement.value)) == len(wanted)
        ]
        match self.statement:
            case ast.Return(value=value) if len(values := _values(value)) == len(wanted):
                return list(zip(wanted, values, strict=True))
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                stored = sum(
                    isinstance(node, ast.Name) and node.id == name
                    for statement in self.function.body
                    if isinstance(statement, ast.Assign | ast.AugAssign | ast.For)
                    for part in getattr(statement, "targets", [getattr(statement, "target", None)])
                    for node in ast.walk(part)
                )
                places = {
                    place
                    for values in returned
                    for place, one in enumerate(values)
                    if isinstance(one, ast.Name) and one.id == name
                }
                if stored == 1 and len(returned) == 1 and len(places) == 1:
                    return [(wanted[places.pop()], value)]
        return []


@lru_cache(maxsize=8)
def _rows(source: str) -> list[str]:
    """The lines that Python sees; `str.splitlines` would find more of them."""
    return re.split(r"\r\n|\r|\n", source)


def _values(returned: ast.expr | None) -> list[ast.expr]:
    if isinstance(returned, ast.Tuple | ast.List):
        return returned.elts
    return [returned] if returned is not None else []


def parse(source: str) -> ast.Module:
    """A cell as Python; IPython's own commands count as nothing.

    Raises:
        SyntaxError, ValueError, RecursionError, MemoryError: it is not Python, or too much of it.
    """
    if len(source) > LARGEST_SOURCE:
        raise ValueError(f"longer than {LARGEST_SOURCE:,} characters")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a student's backslashes
        try:
            return ast.parse(source)
        except SyntaxError:
            if not MAGIC.search(source):
                raise
            return ast.parse(MAGIC.sub(r"\1pass", source))


def lines(source: str, released: str = "") -> list[Line]:
    """The statements of a cell that do not stand in its released version.

    Args:
        source: the student's cell.
        released: the same cell as the student got it; its docstrings are believed.

    Raises:
        SyntaxError, ValueError, RecursionError, MemoryError: as `parse`.
    """
    given = {" ".join(line.split()) for line in released.splitlines() if line.strip()}
    try:
        shapes = _docstrings(parse(released))
    except UNREADABLE:
        shapes = {}
    tree = parse(source)
    local = _local(tree)
    found = list(_statements(tree, source, local, shapes))
    return [line for line in found if not _is_given(line, given)]


def _is_given(line: Line, given: set[str]) -> bool:
    first, *_ = line.quote.splitlines() or [""]
    return " ".join(first.split()) in given


def _docstrings(tree: ast.Module) -> dict[str, tuple[Shapes, Shapes]]:
    return {
        node.name: said(ast.get_docstring(node) or "")
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
    }


def _local(tree: ast.Module) -> set[str]:
    """Names that the cell's author chose: of variables and arguments."""
    names = {
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    return names | {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}


def own(statement: ast.stmt) -> list[ast.AST]:
    """The parts of a statement on its own line: of a loop, the variable and what it goes over."""
    match statement:
        case ast.For(target=target, iter=iterated):
            return [target, iterated]
        case ast.While(test=test) | ast.If(test=test):
            return [test]
        case ast.With(items=items):
            return [item.context_expr for item in items]
    return [statement]


def _form(statement: ast.stmt, local: set[str]) -> str:
    order: dict[str, int] = {}

    def rename(match: re.Match[str]) -> str:
        name = match[1]
        return f"Name({order.setdefault(name, len(order))}" if name in local else match[0]

    parts = " ".join(ast.dump(part) for part in own(statement))
    return f"{type(statement).__name__} {NAME.sub(rename, parts)}"


def _statements(
    tree: ast.Module,
    source: str,
    local: set[str],
    shapes: Mapping[str, tuple[Shapes, Shapes]],
) -> Iterator[Line]:
    def visit(
        body: Sequence[ast.stmt],
        function: Function,
        known: Shapes,
        loops: tuple[ast.For | ast.While, ...],
    ) -> Iterator[Line]:
        for statement in body:
            if isinstance(statement, BLOCKS):
                yield from visit(statement.body, *_function(statement, shapes), ())
                continue
            is_text = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
            if not isinstance(statement, (*NOT_ASKED, ast.Try)) and not is_text:
                form = _form(statement, local)
                yield Line(statement, source, function, known, form, loops)
            inside = [part for part in flat([statement]) if part is not statement]
            settled = _settled(known, inside)
            is_loop = isinstance(statement, ast.For | ast.While)
            entry = after(statement, settled if is_loop else known)
            inner = (*loops, statement) if is_loop else loops
            for name in ("body", "orelse", "finalbody"):
                yield from visit(getattr(statement, name, ()), function, entry, inner)
            for handler in getattr(statement, "handlers", ()):
                yield from visit(handler.body, function, entry, inner)
            if isinstance(statement, ast.With):
                known = reduce(lambda shapes, part: after(part, shapes), inside, known)
            else:
                known = settled if inside else entry

    outside = Function("", used=_used(tree), body=tuple(flat(tree.body)))
    yield from visit(tree.body, outside, {}, ())


def _settled(known: Shapes, inside: Sequence[ast.stmt]) -> Shapes:
    """The shapes that hold whether or not, and however often, a block runs."""
    end = reduce(lambda shapes, part: after(part, shapes), inside, known)
    return {name: shape for name, shape in known.items() if end.get(name) == shape}


def _function(
    definition: ast.stmt, shapes: Mapping[str, tuple[Shapes, Shapes]]
) -> tuple[Function, Shapes]:
    inputs, wanted = shapes.get(definition.name, ({}, {}))
    arguments = getattr(definition, "args", None)
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs] if arguments else []
    names = tuple(one.arg for one in every)
    body = tuple(flat(definition.body))
    function = Function(definition.name, names, wanted, _used(definition), body)
    return function, {name: shape for name, shape in inputs.items() if name in names}


def _used(tree: ast.AST) -> frozenset[str]:
    return frozenset(
        node.attr if isinstance(node, ast.Attribute) else node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute | ast.Name)
    )


def flat(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """All statements below, in the order of the text."""
    for statement in body:
        yield statement
        for name in ("body", "orelse", "finalbody"):
            yield from flat(getattr(statement, name, ()))
        for handler in getattr(statement, "handlers", ()):
            yield from flat(handler.body)


def forms(source: str, released: str) -> Counter[str]:
    """How often each form of a statement is in a classmate's cell; empty where it is not Python."""
    try:
        return Counter(line.form for line in lines(source, released))
    except UNREADABLE:
        return Counter()
