"""Self-attention by hand: four tokens, every number of every matrix, one step after the other."""

from __future__ import annotations

import io
import math

import matplotlib as mpl
import torch
import traitlets
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from course_utils.widgets.base import InteractiveFigure, source

STEPS = ["Tokens", "Project", "Score", "Scale", "Softmax", "Combine"]
FORMULAS = ["right", "sum over queries", "as printed"]
SHAPES = {"x": (4, 5), "w_q": (3, 5), "w_k": (3, 5), "w_v": (5, 5)}
MOST = 99

# What the reader can start from. Weights are as torch.nn.Linear keeps them: outputs by inputs.
EXAMPLES = {
    "a sentence": {
        "tokens": ["she", "pours", "cold", "milk"],
        "note": "Five features: noun, verb, adjective, alive, drinkable. A verb asks for what is "
        "alive and for what is drinkable, an adjective for what is drinkable, a drink for its "
        "adjective. “she” asks nothing.",
        "x": [[1, 0, 0, 1, 0], [0, 1, 0, 0, 0], [0, 0, 1, 0, 0], [1, 0, 0, 0, 1]],
        "w_q": [[0, 2, 0, 0, 0], [0, 2, 2, 0, 0], [0, 0, 0, 0, 2]],
        "w_k": [[0, 0, 0, 2, 0], [0, 0, 0, 0, 2], [0, 0, 2, 0, 0]],
        "w_v": [[1, 0, 0, 0, 0], [0, 1, 0, 0, 0], [0, 0, 1, 0, 0], [0, 0, 0, 1, 0],
                [0, 0, 0, 0, 1]],
    },
    "random numbers": {
        "tokens": ["A", "B", "C", "D"],
        "note": "All numbers were drawn from normal distributions, once.",
        "x": [[-0.9, 1.3, -0.2, 0.2, 1.1], [-0.2, 1.2, 0.8, -0.7, 0.4], [1.6, 0.3, -0.4, 0.8, -0.7],
              [-0.9, 2.2, -1.2, -0.4, 1.4]],
        "w_q": [[-0.3, 0.1, 0.1, 0.6, -0.2], [0.2, -0.3, -0.5, -0.1, 0.1],
                [0.6, -0.1, 0.1, 0.2, -0.6]],
        "w_k": [[0.2, 0.7, 0.1, 0.9, -0.1], [-0.1, 0.9, 0.5, -0.7, -0.4],
                [-0.5, 0.1, 0.3, -0.1, 0.6]],
        "w_v": [[0.0, -1.4, 2.8, -0.2, -0.7], [-1.7, -0.6, -1.1, 0.2, 0.0],
                [-1.2, 1.2, -1.7, -0.7, -0.5], [-1.7, 0.9, -0.7, 0.7, -0.5],
                [0.0, 0.6, -1.0, 0.3, -0.6]],
    },
    "one token four times": {
        "tokens": ["ho", "ho", "ho", "ho"],
        "note": "All tokens are alike, so all scores are: every weight is 1/4, and every output "
        "is v of the one token. Nothing here knows places.",
        "x": [[0, 1, 1, 0, 0]] * 4,
        "w_q": [[0, 2, 0, 0, 0], [0, 2, 2, 0, 0], [0, 0, 0, 0, 2]],
        "w_k": [[0, 0, 0, 2, 0], [0, 0, 0, 0, 2], [0, 0, 2, 0, 0]],
        "w_v": [[1, 0, 0, 0, 0], [0, 1, 0, 0, 0], [0, 0, 1, 0, 0], [0, 0, 0, 1, 0],
                [0, 0, 0, 0, 1]],
    },
}  # fmt: skip


