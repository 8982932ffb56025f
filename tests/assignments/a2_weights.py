"""Files of weights that are handed in with A2, good and bad."""

from __future__ import annotations

import torch
from variants import File
from weights_files import noisy, ordinary, save

FILE = "a2-weights.pt"
BANDS = {"test-train-92", "test-train-95", "test-train-96"}
BEGINS = "this band begins at"

FILES = ordinary(FILE, BANDS) | {
    "noise": File(FILE, noisy(0.68, "W2"), {"test-train-96"}, f"{BEGINS} 96 %"),
    "more noise": File(FILE, noisy(1.14, "W2"), {"test-train-95", "test-train-96"}, BEGINS),
    "untrained": File(FILE, noisy(18, "W2"), BANDS, BEGINS),
    "kernels turned around": File(
        FILE, save(lambda w: w | {"W2": w["W2"].flip(2, 3)}), BANDS, BEGINS
    ),
    "torch's names": File(
        FILE,
        save(lambda w: dict(zip(["0.weight", "0.bias", "3.weight"], w.values(), strict=False))),
        BANDS, "must hold a dictionary with the keys",
    ),
    "too wide": File(
        FILE, save(lambda w: w | {"W1": torch.zeros(64, 1, 3, 3), "b1": torch.zeros(64)}), BANDS,
        "C1 is 64; it must be 1 … 32",
    ),
    "W2 transposed": File(
        FILE, save(lambda w: w | {"W2": w["W2"].transpose(0, 1).contiguous()}), BANDS,
        "C1 is 48; it must be 1 … 32",
    ),
    "a linear layer at the end": File(
        FILE, save(lambda w: w | {"W3": w["W3"].flatten(1)}), BANDS, "it must be 1 … 64"
    ),
}  # fmt: skip
