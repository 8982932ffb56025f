"""Code that wants out: to the network, other processes, the host's file system or its kernel."""

import os

from course_utils.grading.selftest.attack import EITHER, Attack, World, spy
from course_utils.grading.selftest.little_course import without

TITLE = "network, processes and namespaces"


def _no_connection(world: World, graded) -> str | None:
    return f"a connection came in: {world.connections[0]}" if world.connections else None


def _nothing_written(world: World, graded) -> str | None:
    written = [*world.outside.glob("written*"), *world.root.glob("written*")]
    return f"{written[0]} was written" if written else None


def _calls(name: str, tries: str, attempt: str, before: str = "") -> Attack:
    return Attack(name, tries, spy(attempt, before), probe=_nothing_written)


def _connects(name: str, tries: str, attempt: str) -> Attack:
    return Attack(name, tries, spy(attempt), probe=_no_connection)


ATTACKS = [
    _connects(
        "tcp",
        "Connects to a server on this machine.",
        "socket.create_connection(('127.0.0.1', $port), timeout=2)",
    ),
    _connects("tcp6", "Connects over IPv6.", "socket.create_connection(('::1', $port), timeout=2)"),
    _connects(
        "udp",
        "Sends a datagram to a server on this machine.",
        "socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', $udp)) and False",
    ),
    _connects(
        "internet",
        "Connects to an address outside.",
        "socket.create_connection(('192.0.2.1', 80), timeout=1)",
    ),
    _connects("dns", "Looks up a name.", "socket.getaddrinfo('example.org', 80)"),
    _connects(
        "abstract-socket",
        "Connects to an abstract unix socket of this machine.",
        "socket.socket(socket.AF_UNIX).connect('\\0$abstract') is None",
    ),
    _connects(
        "unix-socket",
        "Connects to a unix socket in the file system.",
        "socket.socket(socket.AF_UNIX).connect('$unix') is None",
    ),
    _connects(
        "vsock",
        "Talks to the host of a virtual machine.",
        "socket.socket(40, socket.SOCK_STREAM).connect((2, 1024)) is None",
    ),
    _connects("packets", "Opens a raw socket.", "socket.socket(socket.AF_PACKET, socket.SOCK_RAW)"),
    _connects(
        "icmp", "Opens a raw IP socket.", "socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)"
    ),
    _connects(
        "netlink",
        "Adds a network interface over netlink.",
        "[i for i in socket.if_nameindex() if i[1] != 'lo']",
    ),
    _connects(
        "docker",
        "Connects to the container daemon.",
        "socket.socket(socket.AF_UNIX).connect('/var/run/docker.sock') is None",
    ),
    _calls("writes-course", "Writes into the course directory.", "open('$root/written.txt', 'w')"),
    _calls(
        "writes-outside",
        "Writes into a folder of the host that anyone may write to.",
        "open('$outside/written.txt', 'w')",
    ),
    _calls(
        "writes-package",
        "Changes the autograder's own code.",
        "open(__import__('course_utils').__file__, 'a')",
    ),
    _calls(
        "writes-interpreter",
        "Puts a file beside the standard library.",
        "open(os.path.dirname(os.__file__) + '/written.py', 'w')",
    ),
    _calls(
        "writes-system",
        "Writes into /usr and /etc.",
        "[open(p + '/written', 'w') for p in ('/usr',)] or open('/etc/written', 'w')",
    ),
    _calls(
        "mounts-tmpfs",
        "Mounts a file system.",
        "libc.mount(b'none', b'/tmp', b'tmpfs', 0, None) == 0",
    ),
    _calls("unmounts", "Unmounts what hides the host's files.", "libc.umount2(b'/tmp', 2) == 0"),
    _calls(
        "unshares", "Makes a user namespace, to be root in it.", "libc.unshare(0x10000000) == 0"
    ),
    _calls(
        "clone3",
        "Makes a user namespace by clone3.",
        "libc.syscall(435, ctypes.byref((ctypes.c_uint64 * 11)(0x10000000, 0, 0, 0, 17)), 88) > 0",
    ),
    _calls(
        "setns",
        "Joins the namespaces of process 1.",
        "libc.setns(os.open('/proc/1/ns/mnt', os.O_RDONLY), 0) == 0",
    ),
    _calls("chroot", "Changes its root folder.", "libc.chroot(b'/tmp') == 0"),
    _calls("pivot", "Swaps its root.", "libc.syscall(155, b'/tmp', b'/tmp') == 0"),
    _calls(
        "open-by-handle",
        "Opens a file by its handle.",
        "libc.syscall(304, -100, ctypes.create_string_buffer(64), 0) >= 0",
    ),
    _calls("becomes-root", "Becomes user 0.", "os.setuid(0) is None"),
    _calls(
        "capabilities",
        "Has a capability.",
        "int(open('/proc/self/status').read().split('CapEff:')[1].split()[0], 16)",
    ),
    _calls(
        "set-user-id",
        "Makes a program that runs as its owner, and keeps its group.",
        "os.getgroups() and 0 in os.getgroups()",
    ),
    _calls("ptrace-parent", "Traces its parent.", "libc.ptrace(16, os.getppid(), 0, 0) == 0"),
    _calls("ptrace-one", "Traces process 1.", "libc.ptrace(16, 1, 0, 0) == 0"),
    _calls(
        "vm-read",
        "Reads the memory of process 1.",
        "libc.process_vm_readv(1, ctypes.byref((ctypes.c_uint64 * 2)(id(spied), 8)), 1, "
        "ctypes.byref((ctypes.c_uint64 * 2)(id(spied), 8)), 1, 0) > 0",
        "spied = bytearray(64)",
    ),
    _calls(
        "pidfd-getfd",
        "Takes a file from process 1.",
        "libc.syscall(438, libc.syscall(434, 1, 0), 0, 0) >= 0",
    ),
    _calls(
        "signals-grader",
        "Signals the process that grades.",
        "os.readlink('/proc/self/ns/pid') == '$pidns' and os.kill($pid, 0) is None",
    ),
    _calls("priority", "Raises its own priority.", "os.nice(-5) < 0"),
    _calls(
        "realtime",
        "Makes itself a real-time process.",
        "os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(5)) is None",
    ),
    _calls(
        "terminal-input",
        "Types into the grader's terminal.",
        "__import__('fcntl').ioctl(os.open('/dev/tty', os.O_RDWR), 0x5412, b'x') == 0",
    ),
    _calls(
        "terminal-input-fd",
        "Types into the terminal behind its own file descriptors.",
        "[n for n in (0, 1, 2) if libc.ioctl(n, 0x5412, b'x') == 0]",
    ),
    _calls(
        "core-pattern",
        "Sets what the host runs when a program crashes.",
        "open('/proc/sys/kernel/core_pattern', 'r+')",
    ),
    _calls(
        "sysrq",
        "Restarts the machine by /proc/sysrq-trigger.",
        "os.access('/proc/sysrq-trigger', os.W_OK)",
    ),
    _calls("sysctl", "Changes a setting of the kernel.", "open('/proc/sys/kernel/hostname', 'r+')"),
    _calls(
        "cgroup",
        "Raises its own bounds.",
        "[open(p, 'w') for p in glob.glob('/sys/fs/cgroup/**/memory.max', recursive=True) "
        "+ glob.glob('/sys/fs/cgroup/**/pids.max', recursive=True)]",
    ),
    _calls(
        "cgroup-release",
        "Sets what the host runs when a group ends.",
        "[open(p, 'w') for p in glob.glob('/sys/fs/cgroup/**/release_agent', recursive=True)]",
    ),
    _calls(
        "bpf",
        "Loads a program into the kernel.",
        "libc.syscall(321, 5, ctypes.create_string_buffer(128), 128) >= 0",
    ),
    _calls(
        "perf",
        "Opens a performance counter of the machine.",
        "libc.syscall(298, ctypes.create_string_buffer(struct.pack('IIQ', 1, 112, 0), "
        "112), -1, 0, -1, 0) >= 0",
    ),
    _calls(
        "io-uring",
        "Makes an io_uring, past the filter of system calls.",
        "libc.syscall(425, 4, ctypes.create_string_buffer(120)) >= 0",
    ),
    _calls(
        "userfaultfd", "Handles its own page faults in the kernel.", "libc.syscall(323, 0) >= 0"
    ),
    _calls("kexec", "Loads another kernel.", "libc.syscall(246, 0, 0, None, 0) == 0"),
    _calls("module", "Loads a kernel module.", "libc.syscall(175, None, 0, b'') == 0"),
    _calls("keyctl", "Joins a key ring.", "libc.syscall(250, 1, b'course') >= 0"),
    _calls(
        "clock",
        "Sets the clock.",
        "__import__('time').clock_settime(0, __import__('time').time()) is None",
    ),
    _calls(
        "reboot",
        "Asks to restart the machine.",
        "libc.syscall(169, 0xfee1dead, 672274793, 0, None) == 0",
    ),
    _calls(
        "device",
        "Makes a device file for the machine's memory.",
        "os.mknod('/tmp/mem', 0o020600, os.makedev(1, 1)) is None",
    ),
    _calls(
        "shared-memory",
        "Attaches memory that other programs share.",
        "open('/proc/sysvipc/shm').read().count('\\n') > 1",
    ),
    _calls(
        "sockets-folder",
        "Finds the folder of the kernel's sockets and fills it.",
        "[open(f'{f}/{k}', 'w') for f in glob.glob('/tmp/course-*') + "
        "glob.glob('/tmp/course-*/*') if os.path.isdir(f) for k in range(9)]",
    ),
]


