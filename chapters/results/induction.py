"""Induction heads, and normalization in deep transformers: the runs behind the files beside it.

    python chapters/results/induction.py

The code is that of the page 11b-transformers: its cells with the tag `recorded` run here. Every run
is written to the file at once, and what is there is not run again.
"""

from __future__ import annotations

import itertools
import json
import math
import platform
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import torch

from course_utils import init, layers, losses, optim
from course_utils.book.recording import run_recorded_cells
from course_utils.layers import Layer
from course_utils.runtime import Setup

PATH = Path(__file__).with_suffix(".json")
WEIGHTS = Path(__file__).with_suffix(".npz")  # of two layers, first seed, in half precision
PAGE = "11b-transformers"
SEEDS = (0, 1, 2)
LAYERS = (1, 2)
INDUCTION_STEPS, MEAN_OF = 3000, 25  # a curve's points are means over so many steps
# (normalization first, steps of warm-up, weights drawn as in the paper) and learning rates
DEEP = {
    (True, 0, True): (1e-3, 3e-3, 1e-2),
    (False, 0, True): (1e-3, 3e-3, 1e-2),
    (False, 100, True): (1e-3, 3e-3, 1e-2),
    (True, 0, False): (3e-3, 1e-2),
    (False, 0, False): (3e-3, 1e-2),
}
DEEP_STEPS = 300


def from_the_page() -> dict[str, Any]:
    """The names that the page's recorded cells define."""
    names = {"math": math, "setup": Setup(0, torch.device("cpu")), "torch": torch}
    names |= vars(init) | vars(optim) | vars(losses) | vars(layers)
    return run_recorded_cells(Path(__file__).parents[1] / f"{PAGE}.md", names)


def means(losses: list[float]) -> list[float]:
    parts = torch.tensor(losses, dtype=torch.float64).split(MEAN_OF)
    return [round(part.mean().item(), 4) for part in parts]


def induction(
    book: dict[str, Any], layers: int, seed: int, steps: int = INDUCTION_STEPS
) -> tuple[Layer, list[float]]:
    """A net of attention layers that learns repeated sequences, and its curve."""
    net, task = book["copier"](layers, seed), book["repeats"](seed)
    return net, means(book["train"](net, task, steps, lr=4e-3))


def depth(
    book: dict[str, Any],
    norm_first: bool,
    warm_up: int,
    xavier: bool,
    lr: float,
    seed: int,
    steps: int = DEEP_STEPS,
) -> list[float]:
    """The curve of twelve transformer layers."""
    net = book["deep"](12, norm_first, seed, xavier)
    return means(book["train"](net, book["fixed_repeats"](seed), steps, lr, warm_up))


def deep_runs() -> Iterator[tuple[tuple[bool, int, bool], float, int]]:
    for variant, rates in DEEP.items():
        for lr, seed in itertools.product(rates, SEEDS):
            yield variant, lr, seed


def save(saved: dict[str, Any]) -> None:
    head = json.dumps({k: v for k, v in saved.items() if k not in ("induction", "depth")})
    lists = ",\n ".join(
        f'"{name}": [\n' + ",\n".join("  " + json.dumps(run) for run in saved[name]) + "\n ]"
        for name in ("induction", "depth")
    )
    PATH.write_text(f"{head[:-1]},\n {lists}\n}}\n", encoding="utf-8")


def main() -> None:
    torch.set_num_threads(1)
    book = from_the_page()
    empty = {"induction": [], "depth": []}
    saved = json.loads(PATH.read_text(encoding="utf-8")) if PATH.exists() else empty
    saved |= {
        "what": "losses of nets that learn repeated sequences, by layers, and by normalization",
        "command": f"python chapters/results/{Path(__file__).name}",
        "device": f"{platform.machine()} CPU, one thread, torch {torch.__version__}",
        "date": date.today().isoformat(),
        "mean_of": MEAN_OF,
    }

    def todo(name: str, key: dict[str, Any]) -> bool:
        return not any(key.items() <= known.items() for known in saved[name])

    for layers_, seed in itertools.product(LAYERS, SEEDS):
        key = {"layers": layers_, "seed": seed}
        if todo("induction", key):
            started = time.process_time()
            net, curve = induction(book, **key)
            seconds = round(time.process_time() - started, 1)
            if key == {"layers": 2, "seed": 0}:
                state = net.state_dict().items()
                np.savez_compressed(WEIGHTS, **{k: v.half().cpu().numpy() for k, v in state})
            saved["induction"].append(key | {"seconds": seconds, "loss": curve})
            print(key, curve[-1], seconds, flush=True)
            save(saved)
    for (norm_first, warm_up, xavier), lr, seed in deep_runs():
        key = {
            "norm_first": norm_first,
            "warm_up": warm_up,
            "xavier": xavier,
            "lr": lr,
            "seed": seed,
        }
        if todo("depth", key):
            started = time.process_time()
            curve = depth(book, **key)
            seconds = round(time.process_time() - started, 1)
            saved["depth"].append(key | {"seconds": seconds, "loss": curve})
            print(key, curve[-1], seconds, flush=True)
            save(saved)


if __name__ == "__main__":
    main()
