"""Weight standardization."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor

from course_utils.layers.base import Layer
from course_utils.layers.normalization import standardize, standardize_backward


class WeightStandardization(Layer):
    r"""A layer that computes with its weight standardized: mean 0, variance 1 for each output.

    .. math::
        \hat W_c = \frac{W_c - \mu_c}{\sqrt{v_c + \epsilon}}

    with :math:`\mu_c` and :math:`v_c` taken over all weights that lead to output channel c: over
    (C_in, K, K) in a convolution. What is learned is W; its gradient is that of :math:`\hat W`,
    which the layer computes, taken through `standardize_backward`. There is no scale and shift,
    because a normalization layer is meant to follow, group normalization in the paper.

    Shapes: those of the layer, whose weight is (C_out, …). Its names get the prefix ``layer.``.
    Source: Qiao et al. 2019.

    Args:
        layer: a `Linear`, `Conv2d` or another layer with a ``weight``.

    Raises:
        TypeError: ``layer`` is not a `Layer` with a weight.
    """

    def __init__(self, layer: Layer, eps: float = 1e-5) -> None:
        super().__init__()
        if not isinstance(layer, Layer) or "weight" not in layer.parameter_names:
            raise TypeError(
                f"WeightStandardization: needs a layer with a weight, got a {type(layer).__name__}"
            )
        self.layer, self.eps = layer, eps

    def forward(self, *inputs: Any, **options: Any) -> Any:
        rows = self.layer.weight.flatten(1)  # (C_out, weights of one output)
        self.w_hat, self.rstd = standardize(rows, self.eps)
        with self._standardized():
            return self.layer.forward(*inputs, **options)

    def backward(self, *output_gradients: Any) -> Any:
        with self._standardized():
            dx = self.layer.backward(*output_gradients)
        dw_hat = self.layer.grads["weight"].flatten(1)
        dw = standardize_backward(dw_hat, self.w_hat, self.rstd)
        self.layer.grads["weight"] = dw.view(self.layer.weight.shape)
        return dx

    @contextmanager
    def _standardized(self) -> Iterator[None]:
        """Lend the layer its standardized weight, and give it its own back."""
        weight: Tensor = self.layer.weight
        self.layer.weight = self.w_hat.view(weight.shape)
        try:
            yield
        finally:
            self.layer.weight = weight
