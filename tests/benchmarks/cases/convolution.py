"""Convolutions, as in LeNet-5 on digits, and in AlexNet, ResNet-50, MobileNet on photographs."""

from torch import nn

from cases import REALISTIC, TEACHING, Case, randn
from course_utils.layers import Conv1d, Conv2d, ConvTranspose2d


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


CASES = [
    case("5×5, 1 → 6", TEACHING, Conv2d, (64, 1, 28, 28), 1, 6, 5, padding=2),
    case("5×5, 6 → 16", TEACHING, Conv2d, (64, 6, 14, 14), 6, 16, 5),
    case("5×5, 1 → 16", TEACHING, Conv2d, (64, 1, 28, 28), 1, 16, 5),
    case("3×3, stride 2", TEACHING, Conv2d, (32, 16, 32, 32), 16, 32, 3, stride=2, padding=1),
    case("depthwise 3×3", TEACHING, Conv2d, (32, 16, 28, 28), 16, 16, 3, padding=1, groups=16),
    case("11×11, stride 4", REALISTIC, Conv2d, (8, 3, 224, 224), 3, 64, 11, stride=4, padding=2),
    case("3×3, 64 → 64", REALISTIC, Conv2d, (8, 64, 56, 56), 64, 64, 3, padding=1, bias=False),
    case("1×1, 256 → 64", REALISTIC, Conv2d, (8, 256, 56, 56), 256, 64, 1, bias=False),
    case(
        "3×3, dilation 2",
        REALISTIC,
        Conv2d,
        (8, 128, 28, 28),
        *(128, 128, 3),
        padding="same",
        dilation=2,
    ),
    case(
        "depthwise 3×3",
        REALISTIC,
        Conv2d,
        (8, 32, 112, 112),
        *(32, 32, 3),
        padding=1,
        groups=32,
        bias=False,
    ),
    case("3×3, 32 groups", REALISTIC, Conv2d, (8, 128, 56, 56), 128, 128, 3, padding=1, groups=32),
    case("5, 16 → 32", TEACHING, Conv1d, (32, 16, 128), 16, 32, 5, padding=2),
    case("3, dilation 2", REALISTIC, Conv1d, (8, 128, 1024), 128, 128, 3, padding=2, dilation=2),
    case("2×2, stride 2", TEACHING, ConvTranspose2d, (64, 32, 7, 7), 32, 16, 2, stride=2),
    case(
        "4×4, stride 2",
        REALISTIC,
        ConvTranspose2d,
        (8, 256, 16, 16),
        256,
        128,
        4,
        stride=2,
        padding=1,
    ),
]
