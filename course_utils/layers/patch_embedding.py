"""Pictures as tokens."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from course_utils.init import uniform
from course_utils.layers.base import Layer, check_gradient, check_input


class PatchEmbedding(Layer):
    r"""Patches of P×P pixels, each mapped to D features: :math:`y = p W^\top + b`.

    Shapes: x (*, C, H, W) → y (*, N, D) with N = (H/P)·(W/P) tokens, row by row; weight
    (D, C, P, P), bias (D,). No pixel is in two patches, so this is a `Linear` layer on C·P² numbers
    between two reshapes, and backward is its rule between the same two. It is also the convolution
    whose kernel and stride are P: state and initial values are those of
    ``torch.nn.Conv2d(C, D, P, stride=P)``.

    Source: Dosovitskiy et al. 2021.

    Args:
        patch_size: P, or a pair of height and width.

    Raises:
        ValueError: a size is not positive, a picture has not C channels, or cannot be cut into
            patches without a rest (the convolution would leave it out).
        TypeError: the input is not of the layer's dtype or not on its device.
    """

    parameter_names = ("weight", "bias")

    def __init__(
        self,
        in_channels: int,
        embed_dim: int,
        patch_size: int | tuple[int, int],
        bias: bool = True,
        *,
        generator: torch.Generator | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        p, q = (patch_size, patch_size) if isinstance(patch_size, int) else patch_size
        if min(in_channels, embed_dim, p, q) < 1:
            raise ValueError(
                f"PatchEmbedding: sizes must be positive, got in_channels={in_channels}, "
                f"embed_dim={embed_dim}, patch_size={patch_size}"
            )
        bound = 1 / math.sqrt(in_channels * p * q)
        drawn = {"generator": generator, "device": device, "dtype": dtype}
        self.weight = uniform((embed_dim, in_channels, p, q), bound, **drawn)
        self.bias = uniform((embed_dim,), bound, **drawn) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        _, c, p, q = self.weight.shape
        if x.ndim < 3 or x.shape[-3] != c or x.shape[-2] % p or x.shape[-1] % q:
            raise ValueError(
                f"PatchEmbedding: expected {c} channels and whole patches of {p}×{q} pixels "
                f"(input {tuple(x.shape)}, weight {tuple(self.weight.shape)})"
            )
        check_input(self, x, self.weight)
        self.grid = (x.shape[-2] // p, x.shape[-1] // q)
        cut = x.unflatten(-1, (-1, q)).unflatten(-3, (-1, p))  # (*, C, H/P, P, W/P, P)
        tokens = cut.movedim((-4, -2), (-5, -4))  # (*, H/P, W/P, C, P, P)
        self.patches = tokens.flatten(-3).flatten(-3, -2)  # (*, N, C·P²)
        y = self.patches @ self.weight.flatten(1).T  # (*, N, D)
        return y if self.bias is None else y + self.bias

    def backward(self, dy: Tensor) -> Tensor:
        d, *patch = self.weight.shape
        check_gradient(self, dy, torch.Size((*self.patches.shape[:-1], d)))
        rows, drows = self.patches.flatten(0, -2), dy.flatten(0, -2)  # (B·N, C·P²), (B·N, D)
        self.grads["weight"] = (drows.T @ rows).view_as(self.weight)  # (D, C, P, P)
        if self.bias is not None:
            self.grads["bias"] = drows.sum(0)  # (D,)
        dtokens = dy @ self.weight.flatten(1)  # (*, N, C·P²)
        dtokens = dtokens.unflatten(-1, patch).unflatten(-4, self.grid)  # (*, H/P, W/P, C, P, P)
        dcut = dtokens.movedim((-5, -4), (-4, -2))  # (*, C, H/P, P, W/P, P)
        return dcut.flatten(-2).flatten(-3, -2)  # (*, C, H, W)
