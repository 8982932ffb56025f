"""The step of a difference quotient: secant, error, and the valley of the errors."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
import traitlets
from matplotlib.figure import Figure

from course_utils.widgets.base import InteractiveFigure, source


@dataclass(frozen=True)
class Example:
    """A function, computed in its argument's precision, with its slope at one place."""

    name: str
    at: float
    value: Callable[[np.ndarray], np.ndarray]
    slope: Callable[[float], float]


# step_size.js has the same; a test compares the two.
EXAMPLES = {
    "tanh3": Example(
        "tanh³ x at 0.7", 0.7, lambda x: np.tanh(x) * np.tanh(x) * np.tanh(x),
        lambda x: 3 * np.tanh(x) ** 2 * (1 - np.tanh(x) ** 2),
    ),
    "square": Example("x² at 0.7", 0.7, lambda x: x * x, lambda x: 2 * x),
    "offset": Example("1000 + sin x at 0.7", 0.7, lambda x: x.dtype.type(1000) + np.sin(x), np.cos),
    "relu": Example(
        "ReLU(x) at 0.001", 0.001, lambda x: np.maximum(x, 0), lambda x: float(x > 0)
    ),
}  # fmt: skip
DTYPES = {"float64": np.float64, "float32": np.float32}
FORMULAS = {"central": "central", "forward": "one-sided"}


class StepSize(InteractiveFigure):
    r"""Errors of :math:`(f(x+h) - f(x-h))/2h` and :math:`(f(x+h) - f(x))/h` against the step h.

    The reader moves h and chooses function, precision and quotient. Next to the errors stands the
    function under a magnifying glass as wide as 4h: smooth, then straight, then, where rounding
    rules, a staircase.

    Args:
        kind: the function, one of ``EXAMPLES``.
        precision: "float64" or "float32"; every operation is rounded to it.
        formula: "central" or "forward".
        exponent: the step is 10 to this power, −15 … 0.
        alt: what the figure shows, in words.

    Raises:
        traitlets.TraitError: a choice that is not there, or an exponent out of range.
    """

    _esm = source("figure.js", "step_size.js")
    _css = source("figure.css", "step_size.css")

    kind = traitlets.Enum(list(EXAMPLES), "tanh3").tag(sync=True)
    precision = traitlets.Enum(list(DTYPES), "float64").tag(sync=True)
    formula = traitlets.Enum(list(FORMULAS), "central").tag(sync=True)
    exponent = traitlets.Float(-1.0, min=-15, max=0).tag(sync=True)

    def __repr__(self) -> str:
        return f"StepSize: {self.alt}"

    def errors(self, exponents: np.ndarray, formula: str | None = None) -> np.ndarray:
        """Error of the quotient at each step 10^exponent, every operation rounded."""
        example, dtype = EXAMPLES[self.kind], DTYPES[self.precision]
        x, h = dtype(example.at), (10.0**exponents).astype(dtype)
        if (formula or self.formula) == "central":
            quotient = (example.value(x + h) - example.value(x - h)) / (2 * h)
        else:
            quotient = (example.value(x + h) - example.value(x)) / h
        return np.abs(quotient.astype(np.float64) - example.slope(float(x)))

    def picture(self) -> str:
        """The errors of both quotients, and the chosen step."""
        exponents = np.linspace(-15, 0, 151)
        with mpl.rc_context({"svg.hashsalt": "course", "font.size": 11}):
            figure = Figure(figsize=(4.8, 3.2), layout="constrained", facecolor="white")
            ax = figure.add_subplot()
            for formula, marker in (("forward", "x"), ("central", ".")):
                errors = self.errors(exponents, formula)
                shown = errors > 0
                ax.loglog(
                    10 ** exponents[shown], errors[shown], marker, ms=5, label=FORMULAS[formula]
                )
            now = self.errors(np.array([self.exponent]))
            ax.loglog([10**self.exponent], now, "o", ms=11, mfc="none", mew=2, label="chosen step")
            ax.set(xlabel="step h", ylabel="error of the quotient")
            ax.set_title(f"{EXAMPLES[self.kind].name}, {self.precision}", fontsize=11)
            ax.legend(loc="lower left", frameon=False)
            text = io.StringIO()
            figure.savefig(text, format="svg", metadata={"Date": None})
        return text.getvalue()
