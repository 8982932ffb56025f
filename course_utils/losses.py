"""Losses: layers whose output is one number, so that backward can start with nothing but a 1."""

from __future__ import annotations

import torch
from torch import Tensor

from course_utils.layers.base import Layer, only_default


class MSELoss(Layer):
    r"""Mean squared error :math:`\frac1n \sum_i (\hat y_i - y_i)^2` over all n elements.

    Shapes: input (*), target (*) → scalar. ``backward()`` gives the gradient of the input.

    Raises:
        ValueError: the shapes differ (torch would broadcast, with a warning).
    """

    def __init__(self, reduction: str = "mean") -> None:
        super().__init__()
        only_default(self, reduction=(reduction, "mean"))

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        if input.shape != target.shape:
            raise ValueError(
                f"MSELoss: input is {tuple(input.shape)}, target is {tuple(target.shape)}"
            )
        self.error = input - target
        return self.error.square().mean()

    def backward(self, dloss: Tensor | float = 1.0) -> Tensor:
        return dloss * (2 / self.error.numel()) * self.error


class CrossEntropyLoss(Layer):
    r"""Mean of :math:`-\log \operatorname{softmax}(z)_{c}` over all examples, c the right class.

    Shapes: logits z (B, K), (K,) or (B, K, …), target of class numbers (B,), () or (B, …) →
    scalar. ``backward()`` gives the gradient of the logits, (softmax(z) − onehot(c)) / B.

    Raises:
        TypeError: the target holds probabilities instead of class numbers.
        ValueError: the shapes do not belong together, or a class number is not in 0 … K − 1.
    """

    def __init__(
        self,
        weight: Tensor | None = None,
        ignore_index: int = -100,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__()
        only_default(
            self,
            weight=(weight, None),
            ignore_index=(ignore_index, -100),
            reduction=(reduction, "mean"),
            label_smoothing=(label_smoothing, 0.0),
        )

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        if input.ndim == 0:
            raise ValueError("CrossEntropyLoss: logits need a dimension of classes, got a scalar")
        self.dim = 0 if input.ndim == 1 else 1
        classes = input.shape[self.dim]
        if target.is_floating_point():
            raise TypeError(f"CrossEntropyLoss: target must hold class numbers, got {target.dtype}")
        if target.shape != input.shape[: self.dim] + input.shape[self.dim + 1 :]:
            raise ValueError(
                f"CrossEntropyLoss: logits are {tuple(input.shape)}, "
                f"target is {tuple(target.shape)}"
            )
        if target.numel() and not 0 <= target.min() <= target.max() < classes:
            raise ValueError(
                f"CrossEntropyLoss: class numbers must be 0 … {classes - 1}, "
                f"got {target.min().item()} … {target.max().item()}"
            )
        self.index = target.unsqueeze(self.dim)
        # Subtracting the maximum changes nothing but keeps exp from overflowing.
        shifted = input - input.amax(self.dim, keepdim=True)
        self.log_p = shifted - shifted.exp().sum(self.dim, keepdim=True).log()
        return -self.log_p.gather(self.dim, self.index).mean()

    def backward(self, dloss: Tensor | float = 1.0) -> Tensor:
        ones = torch.ones_like(self.index, dtype=self.log_p.dtype)
        dlogits = self.log_p.exp().scatter_add(self.dim, self.index, -ones)
        return dlogits * (dloss / self.index.numel())
