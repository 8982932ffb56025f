"""Files of weights that are handed in with A4, good and bad."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor
from variants import File

GPT_BANDS = {"test-train-gpt-225", "test-train-gpt-190", "test-train-gpt-175"}
GRAPH_BANDS = {"test-train-graph-75", "test-train-graph-86", "test-train-graph-90"}

Weights = dict[str, Tensor]


def save(change: Callable[[Weights], object]) -> Callable[[Path, Weights], None]:
    """Write what `change` makes of good weights."""
    return lambda path, weights: torch.save(change(dict(weights)), path)


def noisy(size: float) -> Callable[[Path, Weights], None]:
    """Good weights with noise added to every matrix, which makes them worse by degrees."""

    def change(weights: Weights) -> Weights:
        generator = torch.Generator().manual_seed(0)
        return {
            name: w + size * w.std() * torch.randn(w.shape, generator=generator)
            if w.dim() > 1
            else w
            for name, w in weights.items()
        }

    return save(change)


def broken_off(path: Path, weights: Weights) -> None:
    torch.save(weights, path)
    path.write_bytes(path.read_bytes()[:5000])


def gpt(write: Callable[[Path, Weights], object], fails: set[str], says: str = "") -> File:
    return File("a4-gpt.pt", write, fails, says)


def graph(write: Callable[[Path, Weights], object], fails: set[str], says: str = "") -> File:
    return File("a4-graph.pt", write, fails, says)


TOP = "this band is below 1.75"
QUERIES = "blocks.0.attn.qkv.weight"

FILES: dict[str, File] = {
    "good": gpt(save(lambda w: w), set()),
    "GPT in double precision": gpt(save(lambda w: {k: t.double() for k, t in w.items()}), set()),
    "GPT with noise": gpt(noisy(0.135), {"test-train-gpt-175"}, TOP),
    "GPT with more noise": gpt(
        noisy(0.17), {"test-train-gpt-175", "test-train-gpt-190"}, "this band is below"
    ),
    "GPT untrained": gpt(noisy(3.0), GPT_BANDS, "this band is below"),
    "no GPT": gpt(lambda path, w: None, GPT_BANDS, "There is no file a4-gpt.pt beside"),
    "GPT broken off": gpt(broken_off, GPT_BANDS, "a4-gpt.pt cannot be read as tensors"),
    "GPT as text": gpt(
        lambda path, w: path.write_text("my weights"), GPT_BANDS, "cannot be read as tensors"
    ),
    "a whole model": gpt(
        lambda path, w: torch.save(torch.nn.Linear(4, 4), path), GPT_BANDS, "cannot be read"
    ),
    "GPT of another width": gpt(
        save(lambda w: w | {QUERIES: torch.zeros(192, 64)}), GPT_BANDS,
        "must have the shape (144, 48), got (192, 64)",
    ),
    "GPT without its last norm": gpt(
        save(lambda w: {k: t for k, t in w.items() if k != "ln_f.bias"}), GPT_BANDS,
        "must hold a dictionary with the keys",
    ),
    "GPT of NaN": gpt(
        save(lambda w: w | {"ln_f.weight": w["ln_f.weight"] / 0 * 0}), GPT_BANDS, "NaN or infinite"
    ),
    "graph network with parameters": graph(
        save(lambda w: {k: torch.nn.Parameter(t) for k, t in w.items()}), set()
    ),
    "graph network with noise": graph(noisy(1.9), {"test-train-graph-90"}, "begins at 90 %"),
    "graph network that ignores the graph": graph(
        save(lambda w: w | {"W1_neigh": 0 * w["W1_neigh"], "W2_neigh": 0 * w["W2_neigh"]}),
        {"test-train-graph-86", "test-train-graph-90"}, "this band begins at",
    ),
    "graph network untrained": graph(noisy(9.0), GRAPH_BANDS, "this band begins at"),
    "no graph network": graph(lambda path, w: None, GRAPH_BANDS, "There is no file a4-graph.pt"),
    "graph network empty": graph(
        lambda path, w: path.write_bytes(b""), GRAPH_BANDS, "cannot be read as tensors"
    ),
    "graph network transposed": graph(
        save(lambda w: w | {"W2_self": w["W2_self"].T.contiguous()}), GRAPH_BANDS,
        "must have the shape (10, H)",
    ),
    "graph network too wide": graph(
        save(lambda w: {
            k: torch.zeros(300, 64) if k[1] == "1" else torch.zeros(10, 300) for k in w
        }),
        GRAPH_BANDS, "H is 300; it must be 1 … 256",
    ),
    "graph network of whole numbers": graph(
        save(lambda w: {k: t.long() for k, t in w.items()}), GRAPH_BANDS, "floating-point"
    ),
    "huge": graph(
        lambda path, w: path.write_bytes(bytes(17 * 2**20)), GRAPH_BANDS, "at most 16 MiB are read"
    ),
}  # fmt: skip
