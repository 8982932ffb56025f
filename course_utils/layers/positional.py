"""Telling a network where in the sequence a token stands."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from course_utils.layers.base import Layer, check_gradient, check_input


class PositionalEncoding(Layer):
    r"""Adds fixed waves of geometrically growing wavelength: :math:`y_t = x_t + p_t` with

    .. math:: p_{t,2i} = \sin\frac{t}{10000^{2i/D}} \qquad
              p_{t,2i+1} = \cos\frac{t}{10000^{2i/D}}

    Each pair (sine, cosine) is the hand of a clock. A step of k turns every hand by an angle that
    does not depend on t, so :math:`p_{t+k}` is a fixed rotation of :math:`p_t`, and
    :math:`p_t \cdot p_{t+k}` depends on k only.

    Shapes: x (*, T, D) → y (*, T, D); the table pe (max_len, D) is a buffer.

    Source: Vaswani and others 2017, section 3.5.

    Raises:
        ValueError: a size is not positive, d_model is odd, or x does not fit into the table.
        TypeError: the input is not of the layer's dtype or not on its device.
    """

    buffer_names: ClassVar[tuple[str, ...]] = ("pe",)

    def __init__(
        self,
        d_model: int,
        max_len: int = 5000,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if d_model < 1 or max_len < 1 or d_model % 2:
            raise ValueError(
                "PositionalEncoding: d_model must be positive and even and max_len positive, "
                f"got d_model={d_model}, max_len={max_len}"
            )
        # In double precision: errors of the frequencies grow with t.
        t = torch.arange(max_len, dtype=torch.float64).unsqueeze(1)  # (T, 1)
        exponent = torch.arange(0, d_model, 2, dtype=torch.float64) / d_model  # (D/2,)
        angle = t * 10000**-exponent
        pe = torch.stack([angle.sin(), angle.cos()], -1).flatten(1)  # (T, D)
        self.pe = pe.to(device=device, dtype=dtype or torch.get_default_dtype())

    def forward(self, x: Tensor) -> Tensor:
        self.shape = _check_positions(self, x, self.pe)
        return x + self.pe[: x.shape[-2]]

    def backward(self, dy: Tensor) -> Tensor:
        check_gradient(self, dy, self.shape)
        return dy


class PositionalEmbedding(Layer):
    r"""Adds a learned vector for each position: :math:`y_t = x_t + W_t`, as in BERT, GPT and ViT.

    Shapes: x (*, T, D) → y (*, T, D); weight (max_len, D).

    Positions that a sequence does not reach get no gradient: what was never seen in training stays
    as it was drawn. The weight starts normal with standard deviation 0.02, as in those models.

    Source: Gehring and others 2017; Devlin and others 2019.

    Raises:
        ValueError: a size is not positive, or x does not fit into the table.
        TypeError: the input is not of the layer's dtype or not on its device.
    """

    parameter_names: ClassVar[tuple[str, ...]] = ("weight",)

    def __init__(
        self,
        max_len: int,
        d_model: int,
        *,
        generator: torch.Generator | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if max_len < 1 or d_model < 1:
            raise ValueError(
                "PositionalEmbedding: sizes must be positive, got "
                f"max_len={max_len}, d_model={d_model}"
            )
        weight = torch.empty(max_len, d_model, device=device, dtype=dtype)
        self.weight = weight.normal_(std=0.02, generator=generator)

    def forward(self, x: Tensor) -> Tensor:
        self.shape = _check_positions(self, x, self.weight)
        return x + self.weight[: x.shape[-2]]

    def backward(self, dy: Tensor) -> Tensor:
        check_gradient(self, dy, self.shape)
        steps, width = self.shape[-2:]
        self.grads["weight"] = torch.zeros_like(self.weight)
        self.grads["weight"][:steps] = dy.reshape(-1, steps, width).sum(0)  # (T, D)
        return dy


def _check_positions(layer: Layer, x: Tensor, table: Tensor) -> torch.Size:
    positions, width = table.shape
    if x.ndim < 2 or x.shape[-1] != width or x.shape[-2] > positions:
        raise ValueError(
            f"{type(layer).__name__}: input must be (*, T, {width}) with T at most {positions}, "
            f"got {tuple(x.shape)} (table {tuple(table.shape)})"
        )
    check_input(layer, x, table)
    return x.shape
