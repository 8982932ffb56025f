"""The sandbox that a student's kernel runs in: Linux namespaces, made by bubblewrap.

Inside there are the interpreter with its packages and the system's libraries, read-only; a private
``/tmp``, ``/dev/shm`` and home; the folder with the kernel's sockets; and a copy of the
submission's own files. There is no network, no other process, no capability, no way to gain one,
and no environment variable that is not listed here. When the kernel ends everything in it ends.

Bounded: each tmpfs, the size of a file, open files, and the private memory of each process (half of
the machine's). Not bounded yet: the number of processes, CPU, memory over all processes, and disk
use in the working folder. Run as root, the sandbox's user is root's in another namespace: it can
write nothing but its own folders, but it does not own a host user of its own yet.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from functools import cache
from pathlib import Path

HOME = "/home/student"
WORK = f"{HOME}/work"
MIB = 2**20
USER = 65534  # nobody

# Of /etc only what programs need to find libraries, fonts and the time zone.
ETC = ("ld.so.cache", "alternatives", "fonts", "localtime")

# What hidden tests draw their numbers from (`course_utils.checks.Draw`). Spelled out, because this
# module must not wait for torch.
SECRET = "COURSE_SECRET"

APPARMOR = """\
abi <abi/4.0>,
include <tunables/global>
profile bwrap /usr/bin/bwrap flags=(unconfined) {
  userns,
}"""


def command(argv: list[str], *, sockets: Path | None = None, work: Path | None = None) -> list[str]:
    """The command line that runs ``argv`` in the sandbox.

    Args:
        argv: the program and its arguments, with paths as they are outside.
        sockets: a folder for the kernel's connection file and sockets, seen at its own path.
        work: the folder that becomes the working folder, writable.
    """
    bwrap = shutil.which("bwrap") or "bwrap"
    line = [bwrap, "--unshare-all", "--unshare-user", "--uid", str(USER), "--gid", str(USER)]
    line += ["--disable-userns", "--hostname", "sandbox", "--cap-drop", "ALL"]
    line += ["--new-session", "--die-with-parent"]

    line += ["--ro-bind", "/usr", "/usr"]
    for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"):
        if os.path.islink(f"/{name}"):
            line += ["--symlink", os.readlink(f"/{name}"), f"/{name}"]
        else:
            line += ["--ro-bind-try", f"/{name}", f"/{name}"]
    for name in ETC:
        line += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]

    line += ["--proc", "/proc", "--dev", "/dev"]
    line += ["--size", str(256 * MIB), "--tmpfs", "/dev/shm"]
    line += ["--size", str(1024 * MIB), "--tmpfs", "/tmp"]
    line += ["--size", str(256 * MIB), "--tmpfs", HOME]
    for folder in _interpreter_folders():
        line += ["--ro-bind", folder, folder]
    if sockets:
        line += ["--bind", str(sockets), str(sockets)]
    if work:
        line += ["--bind", str(work), WORK]
    line += ["--remount-ro", "/", "--remount-ro", "/dev", "--chdir", WORK if work else HOME]

    line += ["--clearenv"]
    for name, value in _environment().items():
        line += ["--setenv", name, value]
    return [*line, "--", "/bin/sh", "-c", f'{_limits()}; exec "$@"', "sh", *argv]


def outer_environment() -> dict[str, str]:
    """The environment for bubblewrap itself: inside, ``/proc/1/environ`` shows it."""
    return {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}


@cache
def why_not() -> str | None:
    """None where a sandbox works (one is really made), else the reason and how to mend it."""
    if sys.platform != "linux":
        return (
            f"the sandbox needs Linux namespaces, which {sys.platform} does not have: "
            "grade in a Linux container or virtual machine"
        )
    if shutil.which("bwrap") is None:
        return "bubblewrap is not installed: apt-get install bubblewrap"
    probe = "import os, socket; print(os.getuid(), *(name for _, name in socket.if_nameindex()))"
    try:
        done = subprocess.run(
            command([sys.executable, "-I", "-c", probe]),
            env=outer_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"bubblewrap could not be run: {error}"
    if done.returncode == 0 and done.stdout.split() == [str(USER), "lo"]:
        return None
    said = (done.stderr or done.stdout).strip() or f"exit code {done.returncode}"
    return f"bubblewrap could not make a sandbox ({said}). {_how_to_mend()}"


def _how_to_mend() -> str:
    if _kernel_setting("kernel/apparmor_restrict_unprivileged_userns") == "1":
        return (
            "AppArmor forbids user namespaces to bubblewrap (Ubuntu 23.10 and later). As root, "
            f"write this to /etc/apparmor.d/bwrap and run apparmor_parser -r on it:\n{APPARMOR}"
        )
    if _kernel_setting("kernel/unprivileged_userns_clone") == "0":
        return "As root: sysctl -w kernel.unprivileged_userns_clone=1"
    if _kernel_setting("user/max_user_namespaces") == "0":
        return "As root: sysctl -w user.max_user_namespaces=15000"
    return (
        "In a container the runtime has to allow user namespaces and mounts; for Docker: "
        "--security-opt seccomp=unconfined --security-opt apparmor=unconfined "
        "--security-opt systempaths=unconfined"
    )


def _kernel_setting(name: str) -> str | None:
    try:
        return Path("/proc/sys", name).read_text().strip()
    except OSError:
        return None


def _interpreter_folders() -> list[str]:
    """What the interpreter needs to be seen inside, outermost first, without what lies in /usr.

    For an editable install this is the package's own folder, not the repository around it.
    """
    paths = sysconfig.get_paths()
    folders = {
        Path(sys.base_prefix),
        Path(sys.prefix),
        Path(os.path.realpath(sys.executable)).parent.parent,
        *(Path(paths[name]) for name in ("stdlib", "platstdlib", "purelib", "platlib")),
        Path(__file__).resolve().parents[2],
    }
    kept: list[Path] = []
    for folder in sorted(folders, key=lambda path: len(path.parts)):
        if not any(folder.is_relative_to(outer) for outer in [Path("/usr"), *kept]):
            kept.append(folder)
    return [str(folder) for folder in kept]


def _environment() -> dict[str, str]:
    return {
        "HOME": HOME,
        "USER": "student",
        "LOGNAME": "student",
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "TMPDIR": "/tmp",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        # One thread: a submission's time must not depend on the grader's number of cores.
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        # Sets and dictionaries of strings come out in the same order in every run.
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONNOUSERSITE": "1",
        # nbgrader's own mark, by which a notebook can leave out what was done at home.
        "NBGRADER_EXECUTION": "autograde",
        SECRET: os.environ.get(SECRET, ""),
    }


def _limits() -> str:
    half_of_memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    limits = {
        "c": 0,  # no core files
        "n": 1024,  # open files
        "f": 1024 * MIB // 512,  # size of a file, in blocks of 512 bytes
        "d": half_of_memory // 1024,  # private memory of a process, in KiB
    }
    return "; ".join(f"ulimit -{name} {value}" for name, value in limits.items())
