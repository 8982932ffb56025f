"""A timeline that one walks along."""

from __future__ import annotations

import io
from collections.abc import Sequence

import matplotlib as mpl
import traitlets
from matplotlib.figure import Figure

from course_utils.widgets.base import InteractiveFigure, source


class Timeline(InteractiveFigure):
    """Events in lanes over the years; the reader walks from one to the next.

    Args:
        events: ``(year, lane, title, text)`` in the order of their years.
        alt: what the figure shows, in words.

    Raises:
        ValueError: there are no events, or they are not in the order of their years.
    """

    _esm = source("figure.js", "timeline.js")
    _css = source("figure.css", "timeline.css")

    events = traitlets.List().tag(sync=True)
    chosen = traitlets.Int(0, min=0).tag(sync=True)

    def __init__(self, events: Sequence[tuple[int, str, str, str]], *, alt: str) -> None:
        years = [event[0] for event in events]
        if not years or years != sorted(years):
            raise ValueError(f"Timeline: events must be in the order of their years, got {years}")
        super().__init__(events=[list(event) for event in events], alt=alt)

    def __repr__(self) -> str:
        return f"Timeline: {self.alt}"

    def picture(self) -> str:
        """All events as a list beside the axis of years, so that every title can be read."""
        lanes = list(dict.fromkeys(event[1] for event in self.events))
        markers = dict(zip(lanes, "osD^vPX", strict=False))
        with mpl.rc_context({"svg.hashsalt": "course", "font.size": 10}):
            figure = Figure(figsize=(6, 0.26 * len(self.events) + 1), layout="constrained")
            figure.set_facecolor("white")
            ax = figure.add_subplot()
            first, last = self.events[0][0], self.events[-1][0]
            for lane in lanes:
                rows = [(e[0], i) for i, e in enumerate(self.events) if e[1] == lane]
                ax.plot(*zip(*rows, strict=True), markers[lane], label=lane)
            for row, (year, _, title, _) in enumerate(self.events):
                late = year > (first + last) / 2
                ax.annotate(
                    title, (year, row), (-8 if late else 8, 0), textcoords="offset points",
                    ha="right" if late else "left", va="center",
                )  # fmt: skip
            ax.set(xlabel="year", xlim=(first - 5, last + 5), yticks=[])
            ax.invert_yaxis()
            ax.legend(loc="lower left")
            text = io.StringIO()
            figure.savefig(text, format="svg", metadata={"Date": None})
        return text.getvalue()
