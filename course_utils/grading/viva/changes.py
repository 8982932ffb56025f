"""What if? Questions about one change to a line of a student's code, with a note on the answer.

The same constructs as in `probes`. No change is tried out: what would happen is derived from
the text, or left to the student.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

from course_utils.grading.viva.constructs import (
    DRAWS,
    DTYPES,
    base_name,
    carried,
    comparisons,
    constants,
    divisions,
    einsums,
    exponentials,
    guarded,
    largest_subtracted,
    products,
    reductions,
    shape_note,
)
from course_utils.grading.viva.lines import Line
from course_utils.grading.viva.probes import Asked, Probe
from course_utils.grading.viva.shapes import (
    PAIRS,
    Shape,
    axis_of,
    keeps_dimension,
    on,
    reduced,
    show,
)

CHANGE: list[tuple[str, Probe]] = []
ASK = "Which value or shape changes, on which input does one see it, and what raises an error?"


def change(topic: str) -> Callable[[Probe], Probe]:
    def add(probe: Probe) -> Probe:
        CHANGE.append((topic, probe))
        return probe

    return add


def lined_up(shape: Shape, other: Shape) -> list[tuple[str, str]]:
    """The pairs of different sizes that meet when two tensors are added, without the ones."""
    pairs = zip(reversed(shape), reversed(other), strict=False)
    return [(a, b) for a, b in pairs if a != b and "1" not in (a, b)]


@change("axis")
def other_axis(line: Line) -> Iterator[Asked]:
    """The wrong axis."""
    for call, name, tensor, axes in reductions(line):
        if axes is None or len(axes) != 1:
            continue
        shape = line.shape(tensor)
        many = len(shape) if shape else 2
        axis = axes[0] % many if -many <= axes[0] < many else axes[0]
        if many < 2:
            continue
        other = 1 if axis == 0 else 0
        keep = keeps_dimension(call)
        suggested = f"{name}({other}{', keepdim=True' if keep else ''})"
        note = "The student gives both shapes, then follows the line."
        if shape and (was := reduced(shape, axes, keep=keep)) is not None:
            now = reduced(shape, [other], keep=keep)
            note = f"{line.text(tensor)} is {show(shape)}: {show(now)} instead of {show(was)}."
        if keep:
            ask = "what raises an error (now or later), and how would anybody notice"
            note += " With an axis of size 1 either fits in what follows: only values tell."
        else:
            ask = "what raises an error (now or later), and for which sizes would nobody notice"
            note += " For equal sizes no shape tells, which is why tests take different ones."
        yield Asked(
            2.5,
            f"Suppose it were `{suggested}` instead of `{line.text(call)}`. Which shape comes out, "
            f"{ask}?",
            note,
        )


@change("axis")
def sum_or_mean(line: Line) -> Iterator[Asked]:
    """A factor."""
    for call, name, tensor, axes in reductions(line):
        if name not in ("sum", "mean") or isinstance(tensor, ast.Compare):
            continue
        shape = line.shape(tensor)
        if shape == ():
            continue
        other = "mean" if name == "sum" else "sum"
        factor = "the number of entries"
        if shape and axes is not None and reduced(shape, axes) is not None:
            factor = " · ".join(shape[axis] for axis in axes)
        elif shape:
            factor = " · ".join(shape)
        times = factor if name == "mean" else f"1/({factor})" if " " in factor else f"1/{factor}"
        yield Asked(
            2.0,
            f"Suppose it were `{other}` instead of `{name}` in `{line.text(call)}`. By which "
            "factor does the result change, what raises an error, and where would you see it in "
            "a training run?",
            f"No shape changes and nothing raises; the result is {times} times as large. "
            f"{_effect(line)}",
        )


def _effect(line: Line) -> str:
    if line.function.used & {"exp", "softmax"}:
        return (
            "In the denominator of a softmax the rows would no longer sum to 1; in a loss or a "
            "gradient it acts like another learning rate, so the run may still learn."
        )
    return "In a loss or a gradient it acts like another learning rate: the run may still learn."


@change("broadcasting")
def without_keepdim(line: Line) -> Iterator[Asked]:
    """A size lined up with the wrong axis."""
    for call, _, tensor, axes in reductions(line):
        if not keeps_dimension(call) or axes is None:
            continue
        shape = line.shape(tensor)
        note = (
            "Sizes are lined up from the right. Without the axis of size 1 another axis meets "
            "this one: it raises unless the sizes are equal, and then takes the wrong row's number "
            "without an error."
        )
        if shape and (now := reduced(shape, axes)) is not None:
            met = lined_up(shape, now)
            note = (
                f"{line.text(tensor)} is {show(shape)}, so this is {show(now)} instead of "
                f"{show(reduced(shape, axes, keep=True))}. "
            )
            if met:
                a, b = met[0]
                note += (
                    f"Sizes are lined up from the right: {a} meets {b}. It raises unless {a} = {b} "
                    f"(or one of them is 1), and for {a} = {b} the wrong numbers are taken without "
                    "an error."
                )
            else:
                note += "Lined up from the right it still fits: here nothing changes."
        yield Asked(
            2.9,
            f"Suppose `keepdim` were missing in `{line.text(call)}`. What shape is it then, what "
            "does the next operation do with that, and for which sizes is there no error?",
            note,
        )


@change("product")
def without_transposing(line: Line) -> Iterator[Asked]:
    """A matrix the other way round."""
    for node in products(line):
        left, right = line.shape(node.left), line.shape(node.right)
        for factor in (node.left, node.right):
            match factor:
                case ast.Attribute(value=plain, attr="T" | "mT"):
                    shapes = (left, line.shape(plain)) if factor is node.right else ()
                    shapes = shapes or (line.shape(plain), right)
                    yield Asked(
                        2.6,
                        f"Suppose `{line.text(factor)}` were `{line.text(plain)}`, not transposed. "
                        "For which sizes does this raise, for which does it run, and what does it "
                        "compute then?",
                        _product_note(*shapes),
                    )
                    break
        else:
            plain = line.text(node.right)
            known = right is not None and len(right) == 2
            if known and isinstance(node.right, ast.Name | ast.Subscript):
                yield Asked(
                    2.2,
                    f"Suppose it were `{line.text(node.left)} @ {plain}.T`. For which sizes does "
                    "this raise, for which does it run, and what does it compute then?",
                    _product_note(left, right[::-1]),
                )


def _product_note(left: Shape | None, right: Shape | None) -> str:
    if left and right and len(right) >= 2:
        a, b = left[-1], right[-2]
        if a != b:
            return (
                f"{show(left)} @ {show(right)} raises unless {a} = {b}. Where they are equal it "
                "runs, and sums over the wrong index: only values tell."
            )
    return (
        "It raises unless the last size on the left is the first on the right. For a square "
        "matrix it runs, and sums over the wrong index: only values tell."
    )


@change("einsum")
def without_a_letter(line: Line) -> Iterator[Asked]:
    """One more index summed over."""
    for call, text in einsums(line):
        left, _, right = text.partition("->")
        if len(right) < 2:
            continue
        # The batch where it is there: to sum over it is the mistake that happens.
        letter = "b" if "b" in right else right[-1]
        short = right.replace(letter, "")
        yield Asked(
            2.7,
            f'Suppose the string were `"{left}->{short}"`. What happens to {letter}, which shape '
            "comes out, and which line notices first?",
            f"What is missing on the right is summed over: the result has no axis {letter} and "
            "holds sums over it. einsum itself raises nothing; what comes after it may, where "
            f"sizes do not fit. {shape_note(line, call)}".strip(),
        )


@change("order")
def rearranged_otherwise(line: Line) -> Iterator[Asked]:
    """The same shape, other numbers."""
    for node in line.nodes():
        match node:
            case ast.Call(func=ast.Attribute(value=tensor, attr="reshape" | "view" as name)) if len(
                node.args
            ) > 1 or (node.args and isinstance(node.args[0], ast.Tuple)):
                yield Asked(
                    2.2,
                    f"Suppose somebody reached the shape of `{line.text(node)}` by transposing "
                    f"instead of `{name}`. Which entries of `{line.text(tensor)}` land elsewhere, "
                    "and what raises an error?",
                    "Nothing raises: the shape is the same. The order of the numbers is another "
                    "one, so that numbers of different examples, heads or channels are mixed.",
                )
            case ast.Call(func=ast.Attribute(value=tensor, attr="transpose" | "permute" as name)):
                yield Asked(
                    2.4,
                    f"Suppose `{line.text(node)}` were a `reshape` to the same shape. Which "
                    "numbers land elsewhere, and what raises an error?",
                    f"Nothing raises. reshape keeps the order in memory, {name} does not: the "
                    "result has the right shape and mixes what belongs to different examples, "
                    "heads or channels.",
                )
            case ast.Subscript(value=tensor, slice=ast.Tuple(elts=parts)) if any(
                isinstance(part, ast.Constant) and part.value is None for part in parts
            ):
                shape = line.shape(tensor)
                note = f"{line.text(tensor)} is {show(shape)}. " if shape else ""
                yield Asked(
                    2.4,
                    f"Suppose it were plain `{line.text(tensor)}` instead of `{line.text(node)}`. "
                    "Which sizes meet then in this line, and for which of them is there no error?",
                    f"{note}Without the axis of size 1 the sizes are lined up from the right with "
                    "one less: it raises unless these happen to be equal (or 1), and is silently "
                    "wrong where they are.",
                )


@change("overflow")
def without_stabilizer(line: Line) -> Iterator[Asked]:
    """Overflow."""
    for node in largest_subtracted(line):
        yield Asked(
            2.9,
            f"Suppose `- {line.text(node.right)}` were left out. On which input does the result "
            "change, what is it then, and what raises an error?",
            "For moderate numbers nothing changes but rounding. From about 89 on (float32) exp is "
            "inf, inf/inf is nan, and the loss is nan or inf; no error is raised. For very "
            "negative rows all terms underflow: 0/0, log 0.",
        )
    if not guarded(line):
        for call in exponentials(line):
            yield Asked(
                2.9,
                f"Give your function the row (0, 100) and follow it from `{line.text(call)}` on: "
                "what is in each intermediate result, what comes out, and which change of the line "
                "mends it?",
                "e^100 is inf in float32, inf/inf = nan (or the loss is inf), without an error. "
                "Taking off the row's largest entry first mends it: (-100, 0).",
            )


@change("division")
def without_division(line: Line) -> Iterator[Asked]:
    """A forgotten 1/N, forgotten parentheses."""
    for node, by_count in divisions(line):
        text = line.text(node.right)
        if by_count:
            yield Asked(
                2.5,
                f"Suppose `/ {text}` were left out. What becomes of the shape, the values and a "
                "training run with the same learning rate, and which test would tell?",
                "No shape changes and nothing raises. The values are larger by that number; for a "
                "gradient this is a learning rate larger by it, so the loss may jump or never come "
                "down. A test of values tells, and a gradient check; one of shapes does not.",
            )
        match node.right:
            case ast.BinOp(op=ast.Mult() | ast.Div() as op, left=first, right=second):
                sign = "*" if isinstance(op, ast.Mult) else "/"
                bare = f"/ {line.text(first)} {sign} {line.text(second)}"
                yield Asked(
                    2.8,
                    f"Suppose the parentheses in `/ ({text})` were missing, `{bare}`. What is "
                    "computed then, by which factor is it wrong, and on which input does one see "
                    "it?",
                    "Python goes from left to right: it would divide by the first and then "
                    f"{'multiply' if sign == '*' else 'divide'} by the second. That is the right "
                    f"result {'times' if sign == '*' else 'divided by'} the square of "
                    f"`{line.text(second)}`, which nobody sees where that is 1.",
                )


@change("mask")
def at_equality(line: Line) -> Iterator[Asked]:
    """Borders and ties."""
    turned = {ast.Gt: ">=", ast.GtE: ">", ast.Lt: "<=", ast.LtE: "<"}
    for node in comparisons(line):
        kind = type(node.ops[0])
        if kind in turned:
            other = f"{line.text(node.left)} {turned[kind]} {line.text(node.comparators[0])}"
            yield Asked(
                1.9,
                f"Suppose it were `{other}`. For which entries does the result differ, what is it "
                "there, and how likely is such an entry in the data?",
                "Only at exact equality. With real-valued inputs that is rare, but not where many "
                "entries are exactly 0, such as after a ReLU or in padded images.",
            )
        elif kind is ast.Eq:
            yield Asked(
                2.3,
                f"Suppose two entries are equal in `{line.text(node)}`. How many are chosen then, "
                "what does that do to the result, and with which function would it be just one?",
                "With == against the largest value all equal ones are chosen, so each gets the "
                "whole gradient; with argmax it is one. With == against an index from argmax "
                "there is only ever one. Whole numbers compare exactly, rounded ones do not.",
            )


@change("mask")
def of_masked(line: Line) -> Iterator[Asked]:
    """A mask on the wrong side of the softmax."""
    for node in line.nodes():
        if isinstance(node, ast.Call) and (found := on(node)) and found[0].startswith("masked_"):
            yield Asked(
                2.9,
                f"Suppose the mask of `{line.text(node)}` came after the softmax, as a product "
                "with 0 and 1. What would the rows sum to, and what would the masked entries still "
                "influence?",
                "Rows would sum to less than 1, and the masked scores would still be in the "
                "denominator: with a causal mask the future leaks into the weights of the past. "
                "No shape changes and nothing raises.",
            )


@change("in place")
def assigned_otherwise(line: Line) -> Iterator[Asked]:
    """``=`` for ``+=``."""
    if not isinstance(line.statement, ast.AugAssign):
        return
    target, value = line.statement.target, line.statement.value
    text = line.text(target)
    operator = {ast.Add: "+=", ast.Sub: "-=", ast.Mult: "*=", ast.Div: "/="}.get(
        type(line.statement.op)
    )
    if operator is None or isinstance(value, ast.List | ast.Tuple | ast.ListComp):
        return
    if line.loops and operator == "+=":
        iterated = getattr(line.loops[-1], "iter", None)
        over = f" over `{line.text(iterated)}`" if iterated is not None else ""
        yield Asked(
            2.6,
            f"Suppose it were `{text} = …` instead of `{text} +=`. Which rounds of the loop{over} "
            "are left in the result, what raises an error, and for which sizes would nobody "
            "notice?",
            "Only the last round that writes there; nothing raises. Where there is a single round, "
            "or each entry is written once, nobody notices.",
        )
    elif isinstance(target, ast.Subscript):
        yield Asked(
            2.4,
            f"Suppose it were `=` instead of `{operator}` in this line. Which entries are wrong "
            "then, what do they hold, and what raises an error?",
            f"Only the entries picked by `{text}`: they hold {line.text(value)} and have forgotten "
            "what was there. All other entries are as before, and nothing raises.",
        )


@change("memory")
def argument_changed(line: Line) -> Iterator[Asked]:
    """Writing into what belongs to the caller."""
    match line.statement:
        case ast.Assign(targets=[ast.Subscript() as target]) | ast.AugAssign(target=target):
            name = base_name(target)
        case _:
            return
    given_anew = any(
        isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store)
        for statement in line.function.body
        if statement.lineno < line.number
        for node in ast.walk(statement)
    )
    is_tensor = isinstance(target, ast.Subscript) or bool(line.known.get(name))
    if name in line.function.parameters and is_tensor and not given_anew:
        yield Asked(
            3.0,
            f"`{name}` is an argument of your function. What does this line do to what the "
            "caller handed in, and on which second call would one see it?",
            "It is changed in place: the caller's own tensor (or list) holds other numbers "
            "afterwards, so a second call with it gives another result. A new tensor (clone, or no "
            "in-place operation) mends it.",
        )


@change("memory")
def without_copy(line: Line) -> Iterator[Asked]:
    """Shared memory, a graph that goes on."""
    for node in line.nodes():
        match node:
            case ast.Call(func=ast.Attribute(value=tensor, attr="clone")):
                yield Asked(
                    2.9,
                    f"Suppose `.clone()` were dropped in `{line.text(node)}`. Which line writes "
                    f"into `{line.text(tensor)}` then, who still needs the old numbers, and what "
                    "would come out?",
                    "reshape, view and slices share their memory, so writing into the new name "
                    f"changes `{line.text(tensor)}` as well: later rounds and the caller go on "
                    "with changed numbers. Nothing raises.",
                )
            case ast.Call(func=ast.Attribute(value=tensor, attr="detach")):
                yield Asked(
                    2.8,
                    f"Suppose `.detach()` were dropped from `{line.text(node)}`. Which further "
                    "parameters get a gradient, what happens to memory, and what raises an error?",
                    "The graph goes on through this place: into what lies before it, over all "
                    "earlier rounds of a loop. Values stay the same; memory grows, and a second "
                    "backward through a freed graph raises.",
                )
            case ast.Call(func=ast.Attribute(attr="zero_grad")):
                yield Asked(
                    2.6,
                    f"Suppose `{line.text(node)}` were left out. What is in the gradients in the "
                    "second step, and what would the loss curve look like?",
                    "Gradients add up over all steps so far: it acts like a momentum that forgets "
                    "nothing, with steps that grow. Nothing raises.",
                )


@change("loop")
def otherwise_looped(line: Line) -> Iterator[Asked]:
    """A round too few, the other direction."""
    if not isinstance(line.statement, ast.For):
        return
    iterated, taken = line.statement.iter, carried(line.statement)
    counter = base_name(line.statement.target)
    if not any(
        isinstance(node, ast.Name) and node.id == counter
        for statement in line.statement.body
        for node in ast.walk(statement)
    ):
        return  # a number of repetitions, of which one less changes little
    match iterated:
        case ast.Call(func=ast.Name(id="reversed"), args=[inner, *_]):
            yield Asked(
                2.7,
                f"Suppose it were `{line.text(inner)}`, without `reversed`. Which quantity would a "
                "round need that is not there yet, and which results would be wrong?",
                f"Taken over from round to round: {', '.join(taken) or 'nothing'}. On the way back "
                "the last step's gradient is known first; forwards each round would start from a "
                "gradient of 0, and nothing raises.",
            )
        case ast.Call(func=ast.Name(id="range"), args=[end]) if not isinstance(end, ast.Constant):
            yield Asked(
                2.1,
                f"Suppose it were `range(1, {line.text(end)})`. Which part of the result is wrong "
                "then, what does it hold, and what raises an error?",
                "The first round is missing: its row, piece or term keeps what it was made with "
                "(often 0), or is not there, which gives another size. What is carried on from "
                f"round to round ({', '.join(taken) or 'nothing here'}) lacks it.",
            )


@change("number")
def other_constant(line: Line) -> Iterator[Asked]:
    """A thousand times as large."""
    for node, name in constants(line):
        what = f"`{name}` were" if name else f"{line.text(node)} were"
        was = f" instead of {line.text(node)}" if name else ""
        value = node.value * 1000
        yield Asked(
            1.5,
            f"Suppose {what} {value:g}{was}. What is the first thing that you would see, and "
            "which test or plot would show it?",
            "The student says what the number does in this line and follows a change that is too "
            "large: a rate or a weight spread (the loss jumps or becomes nan), a tolerance "
            "(mistakes pass), a count (time).",
        )
        return


@change("start")
def from_zero(line: Line) -> Iterator[Asked]:
    """Weights that all start alike."""
    for node in line.nodes():
        match node:
            case ast.Call() if (
                (found := on(node))
                and found[0] in DRAWS
                and len([one for one in node.args if isinstance(one, ast.Constant)]) != 1
            ):
                yield Asked(
                    2.6,
                    f"Suppose `{line.text(node)}` were all zeros. What are the activations and the "
                    "gradients in the first step, and what can a network never learn from there?",
                    "If these are a layer's weights: all its units compute the same and get the "
                    "same gradient, so they stay alike; where the layer after it is 0 as well, no "
                    "gradient comes back at all. Only biases still move.",
                )
                return
            case ast.Call(func=ast.Attribute(attr="manual_seed")):
                yield Asked(
                    1.7,
                    f"Suppose `{line.text(node)}` were left out. Which of your printed numbers "
                    "would differ from run to run, by how much, and what would you report then?",
                    "All that depends on drawn weights or batches. Several seeds, their mean and "
                    "spread; a difference smaller than the spread is none.",
                )
                return


@change("type")
def other_type(line: Line) -> Iterator[Asked]:
    """Rounding, or cut fractions."""
    for node in line.nodes():
        match node:
            case ast.Call(func=ast.Attribute(attr=name), args=[]) if name in DTYPES:
                yield Asked(
                    1.6,
                    f"Suppose `.{name}()` were dropped from `{line.text(node)}`. In which digit "
                    "does the result differ, for which input most, and which line would raise an "
                    "error?",
                    "float32 keeps about 7 digits; differences of nearly equal numbers lose most. "
                    "A product of float32 with float64 matrices raises; sums and products of "
                    "entries do not, they become float64.",
                )
                return


@change("axis")
def other_of_pair(line: Line) -> Iterator[Asked]:
    """Where it is instead of how large it is."""
    for node in line.nodes():
        match node:
            case ast.Subscript(value=ast.Call() as call, slice=ast.Constant(value=0)):
                other = "[1]"
            case ast.Attribute(value=ast.Call() as call, attr="values"):
                other = ".indices"
            case _:
                continue
        found = on(call)
        if found and found[0] in PAIRS and axis_of(call, found[2]) is not None:
            yield Asked(
                2.2,
                f"Suppose `{line.text(node)}` ended with `{other}`. What would it hold (type, "
                "range, shape), what raises an error, and how would one notice?",
                "The places of the largest entries instead of their values: whole numbers from 0, "
                "of the same shape. So nothing raises; only values tell.",
            )


@change("slice")
def other_slice(line: Line) -> Iterator[Asked]:
    """One off."""
    for node in line.nodes():
        if not isinstance(node, ast.Subscript):
            continue
        index = node.slice
        for part in index.elts if isinstance(index, ast.Tuple) else [index]:
            match part:
                case ast.Slice(lower=lower, upper=upper, step=None) if lower and upper:
                    yield Asked(
                        2.3,
                        f"Suppose the slice in `{line.text(node)}` were the single index "
                        f"`{line.text(lower)}`. Which shape comes out, and what do the next "
                        "operations do with it?",
                        "An index takes its axis away, a slice keeps it. The shape with one axis "
                        "less is lined up from the right, with another axis: an error, or, "
                        "for equal sizes, wrong numbers.",
                    )
                case ast.Slice(step=step) if step is not None:
                    yield Asked(
                        2.4,
                        f"Suppose the step `{line.text(step)}` in `{line.text(node)}` were left "
                        "out. Which size has the result, and what raises an error?",
                        "Every entry is taken: the size is n instead of n/step, rounded up. What "
                        "is added to it or written into it no longer fits, unless the step is 1.",
                    )
                case _:
                    continue
            return


@change("sign")
def other_sign(line: Line) -> Iterator[Asked]:
    """Plus for minus."""
    statement = line.statement
    value = getattr(statement, "value", None)
    if not isinstance(value, ast.expr):
        return
    for node in ast.walk(value):
        match node:
            case ast.BinOp(op=ast.Add() | ast.Sub() as op, left=left, right=right) if not (
                isinstance(left, ast.Constant) and isinstance(right, ast.Constant)
            ):
                was, now = ("+", "-") if isinstance(op, ast.Add) else ("-", "+")
                yield Asked(
                    1.4,
                    f"Suppose it were `{now} {line.text(right)}` instead of `{was}`. On which "
                    "smallest input does the result differ, by how much, and which test would say "
                    "so?",
                    "No shape changes and nothing raises; the result is off by twice that term. "
                    "One sees it wherever the term is not 0. In a gradient or a step the sign "
                    "turns descent into ascent.",
                )
                return


@change("line")
def left_out(line: Line) -> Iterator[Asked]:
    """Where no other probe has a question."""
    match line.statement:
        case ast.Assign(targets=[ast.Name(id=name)]):
            later = [
                node
                for statement in line.function.body
                for node in ast.walk(statement)
                if isinstance(node, ast.Name) and node.id == name and node.lineno > line.number
            ]
            reads = [node.lineno for node in later if isinstance(node.ctx, ast.Load)]
            note = f"Line {min(reads)} is the next to use `{name}`. " if reads else ""
            yield Asked(
                0.9,
                f"Suppose this line were left out. Which line fails or goes wrong first, with "
                f"which message, and what would `{name}` be there?",
                f"{note}A NameError (UnboundLocalError) if it has no value yet; if it has one, the "
                "program goes on with the old value, without an error.",
            )
        case ast.Return(value=value) if value is not None:
            yield Asked(
                0.8,
                "Suppose this line stood there without `return`. What does the caller get, and "
                "what does the first test say?",
                "None: a function without return gives None, and the test says that it got none "
                "of what it expected.",
            )
        case _:
            yield Asked(
                0.5,
                f"Suppose this line were left out. {ASK}",
                "The student follows the smallest example, line by line.",
            )
