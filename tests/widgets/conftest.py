"""A page in which every error and warning fails the test."""

import pytest
from playwright.sync_api import Browser


@pytest.fixture
def page(browser: Browser):
    page = browser.new_page()
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda m: errors.append(m.text) if m.type in {"error", "warning"} else None)
    yield page
    page.close()
    assert errors == []
