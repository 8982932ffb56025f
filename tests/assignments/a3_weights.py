"""Files of weights that are handed in with A3, good and bad."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor
from variants import File

FILE = "a3-weights.pt"
BANDS = {"test-train-pairs", "test-train-triples", "test-train-fours"}

Weights = dict[str, Tensor]


def save(change: Callable[[Weights], object]) -> Callable[[Path, Weights], None]:
    """Write what `change` makes of good weights."""
    return lambda path, weights: torch.save(change(dict(weights)), path)


def noisy(size: float) -> Callable[[Path, Weights], None]:
    """Good weights with noise added, which makes them worse by degrees."""

    def change(weights: Weights) -> Weights:
        generator = torch.Generator().manual_seed(0)
        noise = torch.randn(weights["W_hh"].shape, generator=generator)
        return weights | {"W_hh": weights["W_hh"] + size * noise}

    return save(change)


# name: (what writes the file, the tests that fail, a part of their messages)
WRITTEN: dict[str, tuple[Callable[[Path, Weights], object], set[str], str]] = {
    "good": (save(lambda w: w), set(), ""),
    "double precision": (save(lambda w: {k: t.double() for k, t in w.items()}), set(), ""),
    "parameters": (
        save(lambda w: {k: torch.nn.Parameter(t) for k, t in w.items()}), set(), "",
    ),
    "another order": (save(lambda w: dict(reversed(w.items()))), set(), ""),
    "noise": (noisy(0.14), {"test-train-fours"}, "this band begins at 1.95"),
    "more noise": (noisy(0.25), {"test-train-triples", "test-train-fours"}, "this band begins at"),
    "untrained": (noisy(2.0), BANDS, "this band begins at"),
    "gate and candidate exchanged": (
        save(lambda w: w | {k: w[k].flip(0) for k in ("W_ih", "W_hh", "b")}), BANDS, "nats",
    ),
    "letters only, no end": (
        save(lambda w: w | {"b_out": w["b_out"] - 100 * torch.eye(27)[0]}), BANDS, "nats",
    ),
    "missing": (lambda path, w: None, BANDS, "There is no file a3-weights.pt beside the notebook"),
    "text": (
        lambda path, w: path.write_text("my weights"), BANDS, "cannot be read as tensors",
    ),
    "empty": (lambda path, w: path.write_bytes(b""), BANDS, "cannot be read as tensors"),
    "broken off": (
        lambda path, w: (torch.save(w, path), path.write_bytes(path.read_bytes()[:2000])),
        BANDS, "cannot be read as tensors",
    ),
    "a module": (
        lambda path, w: torch.save(torch.nn.GRU(27, 96), path), BANDS, "cannot be read as tensors",
    ),
    "torch's names": (
        lambda path, w: torch.save(torch.nn.RNN(27, 96).state_dict(), path), BANDS,
        "dictionary with the keys",
    ),
    "huge": (
        lambda path, w: path.write_bytes(bytes(17 * 2**20)), BANDS, "at most 16 MiB are read",
    ),
    "b_out missing": (
        save(lambda w: {k: w[k] for k in ("W_ih", "W_hh", "b", "W_out")}), BANDS,
        "dictionary with the keys",
    ),
    "too wide": (
        save(lambda w: w | {"W_ih": torch.zeros(2, 129, 27)}), BANDS,
        "H is 129; it must be 1 … 128",
    ),
    "W_ih of the gate alone": (
        save(lambda w: w | {"W_ih": w["W_ih"][0]}), BANDS, "must have the shape (2, H, 27)",
    ),
    "W_out transposed": (
        save(lambda w: w | {"W_out": w["W_out"].T.contiguous()}), BANDS,
        "must have the shape (27, H)",
    ),
    "NaN": (save(lambda w: w | {"b": w["b"] / 0 * 0}), BANDS, "NaN or infinite"),
    "whole numbers": (save(lambda w: w | {"b": w["b"].long()}), BANDS, "floating-point"),
}  # fmt: skip

FILES = {name: File(FILE, *written) for name, written in WRITTEN.items()}
