"""Nine numbers, a divisor and a picture: what a 3 × 3 kernel does to it."""

from __future__ import annotations

import base64
import io
import math
from functools import cache

import matplotlib as mpl
import numpy as np
import torch
import torch.nn.functional as F
import traitlets
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image
from torch import Tensor

from course_utils.data import load
from course_utils.data.photo_patches import photograph
from course_utils.layers.correlation import correlate
from course_utils.widgets.base import InteractiveFigure, source

# Nine weights, row by row, the divisor, and whether the result is shown with its sign.
# convolution_explorer.js has the same; a test compares the two.
KERNELS = {
    "identity": ([0, 0, 0, 0, 1, 0, 0, 0, 0], 1, False),
    "shift": ([0, 0, 0, 1, 0, 0, 0, 0, 0], 1, False),
    "box blur": ([1, 1, 1, 1, 1, 1, 1, 1, 1], 9, False),
    "weighted blur": ([0, 1, 0, 1, 4, 1, 0, 1, 0], 8, False),
    "Gaussian blur": ([1, 2, 1, 2, 4, 2, 1, 2, 1], 16, False),
    "sharpen": ([0, -1, 0, -1, 5, -1, 0, -1, 0], 1, False),
    "sharpen gently": ([0, -1, 0, -1, 8, -1, 0, -1, 0], 4, False),
    "emboss": ([-18, -9, 0, -9, 9, 9, 0, 9, 18], 9, False),
    "Sobel x": ([1, 0, -1, 2, 0, -2, 1, 0, -1], 1, True),
    "Sobel y": ([1, 2, 1, 0, 0, 0, -1, -2, -1], 1, True),
    "Laplacian": ([0, 1, 0, 1, -4, 1, 0, 1, 0], 1, True),
    "Laplacian, negative": ([0, -1, 0, -1, 4, -1, 0, -1, 0], 1, True),
    "Laplacian, negative, 8 neighbors": ([-1, -1, -1, -1, 8, -1, -1, -1, -1], 1, True),
    "mixed derivative": ([1, 0, -1, 0, 0, 0, -1, 0, 1], 1, True),
}
BORDERS = {"zeros": "constant", "reflect": "reflect"}  # our name, torch's name


