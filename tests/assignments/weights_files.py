"""Files of weights, good and bad, that are tried on every assignment, and what makes others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor
from variants import File

Weights = dict[str, Tensor]
Write = Callable[[Path, Weights], object]


def save(change: Callable[[Weights], object]) -> Write:
    """Write what `change` makes of good weights."""
    return lambda path, weights: torch.save(change(dict(weights)), path)


def noisy(size: float, *names: str) -> Write:
    """Good weights with noise added, which makes them worse by degrees.

    Args:
        size: of the noise, in standard deviations of the weights.
        names: of the tensors to add it to; every matrix where there is none.
    """

    def change(weights: Weights) -> Weights:
        generator = torch.Generator().manual_seed(0)
        chosen = names or [name for name, w in weights.items() if w.dim() > 1]
        noise = {
            name: size * weights[name].std() * torch.randn(weights[name].shape, generator=generator)
            for name in chosen
        }
        return weights | {name: weights[name] + noise[name] for name in chosen}

    return save(change)


def ordinary(file: str, bands: set[str]) -> dict[str, File]:
    """What can happen to any file: three times it is as good as before, else all bands are lost."""
    unreadable = "cannot be read as tensors"
    absent = f"There is no file {file} beside the notebook"
    return {
        f"{file}: {name}": File(file, write, fails, says)
        for name, write, fails, says in [
            ("good", save(lambda w: w), set(), ""),
            ("double precision", save(lambda w: {k: t.double() for k, t in w.items()}), set(), ""),
            (
                "parameters, in another order",
                save(lambda w: {k: torch.nn.Parameter(t) for k, t in reversed(w.items())}),
                set(),
                "",
            ),
            (
                "missing",
                lambda path, w: None,
                bands,
                absent,
            ),
            ("text", lambda path, w: path.write_text("my weights"), bands, unreadable),
            ("empty", lambda path, w: path.write_bytes(b""), bands, unreadable),
            ("broken off", _broken_off, bands, unreadable),
            (
                "a module",
                lambda path, w: torch.save(torch.nn.Linear(4, 2), path),
                bands,
                unreadable,
            ),
            (
                "huge",
                lambda path, w: path.write_bytes(bytes(17 * 2**20)),
                bands,
                "at most 16 MiB are read",
            ),
            ("a list", save(lambda w: list(w.values())), bands, "must hold a dictionary with"),
            (
                "one missing",
                save(lambda w: dict(list(w.items())[:-1])),
                bands,
                "must hold a dictionary with the keys",
            ),
            (
                "NaN",
                save(lambda w: {k: t / 0 * 0 for k, t in w.items()}),
                bands,
                "NaN or infinite",
            ),
            (
                "whole numbers",
                save(lambda w: {k: t.long() for k, t in w.items()}),
                bands,
                "must be a plain tensor of floating-point numbers",
            ),
        ]
    }


def _broken_off(path: Path, weights: Weights) -> None:
    torch.save(weights, path)
    path.write_bytes(path.read_bytes()[:2000])
