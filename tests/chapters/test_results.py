"""What took too long for a page was recorded; one point of each record is computed again here."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest
import torch

RESULTS = Path(__file__).resolve().parents[2] / "chapters" / "results"


@pytest.fixture(autouse=True)
def one_thread():
    """Small steps, many of them: a second thread costs more than it brings."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def script(name: str) -> ModuleType:
    """The module that made a record, which stands beside it."""
    spec = importlib.util.spec_from_file_location(name, RESULTS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def record(name: str) -> dict:
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))


def test_moved_digits_are_read_as_recorded():
    made, kept = script("networks_learn"), record("networks_learn")
    x, y, x_new, y_new = made.digits()
    net = made.digit_reader("fully connected", 0, x, y)
    for kind, at, name in (("shift", 2.0, "right"), ("rotation", 30.0, "degrees")):
        places = kept["shifts"] if kind == "shift" else kept["angles"]
        expected = kept["digits"]["fully connected"][0][kind][places.index(at)]
        found = made.accuracy(net, made.moved(x_new, **{name: at}), y_new)
        assert found == pytest.approx(expected, abs=0.02)
