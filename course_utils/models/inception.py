"""GoogLeNet and the block that it is made of."""

from __future__ import annotations

import torch
from torch import Tensor, nn

# The nine blocks of Table 1: 1×1, (reduction, 3×3), (reduction, 5×5), projection after pooling.
BLOCKS = {
    "3a": (64, (96, 128), (16, 32), 32),
    "3b": (128, (128, 192), (32, 96), 64),
    "4a": (192, (96, 208), (16, 48), 64),
    "4b": (160, (112, 224), (24, 64), 64),
    "4c": (128, (128, 256), (24, 64), 64),
    "4d": (112, (144, 288), (32, 64), 64),
    "4e": (256, (160, 320), (32, 128), 128),
    "5a": (256, (160, 320), (32, 128), 128),
    "5b": (384, (192, 384), (48, 128), 128),
}


class Inception(nn.Module):
    """Four views of one input side by side: 1×1, 3×3 and 5×5 convolutions and a pooling.

    1×1 convolutions reduce the channels before the large kernels, or they would cost too much.
    GoogLeNet's first block, ``Inception(192, 64, (96, 128), (16, 32), 32)``, has 163,696
    parameters; with 3×3 and 5×5 on all 192 channels it would have 393,472.

    Args:
        in_channels: channels of the input.
        ch1x1: channels of the first branch.
        ch3x3: channels after the reduction, and of the second branch.
        ch5x5: channels after the reduction, and of the third branch.
        pool_proj: channels of the fourth branch.

    Shapes: x (B, in_channels, H, W) → y (B, ch1x1 + ch3x3[1] + ch5x5[1] + pool_proj, H, W).

    Source: C. Szegedy et al. Going deeper with convolutions. CVPR 2015.
    """

    def __init__(
        self,
        in_channels: int,
        ch1x1: int,
        ch3x3: tuple[int, int],
        ch5x5: tuple[int, int],
        pool_proj: int,
    ) -> None:
        super().__init__()
        self.branch1 = _conv(in_channels, ch1x1, 1)
        self.branch2 = nn.Sequential(_conv(in_channels, ch3x3[0], 1), _conv(*ch3x3, 3))
        self.branch3 = nn.Sequential(_conv(in_channels, ch5x5[0], 1), _conv(*ch5x5, 5))
        self.branch4 = nn.Sequential(
            nn.MaxPool2d(3, stride=1, padding=1), _conv(in_channels, pool_proj, 1)
        )
        self.out_channels = ch1x1 + ch3x3[1] + ch5x5[1] + pool_proj

    def forward(self, x: Tensor) -> Tensor:
        branches = (self.branch1, self.branch2, self.branch3, self.branch4)
        return torch.cat([branch(x) for branch in branches], dim=1)


class GoogLeNet(nn.Module):
    """GoogLeNet: 22 layers deep, 57 convolutions in all, and only 6,998,552 parameters.

    A mean over all positions stands where AlexNet and VGG have their large fully connected layers.
    The two auxiliary classifiers, used during the original training only, are left out.

    Shapes: x (B, 3, 224, 224) → logits (B, num_classes).

    Source: C. Szegedy et al. Going deeper with convolutions. CVPR 2015.
    """

    def __init__(self, num_classes: int = 1000) -> None:
        super().__init__()
        layers: list[nn.Module] = [
            _conv(3, 64, 7, stride=2),  # (B, 64, 112, 112)
            _halve(),  # (B, 64, 56, 56)
            nn.LocalResponseNorm(5),
            _conv(64, 64, 1),
            _conv(64, 192, 3),  # (B, 192, 56, 56)
            nn.LocalResponseNorm(5),
            _halve(),  # (B, 192, 28, 28)
        ]
        width = 192
        for name, sizes in BLOCKS.items():
            if name in ("4a", "5a"):
                layers.append(_halve())  # (B, 480, 14, 14), then (B, 832, 7, 7)
            layers.append(Inception(width, *sizes))
            width = layers[-1].out_channels
        self.features = nn.Sequential(*layers)  # (B, 1024, 7, 7)
        self.classifier = nn.Sequential(nn.Dropout(0.4), nn.Linear(width, num_classes))

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x).mean((2, 3)))


def _conv(in_channels: int, out_channels: int, kernel_size: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, kernel_size, stride, padding=kernel_size // 2),
        nn.ReLU(),
    )


def _halve() -> nn.MaxPool2d:
    return nn.MaxPool2d(3, stride=2, ceil_mode=True)
