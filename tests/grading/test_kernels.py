"""Warm kernels: ordinary to whoever uses one, gone without a trace when it ends."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from queue import Empty

import psutil
import pytest
from in_kernel import Session, inside, run
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from course_utils.grading import sandbox
from course_utils.grading.kernels import SandboxedKernel
from course_utils.grading.kernels.nursery import Nursery
from course_utils.grading.kernels.provisioner import interpreter_folders, is_this_interpreter
from course_utils.grading.kernels.zygote import WHERE_WANTED
from course_utils.grading.sandbox.limits import MIB, Limits
from course_utils.student.execution import KernelStartError, RunToTheEnd

pytestmark = pytest.mark.skipif(
    sandbox.why_not() is not None, reason=f"no sandbox here: {sandbox.why_not()}"
)


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    with Nursery() as nursery:
        yield nursery


def test_a_kernel_shows_what_any_kernel_shows(nursery):
    async def go() -> list[list[str]]:
        async with Session(nursery) as session:
            return [
                [kind for kind, _ in await session.run(code) if kind != "status"]
                for code in (
                    "print('a'); import sys; print('b', file=sys.stderr); 1",
                    "import matplotlib.pyplot as plt; plt.plot([1, 2]); None",
                    "%matplotlib inline\nplt.plot([1, 2]); None",
                    "1 / 0",
                    "%pwd",
                    "!echo hello",
                    "import os; os.system('echo to the descriptor')",
                )
            ]

    values, figure, inline, error, magic, shell, system = run(go())
    assert values == ["execute_input", "stream", "stream", "execute_result"]
    assert figure == inline == ["execute_input", "display_data"]
    assert error == ["execute_input", "error"]
    assert magic == ["execute_input", "execute_result"]
    assert "stream" in shell
    assert "stream" in system


def test_tracebacks_are_those_of_any_kernel(nursery):
    sources = [
        "def half(x):\n    return x / 0\n\ndef both(x):\n    return half(x)",
        "both(1)",
        "import torch\ntorch.ones(2) @ torch.ones(3)",
        "both(1)  # again, and in a function of a library\n",
        "import functools\nfunctools.reduce(lambda a, b: half(a), [1, 2])",
        "import inspect\nframe = inspect.currentframe()\nraise ValueError(str(["
        "inspect.getmodule(frame), inspect.getmodule(half), inspect.getsource(half),"
        " type(inspect.getsourcefile(half)), inspect.getmodule(frame.f_code)]))",
    ]

    def errors(client: type[NotebookClient], **kwargs) -> list[str]:
        notebook = new_notebook(cells=[new_code_cell(source) for source in sources])
        client(notebook, allow_errors=True, **kwargs).execute()
        shown = [
            "\n".join(line for o in cell.outputs for line in o.traceback) for cell in notebook.cells
        ]
        return [re.sub(r"ipykernel_\d+", "ipykernel", text) for text in shown]

    class Warm(NotebookClient):
        def create_kernel_manager(self):
            self.km = SandboxedKernel(nursery=nursery)
            return self.km

    ours = errors(Warm)
    assert ours == errors(RunToTheEnd)
    assert "ZeroDivisionError" in ours[1]


def test_its_interpreter_is_a_fresh_one(nursery):
    code = """
import sys, torch
print(__name__, "zygote" in sys.argv[0], "answer" in globals(), torch.get_num_threads())
print(sys.modules["__main__"].__dict__ is globals())
answer = 42
"""
    for _ in range(2):
        assert inside(code, nursery) == "__main__ False False 1\nTrue"


def test_unseeded_random_numbers_follow_the_kernels_seed(nursery):
    code = (
        "import random, numpy as np, torch; print(random.random(), np.random.rand(), torch.rand(1))"
    )
    first, again = (inside(code, nursery, seed=1) for _ in range(2))
    assert first == again != inside(code, nursery, seed=2)
    assert inside(code, nursery) != inside(code, nursery), "without a seed no two are alike"


def test_an_interrupt_reaches_a_computing_cell_and_the_next_one_runs(nursery):
    async def go() -> tuple[str, str]:
        async with Session(nursery) as session:
            running = asyncio.ensure_future(session.text("while True: pass"))
            await asyncio.sleep(0.5)
            await session.manager._async_interrupt_kernel()
            return await running, await session.text("print('on')")

    interrupted, after = run(go())
    assert "KeyboardInterrupt" in interrupted
    assert after == "on"


@pytest.mark.parametrize(
    ("code", "expected"),
    [("import os; os._exit(3)", 3), ("import ctypes; ctypes.string_at(0)", -signal.SIGSEGV)],
)
def test_a_kernel_that_dies_is_noticed_at_once_with_its_exit_code(nursery, code, expected):
    async def go() -> int | None:
        async with Session(nursery) as session:
            session.client.execute(code)
            return await asyncio.wait_for(session.manager.provisioner.wait(), 20)

    assert run(go()) == expected


def test_files_go_in_and_those_it_wrote_come_out(nursery, tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "data.txt").write_text("1 2 3")
    (tmp_path / "sub" / "more.txt").write_text("4")
    (tmp_path / "hidden.ipynb").write_text("the hidden tests")
    (tmp_path / "link").symlink_to("/etc/passwd")
    (tmp_path / "folder").symlink_to("/etc")
    code = """
