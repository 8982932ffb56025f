"""A small GPT adapted to names, and turned by a reward: the runs behind the JSON beside it.

    python chapters/results/adaptation.py

The code is that of the page 13c-adaptation: its cells with the tag `recorded` run here. Every run
is written to the file at once, and what is there is not run again.
"""

from __future__ import annotations

import copy
import json
import platform
import time
from datetime import date
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from course_utils import data, models
from course_utils.book.recording import run_recorded_cells, save_runs
from course_utils.models.sampling import draw
from course_utils.runtime import Setup

PATH = Path(__file__).with_suffix(".json")
PAGE = Path(__file__).parents[1] / "13c-adaptation.md"
ARMS = {  # what is trained, and the learning rates tried
    "all": (5e-4, 1e-3, 3e-3),
    "rank 1": (3e-3, 1e-2),
    "rank 4": (3e-3, 1e-2),
    "rank 16": (3e-3, 1e-2),
    "last layer": (1e-2, 3e-2),
}
LEASHES = (0.0, 0.05, 0.2, 1.0)
SEEDS = (0, 1)


def from_the_page() -> dict[str, Any]:
    """The names that the page's recorded cells define."""
    names = {"F": F, "copy": copy, "data": data, "draw": draw, "nn": nn, "torch": torch}
    names |= {"setup": Setup(0, torch.device("cpu"))} | vars(models)
    return run_recorded_cells(PAGE, names)


def arm(book: dict[str, Any], name: str) -> nn.Module:
    """A copy of the pretrained model with something to train."""
    if name == "all":
        return copy.deepcopy(book["model"])
    if name == "last layer":
        return book["last_layer_only"](book["model"])
    return book["with_lora"](book["model"], int(name.split()[1]))


def adapted(book: dict[str, Any], name: str, seed: int, rate: float) -> dict[str, Any]:
    """The losses of one way of adapting, on new names and on the old text."""
    torch.manual_seed(seed)
    started = time.process_time()
    model = book["adapt"](arm(book, name), book["name_text"], seed, rate=rate)
    return {
        "trained": models.count_parameters(model),
        "names": round(book["text_loss"](model, book["new_names"], 50), 4),
        "messages": round(book["text_loss"](model, book["old_text"]), 4),
        "seconds": round(time.process_time() - started, 1),
    }


def rewarded(book: dict[str, Any], leash: float, seed: int) -> dict[str, Any]:
    """How reward, distance and sense develop under one strength of the leash."""
    started = time.process_time()
    watched: list[tuple[float, ...]] = []
    book["reinforce"](leash, seed, lambda model: watched.append(book["report"](model, seed)))
    return {
        "share_of_e": [round(each[0], 4) for each in watched],
        "kl": [round(each[1], 3) for each in watched],
        "words": [round(each[2], 4) for each in watched],
        "seconds": round(time.process_time() - started, 1),
    }


def main() -> None:
    torch.set_num_threads(1)
    book = from_the_page()
    saved = json.loads(PATH.read_text(encoding="utf-8")) if PATH.exists() else {"runs": []}
    saved |= {
        "what": "a pretrained character GPT adapted to names, and turned away from the letter e",
        "command": f"python chapters/results/{Path(__file__).name}",
        "device": f"{platform.machine()} CPU, one thread, torch {torch.__version__}",
        "date": date.today().isoformat(),
    }
    jobs = []
    for seed in SEEDS:
        jobs += [{"part": "reward", "leash": leash, "seed": seed} for leash in LEASHES]
        for arm_name, rates in ARMS.items():
            key = {"part": "adapt", "arm": arm_name}
            jobs += [key | {"rate": rate, "seed": seed} for rate in rates]
    for key in jobs:
        if any(key.items() <= known.items() for known in saved["runs"]):
            continue
        if key["part"] == "adapt":
            result = adapted(book, key["arm"], key["seed"], key["rate"])
        else:
            result = rewarded(book, key["leash"], key["seed"])
        saved["runs"].append(key | result)
        print(*key.values(), result, flush=True)
        save_runs(PATH, saved)


if __name__ == "__main__":
    main()
