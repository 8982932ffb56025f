"""Shapes of the tensors in a line of code, with letters, without running it.

An assignment that gives the shapes of a function in its docstring,

    dy: (B, N), x: (B, M), W: (N, M)  ->  dx: (B, M), dW: (N, M), db: (N,)

makes it possible to say that ``dy.T @ x`` is (N, M). Where a rule is missing the answer is None,
never a guess.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence

Shape = tuple[str, ...]
Shapes = dict[str, Shape]

NAMED = re.compile(r"(\w+(?:,\s*\w+)*):\s*(?:\(([^()\n]*)\)|a number\b)")

SAME = {
    *("abs", "exp", "log", "log1p", "expm1", "sqrt", "rsqrt", "square", "sin", "cos", "tanh"),
    *("sigmoid", "relu", "clamp", "clip", "neg", "sign", "pow", "float", "double", "long", "int"),
    *("bool", "to", "type", "clone", "detach", "contiguous", "cpu", "softmax", "log_softmax"),
    *("zeros_like", "ones_like", "full_like", "empty_like", "randn_like", "rand_like", "cumsum"),
    *("masked_fill", "copy", "requires_grad_", "flip", "roll", "isinf", "isnan", "softplus"),
}
REDUCTIONS = {
    *("sum", "mean", "max", "min", "amax", "amin", "argmax", "argmin", "var", "std", "prod"),
    *("logsumexp", "norm", "all", "any", "median"),
}
# With an axis these give the pair (values, indices).
PAIRS = {"max", "min", "median"}
CREATES = {"zeros", "ones", "empty", "randn", "rand"}
# Before a name that stands for a size, as in ``B = len(x)``; no name of a variable has it.
_SIZE = "#"


def said(docstring: str) -> tuple[Shapes, Shapes]:
    """The shapes that a docstring gives: of what goes in, and of what comes out."""
    before, _, after = docstring.partition("->")
    return _read(before), _read(after)


def _read(text: str) -> Shapes:
    shapes: Shapes = {}
    for names, sizes in NAMED.findall(text):
        shape = tuple(size.strip() for size in sizes.split(",") if size.strip())
        shapes |= {name: shape for name in re.split(r",\s*", names)}
    return shapes


def show(shape: Shape) -> str:
    """As Python writes it: ``(B, N)``, ``(N,)``, and in words where it is a number."""
    if not shape:
        return "one number"
    return f"({shape[0]},)" if len(shape) == 1 else f"({', '.join(shape)})"


def axis_of(call: ast.Call, after_tensor: int) -> ast.expr | None:
    """The argument that names a call's axis: ``dim=``, ``axis=``, or the one at that place."""
    for keyword in call.keywords:
        if keyword.arg in ("dim", "axis"):
            return keyword.value
    return call.args[after_tensor] if len(call.args) > after_tensor else None


def integers(node: ast.expr | None) -> list[int] | None:
    """The axes that are written as ``1``, ``-1`` or ``(0, 2)``; None of anything else."""
    try:
        value = ast.literal_eval(node) if node is not None else None
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None
    values = list(value) if isinstance(value, tuple | list) else [value]
    return values if values and all(type(one) is int for one in values) else None


def on(call: ast.Call) -> tuple[str, ast.expr, int] | None:
    """A call's name, the tensor it works on and the place of the next argument.

    ``x.sum(0)`` and ``torch.sum(x, 0)`` are the same.
    """
    if not isinstance(call.func, ast.Attribute):
        return None
    owner = call.func.value
    is_module = isinstance(owner, ast.Name) and owner.id in ("torch", "np", "numpy", "F")
    is_module = is_module or ast.unparse(owner) in ("torch.nn.functional", "torch.linalg")
    if not is_module:
        return call.func.attr, owner, 0
    return (call.func.attr, call.args[0], 1) if call.args else None


def keeps_dimension(call: ast.Call) -> bool:
    """Whether it says ``keepdim=True``."""
    return any(
        keyword.arg in ("keepdim", "keepdims") and ast.unparse(keyword.value) == "True"
        for keyword in call.keywords
    )


