"""The constructs that matter in numerical code, found in a line of it.

A sum along an axis, a product, a comparison that makes a mask, a write into a tensor, what a round
of a loop takes over: `probes` and `changes` know what to ask about each.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from course_utils.grading.viva.lines import Line, flat, own
from course_utils.grading.viva.shapes import REDUCTIONS, axis_of, integers, on, show

REARRANGES = {"reshape", "view", "permute", "transpose", "flatten", "swapaxes", "unfold", "squeeze"}
DTYPES = {"double", "float", "half", "bfloat16", "long", "int", "bool"}
DRAWS = {"randn", "rand", "normal", "normal_", "uniform_", "randn_like", "xavier_uniform_"}
COUNTS = re.compile(r"len\(|\.shape\[|\.size\(|numel\(\)|^[A-Znm]$|batch_size|num_examples")
LARGEST_NUMBER = 10**12
COLLECTIONS = (ast.List, ast.Tuple, ast.ListComp, ast.Constant)


def reductions(line: Line) -> Iterator[tuple[ast.Call, str, ast.expr, list[int] | None]]:
    """Every ``x.sum(0)``: the call, its name, the tensor, and the axes (None where all)."""
    for node in line.nodes():
        if isinstance(node, ast.Call) and (found := on(node)) and found[0] in REDUCTIONS:
            name, tensor, place = found
            axis = axis_of(node, place)
            if axis is None or integers(axis) is not None:
                yield node, name, tensor, integers(axis)


def products(line: Line) -> Iterator[ast.BinOp]:
    for node in line.nodes():
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
            yield node


def einsums(line: Line) -> Iterator[tuple[ast.Call, str]]:
    """Every ``einsum`` whose index string stands there, with an arrow."""
    for node in line.nodes():
        match node:
            case ast.Call(
                func=ast.Attribute(attr="einsum") | ast.Name(id="einsum"),
                args=[ast.Constant(value=str(text)), _, *_],
            ) if "->" in text and "." not in text:
                yield node, text.replace(" ", "")


def largest_subtracted(line: Line) -> Iterator[ast.BinOp]:
    """Every ``x - x.max(…)`` in a function that takes exponentials."""
    if not line.function.used & {"exp", "softmax", "logsumexp"}:
        return
    maxima = _maxima(line)
    for node in line.nodes():
        if not (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub)):
            continue
        inside = {one.id for one in ast.walk(node.right) if isinstance(one, ast.Name)}
        if is_maximum(node.right) or (isinstance(node.right, ast.Name) and inside & maxima):
            yield node


def is_maximum(node: ast.AST) -> bool:
    return any(
        isinstance(one, ast.Call) and (found := on(one)) and found[0] in ("max", "amax")
        for one in ast.walk(node)
    )


def _maxima(line: Line) -> set[str]:
    """Names that stand for a maximum in this function."""
    return {
        target.id
        for statement in line.function.body
        if isinstance(statement, ast.Assign) and is_maximum(statement.value)
        for target in statement.targets
        if isinstance(target, ast.Name)
    }


def exponentials(line: Line) -> Iterator[ast.Call]:
    for node in line.nodes():
        if isinstance(node, ast.Call) and (found := on(node)) and found[0] == "exp":
            yield node


def guarded(line: Line) -> bool:
    """Whether the function looks at a maximum at all, as one does before an exponential."""
    return bool(line.function.used & {"max", "amax", "logsumexp", "clamp", "clip"})


def divisions(line: Line) -> Iterator[tuple[ast.BinOp, bool]]:
    """Every division, and whether it is one by a number of examples or entries."""
    for node in line.nodes():
        match node:
            case ast.BinOp(op=ast.Div(), right=right) if not isinstance(right, ast.Constant):
                yield node, bool(COUNTS.search(ast.unparse(right)))


def comparisons(line: Line) -> Iterator[ast.Compare]:
    """Comparisons that give a mask: not those that a condition or an assertion asks."""
    if isinstance(line.statement, ast.If | ast.While | ast.Assert):
        return
    for node in line.nodes():
        if isinstance(node, ast.Compare) and isinstance(
            node.ops[0], ast.Gt | ast.GtE | ast.Lt | ast.LtE | ast.Eq | ast.NotEq
        ):
            yield node


def constants(line: Line) -> Iterator[tuple[ast.Constant, str]]:
    """Numbers that somebody chose, with the name under which they are given; not 0, 1, 2, ½."""
    named = {
        id(keyword.value): keyword.arg or ""
        for node in line.nodes()
        if isinstance(node, ast.Call)
        for keyword in node.keywords
    }
    skipped = {
        id(part)
        for node in line.nodes()
        if isinstance(node, ast.Subscript)
        for part in ast.walk(node.slice)
    }
    drawn = {
        id(part)
        for node in line.nodes()
        if isinstance(node, ast.Call) and (found := on(node)) and found[0] != "manual_seed"
        for part in node.args
        if found[2] and found[0] not in ("full", "full_like")
    }
    for node in line.nodes():
        if not isinstance(node, ast.Constant) or type(node.value) not in (int, float):
            continue
        name = named.get(id(node), "")
        if id(node) in skipped | drawn or name in ("dim", "axis", "generator"):
            continue
        if node.value not in (0, 1, 2, 0.5) and abs(node.value) < LARGEST_NUMBER:
            yield node, name


def carried(loop: ast.For | ast.While) -> list[str]:
    """Names that a round of a loop may take over from the round before.

    Variables that are read before they are set, and tensors and lists that are both written into
    and read. Entries that only this round writes, as in ``dW[p] = …``, are not taken over.
    """
    target = getattr(loop, "target", ast.Pass())
    own_names = {node.id for node in ast.walk(target) if _is_name(node)}
    seen, found = set(own_names), []
    stored, written = set(), set()
    body = list(flat(loop.body))
    for statement in body:
        parts = [node for part in own(statement) for node in ast.walk(part)]
        stored |= {node.id for node in parts if _is_name(node) and isinstance(node.ctx, ast.Store)}
        written |= {base_name(target) for target in _written(statement, own_names)} - {""}
    for statement in body:
        parts = [node for part in own(statement) for node in ast.walk(part)]
        within = {
            node.id
            for part in parts
            if isinstance(part, ast.comprehension)
            for node in ast.walk(part.target)
            if _is_name(node)
        }
        read = [node.id for node in parts if _is_name(node) and isinstance(node.ctx, ast.Load)]
        if isinstance(statement, ast.AugAssign) and isinstance(statement.target, ast.Name):
            read.append(statement.target.id)
        else:
            read = _less(read, [base_name(target) for target in _targets(statement)])
        if isinstance(statement, ast.AugAssign):
            read += [base_name(target) for target in _written(statement, own_names)]
        found += [name for name in read if name in (stored - seen - within) | written]
        seen |= {node.id for node in parts if _is_name(node) and isinstance(node.ctx, ast.Store)}
    return [name for name in dict.fromkeys(found) if name not in own_names]


def _is_name(node: ast.AST) -> bool:
    return isinstance(node, ast.Name)


def _less(names: list[str], taken: list[str]) -> list[str]:
    """The names without one of each of the others."""
    left = list(names)
    for name in taken:
        if name in left:
            left.remove(name)
    return left


def _targets(statement: ast.stmt) -> list[ast.expr]:
    """What a statement writes into: entries of tensors, lists that grow."""
    match statement:
        case ast.Assign(targets=targets):
            return [target for target in targets if isinstance(target, ast.Subscript)]
        case ast.AugAssign(target=ast.Subscript() as target):
            return [target]
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=owner, attr=name))) if name in (
            "append",
            "extend",
            "insert",
        ) or name.endswith("_"):
            return [owner]
    return []


def _written(statement: ast.stmt, own_names: set[str]) -> list[ast.expr]:
    """Of these, those that another round may find: not an entry that is added to once a round."""
    is_sum = isinstance(statement, ast.AugAssign)
    return [
        target
        for target in _targets(statement)
        if not is_sum or not any(_is_name(n) and n.id in own_names for n in ast.walk(target))
    ]


def base_name(node: ast.expr) -> str:
    """``x`` of ``x[i].y``."""
    while isinstance(node, ast.Subscript | ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def shape_note(line: Line, *nodes: ast.expr) -> str:
    """``x is (B, M), W is (N, M).``, of those that are known."""
    known = [(line.text(node), shape) for node in nodes if (shape := line.shape(node)) is not None]
    return ", ".join(f"{text} is {show(shape)}" for text, shape in known) + "." if known else ""
