"""The shared look of figures and quizzes."""

from __future__ import annotations

import matplotlib as mpl
from cycler import cycler
from IPython import get_ipython

# Okabe and Ito's colors in the order in which neighbors differ most; their yellow is left out
# because a thin yellow line cannot be seen on white.
COLORS = {
    "blue": "#0072B2",
    "vermillion": "#D55E00",
    "green": "#009E73",
    "purple": "#CC79A7",
    "orange": "#E69F00",
    "sky": "#56B4E9",
}

# For jupyterquiz's `display_quiz(…, colors=QUIZ_COLORS)`: its own green is too pale for the white
# text on it (4.5 to 1 is asked for).
QUIZ_COLORS = {"--jq-correct-color": "#00700f"}


def use() -> None:
    """Set matplotlib's defaults for this notebook: call it once, in a hidden cell.

    Lines differ in dash pattern as well as in color. The background is white and opaque, so that
    a figure reads the same in the light theme, in the dark one and on paper. The default size
    keeps 11-point labels legible where a phone shrinks the figure to 340 pixels.
    """
    mpl.rcParams.update(
        {
            "axes.axisbelow": True,
            "axes.grid": True,
            "axes.prop_cycle": cycler(color=list(COLORS.values()))
            + cycler(linestyle=["-", "--", ":", "-.", (0, (5, 1)), (0, (1, 3))]),
            "axes.spines.right": False,
            "axes.spines.top": False,
            "axes.titlesize": 12,
            "figure.constrained_layout.use": True,
            "figure.dpi": 100,
            "figure.facecolor": "white",
            "figure.figsize": (4.8, 3.2),
            "font.size": 11,
            "grid.alpha": 0.3,
            "image.cmap": "gray",
            "legend.frameon": False,
            "lines.linewidth": 2,
            "lines.markersize": 7,
            "savefig.facecolor": "white",
            "svg.hashsalt": "course",  # the same figure gives the same file
        }
    )
    if get_ipython() is not None:
        from matplotlib_inline.backend_inline import set_matplotlib_formats

        set_matplotlib_formats("svg", metadata={"Date": None})
