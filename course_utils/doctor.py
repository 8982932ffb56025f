"""``course doctor``: what this machine can do, and the command that mends what it cannot."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from course_utils.errors import DONE, NEEDS_A_PERSON, USAGE_OR_ENVIRONMENT
from course_utils.grading import sandbox
from course_utils.grading.kernels import kernelspec
from course_utils.grading.sandbox.bubblewrap import unused_user
from course_utils.grading.sandbox.cgroups import ControlGroup

BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome-stable",
    "google-chrome",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Attributes:
        what: the part.
        state: what was found, or what is missing.
        mend: how to mend it; empty where nothing is missing.
        packages: the Debian packages that may mend it.
    """

    what: str
    state: str
    mend: str = ""
    packages: tuple[str, ...] = ()


def run(*, install: bool, browser: bool) -> int:
    """Print what was found and how to mend the rest.

    Args:
        install: install missing system packages where this user may (root, with apt).
        browser: also ask for the browser that the tests drive.

    Returns:
        0 if nothing is missing, else 1; with ``install`` (a step of ``make``) a missing browser or
        sandbox is 2 where the tests need it (``browser``), and a warning, 0, where they do not.
    """
    console = Console()
    findings = look(browser=browser)
    packages = [package for finding in findings for package in finding.packages]
    if install and packages and _may_install():
        _apt_install(packages, console)
        sandbox.why_not.cache_clear()
        findings = look(browser=browser)

    console.print(_table(findings))
    if install and sandbox.why_not() is None:
        kernelspec.install()
        console.print(
            f"Kernelspec {kernelspec.NAME}: any Jupyter client of this environment may use it."
        )
    missing = [finding for finding in findings if finding.mend]
    for finding in missing:
        console.print(f"[yellow]{finding.what}[/]: {escape(finding.mend)}", highlight=False)
    if not missing:
        return DONE
    if not install:
        return NEEDS_A_PERSON
    if browser:
        console.print("[red]The tests need what is missing.[/]")
        return USAGE_OR_ENVIRONMENT
    console.print("Everything else works without it; grading is skipped.")
    return DONE


def look(*, browser: bool) -> list[Finding]:
    """Look at everything; nothing is changed."""
    findings = [
        Finding("Python", f"{platform.python_version()} on {platform.system()}"),
        _torch(),
        _sandbox(),
    ]
    if sandbox.why_not() is None:
        findings.append(_bounds())
    return [*findings, _browser()] if browser else findings


def find_browser() -> str | None:
    """The path of an installed Chromium or Chrome, or None."""
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)


def _torch() -> Finding:
    try:
        import torch
    except ImportError as error:
        return Finding("torch", f"cannot be imported: {error}", "pip install torch")
    if torch.cuda.is_available():
        return Finding("torch", f"{torch.__version__}, CUDA on {torch.cuda.get_device_name()}")
    return Finding("torch", f"{torch.__version__}, CPU ({torch.get_num_threads()} threads)")


def _sandbox() -> Finding:
    reason = sandbox.why_not()
    if reason is None:
        return Finding("sandbox", f"works (one was made just now), run by {_sandbox_user()}")
    absent = sys.platform == "linux" and shutil.which("bwrap") is None
    return Finding(
        "sandbox",
        "missing: no grading",
        f"{reason} (as root, or with sudo)" if absent else reason,
        packages=("bubblewrap",) if absent else (),
    )


def _sandbox_user() -> str:
    if os.geteuid() == 0:
        return f"user id {unused_user()}, which nobody has"
    return "your own user, who sees none of his files in there"


def _bounds() -> Finding:
    """How memory and processes of a sandbox are bounded; both ways are good enough to grade."""
    group = ControlGroup("doctor", sandbox.Limits())
    group.remove()
    watched = [what for what in ("memory", "pids") if what not in group.bounded]
    if not watched:
        return Finding("bounds", "memory and processes by control groups")
    return Finding(
        "bounds",
        f"{' and '.join(watched)} by a watch five times a second, since no control group can be "
        "made here (root can, or a user to whom systemd has delegated one)",
    )


def _browser() -> Finding:
    path = find_browser()
    if path:
        return Finding("browser", path)
    if shutil.which("apt-get"):
        mend = "apt-get install chromium fonts-dejavu-core (as root, or with sudo)"
    else:
        mend = "install Chromium or Google Chrome"
    return Finding("browser", "missing", mend, packages=("chromium", "fonts-dejavu-core"))


def _may_install() -> bool:
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    return is_root and shutil.which("apt-get") is not None


def _apt_install(packages: list[str], console: Console) -> None:
    console.print(f"Installing {', '.join(packages)}", highlight=False)
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "--yes", "--no-install-recommends", *packages]
    for command in (["apt-get", "update"], install):
        done = subprocess.run(command, env=environment, check=False)
        if done.returncode:
            console.print(
                f"[red]`{' '.join(command)}` failed with exit code {done.returncode}.[/]",
                highlight=False,
            )
            return


def _table(findings: list[Finding]) -> Table:
    table = Table(title="This machine", title_justify="left")
    table.add_column("part")
    table.add_column("found", overflow="fold")
    for finding in findings:
        style = "yellow" if finding.mend else "green"
        table.add_row(finding.what, f"[{style}]{escape(finding.state)}[/]")
    return table
