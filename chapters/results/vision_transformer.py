"""A vision transformer and a convolutional net of equal size, on few and on many pictures.

    COURSE_DATA=… python chapters/results/vision_transformer.py

Both learn with the same optimizer, steps and batches. On Fashion-MNIST only the number of
different pictures changes; on digits it is their order in space that is taken away. Networks and
training are those of the page 11d-vision-transformers: its cells with the tag `recorded` run here.
Every run is written to the file at once, and what is there is not run again.
"""

from __future__ import annotations

import json
import math
import platform
import time
from datetime import date
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_utils import data
from course_utils.book.recording import run_recorded_cells, save_runs
from course_utils.models import ViT
from course_utils.runtime import Setup
from course_utils.train import accuracy, evaluate, fit

PATH = Path(__file__).with_suffix(".json")
PAGE = "11d-vision-transformers"
SIZES = (250, 4_000, 40_000)
SIZE = 4_000  # digits
POSITIONS = (("mnist-5k", SIZE), ("fashion-mnist", SIZES[-1]))  # whose vectors are kept
STEPS = 400
SEEDS = (0, 1, 2)
RATES = {"vit": 1e-2, "cnn": 1e-2}  # the better ones of those that `rates` tries
TRIED = (3e-3, 1e-2)


def from_the_page() -> dict[str, Any]:
    """The names that the page's recorded cells define."""
    names = {"F": F, "ViT": ViT, "fit": fit, "math": math, "nn": nn, "torch": torch}
    names["setup"] = Setup(0, torch.device("cpu"))
    return run_recorded_cells(Path(__file__).parents[1] / f"{PAGE}.md", names)


def pictures(name: str, train: bool) -> tuple[Tensor, Tensor]:
    found = data.load(name)
    x, y = (found.x_train, found.y_train) if train else (found.x_test, found.y_test)
    return x.reshape(-1, 1, 28, 28), y


def run(
    book: dict[str, Any],
    name: str,
    net: str,
    variant: str,
    size: int,
    seed: int,
    *,
    steps: int = STEPS,
    lr: float | None = None,
) -> dict[str, Any]:
    """Train one network; its accuracy on new pictures and on its own."""
    (x, y), (x_new, y_new) = pictures(name, train=True), pictures(name, train=False)
    x, y = x[:size], y[:size]
    if variant == "scrambled":
        x, x_new = book["scramble"](x), book["scramble"](x_new)
    model = book[net](seed)
    if variant == "no positions":
        model.position_embedding.requires_grad_(False).zero_()
    started = time.process_time()
    book["train"](model, x, y, lr or RATES[net], seed, steps)
    found = {
        "accuracy": round(evaluate(model, (x_new, y_new), accuracy), 4),
        "seen": round(evaluate(model, (x[:10_000], y[:10_000]), accuracy), 4),
        "seconds": round(time.process_time() - started, 1),
    }
    if (net, variant, seed) == ("vit", "plain", 0) and (name, size) in POSITIONS:
        positions = F.normalize(model.position_embedding.detach()[0, 1:], dim=-1)  # (16, D)
        similarity = positions @ positions.T
        found["positions"] = [[round(v, 2) for v in line] for line in similarity.tolist()]
    return found


def jobs() -> list[tuple[str, str, str, int, int]]:
    """(set, network, variant, number of pictures, seed) of every run."""
    variants = [(variant, net) for variant in ("plain", "scrambled") for net in RATES]
    variants += [("no positions", "vit")]
    clothes, digits = [], []
    for seed in SEEDS:
        clothes += [("fashion-mnist", net, "plain", size, seed) for size in SIZES for net in RATES]
        digits += [("mnist-5k", net, variant, SIZE, seed) for variant, net in variants]
    return digits + clothes


def forty_steps(book: dict[str, Any]) -> float:
    """Accuracy after so few steps that a test can take them again."""
    return run(book, "mnist-5k", "vit", "plain", SIZE, 0, steps=40)["accuracy"]


def rates(book: dict[str, Any]) -> None:
    """Which rate suits which network, on a seed that is not used again."""
    for net in RATES:
        for lr in TRIED:
            found = run(book, "fashion-mnist", net, "plain", SIZE, 100, lr=lr)
            print(net, lr, found, flush=True)


def main() -> None:
    torch.set_num_threads(1)
    book = from_the_page()
    saved = json.loads(PATH.read_text(encoding="utf-8")) if PATH.exists() else {"runs": []}
    saved |= {
        "what": "accuracy on new pictures",
        "command": f"COURSE_DATA=… python chapters/results/{Path(__file__).name}",
        "device": f"{platform.machine()} CPU, one thread, torch {torch.__version__}",
        "date": date.today().isoformat(),
        "sizes": SIZES,
        "size": SIZE,
        "steps": STEPS,
        "batch": book["BATCH"],
        "rates": RATES,
        "forty_steps": forty_steps(book),
    }
    for name, net, variant, size, seed in jobs():
        key = {"set": name, "net": net, "variant": variant, "size": size, "seed": seed}
        if any(key.items() <= known.items() for known in saved["runs"]):
            continue
        result = run(book, *key.values())
        saved["runs"].append(key | result)
        print(*key.values(), result["accuracy"], f"{result['seconds']} s", flush=True)
        save_runs(PATH, saved)


if __name__ == "__main__":
    main()