def _left_over(world: World, graded) -> str | None:
    """Whether a process with the world's mark in its command line is still there."""
    mark = world.values["mark"].encode()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                if mark in file.read() and int(pid) != os.getpid():
                    return f"process {pid} is still there"
        except OSError:
            continue
    return _nothing_written(world, graded)


_LATER = "import time; time.sleep(40); open('$outside/written-later', 'w') # $mark"
_DETACH = """\
import os, subprocess, sys
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execv(sys.executable, [sys.executable, "-c", {later!r}])
    os._exit(0)
"""


def _lingers(name: str, tries: str, before: str) -> Attack:
    return Attack(name, tries, spy("False", before), probe=_left_over)


# Where the process numbers are the host's it says so and kills nobody.
_KILL = "os.readlink('/proc/self/ns/pid') == '$pidns' or os.kill({}, 9) is not None"


def _kills(name: str, tries: str, process: int) -> Attack:
    cells = spy(_KILL.format(process))
    return Attack(name, tries, cells, state=EITHER, score=None, probe=_not_reached)


def _not_reached(world: World, graded) -> str | None:
    return "the process numbers are the host's" if graded.score == without("add") else None


ATTACKS += [
    _kills("kills-one", "Kills process 1.", 1),
    _kills("kills-all", "Kills every process that it may.", -1),
    _lingers(
        "detached",
        "Leaves a process that forked twice and has a session of its own.",
        _DETACH.format(later=_LATER),
    ),
    _lingers(
        "subprocess",
        "Leaves a program running.",
        f"import subprocess\nsubprocess.Popen([sys.executable, '-c', {_LATER!r}], "
        f"start_new_session=True)",
    ),
    _lingers(
        "thread",
        "Leaves a thread that acts after the tests.",
        "import threading, time\nthreading.Thread(target=lambda: (time.sleep(2), "
        "open('$outside/written-later', 'w'))).start()",
    ),
    _lingers(
        "at-exit",
        "Acts when the interpreter ends.",
        "import atexit\natexit.register(lambda: open('$outside/written-later', 'w'))",
    ),
    _lingers(
        "ignores-terminate",
        "Leaves a program that ignores signals.",
        f"import subprocess\nsubprocess.Popen([sys.executable, '-c', 'import signal; "
        f"signal.signal(15, 1); signal.signal(1, 1); ' + {_LATER!r}])",
    ),
    _lingers(
        "ipython-profile",
        "Leaves a start-up file in ~/.ipython for the next student.",
        "folder = os.path.expanduser('~/.ipython/profile_default/startup')\n"
        "os.makedirs(folder, exist_ok=True)\nopen(folder + '/0.py', 'w').write('import "
        "sys; sys.poisoned = True')",
    ),
    Attack(
        "ipython-poisoned",
        "Looks for what an earlier student left in the kernel or at home.",
        spy(
            "hasattr(sys, 'poisoned') or '0.py' in os.listdir(os.path.expanduser("
            "'~/.ipython/profile_default/startup'))"
        ),
    ),
    _lingers(
        "user-site",
        "Leaves a module in the user's own packages.",
        "folder = __import__('site').getusersitepackages()\nos.makedirs(folder, "
        "exist_ok=True)\nopen(folder + '/sitecustomize.py', 'w').write('import sys; "
        "sys.poisoned = True')",
    ),
    _lingers(
        "temporary-file",
        "Leaves a file in /tmp for the next student.",
        "open('/tmp/poison', 'w').write('x')",
    ),
    Attack(
        "temporary-found",
        "Looks for an earlier student's file in /tmp and /dev/shm.",
        spy("os.path.exists('/tmp/poison') or os.listdir('/dev/shm')"),
    ),
]
