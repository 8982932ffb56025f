"""Pictures and captions in one space: what relations, hard negatives and the temperature do.

    python chapters/results/multimodal.py

The code is that of the page 13d-multimodal: its cells with the tag `recorded` run here. Every run
is written to the file at once, and what is there is not run again.
"""

from __future__ import annotations

import json
import platform
import time
from datetime import date
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional as F

from course_utils import data, layers, losses, optim
from course_utils.book.recording import run_recorded_cells, save_runs
from course_utils.runtime import Setup

PATH = Path(__file__).with_suffix(".json")
PAGE = Path(__file__).parents[1] / "13d-multimodal.md"
SEEDS = (0, 1, 2)
# Captions read as a bag or in order, the share of reversed pairs, reversed captions as negatives.
WORLDS = {
    "bag, habit": (False, 0.0, False),
    "bag, half reversed": (False, 0.5, False),
    "habit": (True, 0.0, False),
    "habit, hard negatives": (True, 0.0, True),
    "2 % reversed": (True, 0.02, False),
    "half reversed": (True, 0.5, False),
}
TEMPERATURES = (0.02, 0.05, 0.1, 0.3, 1.0)


def from_the_page() -> dict[str, Any]:
    """The names that the page's recorded cells define."""
    names = {"F": F, "setup": Setup(0, torch.device("cpu")), "torch": torch}
    names |= vars(optim) | vars(losses) | vars(layers)
    return run_recorded_cells(PAGE, names)


def run(
    book: dict[str, Any], world: tuple[bool, float, bool], temperature: float, seed: int
) -> dict[str, float]:
    """Train two encoders, and ask them for order, for names, and where things lie."""
    digits = data.load("digits")
    x, x_new = digits.x_train.view(-1, 8, 8), digits.x_test.view(-1, 8, 8)
    habit, reverse = book["HABIT"], book["REVERSED"]
    scenes = [s for s in book["ALONE"] + habit + reverse if s not in book["HELD_BACK"]]
    pictures = book["album"](scenes, x, digits.y_train, 12, seed)
    alone = book["album"](book["ALONE"], x_new, digits.y_test, 20, 100)
    usual, other = (book["album"](s, x_new, digits.y_test, 8, 101) for s in (habit, reverse))
    see, read, _ = book["train"](scenes, pictures, *world, temperature, seed)
    everything = book["ALONE"] + habit + reverse
    near = {
        "usual": book["which_way_round"](see, read, usual, habit),
        "reversed": book["which_way_round"](see, read, other, reverse),
        "alone": book["named"](see, read, alone, book["ALONE"], book["ALONE"]),
        "all": book["named"](see, read, torch.cat([usual, other]), habit + reverse, everything),
        "gap": book["gap"](see, read, torch.cat([usual, other]), habit + reverse),
    }
    return {name: round(value, 4) for name, value in near.items()}


def main() -> None:
    torch.set_num_threads(1)
    book = from_the_page()
    saved = json.loads(PATH.read_text(encoding="utf-8")) if PATH.exists() else {"runs": []}
    saved |= {
        "what": "relations, hard negatives and temperature in contrastive pretraining",
        "command": f"python chapters/results/{Path(__file__).name}",
        "device": f"{platform.machine()} CPU, one thread, torch {torch.__version__}",
        "date": date.today().isoformat(),
        "temperatures": TEMPERATURES,
    }
    for seed in SEEDS:
        jobs = [(name, 0.1) for name in WORLDS]
        jobs += [("half reversed", t) for t in TEMPERATURES if t != 0.1]
        for name, temperature in jobs:
            key = {"world": name, "temperature": temperature, "seed": seed}
            if any(key.items() <= known.items() for known in saved["runs"]):
                continue
            started = time.process_time()
            result = run(book, WORLDS[name], temperature, seed)
            seconds = round(time.process_time() - started, 1)
            saved["runs"].append(key | result | {"seconds": seconds})
            print(*key.values(), result, seconds, flush=True)
            save_runs(PATH, saved)


if __name__ == "__main__":
    main()
