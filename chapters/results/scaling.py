"""Loss against parameters, tokens and compute: the runs behind the JSON beside it.

    python chapters/results/scaling.py

Small networks learn to predict the next character of the State of the Union messages. The code
is that of the page 13b-scale: its cells with the tag `recorded` run here. Every run is written to
the file at once, and what is there is not run again.
"""

from __future__ import annotations

import json
import platform
import time
from datetime import date
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from course_utils import data, layers, losses, optim
from course_utils.book.recording import run_recorded_cells, save_runs
from course_utils.runtime import Setup

PATH = Path(__file__).with_suffix(".json")
PAGE = Path(__file__).parents[1] / "13b-scale.md"
ONCE, MORE = 500_000, 2_000_000  # tokens of the runs in which only the width changes
WIDTHS = (8, 16, 24, 32, 48, 64, 128, 256, 512)
LITTLE = (20_000, 80_000)  # characters, where text is scarce
BUDGETS = {  # floating-point operations: the widths that share them, and the seeds
    1e10: ((8, 16, 32, 64, 128, 256), (0, 1, 2)),
    3e10: ((16, 32, 64, 128, 256, 512), (0, 1, 2)),
    1e11: ((32, 64, 96, 128, 256, 512), (0, 1)),
    3e11: ((64, 128, 256, 512, 1024), (0,)),
}
RUNS_OF = (1, 2, 4, 8, 16)  # consecutive tokens that must all be right


def from_the_page() -> dict[str, Any]:
    """The names that the page's recorded cells define."""
    names = {"data": data, "setup": Setup(0, torch.device("cpu")), "torch": torch}
    names |= vars(optim) | vars(losses) | vars(layers)
    return run_recorded_cells(PAGE, names)


def all_right(correct: Tensor, length: int) -> float:
    """Share of all runs of so many tokens that are without a mistake."""
    return correct.unfold(0, length, 1).all(1).double().mean().item()


def run(
    book: dict[str, Any], width: int, tokens: int, characters: int | None, seed: int
) -> dict[str, Any]:
    """One model: its loss on new text and on old, and how often it guesses runs of tokens."""
    started = time.process_time()
    text = book["train_text"][:characters]
    model = book["train"](book["reader"](width, seed), text, tokens, seed)
    loss, correct = book["judge"](model, book["new_text"])
    return {
        "loss": round(loss, 4),
        "train_loss": round(book["judge"](model, text)[0], 4),
        "right": [round(all_right(correct, length), 5) for length in RUNS_OF],
        "seconds": round(time.process_time() - started, 1),
    }


def jobs(book: dict[str, Any]) -> list[dict[str, Any]]:
    """Which runs there are, in the order in which they are made."""
    found = []
    for tokens, seeds in ((ONCE, (0, 1, 2)), (MORE, (0, 1))):
        for seed in seeds:
            for width in WIDTHS:
                found.append({"part": "line", "width": width, "tokens": tokens, "seed": seed})
    for flops, (widths, seeds) in BUDGETS.items():
        for seed in seeds:
            for width in widths:
                tokens = round(flops / 6 / book["weights_at_work"](width))
                key = {"part": "isoflop", "flops": flops, "width": width}
                found.append(key | {"tokens": tokens, "seed": seed})
    for characters in LITTLE:
        for seed in (0, 1):
            for width in (8, 32, 128, 512):
                key = {"part": "little", "width": width, "tokens": ONCE}
                found.append(key | {"characters": characters, "seed": seed})
    return found


def main() -> None:
    torch.set_num_threads(1)
    book = from_the_page()
    saved = json.loads(PATH.read_text(encoding="utf-8")) if PATH.exists() else {"runs": []}
    saved |= {
        "what": "loss of small networks per character, in nats, by width, tokens, text and seed",
        "command": f"python chapters/results/{Path(__file__).name}",
        "device": f"{platform.machine()} CPU, one thread, torch {torch.__version__}",
        "date": date.today().isoformat(),
        "runs_of": RUNS_OF,
    }
    for key in jobs(book):
        if any(key.items() <= known.items() for known in saved["runs"]):
            continue
        result = run(book, key["width"], key["tokens"], key.get("characters"), key["seed"])
        saved["runs"].append(key | result)
        print(*key.values(), f"{result['loss']:.4f}, {result['seconds']} s", flush=True)
        save_runs(PATH, saved)


if __name__ == "__main__":
    main()
