"""What a forked process does to itself: it enters the namespaces and gives up every power.

`join` enters the namespaces that bubblewrap made; `confine` is one way: afterwards the process has
no capability, cannot gain one, and keeps within its limits whatever it runs.
"""

from __future__ import annotations

import ctypes
import os
import resource
import struct

from course_utils.grading.sandbox.limits import Limits

_NAMESPACES = 0x10000000 | 0x00020000 | 0x20000000 | 0x40000000 | 0x08000000 | 0x04000000
_SET_NO_NEW_PRIVS, _CAPBSET_DROP, _SET_SECCOMP, _CAP_AMBIENT = 38, 24, 22, 47
_CAP_AMBIENT_CLEAR_ALL, _SECCOMP_MODE_FILTER = 4, 2
_CAPABILITY_VERSION_3 = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def join(pidfd: int) -> None:
    """Enter all namespaces of a process; the next child that is forked has a pid in there.

    Raises:
        OSError: the process is gone or belongs to somebody else.
    """
    _check(_libc.setns(pidfd, _NAMESPACES), "setns")


def drop_capabilities() -> None:
    """Leave no capability in any set, and no way to get one back.

    After `join` a process holds *all* capabilities in its new user namespace.
    """
    _check(_libc.prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
    _libc.prctl(_CAP_AMBIENT, _CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    capability = 0
    while _libc.prctl(_CAPBSET_DROP, capability, 0, 0, 0) == 0:
        capability += 1  # ends at the first number that the kernel does not know
    header = struct.pack("=Ii", _CAPABILITY_VERSION_3, 0)
    _check(_libc.capset(header, bytes(24)), "capset")


def filter_system_calls(program: bytes) -> None:
    """Install a seccomp filter; needs no_new_privs.

    Raises:
        OSError: the kernel refused it.
    """
    buffer = ctypes.create_string_buffer(program, len(program))

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))

    filled = Program(len(program) // 8, ctypes.addressof(buffer))
    done = _libc.prctl(_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(filled), 0, 0)
    _check(done, "seccomp")


def bound(limits: Limits) -> None:
    """Set this process's resource limits, soft and hard.

    The bound on memory is what it has as a copy of the zygote and ``limits.memory`` more, so that
    asking for too much is a `MemoryError`, which a notebook can live with.
    """
    with open("/proc/self/statm") as file:
        data = int(file.read().split()[5]) * resource.getpagesize()
    for what, value in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_CPU, limits.cpu),
        (resource.RLIMIT_DATA, data + limits.memory),
        (resource.RLIMIT_FSIZE, limits.file_size),
        (resource.RLIMIT_MEMLOCK, 64 * 2**10),
        (resource.RLIMIT_MSGQUEUE, 0),
        (resource.RLIMIT_NOFILE, 1024),
        (resource.RLIMIT_NPROC, limits.processes),
    ):
        _, hard = resource.getrlimit(what)
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(what, (value, value))


def confine(limits: Limits, program: bytes) -> None:
    """Everything above but `join`, in the order in which it still may."""
    os.setsid()
    # Out of memory, the kernel ends this process before the one that watches it.
    with open("/proc/self/oom_score_adj", "w") as file:
        file.write("1000")
    bound(limits)
    drop_capabilities()
    filter_system_calls(program)
