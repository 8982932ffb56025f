"""Momentum on a quadratic: the path, the plane in which it is stable, and the loss."""

from __future__ import annotations

import io

import matplotlib as mpl
import numpy as np
import torch
import traitlets
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from course_utils.optim import SGD
from course_utils.widgets.base import InteractiveFigure, source
from course_utils.widgets.descent import descend

REACH = (2.0, 1.0)  # the start lies in [−2, 2] × [−1, 1]


class Momentum(InteractiveFigure):
    r"""Gradient descent with momentum on :math:`\frac12(w_1^2 + \kappa w_2^2)`.

    The reader moves step size, momentum, condition number and start, and sees the path, the loss,
    and the plane of :math:`(\alpha\lambda, \beta)`. Each direction of curvature :math:`\lambda` is
    a damped oscillator by itself, multiplied at every step by a matrix with trace
    :math:`1 + \beta - \alpha\lambda` and determinant :math:`\beta`: it creeps, swings, zigzags or,
    beyond :math:`\alpha\lambda = 2 + 2\beta`, diverges.

    Args:
        alpha: the step size α.
        beta: the momentum β, 0 … 1. A step is v ← βv + g, w ← w − αv, as in `SGD`.
        kappa: the condition number κ, 1 … 1000: how much steeper w₂ is than w₁.
        start: where the path begins, in [−2, 2] × [−1, 1].
        steps: how many steps are shown, 0 … 500.
        alt: what the figure shows, in words.

    Raises:
        traitlets.TraitError: a value is out of range.
    """

    _esm = source("figure.js", "descent.js", "momentum.js")
    _css = source("figure.css", "descent.css", "momentum.css")

    alpha = traitlets.Float(0.02, min=1e-3, max=4.0).tag(sync=True)
    beta = traitlets.Float(0.99, min=0.0, max=1.0).tag(sync=True)
    kappa = traitlets.Float(100.0, min=1.0, max=1000.0).tag(sync=True)
    start = traitlets.List([-1.6, 0.4]).tag(sync=True)
    steps = traitlets.Int(60, min=0, max=500).tag(sync=True)
    alt = traitlets.Unicode(
        "Gradient descent with momentum on a quadratic ravine, with sliders for condition number, "
        "step size, momentum and steps. One picture shows the path over the contours of the loss; "
        "one the plane of step size times curvature against momentum, with the regions in which a "
        "direction creeps, swings, zigzags or diverges and the places of the gentle and the steep "
        "direction in it; one the loss at every step beside the slope that the eigenvalues predict."
    ).tag(sync=True)

    @traitlets.validate("start")
    def _start_lies_in_the_field(self, proposal: traitlets.Bunch) -> list[float]:
        start = [float(x) for x in proposal["value"]]
        if len(start) != 2 or any(abs(x) > r for x, r in zip(start, REACH, strict=True)):
            raise traitlets.TraitError(
                f"Momentum: start lies in [-2, 2] x [-1, 1], got {proposal['value']}"
            )
        return start

    def __repr__(self) -> str:
        return f"Momentum: {self.alt}"

    def path(self, steps: int | None = None) -> Tensor:
        """The places (steps + 1, 2) that the library's `SGD` visits."""
        curvature = torch.tensor([1.0, self.kappa], dtype=torch.float64)
        return descend(
            lambda w: curvature * w,
            self.start,
            lambda point: SGD(point, lr=self.alpha, momentum=self.beta),
            self.steps if steps is None else steps,
        )

    def picture(self) -> str:
        """The path over the contours, and the plane with both directions in it."""
        with mpl.rc_context({"svg.hashsalt": "course", "font.size": 11}):
            figure = Figure(figsize=(4.8, 5.2), layout="constrained", facecolor="white")
            field, plane = figure.subplots(2, height_ratios=[2, 3])
            self._draw_field(field)
            self._draw_plane(plane)
            text = io.StringIO()
            figure.savefig(text, format="svg", metadata={"Date": None})
        return text.getvalue()

    def _draw_field(self, ax: Axes) -> None:
        w1, w2 = np.meshgrid(np.linspace(-2, 2, 161), np.linspace(-1, 1, 161))
        levels = 0.002 * 4.0 ** np.arange(9)
        ax.contour(w1, w2, (w1**2 + self.kappa * w2**2) / 2, levels, colors="0.7", linewidths=1)
        path = self.path().numpy()
        ax.plot(*path.T, ".-", color="#0072B2", ms=4, lw=1)
        ax.plot(*path[0], "s", color="#D55E00", ms=7)
        ax.set(xlim=(-2, 2), ylim=(-1, 1), xlabel="w₁ (gentle)", ylabel="w₂ (steep)")
        ax.set_title(
            f"α = {self.alpha:.3g}, β = {self.beta:.3g}, κ = {self.kappa:g}: {self.steps} steps",
            fontsize=11,
        )

    def _draw_plane(self, ax: Axes) -> None:
        beta = np.linspace(0, 1, 101)
        soft, hard, limit = (1 - beta**0.5) ** 2, (1 + beta**0.5) ** 2, 2 + 2 * beta
        style = {"facecolor": "none", "edgecolor": "0.75", "linewidth": 0}
        ax.fill_betweenx(beta, 0, soft, hatch="--", **style)
        ax.fill_betweenx(beta, soft, hard, hatch=".", **style)
        ax.fill_betweenx(beta, hard, limit, hatch="xx", **style)
        ax.fill_betweenx(beta, limit, 4.4, hatch="//", **style)
        for border in (soft, hard, limit):
            ax.plot(border, beta, color="black", lw=2 if border is limit else 1)
        for name, x, y in (
            ("creeps", 0.35, 0.12), ("swings", 1.6, 0.6), ("zigzags", 1.5, 0.04),
            ("diverges", 3.6, 0.3),
        ):  # fmt: skip
            ax.text(x, y, name, ha="center", bbox={"facecolor": "white", "lw": 0, "pad": 2})
        for marker, curvature in (("o", 1.0), ("s", self.kappa)):
            name = f"{'gentle' if marker == 'o' else 'steep'} direction"
            at = min(self.alpha * curvature, 4.4)
            ax.plot(at, self.beta, marker, ms=9, color="#D55E00", label=name, clip_on=False,
                    mfc="white" if marker == "o" else None, mew=2, ls="")  # fmt: skip
        ax.set(xlim=(0, 4.4), ylim=(0, 1), xlabel="αλ, step size times curvature", ylabel="β")
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, 1.2), ncols=2, frameon=False)
