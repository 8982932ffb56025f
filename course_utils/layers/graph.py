"""Convolution on graphs: every node takes a weighted sum over its neighbors."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from course_utils.init import xavier_uniform
from course_utils.layers.base import Layer, check_gradient, check_input
from course_utils.layers.linear import Linear


class GCNConv(Layer):
    r"""Graph convolution :math:`y = \hat A\, x W^\top + b` over a list of edges.

    .. math::
        y_i = b + \sum_{j \to i} \frac{1}{\sqrt{d_i d_j}}\, W x_j, \qquad
        \hat A = D^{-1/2} A D^{-1/2}

    where A has a 1 for every edge and every self-loop, and :math:`d_i` counts what arrives at node
    i. The square roots keep sums and features at one scale whatever the degrees. A node that
    nothing arrives at gets b.

    Shapes: x (*, N, M), edge_index (2, E) → y (*, N, K); lin.weight (K, M), bias (K,). Column e of
    edge_index is an edge from node ``edge_index[0, e]`` to node ``edge_index[1, e]``; an undirected
    edge stands there in both directions, and what stands there twice counts twice, except for a
    self-loop that ``add_self_loops`` adds anyway. Without self-loops a node may have :math:`d_i =
    0`; then :math:`1/\sqrt{d_i}` is taken as 0.

    Backward: what went along an edge comes back along it, times the same factor, so
    :math:`\partial L/\partial x = \hat A^\top (\partial L/\partial y)\, W`.

    torch.nn has no graph layers. Names, shapes and initial values (Glorot & Bengio 2010, bias 0)
    are those of torch_geometric.nn.GCNConv: that name means one layer, while the GraphConv of the
    two libraries that have it are two. On a GPU the order of the sums over edges, and with it their
    last digits, changes from run to run.

    Source: Kipf & Welling 2017.

    Raises:
        ValueError: a size is not positive, the shapes do not belong together, or an edge leads to a
            node that is not there.
        TypeError: x is not of the layer's dtype or on its device, or edge_index holds no integers.
    """

    parameter_names = ("bias",)

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        add_self_loops: bool = True,
        bias: bool = True,
        generator: torch.Generator | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.add_self_loops = add_self_loops
        self.lin = glorot_linear(
            in_channels, out_channels, generator=generator, device=device, dtype=dtype
        )
        self.bias = torch.zeros(out_channels, device=device, dtype=dtype) if bias else None

    def forward(self, x: Tensor, edge_index: Tensor) -> Tensor:
        source, target, counts = edges(self, x, edge_index, add_self_loops=self.add_self_loops)
        none = torch.zeros(x.shape[-2], dtype=torch.int64, device=x.device)
        degree = none.index_add(0, target, counts.long()).to(x.dtype)  # (N,)
        root = degree.rsqrt().masked_fill_(degree == 0, 0)
        self.source, self.target = source, target
        self.factor = (counts * root[source] * root[target])[:, None]  # (E, 1)
        y = self._send(self.lin(x), source, target)  # (*, N, K)
        self.shape = y.shape
        return y if self.bias is None else y + self.bias

    def backward(self, dy: Tensor) -> Tensor:
        check_gradient(self, dy, self.shape)
        if self.bias is not None:
            self.grads["bias"] = dy.flatten(0, -2).sum(0)  # (K,)
        return self.lin.backward(self._send(dy, self.target, self.source))  # (*, N, M)

    def _send(self, h: Tensor, start: Tensor, end: Tensor) -> Tensor:
        """Send the nodes' features along the edges and add up what arrives."""
        messages = h.index_select(-2, start).mul_(self.factor)  # (*, E, K)
        return torch.zeros_like(h).index_add_(-2, end, messages)


