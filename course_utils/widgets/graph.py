"""A computation graph that one steps through, forward and backward."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import torch
import traitlets
from torch import Tensor

from course_utils.widgets.base import InteractiveFigure, source
from course_utils.widgets.graph_layout import layout

# graph.js has the same operations with derivatives by hand; a test compares the two.
OPERATIONS = {
    "add": (torch.add, "{} + {}"),
    "sub": (torch.sub, "{} − {}"),
    "mul": (torch.mul, "{} · {}"),
    "scale": (torch.mul, "{1} · {0}"),
    "square": (torch.square, "{}²"),
    "relu": (torch.relu, "ReLU({})"),
    "tanh": (torch.tanh, "tanh({})"),
}
INPUTS = {"add": 2, "sub": 2, "mul": 2, "scale": 1, "square": 1, "relu": 1, "tanh": 1}


class ComputationGraph(InteractiveFigure):
    """An expression as a graph; each step shows one value or one gradient and why it is so.

    Args:
        leaves: the inputs with their first values; the reader can change them.
        operations: ``(name, operation, *inputs)`` in the order of computation, the last one being
            the scalar that is differentiated. Operations: add, sub, mul, square, relu, tanh, and
            scale, which takes a name and a constant factor.
        alt: what the figure shows, in words.

    Raises:
        ValueError: an operation is unknown, or its inputs are not there yet or too many or few.

    Example:
        >>> ComputationGraph({"w": 2.0, "x": 3.0}, [("L", "mul", "w", "x")], alt="L = w · x")
        ComputationGraph: L = w · x
    """

    _esm = source("figure.js", "graph.js")
    _css = source("figure.css", "graph.css")

    leaves = traitlets.Dict().tag(sync=True)
    operations = traitlets.List().tag(sync=True)
    drawing = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        leaves: Mapping[str, float],
        operations: Sequence[tuple[str | float, ...]],
        *,
        alt: str,
    ) -> None:
        check(leaves, operations)
        super().__init__(
            leaves={name: float(value) for name, value in leaves.items()},
            operations=[list(operation) for operation in operations],
            drawing=layout(leaves, operations),
            alt=alt,
        )

    def __repr__(self) -> str:
        return f"ComputationGraph: {self.alt}"

    def evaluate(self) -> tuple[dict[str, float], dict[str, float], dict[tuple[str, int], float]]:
        """Values and gradients by name, local derivatives by (operation, input): by autograd."""
        tensors = {
            name: torch.tensor(value, dtype=torch.float64, requires_grad=True)
            for name, value in self.leaves.items()
        }
        local = {}
        for name, kind, *inputs in self.operations:
            function = OPERATIONS[kind][0]
            arguments = [tensors[i] if isinstance(i, str) else i for i in inputs]
            tensors[name] = function(*arguments)
            tensors[name].retain_grad()
            alone = [a.detach().requires_grad_() if isinstance(a, Tensor) else a for a in arguments]
            free = [a for a in alone if isinstance(a, Tensor)]
            for position, slope in enumerate(torch.autograd.grad(function(*alone), free)):
                local[name, position] = slope.item()
        tensors[self.operations[-1][0]].backward()
        values = {name: tensor.item() for name, tensor in tensors.items()}
        # A node that the output does not depend on has no gradient: it is zero.
        grads = {n: 0.0 if t.grad is None else t.grad.item() for n, t in tensors.items()}
        return values, grads, local

    def picture(self) -> str:
        """The whole graph with all values, local derivatives and gradients."""
        values, grads, local = self.evaluate()
        output = self.operations[-1][0]
        width, height = self.drawing["width"], self.drawing["height"]
        node_width, node_height = self.drawing["node"]
        parts = []
        for edge in self.drawing["edges"]:
            x, y, anchor = edge["label"]
            slope = number(local[edge["name"], edge["position"]])
            parts.append(
                f'<path d="{edge["path"]}" fill="none" stroke="#555" marker-end="url(#to)"/>'
                f'<text x="{x}" y="{y}" text-anchor="{anchor}">× {slope}</text>'
            )
        labels = {name: name for name in self.leaves}
        for name, kind, *inputs in self.operations:
            labels[name] = f"{name} = {OPERATIONS[kind][1].format(*inputs)}"
        for name, label in labels.items():
            x, y = self.drawing["corners"][name]
            lines = (label, number(values[name]), f"∂{output}/∂{name} = {number(grads[name])}")
            parts.append(
                f'<rect x="{x}" y="{y}" width="{node_width}" height="{node_height}" '
                f'rx="{2 if name in self.leaves else 14}" fill="white" stroke="#222"/>'
            )
            for line, text in enumerate(lines):
                parts.append(
                    f'<text x="{x + node_width / 2}" y="{y + 18 + 17 * line}" '
                    f'text-anchor="middle">{escape(text)}</text>'
                )
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="13" fill="#111">'
            '<defs><marker id="to" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" '
            'markerHeight="8" orient="auto"><path d="M0 0L8 4L0 8z" fill="#555"/></marker></defs>'
            f'<rect width="{width}" height="{height}" fill="white"/>{"".join(parts)}</svg>'
        )


def check(leaves: Mapping[str, float], operations: Sequence[tuple[str | float, ...]]) -> None:
    """Refuse a graph that cannot be computed from first operation to last."""
    known = set(leaves)
    for name, kind, *inputs in operations:
        if kind not in OPERATIONS:
            raise ValueError(f"{name}: no operation {kind!r}; there are {', '.join(OPERATIONS)}")
        names = [i for i in inputs if isinstance(i, str)]
        factors = len(inputs) - len(names)
        if len(names) != INPUTS[kind] or factors != (kind == "scale"):
            raise ValueError(
                f"{name}: {kind} takes {INPUTS[kind]} named input(s)"
                f"{' and one factor' if kind == 'scale' else ''}, got {inputs}"
            )
        unknown = [i for i in names if i not in known]
        if unknown or name in known:
            raise ValueError(
                f"{name}: "
                + (
                    f"computed from {unknown}, which are not there yet"
                    if unknown
                    else "defined twice"
                )
            )
        known.add(name)
    if not operations:
        raise ValueError("a graph needs at least one operation")


def number(value: float) -> str:
    """At most four significant digits, with a real minus sign."""
    return f"{value:.4g}".replace("-", "−") if value else "0"
