"""The real book, served from this machine."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from browsing import Visit, new_context
from playwright.sync_api import Browser


@pytest.fixture(scope="session")
def pages(site: Path) -> list[str]:
    """Every page of the book, as a path below the site's root; of the sources' pages only one."""
    found = [
        p.relative_to(site).as_posix()
        for p in site.rglob("*.html")
        if "_static" not in p.parts and ("_modules" not in p.parts or p.stem == "linear")
    ]
    assert any("backpropagation" in page for page in found)
    return sorted(found)


@pytest.fixture(scope="session")
def origin(site: Path) -> Iterator[str]:
    """The site's address on a local web server."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None: ...

    handler = functools.partial(Quiet, directory=str(site))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()


@pytest.fixture
def visit(browser: Browser, origin: str) -> Iterator:
    """``visit(page, viewport=…, theme=…)`` opens a page of the book in a fresh profile."""
    contexts = []

    def open_page(page: str, *, viewport: str = "desktop", theme: str = "light") -> Visit:
        contexts.append(new_context(browser, viewport, theme))
        opened = Visit(contexts[-1].new_page())
        opened.open(f"{origin}/{page}")
        return opened

    yield open_page
    for context in contexts:
        context.close()