class AttentionByHand(InteractiveFigure):
    r"""Four tokens attend to each other; the reader edits numbers and goes step by step.

    With tokens as columns, :math:`Z = V \operatorname{softmax}_\downarrow(K^\top Q / \sqrt 3)`,
    X is 5 × 4 and the softmax runs down each column; with tokens as rows, as in code,
    :math:`Z = \operatorname{softmax}_\rightarrow(Q K^\top / \sqrt 3)\, V`, and every matrix of the
    tokens is the transpose. The weights are the same in both, d_out × d_in.

    Args:
        x: four tokens (rows) of five numbers each, −99 … 99.
        w_q: 3 × 5, as are ``w_k``; ``w_v`` is 5 × 5. What is not given is of the first example.
        tokens: four short names.
        columns: whether tokens are columns (as on slides) rather than rows (as in code).
        step: 0 tokens, 1 project, 2 score, 3 scale, 4 softmax, 5 combine; later ones are hidden.
        token: the output that is written out, 0 … 3.
        mask: whether a token sees only itself and those before it.
        formula: "right"; "sum over queries", which takes output j's weights from a_1j … a_4j
            though a_ij = q_i · k_j; or "as printed", softmax(QᵀK/√3) V. The two wrong ones are
            about tokens as columns.
        d_v: how many numbers a value has, 5 or 4 (the first four rows of ``w_v``).
        alt: what the figure shows, in words.

    Raises:
        traitlets.TraitError: a matrix has another shape or is not finite, there is no such step,
            token or formula, or a wrong formula is asked for with tokens as rows.

    Example:
        >>> AttentionByHand(step=5, token=1, alt="Self-attention on four tokens, by hand")
        >>> AttentionByHand(**EXAMPLES["random numbers"], columns=False, alt="The same in rows")
    """

    _esm = source("figure.js", "attention_by_hand.js")
    _css = source("figure.css", "attention_by_hand.css")

    x = traitlets.List().tag(sync=True)
    w_q = traitlets.List().tag(sync=True)
    w_k = traitlets.List().tag(sync=True)
    w_v = traitlets.List().tag(sync=True)
    tokens = traitlets.List(traitlets.Unicode(), minlen=4, maxlen=4).tag(sync=True)
    columns = traitlets.Bool(True).tag(sync=True)
    step = traitlets.Int(0, min=0, max=5).tag(sync=True)
    token = traitlets.Int(0, min=0, max=3).tag(sync=True)
    mask = traitlets.Bool(False).tag(sync=True)
    formula = traitlets.Enum(FORMULAS, "right").tag(sync=True)
    d_v = traitlets.Enum([4, 5], 5).tag(sync=True)
    examples = traitlets.Dict(EXAMPLES).tag(sync=True)

    def __init__(self, **settings: object):
        settings.pop("note", None)
        for name, value in EXAMPLES["a sentence"].items():
            if name != "note":
                settings.setdefault(name, value)
        for name in SHAPES:
            if isinstance(settings[name], Tensor):
                settings[name] = settings[name].tolist()
        super().__init__(**settings)

    @traitlets.validate("x", "w_q", "w_k", "w_v")
    def _matrix_has_its_shape(self, proposal: traitlets.Bunch) -> list[list[float]]:
        name, rows = proposal["trait"].name, proposal["value"]
        try:
            matrix = torch.tensor(rows, dtype=torch.float64)
        except (TypeError, ValueError):
            matrix = torch.empty(0)
        if tuple(matrix.shape) != SHAPES[name] or not (matrix.abs() <= MOST).all():
            raise traitlets.TraitError(
                f"AttentionByHand: {name} is {SHAPES[name]} numbers of at most {MOST}, got {rows}"
            )
        return [list(row) for row in rows]

    @traitlets.validate("columns", "formula")
    def _wrong_formulas_are_about_columns(self, proposal: traitlets.Bunch) -> object:
        name, value = proposal["trait"].name, proposal["value"]
        columns, formula = (
            (value, self.formula) if name == "columns" else (self.columns, value)
        )  # fmt: skip
        if formula != "right" and not columns:
            raise traitlets.TraitError(
                f"AttentionByHand: {formula!r} is about tokens as columns; set columns=True"
            )
        return value

    def __repr__(self) -> str:
        return f"AttentionByHand: {self.alt}"

    def matrices(self) -> dict[str, Tensor | None]:
        """All matrices as they are shown; ``z`` is None where a product is not defined."""
        x, w_q, w_k, w_v = (
            torch.tensor(getattr(self, name), dtype=torch.float64) for name in SHAPES
        )
        q, k, v = x @ w_q.T, x @ w_k.T, x @ w_v[: self.d_v].T
        scores = q @ k.T  # (query, key)
        scaled = scores / math.sqrt(q.shape[1])
        if self.mask:
            scaled = scaled.masked_fill(torch.ones(4, 4, dtype=torch.bool).triu(1), -math.inf)
        weights = scaled.softmax(1)
        found = {"x": x, "q": q, "k": k, "v": v, "scores": scores, "scaled": scaled,
                 "weights": weights, "z": weights @ v}  # fmt: skip
        if not self.columns:
            return found
        if self.formula == "sum over queries":
            found["z"] = weights.T @ v
        shown = {name: matrix.T for name, matrix in found.items()}
        if self.formula == "as printed":
            shown |= {"scores": scores, "scaled": scaled, "weights": weights}
            shown["z"] = weights @ v.T if self.d_v == 4 else None
        return shown

    def picture(self) -> str:
        """The matrices up to the step that is shown, the chosen token framed."""
        found, columns = self.matrices(), self.columns
        printed = self.formula == "as printed"
        titles = {
            "x": "$X$", "q": "$Q = W_Q X$", "k": "$K = W_K X$", "v": "$V = W_V X$",
            "scores": "$K^T Q$", "scaled": r"$K^T Q/\sqrt{3}$", "weights": "$A$: softmax ↓",
            "z": "$Z = V A$",
        }  # fmt: skip
        if not columns:
            titles |= {
                "q": "$Q = X W_Q^T$", "k": "$K = X W_K^T$", "v": "$V = X W_V^T$",
                "scores": "$Q K^T$", "scaled": r"$Q K^T/\sqrt{3}$", "weights": "$A$: softmax →",
                "z": "$Z = A V$",
            }  # fmt: skip
        elif printed:
            titles |= {"scores": "$Q^T K$", "scaled": r"$Q^T K/\sqrt{3}$",
                       "weights": "$A$: softmax →", "z": "$A V$"}  # fmt: skip
        elif self.formula == "sum over queries":
            titles["z"] = "$V A^T$"
        since = {"x": 0, "q": 1, "k": 1, "v": 1, "scores": 2, "scaled": 3, "weights": 4, "z": 5}
        with mpl.rc_context({"svg.hashsalt": "course", "font.size": 10}):
            figure = Figure(figsize=(8.6, 4.8), layout="none", facecolor="white")
            figure.subplots_adjust(left=0.01, right=0.99, bottom=0.01, top=0.88, hspace=0.16)
            for ax, (name, matrix) in zip(figure.subplots(2, 4).flat, found.items(), strict=True):
                ax.axis("off")
                if matrix is None:
                    ax.set_title(f"{titles[name]}: not defined", fontsize=10)
                elif since[name] <= self.step:
                    across = printed and name in ("scores", "scaled", "weights")
                    across |= self.formula == "sum over queries" and name == "weights"
                    _draw(ax, matrix, titles[name], name == "weights")
                    _frame(ax, matrix, self.token, columns and not across)
            figure.suptitle(
                f"Tokens as {'columns' if columns else 'rows'}: {', '.join(self.tokens)}; "
                f"framed: {self.tokens[self.token]}",
                fontsize=10,
            )
            text = io.StringIO()
            figure.savefig(text, format="svg", metadata={"Date": None})
        return text.getvalue()


def _draw(ax: Axes, matrix: Tensor, title: str, shaded: bool) -> None:
    rows, columns = matrix.shape
    for r in range(rows):
        for c in range(columns):
            value = matrix[r, c].item()
            color = (*mpl.colors.to_rgb("#0072B2"), 0.45 * value) if shaded else "none"
            ax.add_patch(Rectangle((c, r), 1, 1, facecolor=color, edgecolor="0.75", lw=0.6))
            text = "−∞" if value == -math.inf else f"{round(value, 2) + 0:.2f}".replace("-", "−")
            ax.text(c + 0.5, r + 0.5, text, ha="center", va="center", fontsize=7.5)
    ax.set(xlim=(-0.05, 5.05), ylim=(5.05, -0.05))
    ax.set_title(f"{title}, {rows} × {columns}", fontsize=10)


def _frame(ax: Axes, matrix: Tensor, token: int, column: bool) -> None:
    rows, columns = matrix.shape
    corner, size = ((token, 0), (1, rows)) if column else ((0, token), (columns, 1))
    ax.add_patch(Rectangle(corner, *size, fill=False, edgecolor="#B84D00", lw=2))
