"""The reference pages of `course_utils`: docstrings, by Sphinx's autodoc and napoleon."""

from __future__ import annotations

import re

from sphinx.application import Sphinx
from sphinx.config import Config


def configure(app: Sphinx, config: Config) -> None:
    """Names without their module, members as the file has them, nothing from the base classes."""
    config.add_module_names = False
    config.autodoc_member_order = "bysource"
    config.autodoc_typehints = "signature"
    config.autodoc_typehints_format = "short"
    config.autodoc_preserve_defaults = True
    config.autodoc_inherit_docstrings = False
    config.napoleon_numpy_docstring = False
    config.napoleon_use_ivar = True


def escape_stars(
    app: Sphinx, what: str, name: str, thing: object, options: object, lines: list[str]
) -> None:
    """Keep the star of a shape such as ``(*, N)`` from opening emphasis."""
    lines[:] = [re.sub(r"(?<=[(\s])\*(?=[,)])", r"\\*", line) for line in lines]


def setup(app: Sphinx) -> None:
    """Load Sphinx's extensions and set them up."""
    for extension in ("sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"):
        app.setup_extension(extension)
    app.connect("config-inited", configure)
    app.connect("autodoc-process-docstring", escape_stars)
