"""How much features are worth with few labels, by pretext task: the runs behind the JSON beside it.

    COURSE_DATA=… python chapters/results/self_supervision.py

A network is trained without labels, then a linear probe with few. The code is that of the pages
09-self-supervision and 09b-self-labeling: their cells with the tag `recorded` run here. Every run
is written to the file at once, and what is there is not run again.
"""

from __future__ import annotations

import json
import math
import platform
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from course_utils import data, layers, losses, optim
from course_utils.book.recording import run_recorded_cells, save_runs
from course_utils.runtime import Setup
from course_utils.sinkhorn import sinkhorn

PATH = Path(__file__).with_suffix(".json")
PAGES = ("09-self-supervision", "09b-self-labeling")
TRAIN, TEST = 4000, 2000  # at most so many images, the first of each part
SETS = ("mnist-5k", "fashion-mnist")
SEEDS = (0, 1, 2)
PER_CLASS = (1, 2, 5, 10, 20, 50, 100)  # labels that the probe sees
DRAWS = 10  # choices of these labels
CLUSTERS = 20
CODE = 16  # numbers between the two halves of the autoencoder
AUGMENTS = ("as_it_is", "move", "warp")


def first_only() -> Callable[[Tensor], Tensor]:
    """Balanced labels, those of the first time for good."""
    kept: list[Tensor] = []

    def assign(log_p: Tensor) -> Tensor:
        kept.append(kept[0] if kept else sinkhorn(log_p))
        return kept[0]

    return assign


# What turns log-probabilities (N, K) into a table of labels, by task.
ASSIGNMENTS: dict[str, Callable[[], Callable[[Tensor], Tensor]]] = {
    "self-labels": lambda: sinkhorn,
    "self-labels, unbalanced": lambda: lambda log_p: log_p,
    "self-labels, fixed": first_only,
}


def from_the_pages() -> dict[str, Any]:
    """The names that the pages' recorded cells define."""
    names = {"F": F, "math": math, "setup": Setup(0, torch.device("cpu")), "torch": torch}
    names |= {"sinkhorn": sinkhorn} | vars(optim) | vars(losses) | vars(layers)
    for page in PAGES:
        run_recorded_cells(Path(__file__).parents[1] / f"{page}.md", names)
    return names


def images(name: str) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    found = data.load(name)
    return (
        found.x_train[:TRAIN].reshape(-1, 1, 28, 28),
        found.y_train[:TRAIN],
        found.x_test[:TEST].reshape(-1, 1, 28, 28),
        found.y_test[:TEST],
    )


def run(book: dict[str, Any], name: str, task: str, augment: str, seed: int) -> dict[str, Any]:
    """Features of one task and augmentation, and what the probe makes of them."""
    x, y, x_new, y_new = images(name)
    started = time.process_time()
    net = book["encoder"](seed)
    draws = torch.Generator().manual_seed(seed)
    change: Callable[..., Tensor] = book[augment]
    cross_entropy = losses.CrossEntropyLoss()
    more: dict[str, Any] = {}

    def whole(*head: layers.Layer) -> layers.Sequential:
        return layers.Sequential(net, *head)

    if task == "rotation" or task == "rotation, centered":
        centered = F.pad(x, (0, 1, 0, 1)) if task == "rotation, centered" else x
        turns = whole(book["dense"](512, 4, seed + 1))
        book["pretrain"](turns, cross_entropy, book["rotations"](centered, change, draws))
        tested = F.pad(x_new, (0, 1, 0, 1)) if task == "rotation, centered" else x_new
        right = [book["outputs"](turns, tested.rot90(k, (2, 3))).argmax(1) == k for k in range(4)]
        more["pretext"] = torch.stack(right).double().mean().item()
    elif task == "contrast":
        pairs = whole(*book["projection"](seed))
        book["pretrain"](pairs, cross_entropy, book["twins"](x, change, draws))
    elif task in ASSIGNMENTS:
        clusters = whole(book["dense"](512, CLUSTERS, seed + 1))
        seen: list[tuple[float, float]] = []
        labels = book["self_labels"](
            clusters,
            x,
            ASSIGNMENTS[task](),
            change,
            draws,
            lambda labels: seen.append(book["agreement"](labels, y)),
        )
        book["pretrain"](clusters, cross_entropy, labels)
        more["nmi"] = [round(nmi, 4) for nmi, _ in seen]
        more["purity"] = [round(purity, 4) for _, purity in seen]
    elif task == "autoencoder":
        both = whole(*book["decoder"](CODE, seed))
        book["pretrain"](both, losses.MSELoss(), book["pictures"](x, change, draws))
    elif task == "supervised":
        classes = whole(book["dense"](512, 10, seed + 1))
        book["pretrain"](classes, cross_entropy, book["labeled"](x, y, change, draws))
    elif task not in ("random", "pixels"):
        raise ValueError(f"there is no task {task!r}")

    seconds = time.process_time() - started
    features, new = (
        (x.flatten(1), x_new.flatten(1))
        if task == "pixels"
        else (book["outputs"](net, x), book["outputs"](net, x_new))
    )
    accuracy = [
        [
            round(book["probe"](features, y, new, y_new, n, 10 * seed + draw), 4)
            for draw in range(DRAWS)
        ]
        for n in PER_CLASS
    ]
    return more | {"seconds": round(seconds, 1), "accuracy": accuracy}


def jobs() -> list[tuple[str, str, str, int]]:
    """(set, task, augmentation, seed) of every run."""
    plain = [("pixels", "as_it_is"), ("random", "as_it_is"), ("autoencoder", "as_it_is")]
    tasks = ("rotation", "contrast", "self-labels", "supervised")
    trained = [(task, augment) for task in tasks for augment in AUGMENTS]
    found = []
    for seed in SEEDS:
        for name in SETS:
            found += [(name, task, augment, seed) for task, augment in plain + trained]
            if name == "mnist-5k":
                found.append((name, "rotation, centered", "as_it_is", seed))
                found.append((name, "self-labels, unbalanced", "warp", seed))
                found.append((name, "self-labels, fixed", "warp", seed))
    return found


def main() -> None:
    torch.set_num_threads(1)
    book = from_the_pages()
    saved = json.loads(PATH.read_text(encoding="utf-8")) if PATH.exists() else {"runs": []}
    saved |= {
        "what": "accuracy of a linear probe on features learned without labels",
        "command": f"COURSE_DATA=… python chapters/results/{Path(__file__).name}",
        "device": f"{platform.machine()} CPU, one thread, torch {torch.__version__}",
        "date": date.today().isoformat(),
        "images": {name: [len(images(name)[1]), len(images(name)[3])] for name in SETS},
        "views": book["VIEWS"],
        "per_class": PER_CLASS,
        "draws": DRAWS,
        "clusters": CLUSTERS,
    }
    for name, task, augment, seed in jobs():
        key = {"set": name, "task": task, "augment": augment, "seed": seed}
        if any(key.items() <= known.items() for known in saved["runs"]):
            continue
        result = run(book, name, task, augment, seed)
        saved["runs"].append(key | result)
        five = result["accuracy"][PER_CLASS.index(5)]
        print(*key.values(), f"{sum(five) / DRAWS:.3f}, {result['seconds']} s", flush=True)
        save_runs(PATH, saved)


if __name__ == "__main__":
    main()