class DenseGCNConv(Layer):
    r"""`GCNConv` for a graph that is given as a matrix: :math:`y = \hat A\, x W^\top + b`.

    .. math::
        \hat A = D^{-1/2} A D^{-1/2}, \qquad A_{ii} = 1, \qquad d_i = \sum_j A_{ij}

    Shapes: x (*, N, M), adj (*, N, N) → y (*, N, K); lin.weight (K, M), bias (K,). adj[i, j] is 1,
    or a weight that is not negative, if there is an edge to node i from node j; the diagonal is
    replaced by ones. This takes N² numbers where `GCNConv` takes E, but every example of a batch
    can have a graph of its own. adj is a constant.

    Names, shapes and initial values are those of torch_geometric.nn.DenseGCNConv.

    Source: Kipf & Welling 2017.

    Raises:
        ValueError: a size is not positive, or the shapes do not belong together.
        TypeError: x or adj is not of the layer's dtype or not on its device.
    """

    parameter_names = ("bias",)

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        bias: bool = True,
        generator: torch.Generator | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.lin = glorot_linear(
            in_channels, out_channels, generator=generator, device=device, dtype=dtype
        )
        self.bias = torch.zeros(out_channels, device=device, dtype=dtype) if bias else None

    def forward(self, x: Tensor, *, adj: Tensor) -> Tensor:
        check_input(self, adj, self.lin.weight)
        if x.ndim < 2 or adj.shape[-2:] != (x.shape[-2],) * 2 or adj.ndim > x.ndim:
            raise ValueError(
                f"DenseGCNConv: x is {tuple(x.shape)}, adj {tuple(adj.shape)}; expected (*, N, "
                "features) and (*, N, N)"
            )
        eye = torch.eye(x.shape[-2], dtype=torch.bool, device=x.device)
        adj = adj.masked_fill(eye, 1)
        root = adj.sum(-1).rsqrt()  # (*, N)
        self.adj = root[..., :, None] * adj * root[..., None, :]  # (*, N, N)
        y = self.adj @ self.lin(x)  # (*, N, K)
        self.shape = y.shape
        return y if self.bias is None else y + self.bias

    def backward(self, dy: Tensor) -> Tensor:
        check_gradient(self, dy, self.shape)
        if self.bias is not None:
            self.grads["bias"] = dy.flatten(0, -2).sum(0)  # (K,)
        return self.lin.backward(self.adj.mT @ dy)  # (*, N, M)


def glorot_linear(in_channels: int, out_channels: int, **options: Any) -> Linear:
    """A product with a matrix, without a bias, that starts as Glorot & Bengio (2010) propose."""
    linear = Linear(in_channels, out_channels, bias=False, **options)
    linear.weight = xavier_uniform(linear.weight.shape, **options)
    return linear


def edges(
    layer: Layer, x: Tensor, edge_index: Tensor, *, add_self_loops: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """Where edges start, where they end, and which of them count.

    With ``add_self_loops`` a loop at each node comes last, and those that were there do not count:
    leaving them out would need a shape that depends on the values.
    """
    kind = type(layer).__name__
    if edge_index.is_floating_point() or edge_index.dtype == torch.bool:
        raise TypeError(f"{kind}: edge_index must hold integers, got {edge_index.dtype}")
    if x.ndim < 2 or edge_index.ndim != 2 or edge_index.shape[0] != 2:
        raise ValueError(
            f"{kind}: x is {tuple(x.shape)}, edge_index {tuple(edge_index.shape)}; expected (*, N, "
            "features) and (2, E)"
        )
    n = x.shape[-2]
    if edge_index.numel() and not 0 <= edge_index.min() <= edge_index.max() < n:
        raise ValueError(
            f"{kind}: edges join nodes {edge_index.min().item()} … {edge_index.max().item()}, "
            f"x has nodes 0 … {n - 1} (x {tuple(x.shape)}, edge_index {tuple(edge_index.shape)})"
        )
    source, target = edge_index.long()
    if not add_self_loops:
        return source, target, torch.ones_like(source, dtype=torch.bool)
    loops = torch.arange(n, device=x.device)
    counts = torch.cat([source != target, torch.ones_like(loops, dtype=torch.bool)])
    return torch.cat([source, loops]), torch.cat([target, loops]), counts
