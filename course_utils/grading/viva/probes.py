"""Why is this line so? Questions about one line of a student's code, with a note on the answer.

Each probe looks for one construct that matters in numerical code and knows what to ask about it.
Nothing is run: what a note says of shapes is derived in `shapes`, and left out where it cannot
be. `changes` has the questions of the form "what if".
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from course_utils.grading.viva.constructs import (
    COLLECTIONS,
    DRAWS,
    DTYPES,
    REARRANGES,
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
from course_utils.grading.viva.shapes import (
    axis_of,
    integers,
    keeps_dimension,
    on,
    reduced,
    show,
    size_of,
)


@dataclass(frozen=True)
class Asked:
    """A question, a note on its answer for the teacher, and how much it says, from 0 to 3."""

    weight: float
    question: str
    answer: str


Probe = Callable[[Line], Iterator[Asked]]
# The probes with what they ask about: two questions to one student should differ in that.
WHY: list[tuple[str, Probe]] = []

RATES = {"lr": "the learning rate", "learning_rate": "the learning rate"}


def why(topic: str) -> Callable[[Probe], Probe]:
    def add(probe: Probe) -> Probe:
        WHY.append((topic, probe))
        return probe

    return add


@why("axis")
def reduction(line: Line) -> Iterator[Asked]:
    """Which axis goes."""
    for call, name, tensor, axes in reductions(line):
        text, shape = line.text(tensor), line.shape(tensor)
        if axes is None:
            if name in ("sum", "mean") and (shape is None or len(shape) > 0):
                yield Asked(
                    1.6,
                    f"`{line.text(call)}` makes one number of many: of how many, and which part "
                    f"of the formula says that it is their {name}?",
                    f"{shape_note(line, tensor)} The student counts the entries and finds the sum "
                    "signs (and the 1/B of a mean) in the formula.",
                )
            continue
        keep = keeps_dimension(call)
        result = reduced(shape, axes, keep=keep) if shape else None
        if shape and result is not None:
            gone = ", ".join(shape[axis] for axis in axes)
            note = (
                f"{text} is {show(shape)}; the axis of size {gone} becomes "
                f"{'1' if keep else 'one number'}, which leaves {show(result)}. "
            )
            note += _meaning(name, gone)
        else:
            note = "The student gives the shape before and after, with what each axis numbers."
        yield Asked(
            2.6,
            f"`{line.text(call)}`: which shape does `{text}` have here, along which axis does "
            f"`{name}` go, what is left of that axis, and why that one?",
            note,
        )


def _meaning(name: str, gone: str) -> str:
    if gone == "B" and name == "sum":
        return (
            "Every example of the batch used the same parameter, so their gradients add up. (A "
            "mean is in the loss already, if it is to be.)"
        )
    if name in ("argmax", "argmin"):
        return "What is left are whole numbers: the place of the winner along that axis."
    if name in ("max", "amax", "min", "amin"):
        return "It compares entries along that axis only; the others do not compete."
    return f"The student says what the {gone} entries are that become one."


@why("product")
def product(line: Line) -> Iterator[Asked]:
    """Which index a matrix product sums over."""
    for node in products(line):
        left, right = line.shape(node.left), line.shape(node.right)
        whole = line.shape(node)
        if left and right and whole is not None:
            note = (
                f"{shape_note(line, node.left, node.right)} The product is {show(whole)}, summed "
                f"over {left[-1]}"
            )
            note += ": each example adds its part." if left[-1] == "B" else "."
        else:
            note = shape_note(line, node.left, node.right) + (
                " The last axis of the left factor and the last but one of the right (of a matrix: "
                "the first) must number the same thing; that is what is summed over."
            )
        yield Asked(
            2.4,
            f"Write the shapes of `{line.text(node.left)}`, of `{line.text(node.right)}` and of "
            f"their product under each other. Over which index does `@` sum, and why is that the "
            "index in the formula?",
            note.strip(),
        )


@why("einsum")
def index_string(line: Line) -> Iterator[Asked]:
    """What an einsum sums over."""
    for call, text in einsums(line):
        left, _, right = text.partition("->")
        summed = [letter for letter in dict.fromkeys(left.replace(",", "")) if letter not in right]
        note = (
            f"Over {', '.join(summed)}: on the left and not on the right."
            if summed
            else "Over nothing: all letters stand on the right too, so it is a product of entries."
        )
        yield Asked(
            2.8,
            f'In `"{text}"`: what does each letter number, over which is summed, and how would '
            "the same be written with `@` or with a loop?",
            f"{note} The result has an axis for each of {', '.join(right) or 'no letter'}, in that "
            f"order. {shape_note(line, *call.args[1:])}",
        )


@why("order")
def rearrangement(line: Line) -> Iterator[Asked]:
    """Where the numbers go."""
    for node in line.nodes():
        match node:
            case ast.Call(func=ast.Attribute(value=tensor, attr=name)) if name in REARRANGES:
                windows = name == "unfold"
                yield Asked(
                    2.2,
                    f"Take the smallest `{line.text(tensor)}` you like, number its entries 0, 1, "
                    f"2, … and write down what `{line.text(node)}` is. Why is it `{name}` "
                    "that is needed here?",
                    "unfold lays windows beside each other, so that one entry is in several. "
                    if windows
                    else "reshape, view and flatten keep the order of the numbers and only break "
                    "the rows elsewhere; transpose and permute change which number is beside "
                    f"which. {shape_note(line, tensor, node)}".strip(),
                )
            case ast.Subscript(value=tensor, slice=ast.Tuple(elts=parts)) if any(
                isinstance(part, ast.Constant) and part.value is None for part in parts
            ):
                yield Asked(
                    2.4,
                    f"What does `None` do in `{line.text(node)}`, and with which axis of what "
                    "does the new axis of size 1 line up in this line?",
                    f"{shape_note(line, tensor, node)} Sizes are lined up from the right; the 1 "
                    "is repeated as often as the other tensor needs it.",
                )


@why("overflow")
def stabilizer(line: Line) -> Iterator[Asked]:
    """The largest entry, taken off before an exponential."""
    for node in largest_subtracted(line):
        calls = [one for one in ast.walk(node.right) if isinstance(one, ast.Call)]
        whole = any((found := on(call)) and axis_of(call, found[2]) is None for call in calls)
        shape = line.shape(node.left)
        note = (
            "In exact arithmetic nothing: all logits of a row change by the same number, and the "
            "factor cancels. In the computer the largest exponent is now 0, so nothing overflows, "
            "and the sum is at least 1, so its logarithm is finite."
        )
        if whole and shape and len(shape) > 1:
            note += (
                " Here it is one maximum for the whole batch: a row far below it underflows to 0, "
                "and the logarithm of its sum is -inf. Ask for such a row."
            )
        yield Asked(
            2.8,
            f"What does `- {line.text(node.right)}` change in the result in exact arithmetic, "
            "what does it prevent in the computer's, and why is it the largest entry and not "
            "another number?",
            note,
        )


@why("overflow")
def logarithm_or_exponential(line: Line) -> Iterator[Asked]:
    """Where functions end."""
    for node in line.nodes():
        if not (isinstance(node, ast.Call) and (found := on(node)) and found[0] in ("log", "sqrt")):
            continue
        name, tensor, _ = found
        if name == "sqrt":
            yield Asked(
                1.8,
                f"Why is there a root in `{line.text(node)}`, and what happens where its argument "
                "is 0 (in this line, and in the gradient of it)?",
                "The root of 0 is 0, and its slope infinite: a division by it gives inf or nan, "
                "without an error. Where a small number is added under the root, it is for that.",
            )
            continue
        sums = any(isinstance(one, ast.Call) for one in ast.walk(tensor)) and guarded(line)
        note = (
            "With the row's largest entry taken off, one term of the sum is e^0 = 1, so the "
            "argument is at least 1."
            if sums
            else "A probability that was rounded to 0 gives -inf, and a loss of inf, without an "
            "error; with the largest entry taken off before, as log-softmax, it cannot happen."
        )
        yield Asked(
            2.0,
            f"How small can the argument of `{line.text(node)}` get in your code, for which "
            "input, and what comes out there?",
            note,
        )
    if not guarded(line):
        for call in exponentials(line):
            yield Asked(
                2.6,
                f"From which number on does `{line.text(call)}` overflow in float32, what is the "
                "result of your function for such an input, and what is the remedy?",
                "From about 89 (float64: 710). Then inf, and inf / inf = nan, without an error. "
                "The remedy is to take off the row's largest entry first; nothing here does.",
            )


@why("division")
def division(line: Line) -> Iterator[Asked]:
    """A mean, or a danger."""
    for node, by_count in divisions(line):
        text = line.text(node.right)
        if by_count:
            size = size_of(node.right, line.known)
            batch = (
                "the loss is a mean over the batch, so the factor 1/B is part of the loss and "
                "hence of its gradient, and the size of a step does not grow with the batch."
            )
            other = "the student says which mean or which share that is."
            if size is None:
                note = f"If it counts the examples: {batch} If it counts something else, {other}"
            else:
                note = f"It is {size}: {batch if size == 'B' else other}"
            yield Asked(
                2.2,
                f"Where in the formula does the division by `{text}` come from, and what is "
                "counted by it?",
                note,
            )
        elif isinstance(node.right, ast.BinOp) or base_name(node.right):
            yield Asked(
                1.2,
                f"For which input is `{text}` 0 or very small, what does this line give then, and "
                "why may it (or may it not) happen?",
                "x/0 is inf and 0/0 is nan, for tensors without an error. The student names the "
                "input, or the reason why there is none.",
            )


@why("mask")
def mask(line: Line) -> Iterator[Asked]:
    """What a comparison gives, and what it does as a factor."""
    for node in comparisons(line):
        shape = line.shape(node)
        note = "A tensor of True and False" + (f" of shape {show(shape)}" if shape else "")
        yield Asked(
            2.2,
            f"What does `{line.text(node)}` give (which shape, which type), and what does the rest "
            "of the line do with the entries where it is true and where it is not?",
            f"{note}. As a factor these are 1 and 0: what is multiplied passes, or is 0; `where` "
            "and an index choose. The student should also say what happens at equality.",
        )
    for node in line.nodes():
        if isinstance(node, ast.Call) and (found := on(node)) and found[0].startswith("masked_"):
            yield Asked(
                2.6,
                f"Which entries does `{line.text(node)}` set, to what, and why to that value and "
                "at this place?",
                "Before a softmax -inf makes the weight exactly 0 and lets the others still sum "
                "to 1. After it, a 0 would leave rows whose sum is below 1.",
            )


@why("in place")
def assignment_in_place(line: Line) -> Iterator[Asked]:
    """Which entries are changed."""
    match line.statement:
        case ast.AugAssign(target=ast.Subscript() as target, value=value):
            yield Asked(
                2.4,
                f"Which entries does `{line.text(target)}` pick out, how many in each row, and "
                "which term of the formula is this line?",
                "With a list of rows and a list of columns, one entry for each pair: in row b the "
                "column of b's label. It is the term that is there only for k = label, and the "
                f"other entries stay as they are. The amount is {line.text(value)}.",
            )
        case ast.AugAssign(target=target, op=ast.Add(), value=value) if (
            line.loops and not isinstance(value, COLLECTIONS)
        ):
            loop = line.loops[-1]
            over = line.text(loop.iter) if isinstance(loop, ast.For) else line.text(loop.test)
            yield Asked(
                2.4,
                f"Why does `{line.text(target)}` collect with `+=`: which sum of the formula do "
                f"the rounds of the loop over `{over}` make, and what is it before the first?",
                "What feeds several places gets a gradient from each, and they add up. It must "
                f"start from 0. {shape_note(line, target)}",
            )
        case ast.Assign(targets=[ast.Subscript() as target]):
            yield Asked(
                1.7,
                f"What is in `{line.text(target.value)}` before and after this line, and which "
                f"part of it is `{line.text(target)}`?",
                f"{shape_note(line, target.value, target)} All other entries keep what they had, "
                "so it matters what it was made with.".strip(),
            )


@why("memory")
def copy_or_detached(line: Line) -> Iterator[Asked]:
    """Which tensors share memory, which a history."""
    for node in line.nodes():
        match node:
            case ast.Call(func=ast.Attribute(value=tensor, attr="clone")):
                yield Asked(
                    2.6,
                    "Why `.clone()`: which two names would share their memory without it, and "
                    "which line writes into it?",
                    f"reshape, view and slices show the same numbers: writing into them changes "
                    f"`{line.text(tensor)}` too, which the next round (or the caller) still needs.",
                )
            case ast.Call(func=ast.Attribute(value=tensor, attr="detach")):
                yield Asked(
                    2.6,
                    f"What does `.detach()` cut off from `{line.text(tensor)}`, and why is that "
                    "wanted here?",
                    "The values stay; no gradient goes back through this place. The student says "
                    "what would be learned, or kept in memory, otherwise.",
                )
            case ast.Call(func=ast.Attribute(attr="no_grad")):
                yield Asked(
                    2.2,
                    "What is not recorded inside `no_grad`, and what would go wrong, or cost "
                    "what, if it were?",
                    "No graph is built: no memory for it, and a parameter can be changed in "
                    "place without an error.",
                )


@why("loop")
def loop(line: Line) -> Iterator[Asked]:
    """What one round needs of the one before."""
    if not isinstance(line.statement, ast.For):
        return
    over, taken = line.text(line.statement.iter), carried(line.statement)
    note = (
        f"From round to round go {', '.join(taken)}; the student says whether as a plain sum "
        "(then the order does not matter) or because a round needs the last one's result."
        if taken
        else "Nothing is taken over from round to round, so the rounds can run in any order, or "
        "all at once where the shapes allow it."
    )
    backwards = "reversed" in over or ", -1" in over
    order = "why backwards" if backwards else "which order of rounds is needed"
    yield Asked(
        2.3 if taken else 1.8,
        f"How often does the loop over `{over}` run, what does one round take over from the round "
        f"before, and {order}?",
        note,
    )


@why("number")
def constant(line: Line) -> Iterator[Asked]:
    """A number that somebody chose."""
    found = list(constants(line))
    if not found:
        return
    node, name = max(found, key=lambda one: bool(one[1]))
    what = f" ({RATES.get(name, name)})" if name else ""
    if len(found) > 1 and not name and isinstance(line.statement, ast.Assign):
        texts = ", ".join(dict.fromkeys(line.text(one) for one, _ in found[:4]))
        question = (
            f"What is each of the numbers {texts} in this line, and how did you come to it: what "
            "did you see with others?"
        )
    else:
        question = (
            f"How did you come to {line.text(node)}{what}: what would you see with a number ten "
            "times as large, and with one of a tenth?"
        )
    yield Asked(
        1.8,
        question,
        "The student says what the number is for and reports a trial, or a bound from the text "
        "(a tolerance lies between rounding and a real mistake; a rate between no progress and a "
        "loss that grows).",
    )


@why("start")
def start(line: Line) -> Iterator[Asked]:
    """Random weights and seeds."""
    for node in line.nodes():
        match node:
            case ast.BinOp(op=ast.Mult(), left=ast.Call() as call, right=scale) if (
                found := on(call)
            ) and found[0] in DRAWS:
                yield Asked(
                    2.4,
                    f"Why are these random numbers multiplied by `{line.text(scale)}`: how widely "
                    "are the layer's outputs spread then, and what goes wrong with numbers ten "
                    "times as large?",
                    _spread(call, scale),
                )
            case ast.Call(func=ast.Attribute(attr="manual_seed")):
                yield Asked(
                    1.9,
                    f"Which of your numbers does `{line.text(node)}` fix, which not, and what does "
                    "a result from a single seed tell?",
                    "It fixes what is drawn from this generator (weights, batches, dropout), not "
                    "the data nor the rounding on another machine. One seed shows no spread.",
                )


def _spread(call: ast.Call, scale: ast.expr) -> str:
    """With M inputs of size about 1, the outputs spread by scale · √M."""
    sizes = [
        part.value
        for one in call.args
        for part in ast.walk(one)
        if isinstance(part, ast.Constant) and type(part.value) is int and 0 < part.value < 10**9
    ]
    note = (
        "A sum of M products of independent numbers spreads by the root of M times the weights' "
        "spread; the root of 2/M keeps it from layer to layer before a ReLU."
    )
    if len(sizes) >= 2 and isinstance(scale, ast.Constant) and type(scale.value) is float:
        inputs = max(sizes[:2])
        note += (
            f" With M = {inputs} that root is {math.sqrt(2 / inputs):.2g}, and {scale.value:g} "
            f"spreads outputs by {scale.value * math.sqrt(inputs):.2g} times the inputs' size "
            f"(if M is {inputs} here)."
        )
    return note


@why("type")
def data_type(line: Line) -> Iterator[Asked]:
    """Precision."""
    for node in line.nodes():
        match node:
            case ast.Call(func=ast.Attribute(value=tensor, attr=name), args=[]) if name in DTYPES:
                yield Asked(
                    1.7,
                    f"Why `.{name}()` for `{line.text(tensor)}`: which type comes in, which does "
                    "the function return, and which result would differ without it?",
                    "Types are compared with what the task gives (float32, or int64 for labels). "
                    "float64 has 16 digits instead of 7, which matters in differences of nearly "
                    "equal numbers and in long sums.",
                )
                return
            case ast.keyword(arg="dtype", value=value):
                yield Asked(
                    1.6,
                    f"Why `dtype={line.text(value)}`: what would torch take without it, and where "
                    "would one see the difference?",
                    "By default float32 for floating-point numbers. An in-place write into a "
                    "tensor keeps that tensor's type: float64 numbers are rounded, and fractions "
                    "in an integer tensor are cut.",
                )


@why("axis")
def winner(line: Line) -> Iterator[Asked]:
    """Ties."""
    for call, name, tensor, _ in reductions(line):
        if name in ("argmax", "argmin"):
            yield Asked(
                2.2,
                f"What are the entries of `{line.text(call)}` (type, range, shape), and which one "
                "is it where two are equal?",
                f"{shape_note(line, tensor, call)} Whole numbers, the places along that axis. Of "
                f"equal ones torch's {name} gives the first.",
            )


@why("slice")
def piece(line: Line) -> Iterator[Asked]:
    """Slices."""
    for node in line.nodes():
        match node:
            case ast.Subscript(value=tensor, slice=index):
                parts = index.elts if isinstance(index, ast.Tuple) else [index]
                ends = [part for part in parts if isinstance(part, ast.Slice) and _has_ends(part)]
                if not ends:
                    continue
                taken = _taken(ends[-1])
                note = f" Of 0 … 6, {line.text(ends[-1])} takes {taken}." if taken else ""
                yield Asked(
                    2.2,
                    f"Which entries of `{line.text(tensor)}` are in `{line.text(node)}`: how many, "
                    "and which shape has the result (also for the last round or the last row)?",
                    f"{shape_note(line, tensor, node)}{note} A slice keeps its axis, also where "
                    "it holds a single entry; an end beyond the tensor gives fewer, without an "
                    "error.".strip(),
                )
            case ast.Call(func=ast.Attribute(attr="pad")):
                yield Asked(
                    2.4,
                    f"How many zeros does `{line.text(node)}` add, on which sides of which axes, "
                    "and what would the output's size be without them?",
                    "torch counts from the last axis: (left, right, top, bottom). The size "
                    "follows from (n + 2 p − k) / s + 1, rounded down.",
                )


def _has_ends(part: ast.Slice) -> bool:
    return any(end is not None for end in (part.lower, part.upper, part.step))


def _taken(part: ast.Slice) -> str:
    """What a slice of written numbers takes of seven entries; empty for any other."""
    ends = [None if end is None else integers(end) for end in (part.lower, part.upper, part.step)]
    given = [end is not None for end in (part.lower, part.upper, part.step)]
    if any(is_given and end is None for is_given, end in zip(given, ends, strict=True)):
        return ""
    lower, upper, step = (end[0] if end else None for end in ends)
    if step is not None and step <= 0:
        return ""
    return ", ".join(map(str, range(7)[lower:upper:step])) or "nothing"


@why("line")
def anything(line: Line) -> Iterator[Asked]:
    """Where no other probe has a question."""
    match line.statement:
        case ast.Return(value=value) if value is not None and not _only_names(value):
            yield Asked(
                1.0,
                "Derive this line: which formula of the task is it, and which part of it stands "
                "for which term?",
                f"The student goes through it term by term, with shapes. {shape_note(line, value)}",
            )
        case ast.Assign(targets=[target], value=value):
            yield Asked(
                0.8,
                f"What is in `{line.text(target)}` after this line, in words and with its shape, "
                "and where is it needed?",
                f"{shape_note(line, value)} The student names the line that uses it.".strip(),
            )
        case ast.If(test=test):
            yield Asked(
                1.4,
                f"Which input makes `{line.text(test)}` true, and what would the lines below do "
                "with it otherwise?",
                "The student gives an input, as small as possible, and follows it.",
            )
        case _:
            yield Asked(
                0.6,
                "What is this line for: what is different after it?",
                "The student says what it changes or returns, for the smallest example.",
            )


def _only_names(value: ast.expr) -> bool:
    parts = value.elts if isinstance(value, ast.Tuple) else [value]
    return all(isinstance(part, ast.Name | ast.Constant) for part in parts)
