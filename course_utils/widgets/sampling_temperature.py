"""Drawing from a trained model: what temperature and top-k do to its next character."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
import torch
import traitlets
from matplotlib.figure import Figure
from torch import Tensor

from course_utils.plots import COLORS
from course_utils.widgets.base import InteractiveFigure, source

MOST_BARS = 12
Logits = list[list[float | None]]  # None is −∞: no notebook file can hold that


def visible(character: str) -> str:
    """A character as it is shown."""
    return {" ": "␣", "\n": "↵", "\t": "⇥"}.get(character, character)


def entropy(p: Tensor) -> float:
    """The entropy of a distribution, in bits."""
    return torch.special.entr(p).sum().item() / math.log(2)


class SamplingTemperature(InteractiveFigure):
    r"""The distribution of the next character, sharpened, flattened or cut off before it is drawn.

    A trained model has read some contexts; its logits z for the character after each come from
    the cell. The reader chooses a context and sets the temperature :math:`\tau` and k: of the k
    largest logits, :math:`\operatorname{softmax}(z / \tau)` is shown beside
    :math:`\operatorname{softmax}(z)`, with entropy and perplexity, and twenty characters are
    drawn. Every temperature gets the same random numbers, so that what changes is its doing.

    With a ``table`` of logits, one row for each previous character, the browser also draws whole
    words, from one ``boundary`` to the next.

    Args:
        logits: (C, V), the logits after each context; −∞ is allowed, not in a whole row.
        vocabulary: the V characters, in the logits' order.
        contexts: the C contexts, at least one.
        table: (V, V), the logits after each character, or nothing.
        boundary: the character that stands before and after every word.
        temperature: τ, 0.1 … 3.
        top_k: how many characters may be drawn; 0 is all.
        chosen: index of the context.
        seed: of the draws.
        alt: what the figure shows, in words.

    Raises:
        traitlets.TraitError: shapes that do not fit together, a boundary that is not in the
            vocabulary, or a number out of range.

    Example:
        >>> contexts = [".mar", ".jo", "."]
        >>> after = [model(torch.tensor([[index[c] for c in s]]))[0, -1] for s in contexts]
        >>> SamplingTemperature(
        ...     torch.stack(after), vocabulary, contexts,
        ...     table=pair_counts.log(), boundary=".", alt="The next letter of a name",
        ... )
    """

    _esm = source("figure.js", "random.js", "descent.js", "sampling_temperature.js")
    _css = source("figure.css", "descent.css", "sampling_temperature.css")

    logits = traitlets.List().tag(sync=True)
    vocabulary = traitlets.List(traitlets.Unicode()).tag(sync=True)
    contexts = traitlets.List(traitlets.Unicode()).tag(sync=True)
    table = traitlets.List().tag(sync=True)
    boundary = traitlets.Unicode("\n").tag(sync=True)
    temperature = traitlets.Float(1.0, min=0.1, max=3.0).tag(sync=True)
    top_k = traitlets.Int(0, min=0).tag(sync=True)
    chosen = traitlets.Int(0, min=0).tag(sync=True)
    seed = traitlets.Int(1, min=0, max=2**31 - 1).tag(sync=True)

    def __init__(
        self,
        logits: Tensor,
        vocabulary: Sequence[str],
        contexts: Sequence[str],
        *,
        table: Tensor | None = None,
        **settings: object,
    ) -> None:
        names, shown = list(vocabulary), list(contexts)
        super().__init__(
            logits=_rows("logits", logits, (len(shown), len(names))),
            vocabulary=names,
            contexts=shown,
            table=[] if table is None else _rows("table", table, (len(names), len(names))),
            **settings,
        )
        if table is not None and self.boundary not in names:
            raise traitlets.TraitError(
                f"SamplingTemperature: boundary {self.boundary!r} is not in the vocabulary"
            )
        if self.chosen >= len(shown) or self.top_k > len(names):
            raise traitlets.TraitError(
                f"SamplingTemperature: {len(shown)} contexts and {len(names)} characters, "
                f"got chosen={self.chosen} and top_k={self.top_k}"
            )

    def __repr__(self) -> str:
        return f"SamplingTemperature: {self.alt}"

    def probabilities(self, temperature: float, top_k: int) -> Tensor:
        """What the next character after the chosen context is drawn from, (V,)."""
        z = torch.tensor([-math.inf if v is None else v for v in self.logits[self.chosen]],
                         dtype=torch.float64)  # fmt: skip
        if top_k:
            z[z.argsort(descending=True, stable=True)[top_k:]] = -math.inf
        return (z / temperature).softmax(0)

    def picture(self) -> str:
        """The most likely characters' probabilities, the model's own and those drawn from."""
        own, now = self.probabilities(1.0, 0), self.probabilities(self.temperature, self.top_k)
        first = own.argsort(descending=True, stable=True)[:MOST_BARS].tolist()
        places = np.arange(len(first))
        with mpl.rc_context({"svg.hashsalt": "course", "font.size": 11}):
            figure = Figure(
                figsize=(4.8, 0.32 * len(first) + 2), layout="constrained", facecolor="white"
            )
            ax = figure.add_subplot()
            kept = f", top {self.top_k}" if self.top_k else ""
            for p, shift, label, look in (
                (own, -0.2, f"the model's own: {entropy(own):.2f} bits",
                 {"facecolor": "white", "edgecolor": "black"}),
                (now, 0.2, f"temperature {self.temperature:g}{kept}: {entropy(now):.2f} bits",
                 {"facecolor": COLORS["blue"]}),
            ):  # fmt: skip
                ax.barh(places + shift, p[first].numpy(), 0.38, label=label, **look)
            ax.set_yticks(places, [visible(self.vocabulary[i]) for i in first])
            ax.set(xlabel="probability of the next character", xlim=(0, None))
            ax.set_title(
                f"after “{''.join(map(visible, self.contexts[self.chosen]))}”", fontsize=11
            )
            ax.invert_yaxis()
            ax.grid(axis="x", alpha=0.3)
            ax.set_axisbelow(True)
            figure.legend(loc="outside lower center", frameon=False)
            text = io.StringIO()
            figure.savefig(text, format="svg", metadata={"Date": None})
        return text.getvalue()


def _rows(name: str, values: Tensor, shape: tuple[int, int]) -> Logits:
    """Logits as lists, rounded to six digits, with None for −∞."""
    values = torch.as_tensor(values).detach().double().cpu()
    if values.shape != shape or min(shape) < 1:
        raise traitlets.TraitError(
            f"SamplingTemperature: {name} has shape {tuple(values.shape)}, expected {shape}"
        )
    top = values.max(1).values
    if not (values < math.inf).all() or not top.isfinite().all():
        raise traitlets.TraitError(
            f"SamplingTemperature: {name} holds ∞, nan, or a row without a finite number"
        )
    return [
        [None if z == -math.inf else float(f"{z:.6g}") for z in row]
        for row in (values - top[:, None]).tolist()  # softmax knows differences only
    ]
