"""Where the windows of a convolution stand, and two signals that slide over each other."""

from __future__ import annotations

import io
from collections.abc import Callable

import matplotlib as mpl
import numpy as np
import traitlets
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from course_utils.widgets.base import InteractiveFigure, source

# Signals of area 1. convolution_arithmetic.js has the same; a test compares the two.
SHAPES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "box": lambda t: (np.abs(t) < 0.5).astype(float),
    "triangle": lambda t: np.maximum(0, 1 - np.abs(t)),
    "exponential": lambda t: np.where(t > 0, np.exp(-np.maximum(t, 0)), 0),
}
REACH, STEP = 4, 1 / 32  # shifts are multiples of the step, samples lie between them
PLACES = np.arange(-8 + STEP / 2, 16, STEP)
SHIFTS = np.arange(-REACH, REACH + STEP / 2, STEP)


def windows(
    mode: str, size: int, kernel_size: int, stride: int, padding: int, dilation: int
) -> tuple[int, int]:
    """How many windows there are along an axis, and how many places under them.

    The first is the output's size and the second the padded input's; of a transposed convolution
    the first is the input's size, and the second the output's before it is cropped.
    """
    span = dilation * (kernel_size - 1) + 1
    if mode == "transposed":
        return size, (size - 1) * stride + span
    places = size + 2 * padding
    return max(0, (places - span) // stride + 1), places


def counts(
    mode: str, size: int, kernel_size: int, stride: int, padding: int, dilation: int
) -> np.ndarray:
    """How many windows each place is in, along an axis."""
    count, places = windows(mode, size, kernel_size, stride, padding, dilation)
    found = np.zeros(places, dtype=int)
    for tap in range(0, kernel_size * dilation if count else 0, dilation):
        found[tap : tap + stride * (count - 1) + 1 : stride] += 1
    return found


class ConvolutionArithmetic(InteractiveFigure):
    """The window of a convolution walks over its input, and the formula gives the output's size.

    With ``mode="transposed"`` each input entry spreads over the output instead. With
    ``mode="signals"`` it is one dimension and no grid: a kernel slides over a signal, and the area
    under their product is one point of the result.

    Args:
        mode: ``"convolution"``, ``"transposed"`` or ``"signals"``.
        size: rows and columns of the input, 1 to 10.
        kernel_size: rows and columns of the kernel, 1 to 5.
        stride: from one window to the next, 1 to 3.
        padding: rows and columns added (transposed: cut off) at each border, 0 to 3.
        dilation: from one tap of the kernel to the next, 1 to 3.
        place: row and column of the window.
        counted: write into each cell how many windows it is in.
        signal: ``"box"``, ``"triangle"`` or ``"exponential"``, all of area 1.
        kernel: one of the same.
        flipped: turn the kernel around (convolution) or not (cross-correlation).
        shift: of the kernel, a multiple of 1/32 from −4 to 4.
        alt: what the figure shows, in words.

    Raises:
        traitlets.TraitError: a value that is not offered.
    """

    _esm = source("figure.js", "descent.js", "convolution_arithmetic.js")
    _css = source("figure.css", "descent.css", "convolution_arithmetic.css")

    mode = traitlets.Enum(["convolution", "transposed", "signals"], "convolution").tag(sync=True)
    size = traitlets.Int(7, min=1, max=10).tag(sync=True)
    kernel_size = traitlets.Int(3, min=1, max=5).tag(sync=True)
    stride = traitlets.Int(1, min=1, max=3).tag(sync=True)
    padding = traitlets.Int(0, min=0, max=3).tag(sync=True)
    dilation = traitlets.Int(1, min=1, max=3).tag(sync=True)
    place = traitlets.List(traitlets.Int(min=0), [0, 0], minlen=2, maxlen=2).tag(sync=True)
    counted = traitlets.Bool(False).tag(sync=True)
    signal = traitlets.Enum([*SHAPES], "box").tag(sync=True)
    kernel = traitlets.Enum([*SHAPES], "exponential").tag(sync=True)
    flipped = traitlets.Bool(True).tag(sync=True)
    shift = traitlets.Float(0.0, min=-REACH, max=REACH).tag(sync=True)

    @traitlets.validate("shift")
    def _shift_lies_on_the_grid(self, proposal: traitlets.Bunch) -> float:
        if proposal["value"] % STEP:
            raise traitlets.TraitError(
                f"ConvolutionArithmetic: shift must be a multiple of 1/32, got {proposal['value']}"
            )
        return proposal["value"]

    def __repr__(self) -> str:
        return f"ConvolutionArithmetic: {self.alt}"

    @property
    def span(self) -> int:
        """Pixels from the first to the last tap of the kernel."""
        return self.dilation * (self.kernel_size - 1) + 1

    @property
    def numbers(self) -> dict[str, int]:
        """The numbers that the sizes follow from."""
        names = ("size", "kernel_size", "stride", "padding", "dilation")
        return {name: getattr(self, name) for name in names}

    def laid(self, shift: float, places: np.ndarray = PLACES) -> np.ndarray:
        """The kernel as it lies on the signal."""
        return SHAPES[self.kernel](shift - places if self.flipped else places - shift)

    def curve(self) -> np.ndarray:
        """The area under the product at every shift of `SHIFTS`."""
        x = SHAPES[self.signal](PLACES)
        return np.array([STEP * (x * self.laid(shift)).sum() for shift in SHIFTS])

    def picture(self) -> str:
        """Both grids with the window, or both signals with the curve of their product's area."""
        with mpl.rc_context({"svg.hashsalt": "course", "font.size": 11}):
            figure = self._signals() if self.mode == "signals" else self._grids()
            text = io.StringIO()
            figure.savefig(text, format="svg", metadata={"Date": None})
        return text.getvalue()

    def _grids(self) -> Figure:
        count, places = windows(self.mode, **self.numbers)
        place = [min(i, max(0, count - 1)) for i in self.place]
        figure = Figure(figsize=(6.4, 3.8), layout="constrained", facecolor="white")
        axes = figure.subplots(1, 2, width_ratios=(1, 1))
        turned = self.mode == "transposed"
        large, small = axes[::-1] if turned else axes
        sizes = (max(0, places - 2 * self.padding) if turned else self.size, count)
        names = ("output", "input") if turned else ("input", "output")
        for ax, name, size in zip((large, small), names, sizes, strict=True):
            ax.set_title(f"{name} {size} × {size}" if size else f"no {name}", fontsize=11)
        found, reach = counts(self.mode, **self.numbers), (count - 1) * self.stride + self.span
        taps = [
            {self.stride * i + self.dilation * j for j in range(self.kernel_size)} if count
            else set() for i in place
        ]  # fmt: skip
        for row in range(places):
            for column in range(places):
                inner = all(self.padding <= i < places - self.padding for i in (row, column))
                dropped = count and max(row, column) >= reach
                tap = row in taps[0] and column in taps[1]
                large.add_patch(
                    Rectangle(
                        (column, row), 1, 1, facecolor="#cfe3f1" if tap else "white",
                        edgecolor="black", lw=0.6, ls="-" if inner else ":",
                        hatch="///" if dropped else None,
                    )
                )  # fmt: skip
                hits = found[row] * found[column]
                if self.counted or (count and inner and not dropped and not hits):
                    mark = str(hits) if self.counted else "×"
                    large.text(column + 0.5, row + 0.5, mark, ha="center", va="center", fontsize=9)
        corner = [self.stride * i for i in place]
        large.add_patch(
            Rectangle(corner[::-1], self.span, self.span, fill=False, edgecolor="#0072b2", lw=2.5)
        )
        for row in range(count):
            for column in range(count):
                chosen = [row, column] == place
                color = "#cfe3f1" if chosen else "white"
                small.add_patch(
                    Rectangle((column, row), 1, 1, facecolor=color, edgecolor="black", lw=0.6)
                )
        if count:
            small.add_patch(Rectangle(place[::-1], 1, 1, fill=False, edgecolor="#0072b2", lw=2.5))
        side = max(places, self.span) + 0.2
        for ax in axes:
            ax.set(xlim=(-0.2, side), ylim=(side, -0.2), aspect="equal")
            ax.axis("off")
        numbers = f"k = {self.kernel_size}, s = {self.stride}, p = {self.padding}"
        kind = "transposed convolution" if turned else "convolution"
        figure.suptitle(f"{kind}, {numbers}, d = {self.dilation}", fontsize=11)
        return figure

    def _signals(self) -> Figure:
        figure = Figure(figsize=(5, 4.4), layout="constrained", facecolor="white")
        above, below = figure.subplots(2, 1)
        shown = PLACES[np.abs(PLACES) < REACH]
        x, w = SHAPES[self.signal](shown), self.laid(self.shift, shown)
        above.plot(shown, x, color="black", label=f"signal: {self.signal}")
        above.plot(shown, w, "--", color="#b84d00", label=f"kernel: {self.kernel}")
        above.fill_between(shown, x * w, color="#0072b2", alpha=0.35, label="product")
        above.set(xlabel="a", xlim=(-REACH, REACH), ylim=(0, 1.6))
        above.legend(loc="upper right", fontsize=9, ncols=3)
        curve = self.curve()
        below.plot(SHIFTS, curve, color="black")
        here = float(np.interp(self.shift, SHIFTS, curve))
        below.plot([self.shift], [here], "o", color="#0072b2", ms=8)
        below.set(xlabel="shift t", ylabel="area", xlim=(-REACH, REACH), ylim=(0, 1.1))
        kind = "convolution" if self.flipped else "cross-correlation"
        figure.suptitle(f"{kind}, t = {self.shift:g}: area {here:.3f}", fontsize=11)
        return figure
