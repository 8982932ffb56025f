"""jupyterquiz on our pages: its script would fetch MathJax from another host.

Its code starts before the page's own MathJax has loaded, waits half a second, and where that was
too short throws an error or loads a second MathJax from a CDN. On our pages ``formulas.js`` draws
the quizzes' formulas instead, once MathJax is there. In notebooks nothing is changed.
"""

from __future__ import annotations

from nbformat import NotebookNode
from sphinx.util import logging

LOGGER = logging.getLogger(__name__)

_CDN = "https://cdn.jsdelivr.net/npm/mathjax@3/es5/tex-svg.js"
_STARTS = """if (typeof MathJax != 'undefined') {
        console.log("MathJax version","""
_NEVER = _STARTS.replace("typeof MathJax != 'undefined'", "false")


def without_cdn(outputs: list[NotebookNode], path: str) -> list[NotebookNode]:
    """The outputs of a cell, with jupyterquiz's own loading of MathJax switched off."""
    for output in outputs:
        for form, text in output.get("data", {}).items():
            if isinstance(text, str) and _CDN in text:
                if _STARTS not in text:
                    LOGGER.warning(
                        "%s: this version of jupyterquiz loads MathJax from a CDN in a way that "
                        "extension/quizzes.py does not know",
                        path,
                    )
                output["data"][form] = text.replace(_STARTS, _NEVER).replace(_CDN, "")
    return outputs
