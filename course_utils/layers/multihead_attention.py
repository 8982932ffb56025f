"""Attention with several heads, between learned projections."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from course_utils.init import xavier_uniform
from course_utils.layers.attention import ScaledDotProductAttention, minus_infinity_where
from course_utils.layers.base import Layer, check_gradient, check_input, only_default
from course_utils.layers.linear import Linear


class MultiheadAttention(Layer):
    r"""H attentions side by side, each on its own E/H of the projected features.

    .. math::
        y &= [z_1, \dots, z_H]\, W_O^\top + b_O \\
        z_h &= \operatorname{attention}(q_h, k_h, v_h) \\
        [q_1, \dots, q_H] &= x W_Q^\top + b_Q

    and so for keys and values. Cutting the features into heads costs nothing, and several heads can
    look at several tokens, where one softmax mostly picks one.

    Shapes: query (T, B, E), key (S, B, kdim), value (S, B, vdim) → y (T, B, E) and the weights
    (B, T, S), or with ``average_attn_weights=False`` (B, H, T, S). With ``batch_first`` B comes
    first; without a batch it is left out. in_proj_weight (3E, E) holds :math:`W_Q, W_K, W_V` one
    below the other; with a kdim or vdim other than E they are q_proj_weight, k_proj_weight and
    v_proj_weight. in_proj_bias (3E,), out_proj.weight (E, E), out_proj.bias (E,).

    A query that may see no key gets zeros from all heads, so y is :math:`b_O` there. torch gives
    that with ``need_weights=False`` in training, NaN with weights, and NaN in its fused inference.

    Backward, for each of the three: :math:`\partial L/\partial q` comes from the attention, side by
    side for all heads, and then it is a `Linear` layer's rule. In self-attention one tensor is
    query, key and value; its gradient is the sum of the three.

    Source: Vaswani et al. 2017.

    Raises:
        ValueError: a size is not positive, E is not divisible by H, or the shapes of inputs or
            masks do not belong together.
        TypeError: inputs are not of the layer's dtype and device, or a mask holds integers.
    """

    parameter_names = (
        "in_proj_weight",
        "q_proj_weight",
        "k_proj_weight",
        "v_proj_weight",
        "in_proj_bias",
    )

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        only_default(self, add_bias_kv=(add_bias_kv, False), add_zero_attn=(add_zero_attn, False))
        kdim, vdim = (embed_dim if dim is None else dim for dim in (kdim, vdim))
        if min(embed_dim, num_heads, kdim, vdim) < 1 or embed_dim % num_heads:
            raise ValueError(
                "MultiheadAttention: sizes must be positive and embed_dim divisible by num_heads, "
                f"got embed_dim={embed_dim}, num_heads={num_heads}, kdim={kdim}, vdim={vdim}"
            )
        self.num_heads, self.batch_first = num_heads, batch_first
        self.attention = ScaledDotProductAttention(dropout, generator=generator)
        drawn = {"generator": generator, "device": device, "dtype": dtype}
        self.out_proj = Linear(embed_dim, embed_dim, bias, **drawn)
        self.in_proj_weight = self.q_proj_weight = self.k_proj_weight = self.v_proj_weight = None
        if kdim == vdim == embed_dim:
            self.in_proj_weight = xavier_uniform((3 * embed_dim, embed_dim), **drawn)
        else:
            self.q_proj_weight = xavier_uniform((embed_dim, embed_dim), **drawn)
            self.k_proj_weight = xavier_uniform((embed_dim, kdim), **drawn)
            self.v_proj_weight = xavier_uniform((embed_dim, vdim), **drawn)
        self.in_proj_bias = None
        if bias:
            self.in_proj_bias = torch.zeros(3 * embed_dim, device=device, dtype=dtype)
            self.out_proj.bias = torch.zeros_like(self.out_proj.bias)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        *,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """Attend with all heads.

        Args:
            key_padding_mask: (B, S). True where a key is padding, to be left alone, or numbers to
                add to the scores.
            need_weights: return the weights, too (else None).
            attn_mask: (T, S), or (B·H, T, S) for each head of each example. True where a query may
                not see a key, or numbers to add to the scores.
            average_attn_weights: return the weights' mean over the heads.
            is_causal: token i sees only the tokens 0 … i. (torch wants the same as a mask, too.)
        """
        self._check(query, key, value)
        self.swapped = query.ndim == 3 and not self.batch_first
        self.shape, self.average = query.shape, average_attn_weights
        if self.swapped:
            query, key, value = (x.transpose(0, 1) for x in (query, key, value))
        self.inputs = (query, key, value)  # (*, T, E), (*, S, kdim), (*, S, vdim)
        q, k, v = (
            self._split_heads(x @ w.T if b is None else x @ w.T + b)  # (*, H, T, E/H)
            for x, w, b in zip(self.inputs, *self._projections(), strict=True)
        )
        mask = self._mask(key_padding_mask, attn_mask)
        z = self.attention(q, k, v, attn_mask=mask, is_causal=is_causal)  # (*, H, T, E/H)
        y = self.out_proj(self._join_heads(z))  # (*, T, E)
        if self.swapped:
            y = y.transpose(0, 1)
        if not need_weights:
            return y, None
        weights = self.attention.weights  # (*, H, T, S)
        if average_attn_weights:
            weights = weights.mean(-3)  # (*, T, S)
        self.weights_shape = weights.shape
        return y, weights

    def backward(self, dy: Tensor, dweights: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
        check_gradient(self, dy, self.shape)
        if self.swapped:
            dy = dy.transpose(0, 1)
        if dweights is not None:
            check_gradient(self, dweights, self.weights_shape)
            if self.average:
                dweights = dweights.unsqueeze(-3) / self.num_heads  # the same for all heads
        dz = self._split_heads(self.out_proj.backward(dy))
        projected = self.attention.backward(dz, dweights)  # three of (*, H, T, E/H)
        dinputs, dweight, dbias = [], [], []
        weights, _ = self._projections()
        for x, dq, w in zip(self.inputs, map(self._join_heads, projected), weights, strict=True):
            rows, drows = x.flatten(0, -2), dq.flatten(0, -2)
            dweight.append(drows.T @ rows)  # (E, kdim)
            dbias.append(drows.sum(0))  # (E,)
            dinputs.append(dq @ w)  # (*, T, kdim)
        if self.in_proj_weight is not None:
            self.grads["in_proj_weight"] = torch.cat(dweight)
        else:
            names = ("q_proj_weight", "k_proj_weight", "v_proj_weight")
            self.grads.update(zip(names, dweight, strict=True))
        if self.in_proj_bias is not None:
            self.grads["in_proj_bias"] = torch.cat(dbias)
        if self.swapped:
            dinputs = [dx.transpose(0, 1) for dx in dinputs]
        return tuple(dinputs)

    def _projections(self) -> tuple[tuple[Tensor, ...], tuple[Tensor | None, ...]]:
        """Weights and biases for query, key and value."""
        if self.in_proj_weight is not None:
            weights = self.in_proj_weight.chunk(3)
        else:
            weights = (self.q_proj_weight, self.k_proj_weight, self.v_proj_weight)
        biases = (None,) * 3 if self.in_proj_bias is None else self.in_proj_bias.chunk(3)
        return weights, biases

    def _split_heads(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.num_heads, -1)).transpose(-3, -2)  # (*, T, E) → (*, H, T, E/H)

    def _join_heads(self, z: Tensor) -> Tensor:
        return z.transpose(-3, -2).flatten(-2)  # (*, H, T, E/H) → (*, T, E)

    def _mask(self, key_padding_mask: Tensor | None, attn_mask: Tensor | None) -> Tensor | None:
        """Both masks as numbers to add to the scores (*, H, T, S), or None."""
        query, key, _ = self.inputs
        *batch, t, s = (*query.shape[:-1], key.shape[-2])
        per_head = math.prod(batch) * self.num_heads
        expected = {
            "key_padding_mask": (key_padding_mask, {(*batch, s)}),
            "attn_mask": (attn_mask, {(t, s), (per_head, t, s)}),
        }
        total = None
        for name, (mask, shapes) in expected.items():
            if mask is None:
                continue
            if tuple(mask.shape) not in shapes:
                raise ValueError(
                    f"MultiheadAttention: {name} is {tuple(mask.shape)}, expected "
                    f"{' or '.join(map(str, sorted(shapes, key=len)))}"
                )
            if mask.dtype == torch.bool:
                mask = minus_infinity_where(mask, query.dtype)
            elif mask.dtype != query.dtype:
                raise TypeError(
                    f"MultiheadAttention: {name} is {mask.dtype}, expected bool or {query.dtype}"
                )
            if name == "key_padding_mask":
                mask = mask[..., None, None, :]  # (*, 1, 1, S)
            elif mask.ndim == 3:
                mask = mask.view(*batch, self.num_heads, t, s)
            total = mask if total is None else total + mask
        return total

    def _check(self, query: Tensor, key: Tensor, value: Tensor) -> None:
        weights, _ = self._projections()
        inputs = {"query": query, "key": key, "value": value}
        shapes = ", ".join(f"{name} {tuple(x.shape)}" for name, x in inputs.items())
        for (name, x), weight in zip(inputs.items(), weights, strict=True):
            check_input(self, x, weight)
            if x.ndim not in (2, 3) or x.ndim != query.ndim:
                raise ValueError(
                    f"MultiheadAttention: expected three inputs of 3 dimensions, or of 2 without a "
                    f"batch ({shapes})"
                )
            if x.shape[-1] != weight.shape[1]:
                raise ValueError(
                    f"MultiheadAttention: {name} has {x.shape[-1]} features, its weight expects "
                    f"{weight.shape[1]} ({shapes}, weight {tuple(weight.shape)})"
                )
        batch = 0 if self.batch_first else 1
        if key.shape[:-1] != value.shape[:-1]:
            raise ValueError(f"MultiheadAttention: keys and values differ in number ({shapes})")
        if query.ndim == 3 and query.shape[batch] != key.shape[batch]:
            raise ValueError(
                f"MultiheadAttention: {query.shape[batch]} examples ask, {key.shape[batch]} answer "
                f"({shapes})"
            )
