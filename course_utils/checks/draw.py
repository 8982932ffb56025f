"""Shapes and values of hidden tests, drawn from the course's secret."""

from __future__ import annotations

import hashlib
import os

import torch
from torch import Tensor

SECRET = "COURSE_SECRET"


class Draw:
    """Random sizes and tensors that depend on a test's name and on ``COURSE_SECRET`` alone.

    The secret is an environment variable of whoever grades, which ``course grade`` passes into the
    sandbox; it is empty where it is not set, as on students' machines. With another secret a
    public assignment has other hidden tests, so that its published numbers are worth nothing. The
    code under test runs in the same process and can read the variable: the secret keeps numbers
    from being known beforehand, not from being read while they are used.

    Two draws of the same name and secret give the same values in the same order.

    Example:
        >>> draw = Draw("linear-forward")
        >>> B, M = draw.sizes(2, low=2, high=9)
        >>> x = draw.normal(B, M)
    """

    def __init__(self, name: str) -> None:
        text = f"{os.environ.get(SECRET, '')}\0{name}"
        seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:7], "big")
        self.generator = torch.Generator().manual_seed(seed)

    def sizes(self, count: int, *, low: int, high: int) -> tuple[int, ...]:
        """``count`` different sizes from low … high: a transposed shape must never fit.

        Raises:
            ValueError: there are not as many.
        """
        if count > high - low + 1:
            raise ValueError(f"{count} different sizes from {low} … {high}: there are fewer")
        order = torch.randperm(high - low + 1, generator=self.generator)
        return tuple((order[:count] + low).tolist())

    def size(self, *, low: int, high: int) -> int:
        """One size from low … high."""
        return self.sizes(1, low=low, high=high)[0]

    def normal(self, *shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
        """Standard normal values."""
        return torch.randn(shape, generator=self.generator, dtype=dtype)

    def uniform(self, *shape: int, low: float = 0.0, high: float = 1.0) -> Tensor:
        """Values uniform between low and high, float32."""
        return low + (high - low) * torch.rand(shape, generator=self.generator)

    def labels(self, count: int, classes: int) -> Tensor:
        """``count`` class numbers 0 … classes − 1, int64."""
        return torch.randint(classes, (count,), generator=self.generator)