import os
print(sorted(os.path.join(p, n)[2:] for p, _, names in os.walk(".") for n in names))
open("new.txt", "w").write("new"); open("sub/more.txt", "a").write("5")
os.symlink("/etc/passwd", "leak"); os.mkfifo("pipe"); os.link("data.txt", "hard")
os.mkdir("deep"); open("deep/é\\n.txt", "w").write("odd")
"""

    async def go() -> tuple[str, Path]:
        async with Session(nursery, tmp_path) as session:
            seen = await session.text(code)
        return seen, session.manager.written

    seen, written = run(go())
    assert seen == "['data.txt', 'sub/more.txt']"
    found = {str(p.relative_to(written)): p.read_text() for p in written.rglob("*") if p.is_file()}
    assert found == {
        "new.txt": "new", "sub/more.txt": "45", "hard": "1 2 3", "deep/é\n.txt": "odd"
    }  # fmt: skip
    assert not any(p.is_symlink() for p in written.rglob("*"))


def test_files_that_come_out_are_capped(nursery):
    limits = Limits(files=3, files_size=MIB)

    async def written(code: str) -> list[str]:
        async with Session(nursery, limits=limits) as session:
            await session.text(code)
        folder = session.manager.written
        return sorted(p.name for p in folder.iterdir()) if folder else []

    many = run(written("for i in range(9): open(f'{i}', 'w').write('x')"))
    assert many == ["0", "1", "2"]
    large = run(written("open('a', 'wb').write(bytes(2**20 + 1)); open('b', 'w')"))
    assert large == ["b"], "the one that is too large costs no other"
    deep = "import os\nfor _ in range(1500): os.mkdir('d'); os.chdir('d')\nopen('x', 'w')"
    assert run(written(f"{deep}\nopen('/home/student/work/top', 'w')")) == ["top"]


def test_printing_is_cut_off_within_a_cell_and_goes_on_in_the_next(nursery):
    async def go() -> tuple[str, str]:
        async with Session(nursery, limits=Limits(cell_output=1000)) as session:
            flooded = await session.text("for _ in range(100_000): print('x' * 50)")
            return flooded, await session.text("print('heard')")

    flooded, after = run(go())
    assert flooded.startswith("xxx")
    assert "cut off: it is longer than 1000 characters" in flooded
    assert len(flooded) < 1200
    assert after == "heard"


def test_one_huge_message_does_not_reach_the_client(nursery):
    """It goes round the stream that counts, as a display of 8 MiB where 1 MiB is allowed."""

    async def go() -> list[tuple[str, dict]]:
        async with Session(nursery, limits=Limits(output=MIB)) as session:
            await session.run("from IPython.display import display")
            return await session.run("display({'text/plain': 'x' * 2**23}, raw=True)", timeout=3)

    with pytest.raises(Empty):
        run(go())


def test_a_client_without_our_manager_gets_one_through_its_kernelspec(tmp_path, monkeypatch):
    spec = {
        "argv": ["python", "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": "Warm sandbox",
        "language": "python",
        "metadata": {"kernel_provisioner": {"provisioner_name": "warm-sandbox"}},
    }
    folder = tmp_path / "kernels" / "warm"
    folder.mkdir(parents=True)
    (folder / "kernel.json").write_text(json.dumps(spec))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    (tmp_path / "data.txt").write_text("given")
    notebook = new_notebook(
        cells=[
            new_code_cell("import os, socket; print(open('data.txt').read(), os.getuid())"),
            new_code_cell("print(socket.if_nameindex())"),
        ]
    )
    resources = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(notebook, kernel_name="warm", resources=resources, timeout=60).execute()
    assert notebook.cells[0].outputs[0].text == "given 65534\n"
    assert notebook.cells[1].outputs[0].text == "[(1, 'lo')]\n"


def test_another_interpreters_kernel_starts_cold_in_the_same_sandbox():
    """As another interpreter stands this one under another name, with a word of its own."""
    argv = [os.path.realpath(sys.executable), "-m", "ipykernel_launcher", "-f"]
    argv = ["/usr/bin/env", "COLD=1", sys.executable, *argv[1:], "{connection_file}"]
    assert not is_this_interpreter(argv)

    async def go() -> str:
        with Nursery() as nursery:
            async with Session(nursery, argv=argv) as session:
                await session.client.wait_for_ready(timeout=60)
                return await session.text(
                    "import os, socket; print(os.environ['COLD'], os.getuid(), "
                    "socket.if_nameindex(), open('/proc/self/status').read().count('Seccomp:\\t2'))"
                )

    assert run(go()) == "1 65534 [(1, 'lo')] 1"


def test_kernelspecs_of_this_interpreter_are_told_from_others():
    launch = ["-m", "ipykernel_launcher", "-f", "{connection_file}"]
    assert is_this_interpreter(["python", *launch])
    assert is_this_interpreter(["python3", *launch])
    assert is_this_interpreter([sys.executable, *launch])
    assert not is_this_interpreter(["/usr/bin/python3.9", *launch])
    assert not is_this_interpreter(["R", "--slave", "-e", "IRkernel::main()"])
    assert not is_this_interpreter(["python", "-m", "xeus"])
    assert sys.prefix in interpreter_folders([sys.executable])


def test_the_zygote_has_one_thread_no_secret_and_no_open_file(monkeypatch):
    monkeypatch.setenv("A_SECRET_OF_THE_GRADER", "4711")
    with Nursery() as nursery:
        outer = psutil.Process(nursery.pid)
        zygote = [outer, *outer.children(recursive=True)][-1]
        assert "course_utils.grading.kernels.zygote" in zygote.cmdline()
        assert zygote.num_threads() == 1
        assert not {"A_SECRET_OF_THE_GRADER", "COURSE_SECRET"} & set(zygote.environ())
        opened = [os.readlink(path) for path in Path(f"/proc/{zygote.pid}/fd").iterdir()]
        # Its socket, nothing to read, nothing to print to, and where its last words go.
        assert [name for name in opened if name.startswith("socket:")] == opened[3:]
        assert len(opened) == 4, opened


def test_what_an_assignment_wants_is_there_before_it_is_imported():
    asks = "import sys; print('torch._dynamo' in sys.modules)"
    with Nursery(preload=["no.such.module", WHERE_WANTED["optim"]]) as nursery:
        assert inside(asks, nursery) == "True"


def test_a_module_that_starts_a_thread_is_left_to_the_kernels():
    module = Path(sysconfig.get_path("purelib"), "starts_a_thread_when_imported.py")
    module.write_text(
        "import threading, time\nthreading.Thread(target=time.sleep, args=(9,)).start()"
    )
    try:
        with Nursery(preload=[module.stem]) as nursery:
            assert inside(f"import sys; print({module.stem!r} in sys.modules)", nursery) == "False"
    finally:
        module.unlink()


def test_when_whoever_asked_is_killed_nothing_stays():
    code = """
