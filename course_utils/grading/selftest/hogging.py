"""Code that takes more than its share. Each is bounded, so that a hole is seen and not felt."""

from course_utils.grading.selftest.attack import EITHER, REVIEWED, Attack, World, first, spy
from course_utils.grading.selftest.little_course import FULL, without

TITLE = "memory, processes, disk and output"

_FORKS = """\
import os, time
def bomb():
    count = 0
    for _ in range(600):
        try:
            pid = os.fork()
        except OSError:
            break
        if pid == 0:
            time.sleep(2)
            os._exit(0)
        count += 1
    return count
forked = bomb()
def add(a, b):
    return "reached" if forked >= 600 else a + b
"""
_THREADS = """\
import threading, time
started = 0
try:
    for _ in range(600):
        threading.Thread(target=time.sleep, args=(1,), daemon=True).start()
        started += 1
except RuntimeError:
    pass
def add(a, b):
    return "reached" if started >= 600 else a + b
"""
_SPLIT_HOG = """\
import os, time
for _ in range(6):
    if os.fork() == 0:
        block = bytearray(400 * 2**20)
        block[::4096] = bytes(len(block[::4096]))
        time.sleep(2)
        os._exit(0)
time.sleep(1)
"""
_FILL = """\
import os
def fill(folder, most={most}):
    written, block = 0, bytes(2**24)
    try:
        while written < most:
            with open(f"{{folder}}/{{written}}", "wb") as file:
                written += file.write(block)
    except OSError:
        pass
    for name in os.listdir(folder):
        if name.isdigit():
            os.unlink(f"{{folder}}/{{name}}")
    return written >= most
full = fill({folder!r})
def add(a, b):
    return "reached" if full else a + b
"""
GIB = 2**30


def _small_page(world: World, graded) -> str | None:
    size = sum(path.stat().st_size for path in world.root.glob(f"*/{graded.student}/*/*.ipynb"))
    return f"{size >> 20} MiB of notebook are kept" if size > 32 * 2**20 else None


def _floods(name: str, tries: str, code: str, score: float | None = FULL) -> Attack:
    return Attack(name, tries, first(code), state=EITHER, score=score, probe=_small_page)


ATTACKS = [
    Attack(
        "memory",
        "Takes 3 GB at once.",
        {
            "scale": "def scale(a, k):\n    return len(bytes(3 * 2**30).replace(b'\\0', "
            "b'1')) * 0 + a * k"
        },
        state=EITHER,
        score=None,
        reason="",
        probe=lambda world, graded: "3 GB were taken" if graded.score == FULL else None,
    ),
    Attack(
        "memory-in-processes",
        "Takes 2.4 GB in six processes, each of which stays small.",
        first(_SPLIT_HOG),
        state=EITHER,
        score=None,
        probe=lambda world, graded: (
            "2.4 GB were taken" if (graded.peak_memory or 0) > 2 * 2**30 else None
        ),
    ),
    Attack("forks", "Forks 600 times.", {"add": _FORKS}, state=EITHER),
    Attack("threads", "Starts 600 threads.", {"add": _THREADS}, state=EITHER),
    Attack(
        "open-files",
        "Opens files until it may open no more.",
        spy("len([open('/dev/null') for _ in range(70000)])"),
        state=EITHER,
    ),
    Attack(
        "fills-tmp",
        "Writes 1.5 GB to /tmp.",
        {"add": _FILL.format(folder="/tmp", most=GIB * 3 // 2)},
        state=EITHER,
        score=None,
    ),
    Attack(
        "fills-shm",
        "Writes 1 GB to /dev/shm.",
        {"add": _FILL.format(folder="/dev/shm", most=GIB)},
        state=EITHER,
        score=None,
    ),
    Attack(
        "fills-work",
        "Writes 2 GB to the working folder.",
        {"add": _FILL.format(folder=".", most=2 * GIB)},
        state=EITHER,
        score=None,
    ),
    Attack(
        "many-files",
        "Leaves 3,000 files in the working folder.",
        first("for k in range(3000):\n    open(f'{k}.txt', 'w').write('x')"),
        state=EITHER,
        probe=lambda world, graded: (
            "more than 200 files are kept"
            if len(list(world.root.glob(f"autograded/{graded.student}/*/*"))) > 200
            else None
        ),
    ),
    Attack(
        "sparse-file",
        "Leaves a file of 1 TB that has a hole.",
        spy("open('big.bin', 'wb').truncate(2**40)"),
        state=EITHER,
    ),
    _floods("one-line", "Prints one line of 256 MB.", "print('x' * 2**28)", None),
    _floods("many-lines", "Prints a million lines.", "for k in range(10**6):\n    print(k)", None),
    _floods(
        "stderr-flood",
        "Prints 64 MB to standard error.",
        "import sys\nprint('x' * 2**26, file=sys.stderr)",
        None,
    ),
    _floods(
        "descriptor-flood",
        "Writes 64 MB to file descriptors 1 and 2.",
        "import os\nfor _ in range(64):\n    os.write(1, bytes(2**20)); os.write(2, bytes(2**20))",
        None,
    ),
    _floods(
        "huge-display",
        "Displays 96 MB of HTML.",
        "from IPython.display import HTML, display\ndisplay(HTML('x' * (96 * 2**20)))",
        None,
    ),
    _floods(
        "many-displays", "Displays 20,000 objects.", "for k in range(20000):\n    display(k)", None
    ),
    Attack(
        "huge-error",
        "Raises an error with a text of 64 MB.",
        {"scale": "def scale(a, k):\n    raise ValueError('x' * 2**26)"},
        state=EITHER,
        score=None,
        probe=_small_page,
    ),
    Attack(
        "huge-result",
        "Returns a number with 100,000 digits, which the test shows.",
        {"part": "def part():\n    return 10.0 ** 300"},
        state=REVIEWED,
        score=without("part"),
    ),
    Attack(
        "raises-limits",
        "Raises its own resource limits.",
        spy(
            "resource.setrlimit(resource.RLIMIT_NOFILE, (2**20, 2**20)) or True",
            "import resource",
        ),
    ),
]