def drawn_picture() -> np.ndarray:
    """Edges in all directions, a ramp, a checkerboard, a disk and a single bright pixel."""
    size, half = 96, 48
    y, x = np.mgrid[:size, :size]
    picture = np.full((size, size), 64.0)
    # Above: a ramp that ends in an edge, and a disk.
    picture[8 : half - 4, 8 : half - 4] = np.linspace(64, 224, half - 12)
    picture[(x - 3 * half // 2) ** 2 + (y - half // 2) ** 2 <= (half // 2 - 6) ** 2] = 208
    # Below: a checkerboard whose fields shrink to single pixels, and a triangle.
    fields = [(8, 8), (16, 4), (28, 2), (34, 1)]
    for top, width in fields:
        rows = slice(half + top - 4, half + top - 4 + (8 if width > 2 else 4))
        board = (x // width + y // width) % 2 * 192 + 32
        picture[rows, 8 : half - 4] = board[rows, 8 : half - 4]
    picture[(y > half + 4) & (y < size - 8) & (x > half + 6) & (x - half + y - half < half + 4)] = (
        176
    )
    picture[size - 6, size - 6] = 255
    return picture.round().astype(np.uint8)


@cache
def pictures() -> dict[str, np.ndarray]:
    """Gray levels 0 … 255 of the pictures that the figure carries, as (H, W) arrays."""
    cat = photograph("cat")
    side = min(cat.size)
    left = (cat.width - side) // 2 + 20
    cat = cat.convert("L").resize((96, 96), Image.Resampling.BOX, (left, 0, left + side, side))
    digits = load("mnist-5k")
    digit = digits.x_train[digits.y_train == 5][0].reshape(28, 28)
    return {
        "a cat": np.asarray(cat),
        "test picture": drawn_picture(),
        "a digit": (255 * digit).round().to(torch.uint8).numpy(),
    }


class ConvolutionExplorer(InteractiveFigure):
    """A picture, a kernel of nine numbers that the reader types, and what comes out.

    Args:
        picture_name: a key of `pictures`.
        kernel: nine weights, row by row.
        divisor: what the sum of products is divided by.
        bias: what is added then, in gray levels.
        border: what lies outside the picture, ``"zeros"`` or ``"reflect"``.
        flipped: turn the kernel by 180° (convolution) or not (cross-correlation).
        signed: show 0 as mid-gray, so that a result's sign is seen; otherwise as black.
        place: row and column of the window.
        alt: what the figure shows, in words.

    Raises:
        traitlets.TraitError: no such picture or border, not nine finite numbers, a divisor of 0, or
            a place outside the picture.
    """

    _esm = source("figure.js", "convolution_explorer.js")
    _css = source("figure.css", "convolution_explorer.css")

    images = traitlets.Dict().tag(sync=True)
    picture_name = traitlets.Unicode("a cat").tag(sync=True)
    kernel = traitlets.List(traitlets.Float(), [0, 0, 0, 0, 1, 0, 0, 0, 0]).tag(sync=True)
    divisor = traitlets.Float(1.0).tag(sync=True)
    bias = traitlets.Float(0.0).tag(sync=True)
    border = traitlets.Enum([*BORDERS], "zeros").tag(sync=True)
    flipped = traitlets.Bool(False).tag(sync=True)
    signed = traitlets.Bool(False).tag(sync=True)
    place = traitlets.List(traitlets.Int(), [12, 12]).tag(sync=True)

    @classmethod
    def preset(cls, name: str, **settings: object) -> ConvolutionExplorer:
        """The figure with a kernel of `KERNELS`."""
        kernel, divisor, signed = KERNELS[name]
        return cls(**{"kernel": kernel, "divisor": divisor, "signed": signed} | settings)

    @traitlets.default("images")
    def _images(self) -> dict[str, dict]:
        return {
            name: {"size": list(p.shape), "gray": base64.b64encode(p.tobytes()).decode()}
            for name, p in pictures().items()
        }

    @traitlets.validate("picture_name")
    def _picture_is_there(self, proposal: traitlets.Bunch) -> str:
        if proposal["value"] not in pictures():
            raise traitlets.TraitError(
                f"ConvolutionExplorer: no picture {proposal['value']!r}, there are {[*pictures()]}"
            )
        return proposal["value"]

    @traitlets.validate("kernel")
    def _kernel_is_nine_numbers(self, proposal: traitlets.Bunch) -> list[float]:
        if len(proposal["value"]) != 9 or not all(map(math.isfinite, proposal["value"])):
            raise traitlets.TraitError(
                f"ConvolutionExplorer: a kernel is nine numbers, got {proposal['value']}"
            )
        return proposal["value"]

    @traitlets.validate("divisor")
    def _divisor_is_not_zero(self, proposal: traitlets.Bunch) -> float:
        if not proposal["value"] or not math.isfinite(proposal["value"]):
            raise traitlets.TraitError(
                f"ConvolutionExplorer: cannot divide by {proposal['value']:g}"
            )
        return proposal["value"]

    @traitlets.validate("place")
    def _place_is_in_the_picture(self, proposal: traitlets.Bunch) -> list[int]:
        place, size = proposal["value"], pictures()[self.picture_name].shape
        if len(place) != 2 or not all(0 <= i < n for i, n in zip(place, size, strict=True)):
            raise traitlets.TraitError(f"ConvolutionExplorer: {place} is not within {size}")
        return place

    def __repr__(self) -> str:
        return f"ConvolutionExplorer: {self.alt}"

    def result(self) -> Tensor:
        """What comes out, (H, W): the sums of products, divided, plus the bias."""
        x = torch.tensor(pictures()[self.picture_name], dtype=torch.float64)[None, None]
        weight = torch.tensor(self.kernel, dtype=torch.float64).reshape(1, 1, 3, 3)
        if self.flipped:
            weight = weight.flip(-1, -2)
        padded = F.pad(x, (1, 1, 1, 1), mode=BORDERS[self.border])
        y = correlate(padded, weight, x.shape[2:], (1, 1), (1, 1), 1)
        return y[0, 0] / self.divisor + self.bias

    def picture(self) -> str:
        """The picture and the result side by side, the window and its pixel framed."""
        row, column = self.place
        low, high = (-255, 255) if self.signed else (0, 255)
        rows = [" ".join(f"{w:g}" for w in self.kernel[i : i + 3]) for i in (0, 3, 6)]
        kernel = " / ".join(rows).replace("-", "−")
        with mpl.rc_context({"svg.hashsalt": "course", "font.size": 11}):
            figure = Figure(figsize=(6.4, 3.6), layout="constrained", facecolor="white")
            before, after = figure.subplots(1, 2)
            levels = pictures()[self.picture_name]
            before.imshow(levels, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
            before.set_title("picture", fontsize=11)
            before.add_patch(
                Rectangle((column - 1.5, row - 1.5), 3, 3, fill=False, edgecolor="white", lw=2)
            )
            y = self.result().numpy()
            shown = after.imshow(y, cmap="gray", vmin=low, vmax=high, interpolation="nearest")
            after.set_title(f"result at ({row}, {column}): {y[row, column]:.1f}", fontsize=11)
            for ax in (before, after):
                ax.add_patch(
                    Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor="white")
                )
                ax.axis("off")
            figure.colorbar(shown, ax=[before, after], orientation="horizontal", shrink=0.5)
            way = "convolution" if self.flipped else "cross-correlation"
            over = f" ÷ {self.divisor:g}" if self.divisor != 1 else ""
            figure.suptitle(f"{way} with {kernel}{over}", fontsize=11)
            text = io.StringIO()
            figure.savefig(text, format="svg", metadata={"Date": None})
        return text.getvalue()
