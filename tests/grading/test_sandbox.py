"""What a process in the sandbox has, and has not, whatever kernel or notebook runs in it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from course_utils.grading import sandbox
from course_utils.grading.kernels import copy_files

pytestmark = pytest.mark.skipif(
    sandbox.why_not() is not None, reason=f"no sandbox here: {sandbox.why_not()}"
)
ROOT = Path(__file__).resolve().parents[2]


def inside(code: str, **folders: Path) -> str:
    """What a Python program prints in the sandbox."""
    done = subprocess.run(
        sandbox.command([sys.executable, "-c", code], **folders),
        env=sandbox.outer_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return (done.stdout + done.stderr).strip()


def test_packages_work():
    said = inside("import torch, numpy, course_utils; print(torch.ones(2).sum().item())")
    assert said == "2.0"


def test_of_the_repository_only_the_package_is_there():
    seen = inside(f"import os; print(sorted(os.listdir({str(ROOT)!r})))")
    allowed = {"course_utils", ".venv"}
    assert set(eval(seen)) <= allowed, seen


@pytest.mark.parametrize(
    "path", ["/", "/usr", "/usr/bin", "/dev", sys.prefix, str(ROOT / "course_utils")]
)
def test_nothing_can_be_written_but_private_folders(path):
    said = inside(f"open({path!r} + '/written', 'w')")
    assert "Read-only file system" in said or "Permission denied" in said, said


@pytest.mark.parametrize("path", ["/tmp", "/dev/shm", "/home/student"])
def test_private_folders_are_empty_writable_and_of_bounded_size(path):
    # Where the interpreter itself lies below this folder, the way to it can be seen.
    prefixes = [Path(prefix) for prefix in (sys.prefix, sys.base_prefix, sandbox.__file__)]
    way = {p.relative_to(path).parts[0] for p in prefixes if p.is_relative_to(path)}
    code = (
        f"import os; s = os.statvfs({path!r}); print(set(os.listdir({path!r})) - {way!r}, "
        f"s.f_blocks * s.f_frsize <= 2**30); open({path!r} + '/x', 'w')"
    )
    assert inside(code) == "set() True"


def test_there_is_no_network_and_no_other_process():
    assert inside("import socket; print(socket.if_nameindex())") == "[(1, 'lo')]"
    count = "import os; print(len([p for p in os.listdir('/proc') if p.isdigit()]))"
    assert inside(count) == "2", "bubblewrap's init and the program"


def test_no_capability_and_no_way_to_gain_one():
    status = inside("print(open('/proc/self/status').read())")
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(fields[name], 16) == 0, name
    assert fields["NoNewPrivs"] == "1"
    assert fields["Uid"].split()[0] == "65534"
    unshare = "import ctypes; print(ctypes.CDLL(None).unshare(0x10000000))"
    assert inside(unshare) == "-1", "a user namespace of its own would bring capabilities"


def test_the_environment_is_the_listed_one(monkeypatch):
    monkeypatch.setenv("A_SECRET", "1")
    names = set(eval(inside("import os; print(list(os.environ))")))
    assert "A_SECRET" not in names
    # The shell that sets the limits adds PWD, Python may add LC_CTYPE.
    assert names - {"PWD", "LC_CTYPE", "SHLVL", "_", "OLDPWD"} == set(sandbox._environment())


def test_a_process_cannot_take_more_than_half_of_the_memory():
    code = """
import os
memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
try:
    print(len(bytearray(int(memory * 0.6))))
except MemoryError:
    print("MemoryError")
"""
    assert inside(code) == "MemoryError"


def test_the_working_folder_is_the_given_one(tmp_path):
    (tmp_path / "data.txt").write_text("1")
    code = "import os; print(os.getcwd(), os.listdir()); open('new.txt', 'w').write('2')"
    assert inside(code, work=tmp_path) == f"{sandbox.WORK} ['data.txt']"
    assert (tmp_path / "new.txt").read_text() == "2"


def test_the_copy_for_the_kernel_has_no_notebook_and_no_link(tmp_path):
    source = tmp_path / "source"
    (source / "sub").mkdir(parents=True)
    for name in ("a.ipynb", "data.txt", "sub/b.ipynb", "sub/more.txt"):
        (source / name).write_text(name)
    (source / "link").symlink_to("/etc/passwd")
    (source / "folder").symlink_to("/etc")
    copy_files(source, tmp_path / "copy")
    copied = {str(p.relative_to(tmp_path / "copy")) for p in (tmp_path / "copy").rglob("*")}
    assert copied == {"data.txt", "sub", "sub/more.txt"}
