"""Pooling, as in LeNet-5 on digits, and in AlexNet, ResNet-50 on photographs."""

import torch
import torch.nn.functional as F
from torch import nn

from cases import REALISTIC, TEACHING, Case, randn
from course_utils.layers import AdaptiveAvgPool2d, AvgPool2d, MaskPool2d, MaxPool2d


def case(name, size, kind, shape, *arguments, **options):
    """The same constructor call on both sides."""
    twin = getattr(nn, kind.__name__)
    return Case(
        f"{kind.__name__} {name}",
        size,
        lambda: kind(*arguments, **options),
        lambda: twin(*arguments, **options),
        randn(shape),
    )


def disc(radius):
    offsets = torch.arange(-radius, radius + 1)
    return offsets[:, None] ** 2 + offsets**2 <= radius**2


def by_unfolding(mode, stride):
    """Pooling by a disc in torch's operations: windows as columns, those outside left out."""
    inside = disc(2).flatten()

    def pool(x):
        batch, channels, height, width = x.shape
        out = (height - 5) // stride + 1, (width - 5) // stride + 1
        columns = F.unfold(x, 5, stride=stride).view(batch, channels, 25, -1)[:, :, inside]
        y = columns.amax(2) if mode == "max" else columns.mean(2)
        return y.view(batch, channels, *out)

    return pool


CASES = [
    case("2×2", TEACHING, MaxPool2d, (64, 6, 28, 28), 2),
    case("3×3, stride 2", REALISTIC, MaxPool2d, (8, 64, 112, 112), 3, 2, padding=1),
    case("3×3, stride 1", TEACHING, MaxPool2d, (32, 16, 28, 28), 3, 1, padding=1),
    case("2×2", TEACHING, AvgPool2d, (64, 6, 28, 28), 2),
    case("3×3, stride 2", REALISTIC, AvgPool2d, (8, 64, 112, 112), 3, 2, padding=1),
    case("1", REALISTIC, AdaptiveAvgPool2d, (8, 2048, 7, 7), 1),
    case("6×6", REALISTIC, AdaptiveAvgPool2d, (8, 256, 13, 13), 6),
    case("7×7", REALISTIC, AdaptiveAvgPool2d, (8, 256, 56, 56), 7),
    case("1", TEACHING, AdaptiveAvgPool2d, (64, 32, 7, 7), 1),
    Case(
        "MaskPool2d max, disc",
        TEACHING,
        lambda: MaskPool2d(disc(2), 2),
        lambda: by_unfolding("max", 2),
        randn((64, 6, 28, 28)),
    ),
    Case(
        "MaskPool2d mean, disc",
        REALISTIC,
        lambda: MaskPool2d(disc(2), 2, "mean"),
        lambda: by_unfolding("mean", 2),
        randn((8, 64, 56, 56)),
    ),
]
