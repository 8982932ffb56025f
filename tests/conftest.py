"""What more than one folder of tests needs: the built book, and a browser."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, settings
from playwright.sync_api import Browser, sync_playwright

import twins
from course_utils.doctor import find_browser

ROOT = Path(__file__).resolve().parents[1]

# `course` and `python` are this environment's, whether or not it is activated.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])

# The published data sets, where a folder with them lies beside the checkout.
DATA = ROOT.parent / "shared" / "data"
if DATA.is_dir():
    os.environ.setdefault("COURSE_DATA", str(DATA))

# Where tests make sandboxes.
GRADE = ("tests/assignments/test_sample", "tests/attacks", "tests/grading", "tests/student")

# The same examples each time, and none refused because the machine is busy.
settings.register_profile(
    "course", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("course")

if "PYTEST_XDIST_WORKER" in os.environ:
    torch.set_num_threads(1)  # another one runs beside this one


@pytest.fixture(scope="session")
def site() -> Path:
    """The built book. The build's own cache makes this quick when nothing has changed."""
    # Readers build it without a data folder of their own; so does `make course`.
    environment = {name: value for name, value in os.environ.items() if name != "COURSE_DATA"}
    done = subprocess.run(
        ["course", "build"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return ROOT / "_build" / "html"


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


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist looks at the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Who runs what under ``pytest -n 2 --dist loadgroup``: a file's tests stay together.

    So do all that need the built book, and all that grade, which would otherwise see each other's
    sandboxes. Those two groups take longest and come first.
    """
    groups = {}
    for item in items:
        group = Path(item.path).relative_to(ROOT).as_posix()
        if group.startswith(GRADE):
            group = "1 grading"
        elif "site" in getattr(item, "fixturenames", ()):
            group = "2 book"
        groups[item] = group
        item.add_marker(pytest.mark.xdist_group(group))
    items.sort(key=lambda item: groups[item][:2] not in ("1 ", "2 "))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """What layers were compared in this process, for the one that asked for it."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["compared"] = (dict(twins.CASES), twins.LARGEST)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    cases, largest = getattr(node, "workeroutput", {}).get("compared", ({}, {}))
    twins.CASES.update(cases)
    for dtype, (error, what) in largest.items():
        twins.note(dtype, error, what)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """How many layers were compared with torch, and how closely they agreed."""
    if not twins.CASES:
        return
    terminalreporter.section("layers compared with torch")
    terminalreporter.line(f"{twins.CASES.total()} cases of {len(twins.CASES)} layers")
    for dtype, (error, what) in twins.LARGEST.items():
        terminalreporter.line(
            f"largest error, {dtype}: {error:.1e} of the largest element ({what})"
        )
