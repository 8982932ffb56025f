"""The namespaces and the file system that a student's kernel runs in, made by bubblewrap.

Inside there are the interpreter with its packages and the system's libraries, read-only; a private
``/tmp``, ``/dev/shm``, home and working folder, each of bounded size and all of them gone at the
end. There is no network, no other process, no capability, no way to gain one, and no environment
variable that is not listed here.

A process in a user namespace still is some user of the host. Where a person grades as root, that
must not be root: whoever it is outside decides what ``/proc/sys`` and files can be written. So as
root everything is started inside an `outer` sandbox by a user id that nobody has. For an ordinary
user it is that user; he is kept from his own files by not seeing them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from course_utils.grading.sandbox import seccomp
from course_utils.grading.sandbox.limits import MIB, Limits

HOME = "/home/student"
WORK = f"{HOME}/work"
SOCKETS = "/kernel"
USER = 65534  # nobody
# Above what distributions and containers give out; a container may have fewer.
UNUSED_USER = 2_000_000_000

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

BECOME = """\
import os, sys
user, *command = sys.argv[1:]
os.setgroups([])
os.setresgid(int(user), int(user), int(user))
os.setresuid(int(user), int(user), int(user))
os.execv(command[0], command)
"""


def command(
    argv: Sequence[str],
    *,
    limits: Limits | None = None,
    sockets: Path | None = None,
    folders: Sequence[str] = (),
    options: Sequence[str] = (),
) -> list[str]:
    """The command line that runs ``argv`` in the sandbox.

    Args:
        argv: the program and its arguments, with paths as they are outside.
        limits: the sizes of its file systems.
        sockets: a folder for a kernel's connection file and sockets, seen as ``/kernel``.
        folders: more to be seen, read-only, such as another interpreter's.
        options: more of bubblewrap's own.
    """
    limits = limits or Limits()
    line = [_bwrap(), "--unshare-all", "--unshare-user", "--uid", str(USER), "--gid", str(USER)]
    line += ["--disable-userns", "--hostname", "sandbox", "--cap-drop", "ALL"]
    line += ["--new-session", "--die-with-parent", *options]
    line += ["--proc", "/proc", "--dev", "/dev"]
    line += ["--size", str(limits.shared_memory), "--tmpfs", "/dev/shm"]
    line += ["--size", str(limits.tmp), "--tmpfs", "/tmp"]
    line += ["--size", str(64 * MIB), "--tmpfs", HOME]
    line += ["--size", str(limits.work), "--tmpfs", WORK]
    line += _read_only(folders)
    if sockets:
        line += ["--bind", str(sockets), SOCKETS]
    line += ["--remount-ro", "/", "--remount-ro", "/dev", "--chdir", WORK, "--clearenv"]
    for name, value in environment().items():
        line += ["--setenv", name, value]
    return [*line, "--", *argv]


def outer(argv: Sequence[str], *, shared: Path | None = None, folders: Sequence[str] = ()):
    """The command line that runs ``argv`` where sandboxes may be made from.

    For an ordinary user that is ``argv`` itself. As root it is run by a user id that nobody has,
    in a mount namespace in which that user can read the interpreter wherever it lies.

    Args:
        argv: the program, by its full path, and its arguments.
        shared: a folder that is seen as it is outside, writable.
        folders: more to be seen, read-only.
    """
    if os.geteuid() != 0:
        return list(argv)
    line = [_bwrap(), "--dev-bind", "/dev", "/dev", "--bind", "/proc", "/proc"]
    line += ["--perms", "1777", "--tmpfs", "/tmp", *_read_only(folders)]
    if shared:
        line += ["--bind", str(shared), str(shared)]
    return [*line, "--", sys.executable, "-I", "-c", BECOME, str(unused_user()), *argv]


def unused_user() -> int:
    """A user id of this machine, or of this container, that nobody has."""
    import pwd  # Windows has none, and `course doctor` runs there too

    with open("/proc/self/uid_map") as file:
        ranges = [tuple(map(int, line.split())) for line in file]
    highest = max(first + count for first, _, count in ranges) - 1
    user = min(UNUSED_USER, highest)
    taken = {entry.pw_uid for entry in pwd.getpwall()}
    while user in taken:
        user -= 1
    return user


def outer_environment() -> dict[str, str]:
    """The environment for bubblewrap itself: inside, ``/proc/1/environ`` shows it."""
    return {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}


def environment(secret: str = "") -> dict[str, str]:
    """All of a kernel's environment variables; hidden tests draw from the secret."""
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
        SECRET: secret,
    }


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
    if not seccomp.supported():
        return "the sandbox knows the system calls of x86-64 and aarch64 only: grade on one of them"
    probe = "import os, socket; print(os.getuid(), *(name for _, name in socket.if_nameindex()))"
    try:
        done = subprocess.run(
            outer(command([sys.executable, "-I", "-c", probe])),
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


def _bwrap() -> str:
    return shutil.which("bwrap") or "bwrap"


def _read_only(folders: Sequence[str]) -> list[str]:
    """The system, the interpreter and what else is asked for."""
    line = ["--ro-bind", "/usr", "/usr"]
    for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"):
        if os.path.islink(f"/{name}"):
            line += ["--symlink", os.readlink(f"/{name}"), f"/{name}"]
        else:
            line += ["--ro-bind-try", f"/{name}", f"/{name}"]
    line += ["--dir", "/etc"]
    for name in ETC:
        line += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    for folder in _outermost([*_interpreter_folders(), *map(Path, folders)]):
        for parent in reversed(folder.parents[:-1]):
            line += ["--dir", str(parent)]  # readable, even where it lies in root's home
        line += ["--ro-bind", str(folder), str(folder)]
    return line


def _interpreter_folders() -> list[Path]:
    """What the interpreter needs; for an editable install the package, not its repository."""
    paths = sysconfig.get_paths()
    return [
        Path(sys.base_prefix),
        Path(sys.prefix),
        Path(os.path.realpath(sys.executable)).parent.parent,
        *(Path(paths[name]) for name in ("stdlib", "platstdlib", "purelib", "platlib")),
        Path(__file__).resolve().parents[2],
    ]


def _outermost(folders: Sequence[Path]) -> list[Path]:
    """Without those that lie in another one or in /usr, which is seen anyway."""
    kept: list[Path] = []
    for folder in sorted(set(folders), key=lambda path: (len(path.parts), path)):
        if not any(folder.is_relative_to(seen) for seen in [Path("/usr"), *kept]):
            kept.append(folder)
    return kept
