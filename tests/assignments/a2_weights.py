"""Files of weights that are handed in with A2, good and bad."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor
from variants import File

FILE = "a2-weights.pt"
BANDS = {"test-train-92", "test-train-95", "test-train-96"}

Weights = dict[str, Tensor]


def save(change: Callable[[Weights], object]) -> Callable[[Path, Weights], None]:
    """Write what `change` makes of good weights."""
    return lambda path, weights: torch.save(change(dict(weights)), path)


def noisy(size: float) -> Callable[[Path, Weights], None]:
    """Good weights with noise added, which makes them worse by degrees."""

    def change(weights: Weights) -> Weights:
        generator = torch.Generator().manual_seed(0)
        noise = torch.randn(weights["W2"].shape, generator=generator)
        return weights | {"W2": weights["W2"] + size * noise}

    return save(change)


FILES: dict[str, File] = {
    "good": File(FILE, save(lambda w: w), set()),
    "double precision": File(
        FILE, save(lambda w: {k: t.double() for k, t in w.items()}), set()
    ),
    "parameters": File(
        FILE, save(lambda w: {k: torch.nn.Parameter(t) for k, t in w.items()}), set()
    ),
    "in another order": File(FILE, save(lambda w: dict(reversed(w.items()))), set()),
    "noise": File(FILE, noisy(0.075), {"test-train-96"}, "this band begins at 96 %"),
    "more noise": File(
        FILE, noisy(0.125), {"test-train-95", "test-train-96"}, "this band begins at"
    ),
    "untrained": File(FILE, noisy(2.0), BANDS, "this band begins at"),
    "kernels turned around": File(
        FILE, save(lambda w: w | {"W2": w["W2"].flip(2, 3)}), BANDS, "this band begins at"
    ),
    "missing": File(
        FILE, lambda path, w: None, BANDS, "There is no file a2-weights.pt beside the notebook"
    ),
    "text": File(
        FILE, lambda path, w: path.write_text("my weights"), BANDS, "cannot be read as tensors"
    ),
    "empty": File(FILE, lambda path, w: path.write_bytes(b""), BANDS, "cannot be read as tensors"),
    "broken off": File(
        FILE,
        lambda path, w: (torch.save(w, path), path.write_bytes(path.read_bytes()[:2000])),
        BANDS, "cannot be read as tensors",
    ),
    "a module": File(
        FILE, lambda path, w: torch.save(torch.nn.Conv2d(1, 16, 3), path), BANDS,
        "cannot be read as tensors",
    ),
    "huge": File(
        FILE, lambda path, w: path.write_bytes(bytes(17 * 2**20)), BANDS, "at most 16 MiB are read"
    ),
    "torch's names": File(
        FILE,
        save(lambda w: dict(zip(["0.weight", "0.bias", "3.weight"], w.values(), strict=False))),
        BANDS, "must hold a dictionary with the keys",
    ),
    "b3 missing": File(
        FILE, save(lambda w: {k: t for k, t in w.items() if k != "b3"}), BANDS,
        "dictionary with the keys",
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
    "NaN": File(FILE, save(lambda w: w | {"b1": w["b1"] / 0 * 0}), BANDS, "NaN or infinite"),
    "whole numbers": File(
        FILE, save(lambda w: w | {"b2": w["b2"].long()}), BANDS, "floating-point"
    ),
}  # fmt: skip
