"""Sorting Cora's papers by topic, with and without its citations: the runs behind graphs.json.

    COURSE_DATA=… python chapters/results/graphs.py

The code is that of the pages 12-graph-networks and 12b-attention-on-graphs: their cells with the
tag `recorded` run here. Every part is written to the file at once, and what is there is not run
again.
"""

from __future__ import annotations

import itertools
import json
import platform
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import networkx
import torch
from torch import Tensor

from course_utils import layers, losses, optim
from course_utils.book.recording import run_recorded_cells
from course_utils.data import planetoid
from course_utils.layers import Layer, Linear, Residual, Sequential
from course_utils.models import normalized_adjacency
from course_utils.runtime import Setup

PATH = Path(__file__).with_suffix(".json")
PAGES = ("12-graph-networks", "12b-attention-on-graphs")
SEEDS, FEW_SEEDS = range(10), range(5)
HIDDEN, STEPS, DROPOUT, DECAY = 16, 200, 0.5, 5e-4
SMOOTHINGS = (0, 1, 2, 4, 8, 16, 32, 64, 128, 256)
DEPTHS, DEPTH_SEEDS = (2, 4, 8, 16, 32), range(3)
RETURN = 0.1  # share of the first features in each step


def from_the_pages() -> dict[str, Any]:
    """The names that the pages' recorded cells define."""
    names: dict[str, Any] = {"itertools": itertools, "torch": torch}
    names |= {"setup": Setup(0, torch.device("cpu"))}
    names |= vars(optim) | vars(losses) | vars(layers) | {"Layer": Layer}
    for page in PAGES:
        run_recorded_cells(Path(__file__).parents[1] / f"{page}.md", names)
    return names


class Cora:
    """The papers, their words scaled to sum 1, and what the record asks about them."""

    def __init__(self, book: dict[str, Any]) -> None:
        graph = planetoid.load_cora()  # or an error: the stand-in would not do
        self.book, self.graph = book, graph
        self.x = graph.x / graph.x.sum(1, keepdim=True)
        self.edges, self.y = graph.edge_index, graph.y
        self.none = torch.empty(2, 0, dtype=torch.int64)

    def trained(self, net: Layer, **settings: Any) -> float:
        settings = {"steps": STEPS, "weight_decay": DECAY} | settings
        self.book["fit"](net, self.x, self.y, self.graph.train_mask, **settings)
        return round(self.book["accuracy"](net, self.x, self.y, self.graph.test_mask), 4)

    def gcn(self, seed: int, edges: Tensor | None = None) -> float:
        edges = self.edges if edges is None else edges
        sizes = [self.x.shape[1], HIDDEN, len(self.graph.classes)]
        return self.trained(self.book["gcn"](sizes, edges, seed, dropout=DROPOUT))

    def without_the_graph(self, seed: int) -> float:
        return self.gcn(seed, self.none)

    def label_propagation(self, seed: int) -> float:
        """Nothing is drawn: the seed makes no difference."""
        n = len(self.y)
        matrix = torch.zeros(n, n)
        matrix[self.edges[1], self.edges[0]] = 1
        found = self.book["label_propagation"](matrix, self.y, self.graph.train_mask).argmax(1)
        right = (found == self.y)[self.graph.test_mask]
        return round(right.double().mean().item(), 4)

    def attention(self, seed: int) -> float:
        """Eight heads of eight features, as in the paper."""
        net = self.book["attention_network"](
            self.x.shape[1], 8, len(self.graph.classes), self.edges, seed, heads=8, dropout=0.6
        )
        return self.trained(net)

    def smoothed(self, share: float) -> list[float]:
        """A linear layer on words that were propagated k times, for each k."""
        a = normalized_adjacency(self.edges, len(self.y))
        h, found = self.x, []
        for k in range(SMOOTHINGS[-1] + 1):
            if k in SMOOTHINGS:
                found.append(self.linear(h / h.norm(dim=1, keepdim=True)))
            h = (1 - share) * (a @ h) + share * self.x
        return found

    def linear(self, h: Tensor) -> float:
        """Test accuracy of one linear layer that reads each paper alone."""
        known, asked = self.graph.train_mask, self.graph.test_mask
        draws = torch.Generator().manual_seed(0)
        net = Sequential(Linear(h.shape[1], len(self.graph.classes), generator=draws))
        all_known = torch.ones(int(known.sum()), dtype=torch.bool)
        self.book["fit"](net, h[known], self.y[known], all_known, 100, lr=0.1, weight_decay=DECAY)
        right = net(h[asked]).argmax(1) == self.y[asked]
        return round(right.double().mean().item(), 4)

    def second_eigenvalue(self) -> float:
        """Of the largest component, in which nearly all papers are."""
        graph = networkx.from_edgelist(self.edges.T.tolist())
        nodes = torch.tensor(sorted(max(networkx.connected_components(graph), key=len)))
        a = normalized_adjacency(self.edges, len(self.y)).to_dense()[nodes][:, nodes]
        return round(torch.linalg.eigvalsh(a.double())[-2].item(), 4)

    def deep(self, depth: int, residual: bool, seed: int) -> float:
        """A GCN of so many layers, without dropout; those in the middle may have a way around."""
        sizes = [self.x.shape[1], *[HIDDEN] * (depth - 1), len(self.graph.classes)]
        net = self.book["gcn"](sizes, self.edges, seed)
        if residual:
            first, *middle, last = [net.layers[i : i + 3] for i in range(0, len(net), 3)]
            blocks = [Residual(Sequential(*block)) for block in middle]
            net = Sequential(*first, *blocks, *last)
        return self.trained(net)


