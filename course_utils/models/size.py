"""How large a model is and how much work it does."""

from __future__ import annotations

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


def count_parameters(model: nn.Module) -> int:
    """How many trainable numbers a model has; tensors that two layers share count once.

    A large model need not be in memory: ``with torch.device("meta"): model = VGG(19)``.
    """
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def multiply_adds(model: nn.Module, input_shape: tuple[int, ...]) -> int:
    """How many multiplications one forward pass takes, each with its addition.

    Counted are convolutions and matrix products, which is nearly all. Nothing is computed where
    the model is on the device ``meta``.

    Example:
        >>> with torch.device("meta"):
        ...     model = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        >>> multiply_adds(model, (1, 3, 224, 224)) == 3 * 7 * 7 * 64 * 112 * 112
        True
    """
    device = next(model.parameters()).device
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(torch.zeros(input_shape, device=device))
    return counter.get_total_flops() // 2