import asyncio, sys
sys.path.insert(0, sys.argv[1])
from in_kernel import Session
from course_utils.grading.kernels.nursery import Nursery
async def go():
    async with Session(Nursery()) as session:
        await session.run("import subprocess; subprocess.Popen(['sleep', '1234'])")
        print("runs", flush=True)
        await session.run("while True: pass", timeout=600)
asyncio.run(go())
"""
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(Path(__file__).parent)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "runs\n"
    family = psutil.Process(process.pid).children(recursive=True)
    sleepers = [
        p for p in psutil.process_iter(["cmdline"]) if p.info["cmdline"] == ["sleep", "1234"]
    ]
    assert sleepers
    process.kill()
    process.wait()
    _, alive = psutil.wait_procs([*family, *sleepers], timeout=20)
    assert alive == []


def test_a_nursery_leaves_no_folder_and_no_process():
    async def go(nursery: Nursery) -> Path:
        async with Session(nursery) as session:
            await session.text("open('x', 'w').write('x')")
            return session.manager.provisioner._folder

    with Nursery() as nursery:
        sockets = run(go(nursery))
        process = psutil.Process(nursery.pid)
    assert not process.is_running()
    assert not sockets.exists()
    assert not nursery.folder.exists()


def test_a_zygote_that_cannot_start_says_why(monkeypatch):
    monkeypatch.setattr("course_utils.grading.kernels.nursery.ZYGOTE", "course_utils.nonsense")
    with pytest.raises(KernelStartError, match="No module named"):
        Nursery()


def test_a_zygote_that_is_gone_is_noticed():
    with Nursery() as nursery:
        family = [outer := psutil.Process(nursery.pid), *outer.children(recursive=True)]
        family[-1].kill()
        psutil.wait_procs(family, timeout=20)
        with pytest.raises(KernelStartError):
            inside("pass", nursery)