def main() -> None:
    torch.set_num_threads(1)
    cora = Cora(from_the_pages())
    graph = cora.graph
    saved = json.loads(PATH.read_text(encoding="utf-8")) if PATH.exists() else {}
    frequent = torch.bincount(cora.y).argmax()
    within = cora.y[cora.edges[0]] == cora.y[cora.edges[1]]
    saved = {
        "what": "accuracy on the 1,000 test papers of Cora, standard split",
        "command": f"COURSE_DATA=… python chapters/results/{Path(__file__).name}",
        "device": f"{platform.machine()} CPU, one thread, torch {torch.__version__}",
        "date": date.today().isoformat(),
        "within": round(within.double().mean().item(), 4),
        "most frequent": round((cora.y == frequent)[graph.test_mask].double().mean().item(), 4),
        "second": cora.second_eigenvalue(),
        "depths": DEPTHS,
        "methods": {},
        "smoothing": {"k": SMOOTHINGS},
        "depth": {"plain": {}, "residual": {}},
    } | saved

    def save() -> None:
        PATH.write_text(json.dumps(saved, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")

    methods: dict[str, tuple[Callable[[int], float], range]] = {
        "GCN": (cora.gcn, SEEDS),
        "label propagation": (cora.label_propagation, range(1)),
        "without the graph": (cora.without_the_graph, FEW_SEEDS),
        "graph attention": (cora.attention, FEW_SEEDS),
    }
    for name in ("plain", "return to the start"):
        if name not in saved["smoothing"]:
            share = RETURN if name != "plain" else 0.0
            saved["smoothing"][name] = cora.smoothed(share)
            print(name, saved["smoothing"][name], flush=True)
            save()
    for name, (method, seeds) in methods.items():
        found = saved["methods"].setdefault(name, [])
        for seed in seeds[len(found) :]:
            found.append(method(seed))
            print(name, seed, found[-1], flush=True)
            save()
    for depth in DEPTHS:
        for name in ("plain", "residual"):
            found = saved["depth"][name].setdefault(str(depth), [])
            for seed in DEPTH_SEEDS[len(found) :]:
                found.append(cora.deep(depth, name == "residual", seed))
                print(name, depth, seed, found[-1], flush=True)
                save()


if __name__ == "__main__":
    main()
