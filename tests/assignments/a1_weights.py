"""Files of weights that are handed in with A1, good and bad."""

from __future__ import annotations

import torch
from variants import File
from weights_files import noisy, ordinary, save

FILE = "a1-weights.pt"
BANDS = {"test-train-85", "test-train-90", "test-train-92"}
BEGINS = "this band begins at"

FILES = ordinary(FILE, BANDS) | {
    "noise": File(FILE, noisy(2.7, "W1"), {"test-train-92"}, f"{BEGINS} 92 %"),
    "more noise": File(FILE, noisy(5.25, "W1"), {"test-train-90", "test-train-92"}, BEGINS),
    "untrained": File(FILE, noisy(30, "W1"), BANDS, BEGINS),
    "huge by its strides": File(
        FILE, save(lambda w: w | {"W1": torch.zeros(1).expand(2**33, 784)}), BANDS,
        "must be a plain",
    ),
    "W1 transposed": File(
        FILE, save(lambda w: w | {"W1": w["W1"].T.contiguous()}), BANDS,
        "H is 784; it must be 1 … 512",
    ),
    "W2 transposed": File(
        FILE, save(lambda w: w | {"W2": w["W2"].T.contiguous()}), BANDS,
        "must have the shape (10, H)",
    ),
    "a number for b2": File(
        FILE, save(lambda w: w | {"b2": 0.0}), BANDS, "must be a plain tensor"
    ),
}  # fmt: skip
