"""The embedding layer: a table that is looked up and learned."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from course_utils.layers.base import Layer, check_gradient, only_default


class Embedding(Layer):
    r"""Row :math:`y = W_i` of a table for every number i: :math:`W^\top` times a one-hot vector.

    Shapes: input (*) of whole numbers in 0 … V − 1 → y (*, D); weight (V, D).

    The gradient of a row is the sum of what arrives at the places that looked it up; all other rows
    have zeros. ``backward`` returns ``None``, because numbers of rows have no derivative. The row
    ``padding_idx`` starts as zeros and never gets a gradient.

    All other rows start standard normal, drawn as in torch, so that the same seed gives
    torch.nn.Embedding's values.

    Raises:
        ValueError: a size is not positive, or ``padding_idx`` is no row.
        TypeError: the input does not hold whole numbers, or is not on the layer's device.
        IndexError: the input holds a number that is no row.
    """

    parameter_names: ClassVar[tuple[str, ...]] = ("weight",)

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        *,
        generator: torch.Generator | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        only_default(
            self,
            max_norm=(max_norm, None),
            norm_type=(norm_type, 2.0),
            scale_grad_by_freq=(scale_grad_by_freq, False),
            sparse=(sparse, False),
        )
        if num_embeddings < 1 or embedding_dim < 1:
            raise ValueError(
                f"Embedding: sizes must be positive, got num_embeddings={num_embeddings}, "
                f"embedding_dim={embedding_dim}"
            )
        if padding_idx is not None and not -num_embeddings <= padding_idx < num_embeddings:
            raise ValueError(
                f"Embedding: padding_idx={padding_idx} is none of {num_embeddings} rows"
            )
        self.padding_idx = None if padding_idx is None else padding_idx % num_embeddings
        weight = torch.empty(num_embeddings, embedding_dim, device=device, dtype=dtype)
        self.weight = weight.normal_(generator=generator)
        if padding_idx is not None:
            self.weight[padding_idx] = 0

    def forward(self, input: Tensor) -> Tensor:
        rows = len(self.weight)
        if input.dtype not in (torch.int64, torch.int32):
            raise TypeError(f"Embedding: input must hold whole numbers (int64), got {input.dtype}")
        if input.device != self.weight.device:
            raise TypeError(
                f"Embedding: input is on {input.device}, the layer is on {self.weight.device}"
            )
        if input.numel():
            least, largest = input.aminmax()
            if least < 0 or largest >= rows:
                wrong = (least if least < 0 else largest).item()
                raise IndexError(
                    f"Embedding: there is no row {wrong}, rows are 0 … {rows - 1} "
                    f"(input {tuple(input.shape)}, weight {tuple(self.weight.shape)})"
                )
        self.index = input.flatten()  # (N,)
        self.output_shape = torch.Size((*input.shape, self.weight.shape[1]))
        return self.weight.index_select(0, self.index).view(self.output_shape)  # (*, D)

    def backward(self, dy: Tensor) -> None:
        check_gradient(self, dy, self.output_shape)
        rows = dy.reshape(-1, dy.shape[-1])  # (N, D)
        dweight = torch.zeros_like(self.weight).index_add_(0, self.index, rows)  # (V, D)
        if self.padding_idx is not None:
            dweight[self.padding_idx] = 0
        self.grads["weight"] = dweight
