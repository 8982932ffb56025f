"""One HTML file of a notebook that opens from the disk and loads nothing, formulas included."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

from nbconvert.exporters import HTMLExporter
from nbformat import NotebookNode
from traitlets.config import Config

# nbconvert's page without what it would load from a CDN; figures with their alternative text.
TEMPLATE = """\
{%- extends 'lab/index.html.j2' -%}
{%- block html_head_js -%}{%- endblock -%}
{%- block html_head_js_mathjax -%}{%- endblock -%}
{%- block html_head_js_mermaidjs -%}{%- endblock -%}
{%- block data_png scoped -%}
<div class="jp-RenderedImage jp-OutputArea-output">
<img src="data:image/png;base64,{{ output.data['image/png'] | trim }}"
 alt="{{ output | get_metadata('alt', 'image/png') | escape_html }}">
</div>
{%- endblock -%}
{%- block data_jpg scoped -%}
<div class="jp-RenderedImage jp-OutputArea-output">
<img src="data:image/jpeg;base64,{{ output.data['image/jpeg'] | trim }}"
 alt="{{ output | get_metadata('alt', 'image/jpeg') | escape_html }}">
</div>
{%- endblock -%}
"""

STYLE = """\
<style>
main { max-width: 60rem; margin: 0 auto; padding: 0 1rem 3rem; }
main img { max-width: 100%; height: auto; }
main pre { white-space: pre-wrap; overflow-wrap: anywhere; }
main table { display: block; overflow-x: auto; }
main .jp-Cell .jp-MarkdownOutput.jp-RenderedHTMLCommon { overflow: visible; }
main .notice { border: 3px solid #a40000; padding: 0.1rem 1rem; }
main .staff { border-left: 6px solid #a40000; padding-left: 0.6rem; font-weight: 600; }
main a.anchor-link { display: none; }
/* Enough contrast for small code on gray. */
:root {
  --jp-mirror-editor-number-color: #006400;
  --jp-mirror-editor-comment-color: #2d6464;
  --jp-mirror-editor-operator-color: #7a1fbf;
}
main li > p { margin: 0.2rem 0; }
</style>
"""
FORMULAS = """\
<script>
window.MathJax = {
  tex: {
    inlineMath: [['$', '$'], ['\\\\(', '\\\\)']],
    processEscapes: true,
    packages: {'[-]': ['autoload', 'require']}
  },
  options: {enableMenu: false}
};
</script>
"""


def page(notebook: NotebookNode, title: str) -> str:
    """The page of an executed notebook.

    Args:
        notebook: trusted: its HTML is kept as it is.
        title: the page's.
    """
    config = Config()
    config.HTMLExporter.exclude_input_prompt = True
    config.HTMLExporter.exclude_output_prompt = True
    exporter = HTMLExporter(config=config, raw_template=TEMPLATE)
    notebook.metadata["title"] = title
    html, _ = exporter.from_notebook_node(notebook)
    return html.replace("</head>", f"{STYLE}{_formulas()}</head>", 1)


def _formulas() -> str:
    """MathJax in the page itself where the book's is installed; else formulas stay TeX."""
    try:
        files = importlib.metadata.files("sphinx-mathjax-offline") or []
    except importlib.metadata.PackageNotFoundError:
        return ""
    for file in files:
        if file.name == "tex-svg.js":
            script = Path(str(file.locate())).read_text(encoding="utf-8")
            script = script.replace("</script", "<\\/script")
            return f"{FORMULAS}<script>{script}</script>"
    return ""
