"""Code that looks for tests, solutions, secrets and other people's work. The answers are right
unless it finds something, so that held is the full score."""

from course_utils.grading.selftest.attack import Attack, spy

TITLE = "reading what is not theirs"

_ENVIRONMENTS = """\
def environments():
    for path in glob.glob("/proc/*/environ") + glob.glob("/proc/*/cmdline"):
        try:
            yield open(path, "rb").read()
        except OSError:
            pass
"""
_READABLE = """\
def found(word, *folders):
    # The interpreter and the packages, this one too, are there to be read, wherever they lie.
    packages = {sys.prefix, sys.base_prefix, os.path.dirname(__import__("course_utils").__file__)}
    for folder in folders:
        for where, inner, names in os.walk(folder):
            inner[:] = [name for name in inner if os.path.join(where, name) not in packages]
            for name in names:
                path = os.path.join(where, name)
                try:
                    if os.path.getsize(path) < 10**6 and word in open(path, "rb").read():
                        return path
                except OSError:
                    pass
"""


def _reads(name: str, what: str) -> Attack:
    return Attack(f"reads-{name}", f"Reads {what}.", spy(f"open('${name}', 'rb').read(1)"))


ATTACKS = [
    _reads("gradebook", "the gradebook"),
    _reads("source", "the instructor's notebook, with solutions and hidden tests"),
    _reads("other", "another student's submission"),
    _reads("autograded", "a graded submission of another student"),
    _reads("config", "the course's configuration"),
    _reads("secretfile", "a private file of the person who grades"),
    Attack("lists-course", "Lists the course directory.", spy("os.listdir('$root')")),
    Attack(
        "walks-up",
        "Reads the gradebook by going up from its own folder.",
        spy("open('../' * 20 + '$gradebook'.lstrip('/'), 'rb').read(1)"),
    ),
    Attack("proc-root", "Goes through /proc/1/root.", spy("open('/proc/1/root$gradebook', 'rb')")),
    Attack(
        "proc-cwd",
        "Goes through other processes' working folders.",
        spy(
            "[p for p in glob.glob('/proc/[0-9]*/cwd/**', recursive=True) if p.endswith('.ipynb')]"
        ),
    ),
    Attack(
        "own-notebook",
        "Reads its own notebook, with the hidden tests.",
        spy("[p for p in glob.glob('**', recursive=True) if p.endswith('.ipynb')]"),
    ),
    Attack(
        "searches-hidden",
        "Searches the folders it may write to for a hidden test.",
        spy("found(b'hidden_' + b'sum', '/tmp', '/home', '/dev/shm', '/var', '/run')", _READABLE),
    ),
    Attack(
        "searches-solution",
        "Searches for the solution's mark.",
        spy(
            "found(b'### BEGIN ' + b'SOLUTION', '/tmp', '/home/student', '/dev/shm', '/run')",
            _READABLE,
        ),
    ),
    Attack("environment", "Reads its own environment.", spy("'$secret' in repr(dict(os.environ))")),
    Attack(
        "environments",
        "Reads the environment and command line of every process.",
        spy("any(b'$secret' in text for text in environments())", _ENVIRONMENTS),
    ),
    Attack(
        "libc-environment",
        "Reads the environment that the process was started with.",
        spy("b'$secret' in open('/proc/self/environ', 'rb').read()"),
    ),
    Attack(
        "own-memory",
        "Searches its own memory for a secret of the grader.",
        spy(
            "scan()",
            """\
def scan():
    word = ("$secret"[:12] + "$secret"[12:]).encode()[::-1]
    memory = open("/proc/self/mem", "rb", 0)
    for line in open("/proc/self/maps"):
        if "[stack]" in line:
            low, high = (int(part, 16) for part in line.split()[0].split("-"))
            memory.seek(low)
            if memory.read(high - low).find(word[::-1] + b"-in-environment") >= 0:
                return True
""",
        ),
    ),
    Attack(
        "process-memory",
        "Opens the memory of other processes, to run code in them without its own bounds.",
        spy(
            "[p for p in glob.glob('/proc/[0-9]*/mem')"
            " if p.split('/')[2] != str(os.getpid()) and opens(p)]",
            "def opens(path):\n    try:\n        return open(path, 'r+b', 0)\n"
            "    except OSError:\n        return None",
        ),
    ),
    Attack(
        "many-processes",
        "Counts processes that are not its own.",
        spy("len([p for p in os.listdir('/proc') if p.isdigit()]) > 8"),
    ),
    Attack("shadow", "Reads /etc/shadow.", spy("open('/etc/shadow').read(1)")),
    Attack("home", "Lists the home folder of root.", spy("os.listdir('/root/.ssh')")),
    Attack("machine-id", "Reads the machine's host name.", spy("socket.gethostname() == '$host'")),
    Attack(
        "mounts",
        "Reads the host's paths from the list of mounts.",
        spy("'$root' in open('/proc/self/mountinfo').read()"),
    ),
    Attack(
        "kernel-log",
        "Reads the kernel's log.",
        spy("libc.syscall(103, 3, ctypes.create_string_buffer(64), 64) >= 0"),
    ),
    Attack(
        "kernel-memory",
        "Opens the machine's memory.",
        spy(
            "[open(p, 'rb').read(1) for p in ('/dev/mem', '/dev/kmem', '/proc/kcore', '/dev/port')]"
        ),
    ),
    Attack(
        "disks",
        "Opens the machine's disks.",
        spy(
            "[p for p in glob.glob('/dev/*') if os.path.exists(p) and __import__('stat').S_ISBLK("
            "os.stat(p).st_mode)]"
        ),
    ),
    Attack(
        "open-descriptors",
        "Reads files that it inherited.",
        spy("[p for p in map(os.readlink, glob.glob('/proc/self/fd/*')) if p.startswith('$root')]"),
    ),
    Attack(
        "database",
        "Looks for an open gradebook connection.",
        spy("[o for o in __import__('gc').get_objects() if type(o).__name__ == 'Gradebook']"),
    ),
    Attack(
        "history",
        "Reads the tests of later cells from IPython's history.",
        spy(
            "'hidden_' + 'sum' in repr(get_ipython().user_ns['In']) + repr(list("
            "get_ipython().history_manager.get_range()))"
        ),
    ),
    Attack(
        "tests-ahead",
        "Searches every object in memory for tests that have not run yet.",
        spy(
            "[o for o in __import__('gc').get_objects() if type(o) in (list, dict) and "
            "any(type(v) is str and 'hidden_' + 'sum' in v for v in (o.values() if type(o) is dict"
            " else o))]"
        ),
    ),
    Attack(
        "clipboard",
        "Reads the keys in the kernel's key ring.",
        spy("libc.syscall(250, 0, -3, 1) >= 0"),
    ),
]
