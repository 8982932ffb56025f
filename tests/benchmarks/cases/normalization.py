"""Normalization, dropout and a residual block, in small networks and in published ones."""

from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cases import REALISTIC, TEACHING, Case, randn
from course_utils.layers import (
    BatchNorm1d,
    BatchNorm2d,
    Dropout,
    Flatten,
    GroupNorm,
    InstanceNorm2d,
    LayerNorm,
    Linear,
    LocalResponseNorm,
    ReLU,
    Residual,
    Sequential,
    WeightStandardization,
)


class StandardizedLinear(nn.Module):
    """The twin of WeightStandardization(Linear)."""

    def __init__(self, *sizes: int) -> None:
        super().__init__()
        self.layer = nn.Linear(*sizes)

    def forward(self, x: Tensor) -> Tensor:
        var, mean = torch.var_mean(self.layer.weight, 1, correction=0, keepdim=True)
        weight = (self.layer.weight - mean) * (var + 1e-5).rsqrt()
        return F.linear(x, weight, self.layer.bias)


class ResidualMLP(nn.Module):
    """The twin of Residual(Sequential(Linear, ReLU, Linear))."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layer = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layer(x)


def residual(width: int) -> Residual:
    return Residual(Sequential(Linear(width, width), ReLU(), Linear(width, width)))


def case(name, size, ours, theirs, shape, *arguments, **options):
    make = partial(ours, *arguments, **options)
    return Case(name, size, make, partial(theirs, *arguments, **options), randn(shape))


DIGITS, IMAGES, TOKENS = (64, 8, 14, 14), (32, 64, 56, 56), (32, 128, 768)

CASES = [
    case("BatchNorm1d", TEACHING, BatchNorm1d, nn.BatchNorm1d, (64, 100), 100),
    case("BatchNorm1d", REALISTIC, BatchNorm1d, nn.BatchNorm1d, (256, 4096), 4096),
    case("BatchNorm2d", TEACHING, BatchNorm2d, nn.BatchNorm2d, DIGITS, 8),
    case("BatchNorm2d", REALISTIC, BatchNorm2d, nn.BatchNorm2d, IMAGES, 64),
    Case(
        "BatchNorm2d eval",
        REALISTIC,
        lambda: BatchNorm2d(64).eval(),
        lambda: nn.BatchNorm2d(64).eval(),
        randn(IMAGES),
    ),
    case("LayerNorm", TEACHING, LayerNorm, nn.LayerNorm, (8, 32, 64), 64),
    case("LayerNorm", REALISTIC, LayerNorm, nn.LayerNorm, TOKENS, 768),
    case("GroupNorm 4", TEACHING, GroupNorm, nn.GroupNorm, DIGITS, 4, 8),
    case("GroupNorm 32", REALISTIC, GroupNorm, nn.GroupNorm, IMAGES, 32, 64),
    case("InstanceNorm2d", TEACHING, InstanceNorm2d, nn.InstanceNorm2d, DIGITS, 8),
    case(
        "InstanceNorm2d affine",
        REALISTIC,
        InstanceNorm2d,
        nn.InstanceNorm2d,
        IMAGES,
        64,
        affine=True,
    ),
    case("LocalResponseNorm", TEACHING, LocalResponseNorm, nn.LocalResponseNorm, DIGITS, 5),
    case(
        "LocalResponseNorm",
        REALISTIC,
        LocalResponseNorm,
        nn.LocalResponseNorm,
        (8, 96, 55, 55),
        5,
    ),
    case(
        "WeightStandardization",
        TEACHING,
        lambda *sizes: WeightStandardization(Linear(*sizes)),
        StandardizedLinear,
        (64, 784),
        784,
        100,
    ),
    case(
        "WeightStandardization",
        REALISTIC,
        lambda *sizes: WeightStandardization(Linear(*sizes)),
        StandardizedLinear,
        (1024, 768),
        768,
        3072,
    ),
    case("Dropout", TEACHING, Dropout, nn.Dropout, (64, 100), 0.5),
    case("Dropout", REALISTIC, Dropout, nn.Dropout, TOKENS, 0.1),
    case("Flatten", TEACHING, Flatten, nn.Flatten, DIGITS),
    case("Flatten", REALISTIC, Flatten, nn.Flatten, IMAGES),
    case("Residual", TEACHING, residual, ResidualMLP, (64, 100), 100),
    case("Residual", REALISTIC, residual, ResidualMLP, (1024, 768), 768),
]