def reduced(shape: Shape, axes: Sequence[int] | None, *, keep: bool = False) -> Shape | None:
    """The shape after a reduction over some axes; over all of them where there is None."""
    if axes is None:
        return ()
    if any(not -len(shape) <= axis < len(shape) for axis in axes):
        return None
    gone = {axis % len(shape) for axis in axes}
    if keep:
        return tuple("1" if i in gone else size for i, size in enumerate(shape))
    return tuple(size for i, size in enumerate(shape) if i not in gone)


def broadcast(*shapes: Shape | None) -> Shape | None:
    """The shape of a sum of tensors; None where their sizes are not known to fit."""
    known = [shape for shape in shapes if shape is not None]
    if len(known) < len(shapes):
        return None
    result: list[str] = []
    for place in range(1, max((len(shape) for shape in known), default=0) + 1):
        sizes = {shape[-place] for shape in known if len(shape) >= place} - {"1"}
        if len(sizes) > 1:
            return None
        result.insert(0, sizes.pop() if sizes else "1")
    return tuple(result)


def product(left: Shape | None, right: Shape | None) -> Shape | None:
    """The shape of ``left @ right``; None where it is not known to be allowed."""
    if not left or not right:
        return None
    if left[-1] != (right[0] if len(right) == 1 else right[-2]):
        return None
    if len(right) == 1:
        return left[:-1]
    if len(left) == 1:
        return (*right[:-2], right[-1])
    batch = broadcast(left[:-2], right[:-2])
    return None if batch is None else (*batch, left[-2], right[-1])


def shape_of(node: ast.AST, known: Mapping[str, Shape]) -> Shape | None:
    """The shape of an expression, from the shapes of the names in it.

    A number has the shape ``()``.
    """
    match node:
        case ast.Constant(value=bool() | int() | float()):
            return ()
        case ast.Name(id=name):
            return known.get(name)
        case ast.UnaryOp(operand=operand):
            return shape_of(operand, known)
        case ast.BinOp(left=left, op=ast.MatMult(), right=right):
            return product(shape_of(left, known), shape_of(right, known))
        case ast.BinOp(left=left, right=right):
            return broadcast(shape_of(left, known), shape_of(right, known))
        case ast.Compare(left=left, comparators=others):
            return broadcast(*(shape_of(one, known) for one in (left, *others)))
        case ast.Attribute(value=value, attr="T" | "mT"):
            shape = shape_of(value, known)
            return (*shape[:-2], shape[-1], shape[-2]) if shape and len(shape) >= 2 else shape
        case ast.Attribute(value=ast.Call() as call, attr="values" | "indices"):
            return _of_pair(call, known)
        case ast.Subscript(value=ast.Call() as call, slice=ast.Constant(value=0 | 1)) if (
            pair := _of_pair(call, known)
        ) is not None:
            return pair
        case ast.Subscript(value=ast.Attribute(attr="shape")):
            return ()
        case ast.Subscript(value=value, slice=index):
            shape = shape_of(value, known)
            return None if shape is None else _indexed(shape, index, known)
        case ast.Call():
            return _called(node, known)
    return None


def _of_pair(call: ast.Call, known: Mapping[str, Shape]) -> Shape | None:
    """The shape of each of the two results of ``x.max(1)``."""
    found = on(call)
    if found is None or found[0] not in PAIRS or axis_of(call, found[2]) is None:
        return None
    return _reduction(call, found, known)


def _reduction(
    call: ast.Call, found: tuple[str, ast.expr, int], known: Mapping[str, Shape]
) -> Shape | None:
    _, tensor, place = found
    shape, axis = shape_of(tensor, known), axis_of(call, place)
    axes = integers(axis)
    if shape is None or (axis is not None and axes is None):
        return None
    return reduced(shape, axes, keep=keeps_dimension(call))


