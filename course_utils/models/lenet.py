"""LeNet-5, as it was in 1998 and as it is drawn today."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

# Which of the six maps of S2 each of the sixteen maps of C3 sees (Table I of the paper).
C3_INPUTS = (
    *((0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (0, 4, 5), (0, 1, 5)),
    *((0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (0, 3, 4, 5), (0, 1, 4, 5), (0, 1, 2, 5)),
    *((0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5)),
    (0, 1, 2, 3, 4, 5),
)


def squash(x: Tensor) -> Tensor:
    r"""The paper's sigmoid :math:`1.7159 \tanh(\tfrac23 x)`, which maps ±1 to ±1."""
    return 1.7159 * torch.tanh(x * 2 / 3)


class Subsampling(nn.Module):
    r"""Trainable pooling :math:`y = w_c \sum_{2 \times 2} x + b_c`: two numbers for each channel.

    It starts as the mean. Shapes: x (B, C, H, W) → y (B, C, H/2, W/2); weight (C,), bias (C,).
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((channels,), 0.25))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        sums = F.avg_pool2d(x, 2, divisor_override=1)
        return sums * self.weight[:, None, None] + self.bias[:, None, None]


class SparseConv2d(nn.Module):
    """A convolution in which each output map sees its own choice of the input maps.

    Shapes: x (B, C, H, W) → y (B, len(inputs), H', W'); one kernel of ``weight`` for each
    connection, one number of ``bias`` for each output map.
    """

    def __init__(
        self, in_channels: int, inputs: tuple[tuple[int, ...], ...], kernel_size: int
    ) -> None:
        super().__init__()
        self.shape = (len(inputs), in_channels, kernel_size, kernel_size)
        wires = [(i, j) for i, chosen in enumerate(inputs) for j in chosen]
        self.register_buffer("wires", torch.tensor(wires).T, persistent=False)  # (2, connections)
        # As in a convolution: uniform within ±1/√(fan-in) of each output map.
        bounds = torch.tensor([(len(chosen) * kernel_size**2) ** -0.5 for chosen in inputs])
        kernels = 2 * torch.rand(len(wires), kernel_size, kernel_size) - 1
        self.weight = nn.Parameter(kernels * bounds[self.wires[0], None, None])
        self.bias = nn.Parameter((2 * torch.rand(len(inputs)) - 1) * bounds)

    def forward(self, x: Tensor) -> Tensor:
        dense = self.weight.new_zeros(self.shape).index_put(tuple(self.wires), self.weight)
        return F.conv2d(x, dense, self.bias)


class LeNet5(nn.Module):
    r"""The original LeNet-5: 60,000 trainable parameters.

    By layer: C1 156, S2 12, C3 1,516, S4 32, C5 48,120, F6 10,164. C3 is connected sparsely, S2
    and S4 have weights, and the output is not a linear layer but a distance: unit i compares F6
    with a fixed code :math:`c_i \in \{-1, +1\}^{84}`,

    .. math:: z_i = -\sum_j (x_j - c_{ij})^2 .

    The paper's output is the distance itself, its first criterion (equation 8) the distance of
    the right class, ``-z.gather(1, y[:, None]).mean()``; it works better here than cross-entropy,
    for which these logits are large. The paper's codes are pictures of 7 × 12 pixels; here they
    are drawn at random, which it names as a possibility.

    Shapes: x (B, 1, 32, 32) → logits (B, 10). MNIST's 28 × 28 digits are padded by 2.

    Source: Y. LeCun, L. Bottou, Y. Bengio, P. Haffner. Gradient-based learning applied to document
    recognition. Proceedings of the IEEE 86(11), 1998.
    """

    def __init__(self) -> None:
        super().__init__()
        self.c1 = nn.Conv2d(1, 6, 5)
        self.s2 = Subsampling(6)
        self.c3 = SparseConv2d(6, C3_INPUTS, 5)
        self.s4 = Subsampling(16)
        self.c5 = nn.Conv2d(16, 120, 5)
        self.f6 = nn.Linear(120, 84)
        # From a generator of its own: the codes belong to the model, not to a seed.
        bits = torch.randint(2, (10, 84), generator=torch.Generator().manual_seed(0), device="cpu")
        self.register_buffer("codes", (2 * bits - 1).to(self.f6.weight))

    def forward(self, x: Tensor) -> Tensor:
        x = squash(self.c1(x))  # (B, 6, 28, 28)
        x = squash(self.s2(x))  # (B, 6, 14, 14)
        x = squash(self.c3(x))  # (B, 16, 10, 10)
        x = squash(self.s4(x))  # (B, 16, 5, 5)
        x = squash(self.c5(x))  # (B, 120, 1, 1)
        x = squash(self.f6(x.flatten(1)))  # (B, 84)
        return -(x[:, None] - self.codes).square().sum(2)  # (B, 10)


class ModernLeNet5(nn.Sequential):
    """LeNet-5 as it is usually programmed today: 61,706 parameters.

    C3 is connected fully, pooling has no weights, the output is a linear layer (156 + 2,416 +
    48,120 + 10,164 + 850); ReLU and maximum pooling in place of the sigmoid and the mean.

    Shapes: x (B, 1, 32, 32) → logits (B, 10). MNIST's 28 × 28 digits are padded by 2.
    """

    def __init__(self) -> None:
        super().__init__(
            nn.Conv2d(1, 6, 5),  # (B, 6, 28, 28)
            nn.ReLU(),
            nn.MaxPool2d(2),  # (B, 6, 14, 14)
            nn.Conv2d(6, 16, 5),  # (B, 16, 10, 10)
            nn.ReLU(),
            nn.MaxPool2d(2),  # (B, 16, 5, 5)
            nn.Flatten(),  # (B, 400)
            nn.Linear(400, 120),
            nn.ReLU(),
            nn.Linear(120, 84),
            nn.ReLU(),
            nn.Linear(84, 10),
        )
