"""What a kernel in the sandbox has, and has not, whatever notebook runs in it."""

from __future__ import annotations

import asyncio
import os
import platform
import pwd
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from in_kernel import Session, inside, run

from course_utils.grading import sandbox
from course_utils.grading.kernels.nursery import Nursery
from course_utils.grading.sandbox import seccomp
from course_utils.grading.sandbox.bubblewrap import unused_user
from course_utils.grading.sandbox.cgroups import ControlGroup
from course_utils.grading.sandbox.limits import MIB, Limits

pytestmark = pytest.mark.skipif(
    sandbox.why_not() is not None, reason=f"no sandbox here: {sandbox.why_not()}"
)
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    with Nursery() as nursery:
        yield nursery


def test_packages_work(nursery):
    said = inside("import torch, numpy, course_utils; print(torch.ones(2).sum().item())", nursery)
    assert said == "2.0"


def test_of_the_repository_only_the_package_is_there(nursery):
    seen = inside(f"import os; print(sorted(os.listdir({str(ROOT)!r})))", nursery)
    assert set(eval(seen)) <= {"course_utils", ".venv"}, seen


@pytest.mark.parametrize(
    "path", ["/", "/usr", "/usr/bin", "/dev", "/etc", sys.prefix, str(ROOT / "course_utils")]
)
def test_nothing_can_be_written_but_private_folders(path, nursery):
    said = inside(f"open({path!r} + '/written', 'w')", nursery)
    assert "Read-only file system" in said or "Permission denied" in said, said


@pytest.mark.parametrize("path", ["/tmp", "/dev/shm", "/home/student", sandbox.WORK])
def test_private_folders_are_writable_of_bounded_size_and_empty_in_the_next_kernel(path, nursery):
    # Where the interpreter itself lies below this folder, the way to it can be seen.
    prefixes = [Path(prefix) for prefix in (sys.prefix, sys.base_prefix, sandbox.__file__)]
    way = {p.relative_to(path).parts[0] for p in prefixes if p.is_relative_to(path)}
    known = way | {"work", ".ipython", ".cache", ".config"}
    code = (
        f"import os; s = os.statvfs({path!r}); print(set(os.listdir({path!r})) - {known!r}, "
        f"s.f_blocks * s.f_frsize <= 2**30); f = open({path!r} + '/x', 'w').close()"
    )
    for _ in range(2):
        assert inside(code, nursery) == "set() True"


def test_there_is_no_network_and_no_other_process(nursery):
    assert inside("import socket; print(socket.if_nameindex())", nursery) == "[(1, 'lo')]"
    code = "import os; print(sorted(int(p) for p in os.listdir('/proc') if p.isdigit()))"
    seen = eval(inside(code, nursery))
    assert len(seen) == 2, "what keeps the sandbox, and the kernel"
    assert seen[0] == 1


def test_no_capability_and_no_way_to_gain_one(nursery):
    status = inside("print(open('/proc/self/status').read())", nursery)
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(fields[name], 16) == 0, name
    assert fields["NoNewPrivs"] == "1"
    assert fields["Seccomp"] == "2"
    assert fields["Uid"].split()[0] == "65534"
    assert fields["Groups"].split() in (["65534"], [])


def test_its_user_outside_owns_nothing_when_root_grades(nursery):
    if os.geteuid() != 0:
        pytest.skip("an ordinary user's sandbox runs as that user")

    async def users() -> set[int]:
        async with Session(nursery) as session:
            warden = psutil.Process(session.manager.provisioner.fork.warden)
            family = [warden, *warden.children(recursive=True)]
            return {uid for process in family for uid in process.uids()}

    assert run(users()) == {unused_user()}
    assert unused_user() not in {entry.pw_uid for entry in pwd.getpwall()}


CALLS = {
    "ptrace": "libc.ptrace(16, 1, 0, 0)",
    "unshare": "libc.unshare(0x10000000)",
    "mount": "libc.mount(b'none', b'/tmp', b'tmpfs', 0, 0)",
    "setns": "libc.setns(0, 0)",
    "keyctl": "libc.syscall(NUMBER, 0, 0)",
    "bpf": "libc.syscall(NUMBER, 0, 0, 0)",
    "io_uring_setup": "libc.syscall(NUMBER, 1, 0)",
    "perf_event_open": "libc.syscall(NUMBER, 0, 0, 0, 0, 0)",
    "process_vm_writev": "libc.syscall(NUMBER, 1, 0, 0, 0, 0, 0)",
    "open_by_handle_at": "libc.syscall(NUMBER, 0, 0, 0)",
}


@pytest.mark.parametrize("name", CALLS)
def test_system_calls_that_reach_out_are_refused(name, nursery):
    number = seccomp.REFUSED[name][seccomp.MACHINES[platform.machine()][0]]
    code = (
        "import ctypes, errno; libc = ctypes.CDLL(None, use_errno=True); "
        f"print({CALLS[name].replace('NUMBER', str(number))}, errno.errorcode[ctypes.get_errno()])"
    )
    assert inside(code, nursery) == "-1 EPERM"


