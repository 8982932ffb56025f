"""Two experiments of chapter 07, "Architectures", over several seeds.

A small AlexNet without one of its ingredients or some of its layers, trained on 300 digits; and
plain and residual nets of growing depth, trained on 1,000 digits with several learning rates.

    python chapters/results/architectures.py

Networks and training are the page's own: this script runs its cells that are tagged ``recorded``.
"""

from __future__ import annotations

import json
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import torch

from course_utils.book.recording import run_recorded_cells
from course_utils.runtime import Setup

PAGE = Path(__file__).parents[1] / "07-architectures.md"
FILE = Path(__file__).with_suffix(".json")

# What the small AlexNet is changed by, and whether its images are moved.
VARIANTS: dict[str, tuple[dict[str, Any], bool]] = {
    "complete": ({}, True),
    "tanh for ReLU": ({"bend": "Tanh"}, True),
    "no response norm": ({"response_norm": False}, True),
    "pooling 2 × 2": ({"overlap": False}, True),
    "no dropout": ({"dropout": 0.0}, True),
    "no augmentation": ({}, False),
    "without 7": ({"without": (7,)}, True),
    "without 6, 7": ({"without": (6, 7)}, True),
    "without 3, 4": ({"without": (3, 4)}, True),
    "without 3, 4, 6, 7": ({"without": (3, 4, 6, 7)}, True),
}
VARIANT_SEEDS = range(5)
FEW, VARIANT_EPOCHS, VARIANT_RATE = 300, 80, 2e-3
# Trained three times as long, to see which of them had not come to an end.
LONGER, LONGER_SEEDS, LONGER_EPOCHS = (
    ("complete", "no dropout", "without 3, 4, 6, 7"),
    range(3),
    240,
)

DEPTHS = (8, 20, 44)
RATES = (0.003, 0.01, 0.03)
DEPTH_SEEDS = range(3)
DEPTH_EPOCHS = 8


@cache
def page() -> dict[str, Any]:
    """The names that the page's recorded cells define."""
    names: dict[str, Any] = {"setup": Setup(0, torch.device("cpu"))}
    return run_recorded_cells(PAGE, names)


def variant(name: str, seed: int, epochs: int = VARIANT_EPOCHS) -> dict[str, Any]:
    """Errors of one small AlexNet on its 300 training digits and on 2,000 others."""
    of, (options, move) = page(), VARIANTS[name]
    options = {key: of[v] if key == "bend" else v for key, v in options.items()}
    x, y = of["x_small"][:FEW], of["y_small"][:FEW]
    net = of["small_alexnet"](seed, **options)
    optimizer = of["Adam"](net, lr=VARIANT_RATE)
    losses = of["train"](net, x, y, epochs, optimizer, of["moved"] if move else None, seed)
    return {
        "variant": name,
        "seed": seed,
        "first_loss": round(losses[0], 4),
        "train_error": of["error"](net, x, y),
        "new_error": of["error"](net, of["x_new"], of["y_new"]),
    }


def deep(
    depth: int, shortcuts: bool, rate: float, seed: int, epochs: int = DEPTH_EPOCHS
) -> dict[str, Any]:
    """Mean loss of each epoch, and the errors of one plain or residual net in the end."""
    of = page()
    x, y = of["x_small"], of["y_small"]
    net = of["deep_net"](depth, shortcuts, seed)
    optimizer = of["SGD"](net, lr=rate, momentum=0.9)
    losses = of["train"](net, x, y, epochs, optimizer, seed=seed)
    return {
        "depth": depth,
        "shortcuts": shortcuts,
        "rate": rate,
        "seed": seed,
        "losses": [round(loss, 4) for loss in losses],
        "train_error": of["error"](net, x, y),
        "new_error": of["error"](net, of["x_new"], of["y_new"]),
    }


def main() -> None:
    torch.set_num_threads(1)
    results = {
        "command": "python chapters/results/architectures.py",
        "date": date.today().isoformat(),
        "device": f"CPU, one thread, torch {torch.__version__}",
        "data": "mnist-5k, shrunk to 14 × 14 pixels; errors on new digits: 2,000",
        "variants": [variant(name, seed) for name in VARIANTS for seed in VARIANT_SEEDS],
        "longer": [variant(name, seed, LONGER_EPOCHS) for name in LONGER for seed in LONGER_SEEDS],
        "depths": [
            deep(depth, shortcuts, rate, seed)
            for depth in DEPTHS
            for shortcuts in (False, True)
            for rate in RATES
            for seed in DEPTH_SEEDS
        ],
    }
    FILE.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
