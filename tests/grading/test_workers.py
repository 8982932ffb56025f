"""A worker that dies or hangs costs one try of one notebook, and nobody else anything."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from course_utils.grading import sandbox, workers
from course_utils.grading.execute import lost
from course_utils.grading.kernels.nursery import Nursery
from course_utils.grading.sandbox.limits import Limits
from course_utils.grading.workers import WorkerLostError, Workers
from course_utils.student.execution import STOPPED

pytestmark = pytest.mark.skipif(
    sandbox.why_not() is not None, reason=f"no sandbox here: {sandbox.why_not()}"
)


@pytest.fixture(scope="module")
def nursery():
    with Nursery() as nursery:
        yield nursery


@pytest.fixture
def pool(nursery):
    with Workers(1, nursery) as pool:
        yield pool


def job(tmp_path: Path, *sources: str, timeout: float | None = 20, **limits: int) -> dict:
    return {
        "cells": [
            {"type": "code", "source": s, "timeout": timeout, "test": s.startswith("assert")}
            for s in sources
        ],
        "settings": {},
        "folder": str(tmp_path),
        "keep": str(tmp_path / "kept"),
        "limits": Limits(**limits).as_dict(),
        "secret": "s",
        "argv": None,
        "seed": None,
    }


def process_of(pool: Workers) -> int:
    (worker,) = pool._all
    deadline = time.monotonic() + 30
    while worker._process is None and time.monotonic() < deadline:
        time.sleep(0.01)
    return worker._process.pid


def test_cells_go_in_and_outputs_come_out(pool, tmp_path):
    done = pool.submit(job(tmp_path, "x = 20", "", "print(x)", "x + 1", "1 / 0")).result()
    nothing, empty, printed, shown, failed = done["cells"]
    assert nothing["outputs"] == empty["outputs"] == []
    assert (nothing["ran"], empty["ran"]) == (True, False)
    assert printed["outputs"][0]["text"] == "20\n"
    assert shown["outputs"][0]["data"] == {"text/plain": "21"}
    assert failed["outputs"][0]["ename"] == "ZeroDivisionError"
    assert [cell["execution_count"] for cell in done["cells"]] == [1, None, 2, 3, 4]
    assert done["language_info"]["name"] == "python"
    assert done["stopped"] == ""
    assert done["findings"] == []
    assert done["peak_memory"] is None or done["peak_memory"] > 2**20


def test_canaries_leave_no_trace_in_what_comes_back(pool, tmp_path):
    done = pool.submit(job(tmp_path, "x = 1", "assert x == 1", "len(In), x")).result()
    assert [cell["execution_count"] for cell in done["cells"]] == [1, 2, 3]
    assert done["cells"][1]["outputs"] == []
    assert done["cells"][2]["outputs"][0]["data"]["text/plain"] == "(4, 1)"
    assert done["findings"] == []


def test_files_that_were_written_are_kept(pool, tmp_path):
    (tmp_path / "given.txt").write_text("1")
    source = "import os; open('new.txt', 'w').write('2'); os.symlink('/etc/passwd', 'link')"
    pool.submit(job(tmp_path, source)).result()
    assert {path.name for path in (tmp_path / "kept").iterdir()} == {"new.txt"}


def test_a_notebook_has_a_time_limit_of_its_own(pool, tmp_path):
    slow = "import time; time.sleep(3)"
    done = pool.submit(job(tmp_path, slow, slow, slow, "1", submission=5)).result()
    assert [cell["ran"] for cell in done["cells"]] == [True, True, False, False]
    assert done["cells"][1]["outputs"][-1]["ename"] == "KeyboardInterrupt"
    assert "longer than 5 s" in done["stopped"]
    assert done["cells"][3]["outputs"][0]["ename"] == STOPPED


def test_a_lone_surrogate_does_not_break_the_line(pool, tmp_path):
    done = pool.submit(job(tmp_path, "'x\\ud800'", "2")).result()
    assert done["cells"][1]["outputs"][0]["data"]["text/plain"] == "2"


def test_a_worker_that_is_killed_is_replaced_and_its_notebook_executed_again(pool, tmp_path):
    future = pool.submit(job(tmp_path, "import time; time.sleep(2)", "7"))
    first = process_of(pool)
    time.sleep(1)
    os.kill(first, signal.SIGKILL)
    assert future.result()["cells"][1]["outputs"][0]["data"]["text/plain"] == "7"
    assert process_of(pool) != first


def test_one_that_is_lost_twice_is_reported_and_the_next_is_executed(pool, tmp_path, monkeypatch):
    monkeypatch.setattr(workers, "GRACE", 0)
    with pytest.raises(WorkerLostError):
        pool.submit(job(tmp_path, "1", submission=1) | {"limits": {"submission": 0}}).result()
    monkeypatch.undo()
    assert pool.submit(job(tmp_path, "1")).result()["cells"][0]["ran"]


def test_what_stands_for_a_lost_notebook_fails_every_cell(tmp_path):
    stand_in = lost(job(tmp_path, "1", "2"), "killed")
    assert [cell["ran"] for cell in stand_in["cells"]] == [False, False]
    assert all(cell["outputs"][0]["ename"] == STOPPED for cell in stand_in["cells"])
    assert "killed" in stand_in["stopped"]


def test_closing_ends_what_runs(nursery, tmp_path):
    with Workers(1, nursery) as pool:
        future = pool.submit(job(tmp_path, "import time; time.sleep(60)", timeout=None))
        process = process_of(pool)
        threading.Event().wait(1)
    assert not Path(f"/proc/{process}").exists()
    with pytest.raises(WorkerLostError):
        future.result()
