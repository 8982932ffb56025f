"""A link to another chapter that may not be in this book.

``{chapter}`the chapter on convolution <06-convolution>` `` links to ``chapters/06-convolution``; in
a book whose table of contents leaves that chapter out, it is the same words without a link.
"""

from __future__ import annotations

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.roles import XRefRole


class ChapterRole(XRefRole):
    """Sphinx's own reference to a page, without its warning where there is none."""

    def process_link(
        self,
        env: BuildEnvironment,
        refnode: nodes.Element,
        has_explicit_title: bool,
        title: str,
        target: str,
    ) -> tuple[str, str]:
        """Turn ``06-convolution`` into a reference to the page ``/chapters/06-convolution``."""
        refnode.update_all_atts({"refdomain": "std", "reftype": "doc"}, replace=True)
        return title, f"/chapters/{target}"


def setup(app: Sphinx) -> None:
    """Register the role ``chapter``."""
    app.add_role("chapter", ChapterRole(innernodeclass=nodes.inline, warn_dangling=False))
