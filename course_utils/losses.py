"""Losses: layers whose output is one number, so that backward can start with nothing but a 1."""

from __future__ import annotations

from typing import ClassVar

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
    scalar. ``backward()`` gives the gradient of the logits, (softmax(z) − onehot(c)) / N, where N
    counts the examples.

    Examples whose target is ``ignore_index``, such as the padding of a sentence, count neither in
    the mean nor in its N, and get no gradient. If all are ignored, the mean is NaN.

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
            reduction=(reduction, "mean"),
            label_smoothing=(label_smoothing, 0.0),
        )
        self.ignore_index = ignore_index

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        self.dim, self.index, self.ignored = _classes(self, input, target)
        self.count = (~self.ignored).sum()
        # Subtracting the maximum changes nothing but keeps exp from overflowing.
        shifted = input - input.amax(self.dim, keepdim=True)
        self.log_p = shifted - shifted.exp().sum(self.dim, keepdim=True).log()
        right = self.log_p.gather(self.dim, self.index)
        return -right.masked_fill(self.ignored, 0).sum() / self.count

    def backward(self, dloss: Tensor | float = 1.0) -> Tensor:
        ones = torch.ones_like(self.index, dtype=self.log_p.dtype)
        dlogits = self.log_p.exp().scatter_add_(self.dim, self.index, -ones)
        share = self.log_p.new_ones(()) * dloss / self.count
        return dlogits.mul_(share).masked_fill_(self.ignored, 0)


class NLLLoss(Layer):
    r"""Negative log-likelihood: the mean of :math:`-\log p_c`, c the right class.

    Shapes: log-probabilities (B, K), (K,) or (B, K, …), target of class numbers (B,), () or (B, …)
    → scalar. ``backward()`` gives the gradient of the log-probabilities, −onehot(c) / N.

    What softmax's exponential made flat, this logarithm undoes: after LogSoftmax it is
    `CrossEntropyLoss`, ``ignore_index`` included.

    Raises:
        TypeError: the target holds probabilities instead of class numbers.
        ValueError: the shapes do not belong together, or a class number is not in 0 … K − 1.
    """

    def __init__(
        self, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = "mean"
    ) -> None:
        super().__init__()
        only_default(self, weight=(weight, None), reduction=(reduction, "mean"))
        self.ignore_index = ignore_index

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        self.dim, self.index, self.ignored = _classes(self, input, target)
        self.count, self.log_p = (~self.ignored).sum(), input
        right = input.gather(self.dim, self.index)
        return -right.masked_fill(self.ignored, 0).sum() / self.count

    def backward(self, dloss: Tensor | float = 1.0) -> Tensor:
        share = torch.ones_like(self.index, dtype=self.log_p.dtype) * -dloss / self.count
        dinput = torch.zeros_like(self.log_p)
        return dinput.scatter_(self.dim, self.index, share.masked_fill(self.ignored, 0))


class MarginLoss(Layer):
    r"""Mean of :math:`\max(0, m - y s)` for scores s and labels y of −1 or +1, with a margin m.

    Shapes: input (*), target (*) → scalar. ``backward()`` gives the gradient of the scores: −y / N
    where :math:`y s \le m`, else 0.

    Raises:
        ValueError: the shapes differ, or a label is neither −1 nor +1.
    """

    margin: ClassVar[float]

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        kind = type(self).__name__
        if input.shape != target.shape:
            raise ValueError(
                f"{kind}: scores are {tuple(input.shape)}, labels are {tuple(target.shape)}"
            )
        if (wrong := target[target.abs() != 1]).numel():
            raise ValueError(f"{kind}: labels must be −1 or +1, got {wrong[0].item()}")
        self.labels = target.to(input.dtype)
        self.missing = self.margin - self.labels * input
        return self.missing.clamp(min=0).mean()

    def backward(self, dloss: Tensor | float = 1.0) -> Tensor:
        slope = -self.labels.masked_fill(self.missing < 0, 0)
        return slope * (dloss / slope.numel())


class HingeLoss(MarginLoss):
    r"""Hinge loss :math:`\max(0, 1 - y s)`: a score has to be right with a margin of 1.

    Shapes: scores s (*), labels y (*) of −1 or +1 → the mean, a scalar.

    Its minimum with a penalty on the weights is the support vector machine (Cortes and
    Vapnik 1995).
    """

    margin = 1.0


class PerceptronLoss(MarginLoss):
    r"""Perceptron criterion :math:`\max(0, -y s)`: a score has to have the right sign.

    Shapes: scores s (*), labels y (*) of −1 or +1 → the mean, a scalar.

    Stochastic gradient descent on it, one example at a time, is Rosenblatt's rule: add y x on a
    mistake, do nothing otherwise. A score of 0 is a mistake for either label here, or nothing would
    ever leave w = 0.
    """

    margin = 0.0


def _classes(layer: Layer, input: Tensor, target: Tensor) -> tuple[int, Tensor, Tensor]:
    """The dimension of the classes, and in its place: class numbers, and which are ignored."""
    kind = type(layer).__name__
    if input.ndim == 0:
        raise ValueError(f"{kind}: logits need a dimension of classes, got a scalar")
    dim = 0 if input.ndim == 1 else 1
    classes = input.shape[dim]
    if target.is_floating_point():
        raise TypeError(f"{kind}: target must hold class numbers, got {target.dtype}")
    if target.shape != input.shape[:dim] + input.shape[dim + 1 :]:
        raise ValueError(
            f"{kind}: logits are {tuple(input.shape)}, target is {tuple(target.shape)}"
        )
    ignored = target == layer.ignore_index
    index = target.masked_fill(ignored, 0)
    if index.numel() and not 0 <= index.min() <= index.max() < classes:
        raise ValueError(
            f"{kind}: class numbers must be 0 … {classes - 1}, "
            f"got {index.min().item()} … {index.max().item()}"
        )
    return dim, index.unsqueeze(dim), ignored.unsqueeze(dim)
