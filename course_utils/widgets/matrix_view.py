"""A convolution as a matrix: each output is a row, each input pixel a column."""

from __future__ import annotations

import io

import matplotlib as mpl
import traitlets
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from course_utils.widgets.base import InteractiveFigure, source

LETTERS = "abcdefghi"  # the kernel, row by row


class MatrixView(InteractiveFigure):
    """A small image, a 3 × 3 kernel a … i, and the matrix that does the same.

    Args:
        size: rows and columns of the image, 3 or 4.
        padding: rows and columns of zeros around it, 0 or 1.
        transposed: choose a pixel and see its column, instead of an output and its row.
        chosen: index of the output or of the pixel, row by row.
        weight: index of the weight whose copies are framed, or −1.
        alt: what the figure shows, in words.

    Raises:
        traitlets.TraitError: a size, padding or weight that is not offered, or nothing to choose
            at that index.
    """

    _esm = source("figure.js", "matrix_view.js")
    _css = source("figure.css", "matrix_view.css")

    size = traitlets.Enum([3, 4], 4).tag(sync=True)
    padding = traitlets.Enum([0, 1], 0).tag(sync=True)
    transposed = traitlets.Bool(False).tag(sync=True)
    chosen = traitlets.Int(0, min=0).tag(sync=True)
    weight = traitlets.Int(-1, min=-1, max=8).tag(sync=True)

    @traitlets.validate("chosen")
    def _chosen_is_there(self, proposal: traitlets.Bunch) -> int:
        side = self.size if self.transposed else self.out
        if proposal["value"] >= side * side:
            raise traitlets.TraitError(
                f"MatrixView: there are {side * side} to choose from, got {proposal['value']}"
            )
        return proposal["value"]

    def __repr__(self) -> str:
        return f"MatrixView: {self.alt}"

    @property
    def out(self) -> int:
        """Rows and columns of the output."""
        return self.size + 2 * self.padding - 2

    def matrix(self) -> list[list[int]]:
        """Which weight, 0 … 8, each entry is; −1 is a zero."""

        def entry(row: int, column: int) -> int:
            i, j = (column // self.size + self.padding - row // self.out,
                    column % self.size + self.padding - row % self.out)  # fmt: skip
            return 3 * i + j if 0 <= i < 3 and 0 <= j < 3 else -1

        return [[entry(r, c) for c in range(self.size**2)] for r in range(self.out**2)]

    def picture(self) -> str:
        """The matrix with the chosen row or column framed."""
        matrix = self.matrix()
        rows, columns = len(matrix), len(matrix[0])
        with mpl.rc_context({"svg.hashsalt": "course", "font.size": 11}):
            size = (0.32 * columns + 0.8, 0.32 * rows + 1)
            figure = Figure(figsize=size, layout="constrained", facecolor="white")
            ax = figure.add_subplot()
            for r, row in enumerate(matrix):
                for c, k in enumerate(row):
                    if k >= 0:
                        color = "#f3d9a4" if k == self.weight else "#cfe3f1"
                        ax.add_patch(Rectangle((c - 0.5, r - 0.5), 1, 1, facecolor=color))
                    ax.text(c, r, LETTERS[k] if k >= 0 else "·", ha="center", va="center")
            corner, extent = ((-0.5, self.chosen - 0.5), (columns, 1))
            if self.transposed:
                corner, extent = ((self.chosen - 0.5, -0.5), (1, rows))
            ax.add_patch(Rectangle(corner, *extent, fill=False, lw=2.5, clip_on=False))
            ax.set(xlim=(-0.5, columns - 0.5), ylim=(rows - 0.5, -0.5), aspect="equal")
            ax.set(xlabel="pixel", ylabel="output", yticks=range(0, rows, 2))
            text = io.StringIO()
            figure.savefig(text, format="svg", metadata={"Date": None})
        return text.getvalue()
