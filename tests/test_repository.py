"""The house itself: what a newcomer reads is what the repository does."""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
# Configuration of tools that must lie at the top, besides the layout that design fixes.
TOP_LEVEL = {
    *("_config.yml", "_toc.yml", "README.md", "chapters", "assignments", "course_utils", "tests"),
    *("Makefile", "pyproject.toml", "constraints.txt", ".ci", ".github", ".gitignore"),
    *("LICENSE", "LICENSE-TEXT", "CITATION.cff", "CHANGELOG.md", "CONTRIBUTING.md"),
    *("intro.md", "references.bib"),
}


def tracked() -> list[str]:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    out = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    return out.stdout.splitlines()


def shell_blocks(markdown: str) -> list[str]:
    """The commands of every ```bash block, one a line, without comments."""
    blocks = re.findall(r"```bash\n(.*?)```", markdown, flags=re.DOTALL)
    lines = (line.split("  #")[0].strip() for block in blocks for line in block.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def test_top_level_holds_nothing_unexpected():
    assert {path.split("/")[0] for path in tracked()} <= TOP_LEVEL


def test_no_tracked_notebook_has_outputs():
    notebooks = [path for path in tracked() if path.endswith(".ipynb")]
    assert notebooks
    for path in notebooks:
        assert '"output_type"' not in (ROOT / path).read_text(encoding="utf-8"), path


def test_first_screen_of_the_readme_names_both_commands():
    first_screen = "\n".join(README.splitlines()[:30])
    assert "make course" in first_screen
    assert "make test" in first_screen


def test_every_make_target_in_the_documents_exists():
    if shutil.which("make") is None:
        pytest.skip("no make on this machine")
    contributing = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    targets = set(re.findall(r"\bmake ([a-z-]+)", "\n".join(shell_blocks(README + contributing))))
    assert {"course", "test"} <= targets
    for target in targets:
        dry = subprocess.run(
            ["make", "--dry-run", target], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert dry.returncode == 0, dry.stderr


def test_every_course_command_in_the_documents_exists():
    contributing = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    commands = {
        line.split()[1]
        for line in shell_blocks(README + contributing)
        if line.startswith("course ") and not line.split()[1].startswith("-")
    }
    assert {"doctor", "check", "pack", "grade"} <= commands
    for command in commands:
        done = subprocess.run(
            ["course", command, "--help"], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"course {command}: {done.stderr}"


def test_installed_versions_are_the_pinned_ones():
    pins = [
        Requirement(line)
        for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    ]
    assert len(pins) > 100
    wrong = []
    for pin in pins:
        try:
            installed = importlib.metadata.version(pin.name)
        except importlib.metadata.PackageNotFoundError:
            continue  # a package that only another platform or extra needs
        if not pin.specifier.contains(Version(installed).public, prereleases=True):
            wrong.append(f"{pin} but {installed} is installed")
    assert not wrong


@pytest.mark.parametrize("python", ["3.11.0", "3.12.0", "3.13.0"])
def test_every_pinned_version_admits_each_python_that_we_name(python):
    refused = []
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        name = line.split("==")[0]
        try:
            needed = importlib.metadata.metadata(name).get("Requires-Python") or ""
        except (importlib.metadata.PackageNotFoundError, ValueError):
            continue  # a comment, or a package that only another platform needs
        if not SpecifierSet(needed).contains(python):
            refused.append(f"{line} needs Python {needed}")
    assert not refused


def test_pins_satisfy_every_range_in_pyproject():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = {
        Requirement(line).name.lower().replace("_", "-"): line.split("==")[1]
        for line in lines
        if "==" in line and not line.startswith("#")
    }
    extras = [r for group in project["optional-dependencies"].values() for r in group]
    for text in [*project["dependencies"], *extras]:
        requirement = Requirement(text)
        if requirement.name == "course_utils":
            continue
        pinned = pins[requirement.name.lower().replace("_", "-")]
        assert requirement.specifier.contains(pinned), f"{text} against {pinned}"


def test_importing_the_package_and_asking_for_help_load_no_torch():
    code = "import sys, course_utils, course_utils.cli; sys.exit('torch' in sys.modules)"
    assert subprocess.run(["python", "-c", code], check=False).returncode == 0


def test_tests_that_share_something_costly_run_in_the_same_process(request):
    """A group's name stands in the name of a test once pytest-xdist has seen it."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        pytest.skip("one process")
    assert request.node.nodeid.endswith("@tests/test_repository.py")
