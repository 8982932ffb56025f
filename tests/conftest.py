"""What more than one folder of tests needs: a browser."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from course_utils.doctor import find_browser


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = find_browser()
    if path is None:
        pytest.fail("no Chromium or Chrome: `course doctor --browser` says how to install one")
    # A container's root has no user namespace to give Chromium's own sandbox.
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    args = ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=[*args, *(["--no-sandbox"] if root else [])]
        )
        yield browser
        browser.close()
