"""Attention: every token asks all the others and takes a mixture of what they hold."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from course_utils.layers.base import Layer, check_gradient, check_input
from course_utils.layers.dropout import Dropout


class ScaledDotProductAttention(Layer):
    r"""Mixtures of values :math:`y = A v`, with :math:`A = \operatorname{softmax}(s\,q k^\top)`.

    Shapes: query (*, T, d), key (*, S, d), value (*, S, e) → (*, T, e); tokens are rows, and the
    leading dimensions broadcast. Row i of A, in ``weights`` after ``forward``, says how much of
    each value output i takes; it sums to 1. The scale s is :math:`1/\sqrt d`, because the product
    of two vectors of d independent unit normals has variance d, and the softmax of large numbers
    picks one token and has hardly a gradient.

    A mask keeps tokens apart by adding :math:`-\infty` to their score. A query that may see no key
    at all gets zeros, and its gradient is zero.

    Backward, with a bar for the gradient: :math:`\bar v = A^\top \bar y` and
    :math:`\bar A = \bar y v^\top`. The softmax of row i turns the latter into

    .. math::
        \bar S_{ij} &= A_{ij} \Big(\bar A_{ij} - \sum_k A_{ik} \bar A_{ik}\Big) \\
        \sum_k A_{ik} \bar A_{ik} &= \bar y_i \cdot \sum_k A_{ik} v_k = \bar y_i \cdot y_i,

    so that the sum needs e products instead of S (Dao et al. 2022), and the scores' two factors
    get :math:`\bar q = s \bar S k` and :math:`\bar k = s \bar S^\top q`. The layer keeps A, T·S
    numbers; torch's fused kernels do not, and compute it again piece by piece on the way back.

    Sources: Vaswani et al. 2017; torch.nn.functional.scaled_dot_product_attention.

    Args:
        dropout_p: probability with which an element of A is dropped in training.
        scale: s, if it is not to be :math:`1/\sqrt d`.

    Raises:
        ValueError: the shapes do not belong together.
        TypeError: query, key, value and an additive mask differ in dtype or device.
    """

    def __init__(
        self,
        dropout_p: float = 0.0,
        scale: float | None = None,
        *,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.scale = scale
        self.dropout = Dropout(dropout_p, generator=generator)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        *,
        attn_mask: Tensor | None = None,
        is_causal: bool = False,
    ) -> Tensor:
        """Mix the values.

        Args:
            attn_mask: broadcasts to (*, T, S). True where a key takes part (in MultiheadAttention
                it is the other way round, as in torch), or numbers to add to the scores.
            is_causal: token i sees only the tokens 0 … i. Together with a mask, both hold (torch
                refuses the two together).
        """
        leading = self._check(query, key, value, attn_mask)
        s = 1 / math.sqrt(query.shape[-1]) if self.scale is None else self.scale
        self.s, self.query, self.key, self.value = s, query, key, value
        scores = (s * query).expand(*leading, -1, -1) @ key.mT  # (*, T, S)
        mask = self._additive(attn_mask, is_causal)
        if mask is None:
            self.softmax = torch.softmax(scores, -1)
        else:
            blind = mask.isneginf().all(-1, keepdim=True)  # the softmax would be 0/0
            self.softmax = torch.softmax(scores.add_(mask), -1).masked_fill_(blind, 0)
        self.weights = self.dropout(self.softmax)
        self.y = self.weights @ value  # (*, T, e)
        return self.y

    def backward(self, dy: Tensor, dweights: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """The gradients of query, key and value.

        Args:
            dweights: gradient of ``weights``, from a layer that returns them too.
        """
        check_gradient(self, dy, self.y.shape)
        dvalue = self.weights.mT @ dy  # (*, S, e)
        dattention = dy @ self.value.mT  # (*, T, S)
        mean = (dy * self.y).sum(-1, keepdim=True)  # (*, T, 1)
        if dweights is not None:
            dattention = dattention + dweights
            mean = mean + (dweights * self.weights).sum(-1, keepdim=True)
        dscores = (self.dropout.backward(dattention) - mean).mul_(self.softmax)
        dquery = self.s * (dscores @ self.key)  # (*, T, d)
        dkey = self.s * (dscores.mT @ self.query)  # (*, S, d)
        # Where leading dimensions were broadcast, the shared tensor collects from all of them.
        return (
            dquery.sum_to_size(self.query.shape),
            dkey.sum_to_size(self.key.shape),
            dvalue.sum_to_size(self.value.shape),
        )

    def _additive(self, mask: Tensor | None, is_causal: bool) -> Tensor | None:
        """Both masks as numbers to add to the scores, or None where all see all."""
        dtype, device = self.query.dtype, self.query.device
        if mask is not None and mask.dtype == torch.bool:
            mask = minus_infinity_where(~mask, dtype)
        if is_causal:
            t, s = self.query.shape[-2], self.key.shape[-2]
            future = torch.ones(t, s, dtype=torch.bool, device=device).triu(1)
            causal = minus_infinity_where(future, dtype)
            mask = causal if mask is None else mask + causal
        return mask

    def _check(
        self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None
    ) -> tuple[int, ...]:
        """Refuse what does not belong together; returns the leading dimensions."""
        kind = type(self).__name__
        check_input(self, query)
        given = {"query": query, "key": key, "value": value}
        if mask is not None:
            given["attn_mask"] = mask
        shapes = ", ".join(f"{name} {tuple(x.shape)}" for name, x in given.items())
        for name, x in given.items():
            if (x.dtype, x.device) != (query.dtype, query.device) and x.dtype != torch.bool:
                raise TypeError(
                    f"{kind}: query is {query.dtype} on {query.device}, "
                    f"{name} {x.dtype} on {x.device}"
                )
        if min(query.ndim, key.ndim, value.ndim) < 2:
            raise ValueError(f"{kind}: expected (*, tokens, width) ({shapes})")
        if query.shape[-1] != key.shape[-1]:
            raise ValueError(
                f"{kind}: queries are {query.shape[-1]} wide, keys {key.shape[-1]} ({shapes})"
            )
        if key.shape[-2] != value.shape[-2]:
            raise ValueError(
                f"{kind}: {key.shape[-2]} keys for {value.shape[-2]} values ({shapes})"
            )
        try:
            leading = torch.broadcast_shapes(query.shape[:-2], key.shape[:-2], value.shape[:-2])
            scores = (*leading, query.shape[-2], key.shape[-2])
            fits = mask is None or torch.broadcast_shapes(mask.shape, scores) == scores
        except RuntimeError:
            fits = False
        if not fits:
            raise ValueError(f"{kind}: these shapes do not broadcast ({shapes})")
        return leading


def minus_infinity_where(blocked: Tensor, dtype: torch.dtype) -> Tensor:
    """A mask to add to scores: after the softmax, nothing is left where ``blocked`` is True."""
    zeros = torch.zeros_like(blocked, dtype=dtype)
    return zeros.masked_fill_(blocked, -math.inf)