def _called(call: ast.Call, known: Mapping[str, Shape]) -> Shape | None:
    if isinstance(call.func, ast.Name):
        if call.func.id in ("len", "float", "int"):
            return ()
        same = call.func.id == "abs" and len(call.args) == 1
        return shape_of(call.args[0], known) if same else None
    if (found := on(call)) is None:
        return None
    name, tensor, place = found
    if isinstance(tensor, ast.Name) and tensor.id == "math":
        return ()
    rest = call.args[place:]
    if name in SAME:
        return shape_of(tensor, known)
    if name in REDUCTIONS:
        axis = axis_of(call, place)
        pair = name in PAIRS and axis is not None
        return None if pair else _reduction(call, found, known)
    if name == "where" and len(rest) == 2:
        return broadcast(*(shape_of(one, known) for one in (tensor, *rest)))
    if name in ("numel", "item", "size"):
        return () if name != "size" or rest else None
    if (name in CREATES or (name == "arange" and len(call.args) == 1)) and place:
        given = tensor.elts if isinstance(tensor, ast.Tuple) else call.args
        sizes = tuple(size for one in given if (size := size_of(one, known)))
        return sizes if len(sizes) == len(given) else None
    if name == "einsum":
        return _einsum(call, known)
    if name == "stack" and isinstance(tensor, ast.ListComp | ast.GeneratorExp):
        return _stacked(tensor, integers(axis_of(call, place)) or [0], known)
    shape = shape_of(tensor, known)
    return None if shape is None else _rearranged(name, shape, integers(ast.Tuple(rest)), call)


def size_of(node: ast.expr, known: Mapping[str, Shape]) -> str | None:
    """A size as a letter where it is ``len(x)`` or ``x.shape[0]`` of a known shape."""
    match node:
        case ast.Constant(value=int(number)):
            return str(number)
        case ast.Name(id=name):
            return known.get(_SIZE + name, (None,))[0]
        case ast.Call(func=ast.Name(id="len"), args=[tensor]):
            shape = shape_of(tensor, known)
            return shape[0] if shape else None
        case ast.Subscript(value=ast.Attribute(value=tensor, attr="shape"), slice=index):
            shape, place = shape_of(tensor, known), integers(index)
            if shape and place and -len(shape) <= place[0] < len(shape):
                return shape[place[0]]
    return None


def _einsum(call: ast.Call, known: Mapping[str, Shape]) -> Shape | None:
    text = call.args[0] if call.args else None
    if not (isinstance(text, ast.Constant) and isinstance(text.value, str)):
        return None
    left, arrow, right = text.value.replace(" ", "").partition("->")
    sizes: dict[str, str] = {}
    for letters, operand in zip(left.split(","), call.args[1:], strict=False):
        shape = shape_of(operand, known)
        if shape is not None and len(shape) == len(letters):
            sizes |= zip(letters, shape, strict=True)
    complete = arrow and all(letter in sizes for letter in right)
    return tuple(sizes[letter] for letter in right) if complete else None


def _stacked(
    comprehension: ast.ListComp | ast.GeneratorExp, axes: list[int], known: Mapping[str, Shape]
) -> Shape | None:
    loop = comprehension.generators[0]
    inside = {**known, **of_loop(loop.target, loop.iter, known)}
    element, count = shape_of(comprehension.elt, inside), _count(loop.iter, known)
    if element is None or count is None or not 0 <= axes[0] <= len(element):
        return None
    return (*element[: axes[0]], count, *element[axes[0] :])


def _count(iterated: ast.expr, known: Mapping[str, Shape]) -> str | None:
    match iterated:
        case ast.Call(func=ast.Name(id="range"), args=[end]):
            return size_of(end, known)
    shape = shape_of(iterated, known)
    return shape[0] if shape else None


def _rearranged(name: str, shape: Shape, numbers: list[int] | None, call: ast.Call) -> Shape | None:
    many = len(shape)
    if name == "t" and many == 2:
        return shape[::-1]
    if name in ("flatten", "ravel") and not call.args:
        return (" * ".join(shape),) if many > 1 else shape
    if numbers is None or any(not -many - 1 <= number <= many for number in numbers):
        return None
    if name in ("transpose", "swapaxes") and len(numbers) == 2 and many not in numbers:
        order = list(range(many))
        i, j = (number % many for number in numbers)
        order[i], order[j] = order[j], order[i]
        return tuple(shape[place] for place in order)
    if name == "permute" and sorted(number % many for number in numbers) == list(range(many)):
        return tuple(shape[number] for number in numbers)
    if name == "unsqueeze" and len(numbers) == 1:
        place = numbers[0] % (many + 1)
        return (*shape[:place], "1", *shape[place:])
    return None


