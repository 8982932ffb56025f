"""Files of weights that are handed in with A4, good and bad."""

from __future__ import annotations

import torch
from variants import File
from weights_files import Write, noisy, ordinary, save

GPT, GRAPH = "a4-gpt.pt", "a4-graph.pt"
GPT_BANDS = {"test-train-gpt-225", "test-train-gpt-190", "test-train-gpt-175"}
GRAPH_BANDS = {"test-train-graph-75", "test-train-graph-86", "test-train-graph-90"}
QUERIES = "blocks.0.attn.qkv.weight"


def gpt(write: Write, fails: set[str], says: str) -> File:
    return File(GPT, write, fails, says)


def graph(write: Write, fails: set[str], says: str) -> File:
    return File(GRAPH, write, fails, says)


FILES = ordinary(GPT, GPT_BANDS) | ordinary(GRAPH, GRAPH_BANDS) | {
    "GPT with noise": gpt(noisy(0.135), {"test-train-gpt-175"}, "this band is below 1.75"),
    "GPT with more noise": gpt(
        noisy(0.17), {"test-train-gpt-175", "test-train-gpt-190"}, "this band is below"
    ),
    "GPT untrained": gpt(noisy(3.0), GPT_BANDS, "this band is below"),
    "GPT of another width": gpt(
        save(lambda w: w | {QUERIES: torch.zeros(192, 64)}), GPT_BANDS,
        "must have the shape (144, 48), got (192, 64)",
    ),
    "graph network with noise": graph(noisy(1.9), {"test-train-graph-90"}, "begins at 90 %"),
    "graph network that ignores the graph": graph(
        save(lambda w: w | {"W1_neigh": 0 * w["W1_neigh"], "W2_neigh": 0 * w["W2_neigh"]}),
        {"test-train-graph-86", "test-train-graph-90"}, "this band begins at",
    ),
    "graph network untrained": graph(noisy(9.0), GRAPH_BANDS, "this band begins at"),
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
}  # fmt: skip
