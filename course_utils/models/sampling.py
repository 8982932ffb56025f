"""What the language models share when they write."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Without dropout and without gradients; afterwards the model is in the mode it was in."""
    training = model.training
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        model.train(training)


def draw(logits: Tensor, temperature: float, generator: torch.Generator | None) -> Tensor:
    r"""Draw tokens from :math:`\operatorname{softmax}(z / \tau)`.

    A temperature below 1 sharpens the distribution, towards the most likely token; one above 1
    flattens it. A generator on the CPU may be used with logits on a GPU.

    Shapes: logits (B, V) → tokens (B, 1).

    Raises:
        ValueError: the temperature is not positive.
    """
    if temperature <= 0:
        raise ValueError(f"the temperature must be positive, got {temperature}")
    p = torch.softmax(logits / temperature, dim=-1)
    if generator is not None:
        p = p.to(generator.device)
    return torch.multinomial(p, 1, generator=generator).to(logits.device)
