"""Files of weights that are handed in with A1, good and bad."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor
from variants import File

FILE = "a1-weights.pt"
BANDS = {"test-train-85", "test-train-90", "test-train-92"}

Weights = dict[str, Tensor]


def save(change: Callable[[Weights], object]) -> Callable[[Path, Weights], None]:
    """Write what `change` makes of good weights."""
    return lambda path, weights: torch.save(change(dict(weights)), path)


def noisy(size: float) -> Callable[[Path, Weights], None]:
    """Good weights with noise added, which makes them worse by degrees."""

    def change(weights: Weights) -> Weights:
        generator = torch.Generator().manual_seed(0)
        noise = torch.randn(weights["W1"].shape, generator=generator)
        return weights | {"W1": weights["W1"] + size * noise}

    return save(change)


# name: (what writes the file, the tests that fail, a part of their messages)
WRITTEN: dict[str, tuple[Callable[[Path, Weights], object], set[str], str]] = {
    "good": (save(lambda w: w), set(), ""),
    "double precision": (save(lambda w: {k: t.double() for k, t in w.items()}), set(), ""),
    "parameters": (
        save(lambda w: {k: torch.nn.Parameter(t) for k, t in w.items()}), set(), "",
    ),
    "noise": (noisy(0.18), {"test-train-92"}, "this band begins at 92 %"),
    "more noise": (noisy(0.35), {"test-train-90", "test-train-92"}, "this band begins at"),
    "untrained": (noisy(2.0), BANDS, "this band begins at"),
    "missing": (lambda path, w: None, BANDS, "There is no file a1-weights.pt beside the notebook"),
    "text": (
        lambda path, w: path.write_text("my weights"), BANDS, "cannot be read as tensors",
    ),
    "empty": (lambda path, w: path.write_bytes(b""), BANDS, "cannot be read as tensors"),
    "broken off": (
        lambda path, w: (torch.save(w, path), path.write_bytes(path.read_bytes()[:2000])),
        BANDS, "cannot be read as tensors",
    ),
    "a module": (
        lambda path, w: torch.save(torch.nn.Linear(784, 10), path), BANDS,
        "cannot be read as tensors",
    ),
    "huge": (
        lambda path, w: path.write_bytes(bytes(17 * 2**20)), BANDS, "at most 16 MiB are read",
    ),
    "huge by its strides": (
        save(lambda w: w | {"W1": torch.zeros(1).expand(2**33, 784)}), BANDS, "must be a plain",
    ),
    "a list": (save(lambda w: list(w.values())), BANDS, "must hold a dictionary with the keys"),
    "b2 missing": (
        save(lambda w: {k: w[k] for k in ("W1", "b1", "W2")}), BANDS, "dictionary with the keys",
    ),
    "W1 transposed": (
        save(lambda w: w | {"W1": w["W1"].T.contiguous()}), BANDS, "H is 784; it must be 1 … 512",
    ),
    "W2 transposed": (
        save(lambda w: w | {"W2": w["W2"].T.contiguous()}), BANDS, "must have the shape (10, H)",
    ),
    "NaN": (
        save(lambda w: w | {"b1": w["b1"] / 0 * 0}), BANDS, "NaN or infinite",
    ),
    "whole numbers": (save(lambda w: w | {"b2": w["b2"].long()}), BANDS, "floating-point"),
    "a number for b2": (save(lambda w: w | {"b2": 0.0}), BANDS, "must be a plain tensor"),
}  # fmt: skip

FILES = {name: File(FILE, *written) for name, written in WRITTEN.items()}
