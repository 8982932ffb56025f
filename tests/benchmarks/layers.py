"""Time and memory of every reference layer, side by side with torch.nn and autograd.

    make bench
    python tests/benchmarks/layers.py [--only NAME] [--eager] [--json FILE]

Both sides do the same: forward, then backward to all inputs and parameters. They take turns in one
run, so that a machine whose speed drifts is no matter: the ratio is the median over turns. Peak
memory is the largest sum of what was allocated and not yet freed, beyond inputs and parameters.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import importlib
import json
import logging
import math
import os
import pkgutil
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from itertools import accumulate
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import track
from rich.table import Table
from torch.profiler import ProfilerActivity, profile

import cases
from cases import Case
from course_utils.layers.module import flatten, is_floating, nest

TURNS = 9
SECONDS_A_TURN = 0.03
Step = Callable[[], object]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="cases whose name contains this")
    parser.add_argument("--eager", action="store_true", help="leave torch.compile out")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    arguments = parser.parse_args()
    console = Console()

    torch.set_num_threads(1)  # both sides alike; other work on the machine disturbs less
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    where = torch.cuda.get_device_name() if device.type == "cuda" else "CPU, 1 thread"
    chosen = [case for case in all_cases() if arguments.only.lower() in case.name.lower()]
    rows = []
    for case in track(chosen, "measuring", console=Console(stderr=True), transient=True):
        rows.append(measure(case, device, compiled=not arguments.eager))
    report(console, rows, f"torch {torch.__version__}, {where}")
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=2, ensure_ascii=False))


def all_cases() -> Iterator[Case]:
    for module in pkgutil.iter_modules(cases.__path__):
        yield from importlib.import_module(f"cases.{module.name}").CASES


def measure(case: Case, device: torch.device, *, compiled: bool) -> dict:
    """The ratios ours/torch for one case: eager time and memory, and time of ours compiled."""
    torch.manual_seed(0)
    layer, twin = case.ours(), case.theirs()
    layer.to(device)
    if isinstance(twin, torch.nn.Module):
        twin.to(device)
        layer.load_state_dict(twin.state_dict())
    inputs = case.inputs()
    inputs = nest(inputs, iter([_on(x, device) for x in flatten(inputs)]))
    options = {name: _on(value, device) for name, value in case.options.items()}

    outputs = layer(*inputs, **options)
    torch.manual_seed(1)
    dy = nest(outputs, iter([_gradient(y) for y in flatten(outputs)]))
    dy = dy if isinstance(dy, tuple) else (dy,)
    ours = _our_step(layer, inputs, dy, options)
    theirs = _their_step(twin, inputs, dy, options)

    times = take_turns([ours, theirs], device)
    row = {
        "layer": case.name,
        "size": case.size,
        "torch_ms": statistics.median(times[1]) * 1e3,
        "time": _ratio(times[0], times[1]),
        "memory": peak_memory(ours, device) / max(peak_memory(theirs, device), 1),
    }
    if compiled and case.compiled:
        row["compiled"] = _compiled(ours, theirs, device)
    return row


def _our_step(layer, inputs, dy, options) -> Step:
    def step():
        # All of it is returned: a compiler leaves out what nobody asks for.
        return layer(*inputs, **options), layer.backward(*dy), layer.grads

    return step


def _their_step(twin, inputs, dy, options) -> Step:
    leaves = nest(inputs, iter([_leaf(x) for x in flatten(inputs)]))
    parameters = list(twin.parameters()) if isinstance(twin, torch.nn.Module) else []
    wanted = [x for x in flatten(leaves) if isinstance(x, torch.Tensor) and x.requires_grad]

    def step():
        outputs = flatten(twin(*leaves, **options))
        pairs = [
            (y, g)
            for y, g in zip(outputs, flatten(dy), strict=True)
            if g is not None and y is not None and y.requires_grad
        ]
        gradients = torch.autograd.grad(
            [y for y, _ in pairs], [*wanted, *parameters], [g for _, g in pairs], allow_unused=True
        )
        return outputs, gradients

    return step


def _compiled(ours: Step, theirs: Step, device: torch.device) -> float | None:
    """Ours in one compiled graph against torch's eager layer; None where it does not compile."""
    torch._dynamo.reset()
    try:
        with warnings.catch_warnings(), _quiet():
            warnings.simplefilter("ignore")
            step = torch.compile(ours)
            step()
            times = take_turns([step, theirs], device)
    except Exception:  # no compiler, or a construct that dynamo does not know
        return None
    return _ratio(*times)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the remarks of the compiler and the profiler, C++ code among them, off the terminal."""
    logging.disable(logging.CRITICAL)
    sys.stderr.flush()
    stderr = os.dup(2)
    try:
        with Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        logging.disable(logging.NOTSET)


def take_turns(steps: list[Step], device: torch.device) -> list[list[float]]:
    """Seconds a step, for each of them one figure a turn; they alternate within a turn."""
    repeats = []
    for step in steps:
        step()  # warm up
        once = _seconds(step, 1, device)
        repeats.append(max(1, math.ceil(SECONDS_A_TURN / max(once, 1e-7))))
    times: list[list[float]] = [[] for _ in steps]
    gc.collect()
    gc.disable()
    try:
        for _ in range(TURNS):
            for step, repeat, seconds in zip(steps, repeats, times, strict=True):
                seconds.append(_seconds(step, repeat, device))
    finally:
        gc.enable()
    return times


def _seconds(step: Step, repeats: int, device: torch.device) -> float:
    _wait(device)
    start = time.perf_counter()
    for _ in range(repeats):
        step()
    _wait(device)
    return (time.perf_counter() - start) / repeats


def peak_memory(step: Step, device: torch.device) -> int:
    """The largest number of bytes that were in use at once, beyond those in use before."""
    step()
    gc.collect()
    if device.type == "cuda":
        _wait(device)
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        step()
        _wait(device)
        return torch.cuda.max_memory_allocated() - before
    with _quiet(), profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        kept = step()
    del kept
    with tempfile.TemporaryDirectory() as folder:
        trace = Path(folder, "trace.json")
        profiler.export_chrome_trace(str(trace))
        events = json.loads(trace.read_text())["traceEvents"]
    changes = sorted((e["ts"], e["args"]["Bytes"]) for e in events if e["name"] == "[memory]")
    return max(accumulate((size for _, size in changes), initial=0))


def report(console: Console, rows: list[dict], where: str) -> None:
    console.print(f"forward + backward, ours / torch.nn; {where}")
    table = Table()
    for heading in ("layer", "size", "torch, ms", "time", "peak memory", "compiled"):
        table.add_column(heading, justify="left" if heading in {"layer", "size"} else "right")
    for row in sorted(rows, key=lambda row: -row["time"]):
        compiled = row.get("compiled")
        table.add_row(
            row["layer"],
            row["size"],
            f"{row['torch_ms']:.3f}",
            f"{row['time']:.2f}",
            f"{row['memory']:.2f}",
            "–" if compiled is None else f"{compiled:.2f}",
        )
    console.print(table)
    for column in ("time", "memory", "compiled"):
        values = [row[column] for row in rows if row.get(column)]
        if values:
            mean, worst = statistics.geometric_mean(values), max(values)
            console.print(f"{column}: geometric mean {mean:.2f}, worst {worst:.2f}")


def _ratio(a: list[float], b: list[float]) -> float:
    return statistics.median(x / y for x, y in zip(a, b, strict=True))


def _on(value: object, device: torch.device) -> object:
    return value.to(device) if isinstance(value, torch.Tensor) else value


def _gradient(y: object) -> torch.Tensor | None:
    return torch.randn_like(y) if is_floating(y) else None


def _leaf(value: object) -> object:
    return value.clone().requires_grad_() if is_floating(value) else value


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


if __name__ == "__main__":
    sys.exit(main())
