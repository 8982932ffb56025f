"""Interactive figures on a page without a kernel: their state in the page, their place in it.

An anywidget's cell output becomes ``<div class="course-widget" data-model-id="…">`` around its
static picture, and ``static/widget-host.js`` brings it to life from the state in the page.
"""

from __future__ import annotations

import hashlib
import json
from html import escape

from docutils import nodes
from nbformat import NotebookNode
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging

LOGGER = logging.getLogger(__name__)

STATE = "application/vnd.jupyter.widget-state+json"
VIEW = "application/vnd.jupyter.widget-view+json"

# What only Jupyter's own widget manager reads.
_NOT_NEEDED = {"layout", "tabbable", "tooltip", "_anywidget_id", "_dom_classes"}


def page_state(notebook: NotebookNode) -> dict | None:
    """The state of the anywidgets that a page shows, each source text in it once.

    The same shape as Jupyter's widget state, except that ``_esm`` and ``_css`` are keys into
    ``sources``. None where the page shows no anywidget.
    """
    shown = {
        output.data[VIEW]["model_id"]
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if VIEW in output.get("data", {})
    }
    models = notebook.metadata.get("widgets", {}).get(STATE, {}).get("state", {})
    kept, sources = {}, {}
    for model_id in sorted(shown & set(models)):
        model = models[model_id]
        if "_esm" not in model["state"]:
            continue
        state = {
            name: value
            for name, value in model["state"].items()
            if name not in _NOT_NEEDED and not name.startswith(("_model_", "_view_"))
        }
        for name in ("_esm", "_css"):
            if state.get(name):
                key = hashlib.sha256(state[name].encode()).hexdigest()[:16]
                sources[key] = state[name]
                state[name] = key
        kept[model_id] = {"state": state, "buffers": model.get("buffers", [])}
    if not kept:
        return None
    return {"version_major": 2, "version_minor": 0, "state": kept, "sources": sources}


class PlaceWidgets(SphinxPostTransform):
    """Put each widget's static picture, inside the element that comes to life, in the page."""

    default_priority = 3  # before myst-nb chooses one representation of each output
    formats = ("html",)

    def run(self, **kwargs: object) -> None:
        """Replace every output that has both a widget view and a static picture."""
        for bundle in list(self.document.findall(_is_output)):
            forms = {form["mime_type"]: form for form in bundle.children}
            if VIEW not in forms:
                continue
            if "text/html" not in forms:
                # No picture to fall back on (a progress bar, say): show it as text.
                bundle.remove(forms[VIEW])
                LOGGER.warning(
                    "this interactive figure has no static picture (text/html), which pages "
                    "without JavaScript and printed pages need",
                    location=bundle,
                )
                continue
            script = forms[VIEW].astext()
            view = json.loads(script[script.index(">") + 1 : script.rindex("<")])
            picture = forms["text/html"].astext()
            bundle.replace_self(
                nodes.raw(
                    "",
                    f'<div class="course-widget" data-model-id="{escape(view["model_id"])}">'
                    f'<div class="course-widget-fallback">{picture}</div></div>',
                    format="html",
                )
            )


def _is_output(node: nodes.Node) -> bool:
    return isinstance(node, nodes.container) and node.get("nb_element") == "mime_bundle"


def setup(app: Sphinx) -> None:
    """Register the post-transform; the script is named in ``nb_ipywidgets_js`` (see theme)."""
    app.add_post_transform(PlaceWidgets)
