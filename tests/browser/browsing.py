"""One visit to a page: what it asked for and what it complained about."""

from __future__ import annotations

from dataclasses import dataclass, field

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect

VIEWPORTS = {"desktop": {"width": 1280, "height": 900}, "phone": {"width": 390, "height": 844}}
THEMES = ("light", "dark")


@dataclass
class Visit:
    """One open page and everything that it asked for or complained about."""

    page: Page
    console: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def open(self, address: str) -> None:
        self.page.on("console", self._complaint)
        self.page.on("pageerror", lambda error: self.console.append(f"error: {error}"))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("requestfailed", lambda r: self.failures.append(f"{r.url}: {r.failure}"))
        self.page.on(
            "response",
            lambda r: self.failures.append(f"{r.url}: {r.status}") if r.status >= 400 else None,
        )
        self.page.goto(address, wait_until="networkidle")
        # MathJax typesets after the load event.
        self.page.evaluate("() => window.MathJax?.startup?.promise")

    def _complaint(self, message: ConsoleMessage) -> None:
        # The theme and the quizzes also write notes of their progress, which are no complaints.
        if message.type in ("error", "warning"):
            self.console.append(f"{message.type}: {message.text}")

    @property
    def foreign(self) -> list[str]:
        """Requests that left the page's own origin."""
        own = self.page.evaluate("() => location.origin")
        local = ("data:", "blob:", "about:", "file:" if own in ("null", "file://") else f"{own}/")
        return [url for url in self.requests if not url.startswith(local)]


def new_context(
    browser: Browser, viewport: str = "desktop", theme: str = "light"
) -> BrowserContext:
    return browser.new_context(viewport=VIEWPORTS[viewport], color_scheme=theme)


def quiz_answers(page: Page, answer: str, reason: str) -> None:
    """Choose the answer; the quiz must give the reason."""
    page.locator(".MCButton").filter(has_text=answer).click()
    expect(page.locator(".Feedback").filter(has_text=reason)).to_be_visible()


def solutions_unfold(page: Page, count: int) -> None:
    """There are so many solutions, and the first one is shown when it is asked for."""
    solutions = page.locator(".solution")
    assert solutions.count() == count
    body = solutions.first.locator("section, .highlight").first
    expect(body).not_to_be_visible()
    solutions.first.locator("button, summary").first.click()
    expect(body).to_be_visible()
