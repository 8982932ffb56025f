"""What ``course doctor`` says on machines that have everything, or not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from course_utils import doctor
from course_utils.grading import sandbox
from course_utils.grading.kernels import kernelspec


def run(*arguments: str, path: Path) -> subprocess.CompletedProcess[str]:
    """The command on a machine whose programs are those of one folder: no apt, no bubblewrap."""
    script = "from course_utils.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", script, "doctor", *arguments],
        env=os.environ | {"PATH": str(path), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_missing_sandbox_is_named_with_the_command_that_mends_it(tmp_path):
    done = run(path=tmp_path)
    assert done.returncode == 1
    assert "apt-get install bubblewrap" in done.stdout
    assert "Python" in done.stdout
    assert "torch" in done.stdout


def test_the_main_job_goes_on_without_a_sandbox(tmp_path):
    done = run("--install", path=tmp_path)
    assert done.returncode == 0
    assert "grading is skipped" in done.stdout


def test_the_tests_do_not_go_on_without_what_they_need(tmp_path):
    done = run("--install", "--browser", path=tmp_path)
    assert done.returncode == 2
    assert "apt-get install bubblewrap" in done.stdout
    assert "Chromium" in done.stdout


@pytest.mark.skipif(os.name == "nt", reason="finds programs by their permission bits")
def test_a_browser_on_the_path_is_found(tmp_path, monkeypatch):
    program = tmp_path / "google-chrome"
    program.write_text("")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert doctor.find_browser() == str(program)


@pytest.mark.skipif(sandbox.why_not() is not None, reason=f"no sandbox: {sandbox.why_not()}")
def test_a_sandbox_that_works_was_really_made():
    findings = {finding.what: finding for finding in doctor.look(browser=False)}
    assert findings["sandbox"].mend == ""
    assert "works" in findings["sandbox"].state


@pytest.mark.skipif(sandbox.why_not() is not None, reason=f"no sandbox: {sandbox.why_not()}")
def test_it_says_by_whom_and_how_a_sandbox_is_kept_in_bounds():
    findings = {finding.what: finding for finding in doctor.look(browser=False)}
    who = "which nobody has" if os.geteuid() == 0 else "your own user"
    assert who in findings["sandbox"].state
    assert "by control groups" in findings["bounds"].state or "watch" in findings["bounds"].state


@pytest.mark.skipif(sandbox.why_not() is not None, reason=f"no sandbox: {sandbox.why_not()}")
def test_installing_makes_the_kernelspec_known_to_jupyter():
    from jupyter_client.kernelspec import KernelSpecManager

    kernelspec.install()
    spec = KernelSpecManager().get_kernel_spec(kernelspec.NAME)
    assert spec.metadata["kernel_provisioner"]["provisioner_name"] == "warm-sandbox"
