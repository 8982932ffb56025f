"""Graph layers on a small graph and on one of the size of Cora.

torch.nn has no graph layers. The twins do what a user of torch would write: sums over edges with
index_add, and autograd.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cases import REALISTIC, TEACHING, Case
from course_utils.layers import DenseGCNConv, GATConv, GCNConv


def with_loops(x: Tensor, edge_index: Tensor) -> Tensor:
    loops = torch.arange(len(x), device=x.device)
    return torch.cat([edge_index, torch.stack([loops, loops])], 1)


class AutogradGCN(nn.Module):
    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(out_channels))
        self.lin = nn.Linear(in_channels, out_channels, bias=False)

    def forward(self, x: Tensor, edge_index: Tensor) -> Tensor:
        source, target = with_loops(x, edge_index)
        degree = x.new_zeros(len(x)).index_add(0, target, x.new_ones(len(target)))
        factor = (degree[source] * degree[target]).rsqrt()
        h = self.lin(x)
        messages = h.index_select(0, source) * factor[:, None]
        return torch.zeros_like(h).index_add(0, target, messages) + self.bias


class AutogradDenseGCN(AutogradGCN):
    def forward(self, x: Tensor, *, adj: Tensor) -> Tensor:
        adj = adj.clone().fill_diagonal_(1)
        root = adj.sum(-1).rsqrt()
        return (root[:, None] * adj * root) @ self.lin(x) + self.bias


class AutogradGAT(nn.Module):
    def __init__(self, in_channels: int, out_channels: int, heads: int) -> None:
        super().__init__()
        self.att_src = nn.Parameter(torch.randn(1, heads, out_channels))
        self.att_dst = nn.Parameter(torch.randn(1, heads, out_channels))
        self.bias = nn.Parameter(torch.zeros(heads * out_channels))
        self.lin = nn.Linear(in_channels, heads * out_channels, bias=False)
        self.heads = heads

    def forward(self, x: Tensor, edge_index: Tensor) -> Tensor:
        source, target = with_loops(x, edge_index)
        h = self.lin(x).unflatten(-1, (self.heads, -1))
        at_source, at_target = (h * self.att_src).sum(-1), (h * self.att_dst).sum(-1)
        score = F.leaky_relu(at_source[source] + at_target[target], 0.2)
        with torch.no_grad():
            index = target[:, None].expand_as(score)
            largest = torch.full_like(at_source, -torch.inf)
            largest = largest.scatter_reduce(0, index, score, "amax")
        e = (score - largest[target]).exp()
        alpha = e / torch.zeros_like(largest).index_add(0, target, e)[target]
        messages = alpha[..., None] * h[source]
        return torch.zeros_like(h).index_add(0, target, messages).flatten(1) + self.bias


def graph(nodes: int, edges: int, features: int) -> Callable[[], tuple]:
    def inputs() -> tuple:
        generator = torch.Generator().manual_seed(0)
        edge_index = torch.randint(0, nodes, (2, edges), generator=generator)
        apart = edge_index[:, edge_index[0] != edge_index[1]]  # the twins add the self-loops
        return torch.randn(nodes, features, generator=generator), apart

    return inputs


def adjacency(nodes: int) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.rand(nodes, nodes, generator=generator).lt(0.1).float()


def nodes_only(nodes: int, features: int) -> Callable[[], tuple]:
    return lambda: (torch.randn(nodes, features, generator=torch.Generator().manual_seed(0)),)


CASES = [
    Case(
        "GCNConv",
        TEACHING,
        lambda: GCNConv(34, 16),
        lambda: AutogradGCN(34, 16),
        graph(34, 156, 34),
    ),
    Case(
        "GCNConv",
        REALISTIC,
        lambda: GCNConv(1433, 16),
        lambda: AutogradGCN(1433, 16),
        graph(2708, 10556, 1433),
    ),
    Case(
        "GCNConv hidden layer",
        REALISTIC,
        lambda: GCNConv(64, 64),
        lambda: AutogradGCN(64, 64),
        graph(2708, 10556, 64),
    ),
    Case(
        "DenseGCNConv",
        TEACHING,
        lambda: DenseGCNConv(34, 16),
        lambda: AutogradDenseGCN(34, 16),
        nodes_only(34, 34),
        {"adj": adjacency(34)},
    ),
    Case(
        "DenseGCNConv",
        REALISTIC,
        lambda: DenseGCNConv(64, 64),
        lambda: AutogradDenseGCN(64, 64),
        nodes_only(1000, 64),
        {"adj": adjacency(1000)},
    ),
    Case(
        "GATConv",
        TEACHING,
        lambda: GATConv(34, 8, heads=2),
        lambda: AutogradGAT(34, 8, 2),
        graph(34, 156, 34),
    ),
    Case(
        "GATConv 8 heads",
        REALISTIC,
        lambda: GATConv(1433, 8, heads=8),
        lambda: AutogradGAT(1433, 8, 8),
        graph(2708, 10556, 1433),
    ),
]