def _indexed(shape: Shape, index: ast.expr, known: Mapping[str, Shape]) -> Shape | None:
    parts = index.elts if isinstance(index, ast.Tuple) else [index]
    left, result, lists = list(shape), [], []
    for part in parts:
        if isinstance(part, ast.Constant) and part.value is None:
            result.append("1")
            continue
        if not left:
            return None
        size = left.pop(0)
        if isinstance(part, ast.Slice):
            if not (whole := _slice(part, size)):
                return None
            result.append(whole)
            continue
        picked = _picked(part, known)
        if picked is None:
            return None
        if picked:  # numbers of rows: all such lists together give one axis
            lists.append((len(result), picked))
    if len({picked for _, picked in lists}) > 1:
        return None
    if lists:
        result[lists[0][0] : lists[0][0]] = lists[0][1]
    return (*result, *left)


def _picked(part: ast.expr, known: Mapping[str, Shape]) -> Shape | None:
    """The shape of an index: ``()`` of one number, ``(B,)`` of a list of B numbers."""
    match part:
        case ast.Call(func=ast.Name(id="range"), args=[end]):
            size = size_of(end, known)
            return (size,) if size else None
    shape = shape_of(part, known)
    return shape if shape is not None and len(shape) <= 1 else None


def _slice(part: ast.Slice, size: str) -> str | None:
    if part.lower is None and part.upper is None and part.step is None:
        return size
    lower, upper = (ast.unparse(end) if end else "" for end in (part.lower, part.upper))
    return "1" if lower and upper == f"{lower} + 1" else None


def of_loop(target: ast.expr, iterated: ast.expr, known: Mapping[str, Shape]) -> Shapes:
    """The shapes of a loop's variables: rows of tensors, and numbers of ``range``."""
    match iterated:
        case ast.Call(func=ast.Name(id="range")):
            return {target.id: ()} if isinstance(target, ast.Name) else {}
        case ast.Call(func=ast.Name(id="reversed"), args=[inner]):
            return of_loop(target, inner, known)
        case ast.Call(func=ast.Name(id="enumerate"), args=[inner, *_]):
            if isinstance(target, ast.Tuple) and len(target.elts) == 2:
                number = {name.id: () for name in target.elts[:1] if isinstance(name, ast.Name)}
                return number | of_loop(target.elts[1], inner, known)
            return {}
        case ast.Call(func=ast.Name(id="zip"), args=iterables) if isinstance(target, ast.Tuple):
            shapes: Shapes = {}
            for one, inner in zip(target.elts, iterables, strict=False):
                shapes |= of_loop(one, inner, known)
            return shapes
    shape = shape_of(iterated, known)
    return {target.id: shape[1:]} if shape and isinstance(target, ast.Name) else {}


def after(statement: ast.stmt, known: Shapes) -> Shapes:
    """What is known after a statement's own line (a loop's header gives its variables)."""
    match statement:
        case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)) if len(
            names
        ) == len(values):
            pairs = list(zip(names, values, strict=True))
        case ast.Assign(targets=[ast.Tuple(elts=names)], value=value):
            pairs = [(name, None) for name in names]
        case ast.Assign(targets=targets, value=value):
            pairs = [(target, value) for target in targets]
        case ast.AnnAssign(target=target, value=value) if value is not None:
            pairs = [(target, value)]
        case ast.For(target=target, iter=iterated):
            names = {node.id for node in ast.walk(target) if isinstance(node, ast.Name)}
            kept = {name: shape for name, shape in known.items() if name not in names}
            return kept | of_loop(target, iterated, known)
        case _:
            return known
    result = dict(known)
    for target, value in pairs:
        if isinstance(target, ast.Name):
            result.pop(target.id, None)
            result.pop(_SIZE + target.id, None)
            if value is not None and (shape := shape_of(value, known)) is not None:
                result[target.id] = shape
            if value is not None and (size := size_of(value, known)):
                result[_SIZE + target.id] = (size,)
    return result | _unpacked(statement, known)


def _unpacked(statement: ast.stmt, known: Mapping[str, Shape]) -> Shapes:
    """The numbers in ``B, M = x.shape``."""
    match statement:
        case ast.Assign(
            targets=[ast.Tuple(elts=names)], value=ast.Attribute(value=tensor, attr="shape")
        ):
            shape = shape_of(tensor, known) or ()
            if len(shape) == len(names) and all(isinstance(name, ast.Name) for name in names):
                pairs = zip(names, shape, strict=True)
                return {_SIZE + name.id: (size,) for name, size in pairs} | {
                    name.id: () for name in names
                }
    return {}
