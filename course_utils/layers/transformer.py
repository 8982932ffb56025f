"""The two layers that transformers are stacked from."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor

from course_utils.layers.activations import GELU, ReLU
from course_utils.layers.base import Layer
from course_utils.layers.dropout import Dropout
from course_utils.layers.layer_norm import LayerNorm
from course_utils.layers.linear import Linear
from course_utils.layers.multihead_attention import MultiheadAttention

ACTIVATIONS = {"relu": ReLU, "gelu": GELU}


class _TransformerLayer(Layer):
    """What encoder and decoder share: how they are made, self-attention, and the MLP."""

    attentions: ClassVar[tuple[str, ...]]

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: str = "relu",
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        if activation not in ACTIVATIONS:
            raise ValueError(
                f"{type(self).__name__}: activation must be 'relu' or 'gelu', got {activation!r}"
            )
        like = {"device": device, "dtype": dtype}
        drawn = {"generator": generator, **like}
        self.norm_first = norm_first
        for name in self.attentions:
            attention = MultiheadAttention(
                d_model, nhead, dropout, bias, batch_first=batch_first, **drawn
            )
            setattr(self, name, attention)
        self.linear1 = Linear(d_model, dim_feedforward, bias, **drawn)
        self.activation = ACTIVATIONS[activation]()
        self.dropout = Dropout(dropout, generator=generator)
        self.linear2 = Linear(dim_feedforward, d_model, bias, **drawn)
        for i in range(1, len(self.attentions) + 2):
            setattr(self, f"norm{i}", LayerNorm(d_model, layer_norm_eps, bias=bias, **like))
            setattr(self, f"dropout{i}", Dropout(dropout, generator=generator))

    def _self_attention(self, x: Tensor, **masks: Any) -> Tensor:
        return self.dropout1(self.self_attn(x, x, x, need_weights=False, **masks)[0])

    def _self_attention_backward(self, dy: Tensor) -> Tensor:
        dquery, dkey, dvalue = self.self_attn.backward(self.dropout1.backward(dy))
        return dquery + dkey + dvalue

    def _mlp(self, x: Tensor) -> Tensor:
        return self.linear2(self.dropout(self.activation(self.linear1(x))))

    def _mlp_backward(self, dy: Tensor) -> Tensor:
        dhidden = self.dropout.backward(self.linear2.backward(dy))
        return self.linear1.backward(self.activation.backward(dhidden))


class TransformerEncoderLayer(_TransformerLayer):
    r"""Self-attention, then for each token the same small MLP; both are added to what comes in.

    .. math::
        z &= \operatorname{LN}_1(x + \operatorname{attention}(x, x, x)) \\
        y &= \operatorname{LN}_2(z + W_2\, f(W_1 z + b_1) + b_2)

    or, with ``norm_first``, so that the sum runs through the layer untouched,

    .. math::
        z &= x + \operatorname{attention}(n, n, n), \quad n = \operatorname{LN}_1(x) \\
        y &= z + W_2\, f(W_1 \operatorname{LN}_2(z) + b_1) + b_2

    Shapes: src (T, B, D) → y (T, B, D); with ``batch_first`` (B, T, D); without a batch (T, D).
    Parameters: those of self_attn (`MultiheadAttention`), linear1 (D → dim_feedforward), linear2
    (back), norm1 and norm2. Dropout acts on the attention's weights, inside the MLP, and on what
    each of the two adds.

    Backward goes through a sum by taking both ways: the gradient of z is that of the sum plus what
    comes back through the MLP.

    Sources: Vaswani et al. 2017; norm_first: Xiong et al. 2020.

    Args:
        activation: f, ``"relu"`` or ``"gelu"``.

    Raises:
        ValueError: sizes, activation, or shapes of inputs and masks that do not go together.
        TypeError: the input is not of the layer's dtype or not on its device.
    """

    attentions = ("self_attn",)

    def forward(
        self,
        src: Tensor,
        *,
        src_mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        is_causal: bool = False,
    ) -> Tensor:
        """Masks are those of `MultiheadAttention`."""
        masks = {
            "attn_mask": src_mask,
            "key_padding_mask": src_key_padding_mask,
            "is_causal": is_causal,
        }
        x = src
        if self.norm_first:
            x = x + self._self_attention(self.norm1(x), **masks)
            return x + self.dropout2(self._mlp(self.norm2(x)))
        x = self.norm1(x + self._self_attention(x, **masks))
        return self.norm2(x + self.dropout2(self._mlp(x)))

    def backward(self, dy: Tensor) -> Tensor:
        if self.norm_first:
            dx = dy + self.norm2.backward(self._mlp_backward(self.dropout2.backward(dy)))
            return dx + self.norm1.backward(self._self_attention_backward(dx))
        dx = self.norm2.backward(dy)
        dx = dx + self._mlp_backward(self.dropout2.backward(dx))
        dx = self.norm1.backward(dx)
        return dx + self._self_attention_backward(dx)


class TransformerDecoderLayer(_TransformerLayer):
    r"""Self-attention, attention to what an encoder has made of another sequence, and an MLP.

    The three sublayers are put together as the two of `TransformerEncoderLayer`; in the second one
    the tokens of tgt ask and those of memory answer:

    .. math::
        z_1 &= \operatorname{LN}_1(x + \operatorname{attention}(x, x, x)) \\
        z_2 &= \operatorname{LN}_2(z_1 + \operatorname{attention}(z_1, m, m)) \\
        y &= \operatorname{LN}_3(z_2 + \operatorname{MLP}(z_2))

    Shapes: tgt (T, B, D), memory (S, B, D) → y (T, B, D); with ``batch_first`` B comes first;
    without a batch it is left out. Parameters: those of self_attn and multihead_attn
    (`MultiheadAttention`), linear1, linear2, norm1, norm2 and norm3.

    ``backward`` returns the gradients of tgt and of memory.

    Sources: Vaswani et al. 2017; norm_first: Xiong et al. 2020.

    Args:
        activation: ``"relu"`` or ``"gelu"``.

    Raises:
        ValueError: sizes, activation, or shapes of inputs and masks that do not go together.
        TypeError: an input is not of the layer's dtype or not on its device.
    """

    attentions = ("self_attn", "multihead_attn")

    def forward(
        self,
        tgt: Tensor,
        memory: Tensor,
        *,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> Tensor:
        """Masks are those of `MultiheadAttention`; the first word says for which of the two."""
        masks = {
            "attn_mask": tgt_mask,
            "key_padding_mask": tgt_key_padding_mask,
            "is_causal": tgt_is_causal,
        }
        memory_masks = {
            "attn_mask": memory_mask,
            "key_padding_mask": memory_key_padding_mask,
            "is_causal": memory_is_causal,
        }
        x = tgt
        if self.norm_first:
            x = x + self._self_attention(self.norm1(x), **masks)
            x = x + self._cross_attention(self.norm2(x), memory, **memory_masks)
            return x + self.dropout3(self._mlp(self.norm3(x)))
        x = self.norm1(x + self._self_attention(x, **masks))
        x = self.norm2(x + self._cross_attention(x, memory, **memory_masks))
        return self.norm3(x + self.dropout3(self._mlp(x)))

    def backward(self, dy: Tensor) -> tuple[Tensor, Tensor]:
        if self.norm_first:
            dx = dy + self.norm3.backward(self._mlp_backward(self.dropout3.backward(dy)))
            dquery, dmemory = self._cross_attention_backward(dx)
            dx = dx + self.norm2.backward(dquery)
            return dx + self.norm1.backward(self._self_attention_backward(dx)), dmemory
        dx = self.norm3.backward(dy)
        dx = dx + self._mlp_backward(self.dropout3.backward(dx))
        dx = self.norm2.backward(dx)
        dquery, dmemory = self._cross_attention_backward(dx)
        dx = self.norm1.backward(dx + dquery)
        return dx + self._self_attention_backward(dx), dmemory

    def _cross_attention(self, x: Tensor, memory: Tensor, **masks: Any) -> Tensor:
        return self.dropout2(self.multihead_attn(x, memory, memory, need_weights=False, **masks)[0])

    def _cross_attention_backward(self, dy: Tensor) -> tuple[Tensor, Tensor]:
        dquery, dkey, dvalue = self.multihead_attn.backward(self.dropout2.backward(dy))
        return dquery, dkey + dvalue