def test_numbers_of_refused_system_calls_are_this_machines():
    """The table is typed in: the kernel's own headers, where they are, must agree."""
    headers = [
        Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
        Path("/usr/include/asm-generic/unistd.h"),
    ]
    column, header = seccomp.MACHINES[platform.machine()][0], None
    header = headers[column]
    if not header.is_file():
        pytest.skip(f"no {header}")
    defined = dict(re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", header.read_text()))
    for name, numbers in seccomp.REFUSED.items():
        if name in defined and numbers[column] is not None:
            assert int(defined[name]) == numbers[column], name
    *_, clone, clone3, ioctl, make_socket, make_pair = seccomp.MACHINES[platform.machine()]
    wanted = {"clone": clone, "ioctl": ioctl, "socket": make_socket, "socketpair": make_pair}
    assert {name: int(defined[name]) for name in wanted} == wanted
    assert int(defined.get("clone3", clone3)) == clone3


def test_namespaces_cannot_be_made_by_clone_and_processes_can(nursery):
    code = """
import ctypes, os, subprocess, signal
libc = ctypes.CDLL(None, use_errno=True)
NUMBER = {"x86_64": 56, "aarch64": 220}[os.uname().machine]
print(libc.syscall(NUMBER, 0x10000000 | signal.SIGCHLD, 0, 0, 0, 0), ctypes.get_errno())
print(subprocess.run(["echo", "works"], capture_output=True, text=True).stdout.strip())
"""
    assert inside(code, nursery).split() == ["-1", "1", "works"]


@pytest.mark.parametrize("family", ["AF_VSOCK", "AF_PACKET", "AF_ALG"])
def test_sockets_of_families_without_namespaces_are_refused(family, nursery):
    code = f"import socket; socket.socket({int(getattr(socket, family))}, socket.SOCK_STREAM)"
    assert "Address family not supported" in inside(code, nursery)


def test_characters_cannot_be_put_into_a_terminal(nursery):
    code = "import fcntl, os; fcntl.ioctl(os.open('/dev/ptmx', os.O_RDWR), 0x5412, b'x')"
    assert "PermissionError" in inside(code, nursery)


def test_the_sandboxs_first_process_can_neither_be_read_nor_written_to(nursery):
    """It has the student's user, and would do what is written into its memory."""
    code = """
for path in ("/proc/1/mem", "/proc/1/environ", "/proc/1/maps", "/keeper"):
    for mode in ("rb", "r+b"):
        try:
            open(path, mode, 0).read(1)
            print("opened", path, mode)
        except OSError as error:
            print(type(error).__name__)
"""
    assert set(inside(code, nursery).split()) <= {"PermissionError", "OSError"}


def test_the_sandboxs_first_process_has_no_more_power_than_the_kernel(nursery):
    code = """
for pid in ("1", "self"):
    status = dict(l.split(":", 1) for l in open(f"/proc/{pid}/status"))
    print([status[n].strip() for n in ("CapPrm", "CapBnd", "NoNewPrivs", "Seccomp", "Uid")])
"""
    first, own = inside(code, nursery).splitlines()
    assert first == own


def test_the_environment_is_the_listed_one_and_has_the_secret(monkeypatch, nursery):
    monkeypatch.setenv("A_SECRET", "1")
    code = "import os; print(dict(os.environ))"
    found = eval(inside(code, nursery, secret="the class's"))
    # What IPython and ipykernel set themselves.
    added = set(found) - set(sandbox.environment())
    assert "A_SECRET" not in found
    assert added <= {
        "LC_CTYPE",
        "PYDEVD_USE_FRAME_EVAL",
        "CLICOLOR",
        "CLICOLOR_FORCE",
        "FORCE_COLOR",
        "PAGER",
        "GIT_PAGER",
    } | {"TERM"}
    assert found["COURSE_SECRET"] == "the class's"
    assert found["HOME"] == sandbox.HOME


def test_a_kernels_memory_holds_no_secret_of_another(nursery):
    inside("pass", nursery, secret="secret-of-another-class-4711")
    code = """
import re
found = 0
for line in open("/proc/self/maps"):
    first, last = (int(n, 16) for n in line.split()[0].split("-"))
    secret = rb"secret-of-[a]nother-class-4711"
    if "rw" in line.split()[1]:
        with open("/proc/self/mem", "rb") as memory:
            try:
                memory.seek(first)
                found += len(re.findall(secret, memory.read(last - first)))
            except (OSError, OverflowError):
                pass
print(found)
"""
    assert inside(code, nursery) == "0"


def test_what_a_sandbox_holds_in_memory_is_bounded(nursery):
    limits = Limits(memory=600 * MIB)
    code = "x = bytearray(400 * 2**20); print('400 fit')"
    assert inside(code, nursery, limits=limits) == "400 fit"
    assert "MemoryError" in inside("bytearray(700 * 2**20)", nursery, limits=limits)


async def _killed(nursery: Nursery, code: str, limits: Limits) -> str:
    async with Session(nursery, limits=limits) as session:
        session.client.execute(code)
        deadline = time.monotonic() + 60
        while await session.manager._async_is_alive() and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
    return session.manager.ended


def test_processes_together_cannot_hold_more_than_one_may(nursery):
    """Three children with 400 MiB each, where 600 are allowed."""
    if "memory" not in ControlGroup("test", Limits()).bounded:
        pytest.skip("no control group here: the warden's watch is tested below")
    code = """
import os, time
for _ in range(3):
    if os.fork() == 0:
        x = bytearray(400 * 2**20)
        time.sleep(20)
        os._exit(0)
_, status = os.wait(); print("one was ended by", os.waitstatus_to_exitcode(status))
"""
    assert "one was ended by -9" in inside(code, nursery, limits=Limits(memory=600 * MIB))


def test_without_control_groups_the_warden_sees_too_much_memory(nursery, monkeypatch):
    monkeypatch.setattr("course_utils.grading.sandbox.cgroups._parents", dict)
    code = """
import os, time
for _ in range(3):
    if os.fork() == 0:
        x = bytearray(300 * 2**20)
        for i in range(0, len(x), 4096): x[i] = 1
        time.sleep(30)
        os._exit(0)
time.sleep(30)
"""
    assert run(_killed(nursery, code, Limits(memory=600 * MIB))) == "memory"


def test_processes_and_threads_are_bounded(nursery):
    code = """
import os, time
made = 0
try:
    for _ in range(400):
        if os.fork() == 0:
            time.sleep(5)
            os._exit(0)
        made += 1
except OSError as error:
    print("stopped", made < 100, error.errno)
"""
    assert inside(code, nursery, limits=Limits(processes=64)) == "stopped True 11"


def test_disk_and_file_size_are_bounded(nursery):
    limits = Limits(work=20 * MIB, file_size=8 * MIB)
    code = """
def fill(path, size):
    try:
        with open(path, "wb") as file:
            for _ in range(size):
                file.write(bytes(2**20))
        print("written", end=" ")
    except OSError as error:
        print(error.errno, end=" ")
import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
fill("a", 7); fill("b", 9); fill("c", 7); fill("d", 7)
"""
    assert inside(code, nursery, limits=limits).split() == ["written", "27", "28", "28"]


def test_limits_cannot_be_raised(nursery):
    code = """
import resource
for what in (resource.RLIMIT_FSIZE, resource.RLIMIT_NPROC, resource.RLIMIT_CPU):
    try:
        resource.setrlimit(what, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        print("raised")
    except (ValueError, PermissionError):
        print("refused")
"""
    assert set(inside(code, nursery).split()) == {"refused"}


@pytest.mark.parametrize("bad", [0, -1, 1.5, True, "1 GB"])
def test_a_limit_that_is_no_positive_whole_number_is_named(bad):
    with pytest.raises(ValueError, match=r"Limits\.memory"):
        Limits(memory=bad)


def test_limits_come_from_the_courses_configuration():
    assert Limits.of({"Limits": {"processes": 9}}).processes == 9
    assert Limits.of({}) == Limits()
    with pytest.raises(ValueError, match=r"no memroy.*memory"):
        Limits.of({"Limits": {"memroy": 1}})


def test_nothing_of_a_sandbox_is_left_over(nursery):
    code = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        open("/tmp/i-live", "w").close()
        time.sleep(600)
    os._exit(0)
os.wait()
end = time.monotonic() + 20
while not os.path.exists("/tmp/i-live") and time.monotonic() < end:
    time.sleep(0.05)
print(os.path.exists("/tmp/i-live"))
"""
    before = {p.pid for p in psutil.process_iter()}
    assert inside(code, nursery) == "True"
    sleeping = [
        p.pid
        for p in psutil.process_iter(["cmdline"])
        if p.pid not in before and "zygote" in " ".join(p.info["cmdline"] or [])
    ]
    assert sleeping == []
    groups = Path("/sys/fs/cgroup").glob("**/course-*")
    assert not [path for path in groups if (path / "cgroup.procs").read_text().strip()]


def test_the_probe_says_what_is_missing(monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    sandbox.why_not.cache_clear()
    try:
        assert "bubblewrap is not installed" in sandbox.why_not()
    finally:
        monkeypatch.undo()
        sandbox.why_not.cache_clear()


def test_an_ordinary_user_can_have_sandboxes_too():
    """The whole way, as somebody who is not root: only root can become one here."""
    if os.geteuid() != 0:
        pytest.skip("this is an ordinary user already")
    if not os.access(sys.prefix, os.R_OK) or _hidden_from_others(Path(sys.prefix)):
        pytest.skip(f"others cannot read {sys.prefix}")
    code = "from course_utils.grading.sandbox import why_not; print(why_not())"
    done = subprocess.run(
        [sys.executable, "-c", code],
        user=12345,
        group=12345,
        extra_groups=[],
        env={"PATH": os.environ["PATH"], "HOME": "/tmp"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "None", done.stderr


def _hidden_from_others(path: Path) -> bool:
    real = Path(os.path.realpath(sys.executable))
    return any(not p.stat().st_mode & 0o001 for q in (path, real) for p in q.parents)
