"""Attention on graphs: every node asks its neighbors."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from course_utils.init import xavier_uniform
from course_utils.layers.base import Layer, check_gradient
from course_utils.layers.dropout import Dropout
from course_utils.layers.graph import edges, glorot_linear


class GATConv(Layer):
    r"""Graph attention: sums over neighbors whose weights depend on what the two nodes hold.

    For each of H heads, with :math:`h = x W^\top` cut into heads of K features,

    .. math::
        y_i &= \sum_{j \to i} \alpha_{ij} h_j \\
        \alpha_{ij} &= \operatorname*{softmax}_{j \to i} e_{ij} \\
        e_{ij} &= \operatorname{LeakyReLU}(a_{\text{src}} \cdot h_j + a_{\text{dst}} \cdot h_i)

    and a bias at the end. The heads' outputs stand side by side, or with ``concat=False`` their
    mean is taken. A node that nothing arrives at gets the bias.

    Shapes: x (N, M), edge_index (2, E) → y (N, H·K), or (N, K) with ``concat=False``; lin.weight
    (H·K, M), att_src and att_dst (1, H, K), bias like a row of y. Edges are as in `GCNConv`.

    Backward, with a bar for the gradient: :math:`\bar\alpha_{ij} = \bar y_i \cdot h_j`, and the
    softmax over what arrives at i gives :math:`\bar e_{ij} = \alpha_{ij} (\bar\alpha_{ij} -
    \bar y_i \cdot y_i)` as in `ScaledDotProductAttention`. A score is a sum of two numbers, so each
    node collects :math:`\bar e` once as source and once as target; :math:`h_j` gets these times
    :math:`a_{\text{src}}` and :math:`a_{\text{dst}}`, and :math:`\sum_i \alpha_{ij} \bar y_i`.

    Names, shapes and initial values (Glorot & Bengio 2010, bias 0) are those of
    torch_geometric.nn.GATConv.

    Source: Veličković et al. 2018.

    Args:
        dropout: probability with which a weight :math:`\alpha` is dropped in training.

    Raises:
        ValueError: a size is not positive, the shapes do not belong together, or an edge leads to a
            node that is not there.
        TypeError: x is not of the layer's dtype or on its device, or edge_index holds no integers.
    """

    parameter_names = ("att_src", "att_dst", "bias")

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        heads: int = 1,
        concat: bool = True,
        negative_slope: float = 0.2,
        dropout: float = 0.0,
        add_self_loops: bool = True,
        *,
        bias: bool = True,
        generator: torch.Generator | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if min(in_channels, out_channels, heads) < 1:
            raise ValueError(
                f"GATConv: sizes must be positive, got in_channels={in_channels}, "
                f"out_channels={out_channels}, heads={heads}"
            )
        self.heads, self.concat, self.negative_slope = heads, concat, negative_slope
        self.add_self_loops = add_self_loops
        self.dropout = Dropout(dropout, generator=generator)
        drawn = {"generator": generator, "device": device, "dtype": dtype}
        self.lin = glorot_linear(in_channels, heads * out_channels, **drawn)
        self.att_src, self.att_dst = (
            xavier_uniform((heads, out_channels), **drawn).unsqueeze(0) for _ in range(2)
        )  # (1, H, K) each
        width = heads * out_channels if concat else out_channels
        self.bias = torch.zeros(width, device=device, dtype=dtype) if bias else None

    def forward(self, x: Tensor, edge_index: Tensor) -> Tensor:
        if x.ndim != 2:
            raise ValueError(f"GATConv: expected x of shape (N, features), got {tuple(x.shape)}")
        source, target, counts = edges(self, x, edge_index, add_self_loops=self.add_self_loops)
        self.source, self.target = source, target
        h = self.lin(x).unflatten(-1, (self.heads, -1))  # (N, H, K)
        at_source, at_target = (h * self.att_src).sum(-1), (h * self.att_dst).sum(-1)  # (N, H)
        score = at_source[source] + at_target[target]  # (E, H)
        self.h, self.below = h, score <= 0
        score = torch.where(self.below, self.negative_slope * score, score)
        score = score.masked_fill_(~counts[:, None], -math.inf)
        self.softmax = self._softmax_by_target(score, len(x))  # (E, H)
        self.alpha = self.dropout(self.softmax)
        messages = self.alpha[..., None] * h[source]  # (E, H, K)
        self.z = torch.zeros_like(h).index_add_(0, target, messages)  # (N, H, K)
        y = self.z.flatten(1) if self.concat else self.z.mean(1)
        self.shape = y.shape
        return y if self.bias is None else y + self.bias

    def backward(self, dy: Tensor) -> Tensor:
        check_gradient(self, dy, self.shape)
        if self.bias is not None:
            self.grads["bias"] = dy.sum(0)
        if self.concat:
            dz = dy.unflatten(-1, (self.heads, -1))  # (N, H, K)
        else:
            dz = (dy / self.heads)[:, None].expand_as(self.z)
        dmessages = dz[self.target]  # (E, H, K)
        dalpha = (dmessages * self.h[self.source]).sum(-1)  # (E, H)
        mean = (dz * self.z).sum(-1)  # (N, H)
        dscore = self.softmax * (self.dropout.backward(dalpha) - mean[self.target])
        dscore = torch.where(self.below, self.negative_slope * dscore, dscore)
        dsource = torch.zeros_like(mean).index_add_(0, self.source, dscore)[..., None]  # (N, H, 1)
        dtarget = torch.zeros_like(mean).index_add_(0, self.target, dscore)[..., None]
        self.grads["att_src"] = (dsource * self.h).sum(0, keepdim=True)  # (1, H, K)
        self.grads["att_dst"] = (dtarget * self.h).sum(0, keepdim=True)
        dh = dsource * self.att_src + dtarget * self.att_dst  # (N, H, K)
        dh.index_add_(0, self.source, dmessages * self.alpha[..., None])
        return self.lin.backward(dh.flatten(1))  # (N, M)

    def _softmax_by_target(self, score: Tensor, n: int) -> Tensor:
        """Softmax over the edges that end at the same node."""
        index = self.target[:, None].expand_as(score)
        largest = score.new_full((n, self.heads), -math.inf)
        largest.scatter_reduce_(0, index, score, "amax")  # (N, H)
        e = (score - largest[self.target]).exp_()  # (E, H)
        total = torch.zeros_like(largest).index_add_(0, self.target, e)
        return e.div_(total[self.target])
