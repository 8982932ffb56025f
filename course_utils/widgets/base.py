"""What all interactive figures share: words for those who cannot see them, a picture for paper."""

from __future__ import annotations

import base64
from html import escape
from pathlib import Path
from typing import Any

import anywidget
import traitlets


class InteractiveFigure(anywidget.AnyWidget):
    """An anywidget whose logic is all in its JavaScript, so that it lives without a kernel.

    A subclass sets ``_esm`` (and ``_css``) to the `source` of files beside its own, keeps what the
    browser needs in synchronized traits, and draws its static picture in ``picture``.

    Attributes:
        alt: what the figure shows, in words. It names the live figure and its static picture.
    """

    alt = traitlets.Unicode().tag(sync=True)

    def picture(self) -> str:
        """The figure as SVG text, for pages without JavaScript and for print."""
        raise NotImplementedError(f"{type(self).__name__} has no picture")

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        data, metadata = super()._repr_mimebundle_(**kwargs)
        svg = base64.b64encode(self.picture().encode()).decode()
        data["text/plain"] = f"{type(self).__name__}: {self.alt}"
        data["text/html"] = (
            f'<img alt="{escape(self.alt)}" src="data:image/svg+xml;base64,{svg}" '
            'style="max-width: 100%; height: auto">'
        )
        return data, metadata


def source(*names: str) -> str:
    """The text of files beside this one, one after the other: what figures share, then their own.

    A browser gets a figure's code as one module, which cannot import a second file.
    """
    return "\n".join(Path(__file__).with_name(n).read_text(encoding="utf-8") for n in names)
