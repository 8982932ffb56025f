"""Every page: the book's style, formulas without a network, and mends to the theme."""

from __future__ import annotations

import importlib.metadata
import shutil
from html import escape
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.writers.html5 import HTML5Translator

HERE = Path(__file__).parent.parent
STATIC, TEMPLATES = HERE / "static", HERE / "templates"

# MathJax 3.2.2 fetches an extension when a formula uses a macro of it; these are large, and for
# chemistry, proof trees and such.
_LEFT_OUT = {"all-packages", "bussproofs", "mhchem", "physics"}


def configure(app: Sphinx, config: Config) -> None:
    """Our static files and templates; MathJax and the figures' host from the site itself."""
    config.html_static_path.append(str(STATIC))
    config.templates_path.append(str(TEMPLATES))
    config.html_favicon = str(STATIC / "icon.svg")
    config.html_sidebars = {
        "**": ["course-home.html", "search-button-field.html", "sbt-sidebar-nav.html"]
    }
    config.mathjax_path = "mathjax/tex-svg.js"
    # The menu would fetch more of MathJax than the site carries.
    config.mathjax3_config = {"options": {"enableMenu": False}}
    config.nb_ipywidgets_js = {"widget-host.js": {"defer": "defer"}}
    app.add_js_file("early.js", priority=100)
    app.add_css_file("course.css")


def add_formula_script(
    app: Sphinx, pagename: str, templatename: str, context: dict, doctree: object
) -> None:
    """Only where there are formulas, as Sphinx does with MathJax itself."""
    if app.env.get_domain("math").has_equations(pagename):
        app.add_js_file("formulas.js", defer="defer")


def copy_mathjax(app: Sphinx, error: Exception | None) -> None:
    """Put MathJax into the site, if any page loads it."""
    if error is not None or app.builder.format != "html":
        return
    target = Path(app.outdir) / "_static" / "mathjax"
    math = app.env.get_domain("math")
    if not any(math.has_equations(docname) for docname in app.env.found_docs):
        shutil.rmtree(target, ignore_errors=True)
        return
    for file in importlib.metadata.files("sphinx-mathjax-offline") or []:
        inner = Path(file.as_posix().partition("static/mathjax/")[2])
        is_extension = inner.parent.as_posix() == "input/tex/extensions"
        if inner.name == "tex-svg.js" or (is_extension and inner.stem not in _LEFT_OUT):
            source, copy = Path(str(file.locate())), target / inner
            if not copy.exists() or copy.stat().st_size != source.stat().st_size:
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, copy)


# docutils gives an entry of the bibliography a role that ARIA 1.3 withdrew, inside a list that may
# not hold it.


def visit_citation(writer: HTML5Translator, node: nodes.citation) -> None:
    """An entry of the bibliography, as a plain block."""
    writer.body.append(writer.starttag(node, "div", CLASS="citation"))


def depart_citation(writer: HTML5Translator, node: nodes.citation) -> None:
    """Close it."""
    writer.body.append("</div>\n")


FRONT_DOOR = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{title}</title>
<link rel="icon" href="data:,">
<meta http-equiv="refresh" content="0; url={root}.html">
</head>
<body><main><h1><a href="{root}.html">{title}</a></h1></main></body>
</html>
"""


def write_front_door(app: Sphinx, error: Exception | None) -> None:
    """``index.html``, which leads to the first page; a whole document, as every page is."""
    if error is None and app.builder.format == "html":
        text = FRONT_DOOR.format(title=escape(app.config.html_title), root=app.config.root_doc)
        (Path(app.outdir) / "index.html").write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> None:
    """Register."""
    app.connect("config-inited", configure)
    app.connect("html-page-context", add_formula_script, priority=600)  # after MathJax
    app.connect("build-finished", copy_mathjax)
    app.connect("build-finished", write_front_door, priority=700)  # after sphinx_external_toc's
    app.add_node(nodes.citation, override=True, html=(visit_citation, depart_citation))
