"""An LSTM cell gate by gate: what each step keeps, writes and shows, and what gradients get."""

from __future__ import annotations

import io
import math

import matplotlib as mpl
import torch
import traitlets
from matplotlib.figure import Figure
from torch import Tensor

from course_utils.layers import LSTM
from course_utils.plots import COLORS
from course_utils.widgets.base import InteractiveFigure, source

# Three numbers for each of the gates i, f, g, o, in the order of torch.nn.LSTM: the weight of the
# input, the weight of h, and the bias, which is the sum of torch's two.
PRESETS = {
    # Unit 14 of LSTM(1, 16, generator=torch.Generator().manual_seed(0)), to two decimals.
    "default init": {
        "weight_ih": [-0.10, -0.10, 0.16, -0.15],
        "weight_hh": [-0.13, 0.16, 0.04, 0.06],
        "bias": [0.24, -0.02, 0.06, -0.08],
    },
    # The next two differ in the bias of the forget gate only.
    "remember": {
        "weight_ih": [0.5, 0.0, 1.5, 0.0],
        "weight_hh": [0.0, 0.0, 0.5, 0.0],
        "bias": [0.0, 4.0, 0.0, 2.0],
    },
    "forget": {
        "weight_ih": [0.5, 0.0, 1.5, 0.0],
        "weight_hh": [0.0, 0.0, 0.5, 0.0],
        "bias": [0.0, -4.0, 0.0, 2.0],
    },
    # Once something positive has been written, h > 0 closes the input gate.
    "latch the first input": {
        "weight_ih": [0.0, 0.0, 2.0, 0.0],
        "weight_hh": [-15.0, 0.0, 0.0, 0.0],
        "bias": [2.0, 6.0, 0.0, 2.0],
    },
}
INPUTS = {
    "mixed": [0.9, -0.4, 0.6, 0.0, -0.8, 0.5, 0.3, -0.6, 0.7, -0.2],
    "one pulse": [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
    "constant": [0.5] * 10,
    "alternating": [0.8, -0.8] * 5,
}
LIMIT = 8.0  # of the biases


class LSTMCell(InteractiveFigure):
    r"""One LSTM cell of one unit, run through a short sequence step by step.

    Every step shows the gates i, f, o, the candidate g, the cell c and the output h as formulas,
    numbers and signed bars. The reader sets the biases and the inputs. Below them stand x, c and h
    over time, and the two ways from :math:`c_1` to :math:`c_t`: the product of the forget gates,

    .. math:: \frac{\partial c_t}{\partial c_1} = f_2 \cdots f_t + \text{(what goes through h)}

    The numbers are those of `course_utils.layers.LSTM` with one unit, in double precision; the
    four weights and biases stand in torch's order i, f, g, o.

    Args:
        weight_ih: weights of the input.
        weight_hh: weights of the previous output h.
        bias: ``bias_ih`` and ``bias_hh`` added up, each within ±8.
        inputs: 2 to 16 numbers within ±2.
        step: how many of them have been read.
        alt: what the figure shows, in words.

    Raises:
        traitlets.TraitError: not four finite numbers, too few or too many inputs, a number out of
            range, or more steps than inputs.

    Example:
        >>> LSTMCell.preset("remember", step=3, alt="An LSTM cell whose forget gate stays open")
    """

    _esm = source("figure.js", "descent.js", "lstm_cell.js")
    _css = source("figure.css", "descent.css", "lstm_cell.css")

    weight_ih = traitlets.List(traitlets.Float()).tag(sync=True)
    weight_hh = traitlets.List(traitlets.Float()).tag(sync=True)
    bias = traitlets.List(traitlets.Float()).tag(sync=True)
    inputs = traitlets.List(traitlets.Float(), INPUTS["mixed"]).tag(sync=True)
    step = traitlets.Int(0, min=0).tag(sync=True)
    presets = traitlets.Dict(PRESETS).tag(sync=True)
    sequences = traitlets.Dict(INPUTS).tag(sync=True)

    def __init__(self, **settings: object):
        super().__init__(**PRESETS["default init"] | settings)
        if self.step > len(self.inputs):
            raise traitlets.TraitError(
                f"LSTMCell: there are {len(self.inputs)} inputs, got step={self.step}"
            )

    @classmethod
    def preset(cls, name: str, **settings: object) -> LSTMCell:
        """The cell with the weights and biases of `PRESETS`."""
        return cls(**PRESETS[name] | settings)

    @traitlets.validate("weight_ih", "weight_hh", "bias")
    def _one_for_each_gate(self, proposal: traitlets.Bunch) -> list[float]:
        name, values = proposal["trait"].name, proposal["value"]
        limit = LIMIT if name == "bias" else math.inf
        if len(values) != 4 or not all(math.isfinite(v) and abs(v) <= limit for v in values):
            raise traitlets.TraitError(
                f"LSTMCell: {name} is four numbers within ±{limit:g}, for i, f, g, o; got {values}"
            )
        return values

    @traitlets.validate("inputs")
    def _inputs_are_a_sequence(self, proposal: traitlets.Bunch) -> list[float]:
        values = proposal["value"]
        if not 2 <= len(values) <= 16 or not all(abs(v) <= 2 for v in values):
            raise traitlets.TraitError(
                f"LSTMCell: inputs are 2 to 16 numbers within ±2, got {values}"
            )
        return values

    def __repr__(self) -> str:
        return f"LSTMCell: {self.alt}"

    def layer(self) -> LSTM:
        """The library's layer with these weights."""
        layer = LSTM(1, 1, dtype=torch.float64)
        column = {name: torch.tensor(getattr(self, name), dtype=torch.float64)[:, None]
                  for name in ("weight_ih", "weight_hh", "bias")}  # fmt: skip
        layer.load_state_dict({
            "weight_ih_l0": column["weight_ih"],
            "weight_hh_l0": column["weight_hh"],
            "bias_ih_l0": column["bias"].flatten(),
            "bias_hh_l0": torch.zeros(4, dtype=torch.float64),
        })  # fmt: skip
        return layer

    def run(self) -> dict[str, Tensor]:
        """i, f, g, o, c and h of all steps, each (T,)."""
        layer = self.layer()
        layer(torch.tensor(self.inputs, dtype=torch.float64)[:, None])
        ((_, hs, (cs, *gates)),) = layer.runs
        found = {**dict(zip("ifgo", gates, strict=True)), "c": cs[1:], "h": hs[1:]}
        return {name: values.flatten() for name, values in found.items()}

    def paths(self) -> tuple[Tensor, Tensor]:
        """Of dc_t/dc_1, t = 1 … T, what the forget gates pass on and what goes through h."""
        found, one = self.run(), torch.ones(1, 1, dtype=torch.float64)
        x = torch.tensor(self.inputs, dtype=torch.float64)[:, None]
        h, c = (found[name][:1, None] for name in "hc")
        totals = [one]
        for t in range(2, len(x) + 1):
            layer = self.layer()
            layer(x[1:t], (h, c))
            _, (dh, dc) = layer.backward(None, (None, one))
            totals.append(dc + dh * found["o"][0] * (1 - c.tanh() ** 2))
        direct = torch.cat([one.flatten(), found["f"][1:]]).cumprod(0)
        return direct, torch.cat(totals).flatten() - direct

    def picture(self) -> str:
        """Cell and output over the steps, the forget gate, and the two ways of the gradient."""
        found, (direct, hidden) = self.run(), self.paths()
        steps = range(1, len(self.inputs) + 1)
        with mpl.rc_context({"svg.hashsalt": "course", "font.size": 11}):
            figure = Figure(figsize=(4.8, 4.8), layout="constrained", facecolor="white")
            above, below = figure.subplots(2, sharex=True, height_ratios=[3, 2])
            above.bar(steps, self.inputs, width=0.5, color="#cccccc", label="input x")
            blue, red = COLORS["blue"], COLORS["vermillion"]
            above.plot(steps, found["c"], "s-", color=blue, label="cell c")
            above.plot(steps, found["h"], "o--", color=red, label="output h")
            above.plot(steps, found["f"], "^:", color=COLORS["green"], label="forget gate f")
            above.axhline(0, color="black", lw=0.8)
            above.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
            below.semilogy(steps, direct, "s-", color=blue, label="f₂ ⋯ fₜ")
            below.semilogy(steps[1:], hidden[1:].abs(), "o--", color=red, label="through h")
            below.set(xlabel="step t", ylabel="size in ∂cₜ/∂c₁", ylim=(1e-8, 3), xticks=steps)
            below.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
            for ax in (above, below):
                ax.grid(alpha=0.3)
                if self.step:
                    ax.axvline(self.step, color="black", lw=1, ls=(0, (2, 2)))
            text = io.StringIO()
            figure.savefig(text, format="svg", metadata={"Date": None})
        return text.getvalue()
