"""The system calls that a sandboxed process does without, as a seccomp filter.

A list of what is refused rather than of what is allowed: scientific packages use most of the rest.
Refused is what reaches into other processes, makes or joins namespaces, mounts, talks to parts of
the kernel that have no namespaces (keyrings, BPF, io_uring, vsock …), or puts characters into a
terminal. Written out here because it is sixty lines, and libseccomp would be one more library that
a grader's machine has to have.

Source: seccomp(2), and the kernel's tables arch/x86/entry/syscalls/syscall_64.tbl and
include/uapi/asm-generic/unistd.h.
"""

from __future__ import annotations

import errno
import platform
import socket
import struct

# name: (number on x86-64, number on aarch64); None where an architecture lacks it
REFUSED: dict[str, tuple[int | None, int | None]] = {
    # other processes
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "pidfd_getfd": (438, 438),
    "kcmp": (312, 272),
    # namespaces and file systems
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "open_by_handle_at": (304, 265),
    "name_to_handle_at": (303, 264),
    "quotactl": (179, 60),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    # parts of the kernel without namespaces
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "reboot": (169, 142),
    "acct": (163, 89),
    "syslog": (103, 116),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "clock_adjtime": (305, 266),
    "adjtimex": (159, 171),
    "vhangup": (153, 58),
    "personality": (135, 92),
    "memfd_secret": (447, 447),
    "modify_ldt": (154, None),
    "iopl": (172, None),
    "ioperm": (173, None),
    "uselib": (134, None),
}
# (number, audit architecture, clone, clone3, ioctl, socket, socketpair)
MACHINES = {
    "x86_64": (0, 0xC000003E, 56, 435, 16, 41, 53),
    "aarch64": (1, 0xC00000B7, 220, 435, 29, 198, 199),
}
# CLONE_NEWTIME is not here: its bit is part of the exit signal in clone(2).
NEW_NAMESPACES = 0x7E020000
# TIOCSTI types into a terminal, TIOCLINUX pastes into a console, TIOCSETD loads line disciplines.
TERMINAL_IOCTLS = (0x5412, 0x541C, 0x5423)
FAMILIES = (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK)

_LOAD, _JEQ, _JGE, _JSET, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL = 0x7FFF0000, 0x80000000
_NUMBER, _ARCHITECTURE, _FIRST, _SECOND = 0, 4, 16, 24  # offsets in struct seccomp_data


def supported() -> bool:
    return platform.machine() in MACHINES


def program() -> bytes:
    """The filter as an array of ``struct sock_filter``, as the kernel and bubblewrap take it.

    Raises:
        OSError: the numbers of this machine's system calls are not known here.
    """
    if not supported():
        raise OSError(errno.ENOSYS, f"no system call filter for {platform.machine()}")
    column, audit, clone, clone3, ioctl, make_socket, make_pair = MACHINES[platform.machine()]

    def refuse(number: int) -> int:
        return 0x00050000 | number

    # Instructions are (code, operand, jump if true, jump if false); a jump skips that many.
    lines = [
        (_LOAD, _ARCHITECTURE, 0, 0),
        (_JEQ, audit, 1, 0),
        (_RETURN, _KILL, 0, 0),
        (_LOAD, _NUMBER, 0, 0),
    ]
    if column == 0:  # the x32 interface has numbers of its own
        lines += [(_JGE, 0x40000000, 0, 1), (_RETURN, refuse(errno.ENOSYS), 0, 0)]
    # Without clone3, whose flags lie in memory, libraries fall back on clone.
    lines += [(_JEQ, clone3, 0, 1), (_RETURN, refuse(errno.ENOSYS), 0, 0)]
    for numbers in REFUSED.values():
        if (number := numbers[column]) is not None:
            lines += [(_JEQ, number, 0, 1), (_RETURN, refuse(errno.EPERM), 0, 0)]
    lines += [
        (_JEQ, clone, 0, 4),
        (_LOAD, _FIRST, 0, 0),
        (_JSET, NEW_NAMESPACES, 0, 1),
        (_RETURN, refuse(errno.EPERM), 0, 0),
        (_RETURN, _ALLOW, 0, 0),
    ]
    lines += [(_JEQ, ioctl, 0, 2 + 2 * len(TERMINAL_IOCTLS)), (_LOAD, _SECOND, 0, 0)]
    for request in TERMINAL_IOCTLS:
        lines += [(_JEQ, request, 0, 1), (_RETURN, refuse(errno.EPERM), 0, 0)]
    lines += [(_RETURN, _ALLOW, 0, 0)]
    for number in (make_socket, make_pair):
        lines += [(_JEQ, number, 0, 3 + len(FAMILIES)), (_LOAD, _FIRST, 0, 0)]
        for place, family in enumerate(FAMILIES):
            lines += [(_JEQ, int(family), len(FAMILIES) - place, 0)]
        lines += [(_RETURN, refuse(errno.EAFNOSUPPORT), 0, 0), (_RETURN, _ALLOW, 0, 0)]
    lines += [(_RETURN, _ALLOW, 0, 0)]
    return b"".join(struct.pack("=HBBI", code, yes, no, k) for code, k, yes, no in lines)
