"""Residual networks: the small ones for CIFAR-10 and the large ones for ImageNet."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

CIFAR_DEPTHS = (20, 32, 44, 56, 110)


class CifarBlock(nn.Module):
    r"""Two 3×3 convolutions beside a shortcut without parameters: :math:`y = [F(x) + x]_+`.

    Where the block has stride 2 and twice as many channels, the shortcut takes every second pixel
    and fills the new channels with zeros (the paper's option A). Without its shortcut it is a
    block of a plain net.
    """

    def __init__(self, in_channels: int, channels: int, stride: int, shortcut: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.stride = stride
        self.new_channels = channels - in_channels
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        if self.shortcut:
            half = self.new_channels // 2
            x = x[:, :, :: self.stride, :: self.stride]
            y = y + F.pad(x, (0, 0, 0, 0, half, self.new_channels - half))
        return torch.relu(y)


class CifarResNet(nn.Module):
    """ResNet-20, 32, 44, 56 or 110 for images of 32 × 32 pixels.

    Parameters with 10 classes: 269,722, 464,154, 658,586, 853,018 and 1,727,962. The plain net of
    the same depth (``shortcuts=False``) has as many, because the shortcuts have none.

    Names of parameters are those of github.com/akamaster/pytorch_resnet_cifar10, whose published
    weights load after their prefix ``module.`` has been taken off.

    Shapes: x (B, 3, 32, 32) → logits (B, num_classes).

    Raises:
        ValueError: the paper has no net of this depth.

    Source: K. He, X. Zhang, S. Ren, J. Sun. Deep residual learning for image recognition. CVPR
    2016, section 4.2.
    """

    def __init__(self, depth: int = 20, num_classes: int = 10, *, shortcuts: bool = True) -> None:
        super().__init__()
        if depth not in CIFAR_DEPTHS:
            raise ValueError(f"CifarResNet: depth must be one of {CIFAR_DEPTHS}, got {depth}")
        blocks = (depth - 2) // 6  # two convolutions each, three stages, the first and the last
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)

        def stage(in_channels: int, channels: int, stride: int) -> nn.Sequential:
            first = CifarBlock(in_channels, channels, stride, shortcuts)
            others = [CifarBlock(channels, channels, 1, shortcuts) for _ in range(blocks - 1)]
            return nn.Sequential(first, *others)

        self.layer1 = stage(16, 16, stride=1)
        self.layer2 = stage(16, 32, stride=2)
        self.layer3 = stage(32, 64, stride=2)
        self.linear = nn.Linear(64, num_classes)
        _initialize(self)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.bn1(self.conv1(x)))  # (B, 16, 32, 32)
        x = self.layer1(x)
        x = self.layer2(x)  # (B, 32, 16, 16)
        x = self.layer3(x)  # (B, 64, 8, 8)
        return self.linear(x.mean((2, 3)))


class BasicBlock(nn.Module):
    """Two 3×3 convolutions; the shortcut is a 1×1 projection where the sizes differ."""

    expansion = 1

    def __init__(self, in_channels: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.downsample = _projection(in_channels, channels, stride)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return torch.relu(y + self.downsample(x))


class Bottleneck(nn.Module):
    """1×1 down, 3×3, 1×1 up to four times the channels, beside the shortcut.

    The stride is in the 3×3 convolution, as in all weights that are published for torch; the paper
    has it in the first 1×1.
    """

    expansion = 4

    def __init__(self, in_channels: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.conv3 = nn.Conv2d(channels, 4 * channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * channels)
        self.downsample = _projection(in_channels, 4 * channels, stride)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.bn1(self.conv1(x)))
        y = torch.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return torch.relu(y + self.downsample(x))


# The block, and how many there are in each of the four stages (Table 1 of the paper).
IMAGENET_DEPTHS = {
    18: (BasicBlock, (2, 2, 2, 2)),
    34: (BasicBlock, (3, 4, 6, 3)),
    50: (Bottleneck, (3, 4, 6, 3)),
    101: (Bottleneck, (3, 4, 23, 3)),
    152: (Bottleneck, (3, 8, 36, 3)),
}


class ResNet(nn.Module):
    """ResNet-18, 34, 50, 101 or 152 for ImageNet.

    Parameters with 1,000 classes: 11,689,512, 21,797,672, 25,557,032, 44,549,160 and 60,192,808.
    Names of parameters are torchvision's.

    Shapes: x (B, 3, 224, 224) → logits (B, num_classes).

    Raises:
        ValueError: the paper has no net of this depth.

    Source: K. He, X. Zhang, S. Ren, J. Sun. Deep residual learning for image recognition. CVPR
    2016.
    """

    def __init__(self, depth: int = 18, num_classes: int = 1000) -> None:
        super().__init__()
        if depth not in IMAGENET_DEPTHS:
            raise ValueError(f"ResNet: depth must be one of {tuple(IMAGENET_DEPTHS)}, got {depth}")
        block, counts = IMAGENET_DEPTHS[depth]
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)

        def stage(in_channels: int, channels: int, count: int, stride: int) -> nn.Sequential:
            wide = channels * block.expansion
            first = block(in_channels, channels, stride)
            return nn.Sequential(first, *(block(wide, channels, 1) for _ in range(count - 1)))

        self.layer1 = stage(64, 64, counts[0], stride=1)
        self.layer2 = stage(64 * block.expansion, 128, counts[1], stride=2)
        self.layer3 = stage(128 * block.expansion, 256, counts[2], stride=2)
        self.layer4 = stage(256 * block.expansion, 512, counts[3], stride=2)
        self.fc = nn.Linear(512 * block.expansion, num_classes)
        _initialize(self)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.bn1(self.conv1(x)))  # (B, 64, 112, 112)
        x = self.maxpool(x)  # (B, 64, 56, 56)
        x = self.layer1(x)
        x = self.layer2(x)  # (B, …, 28, 28)
        x = self.layer3(x)  # (B, …, 14, 14)
        x = self.layer4(x)  # (B, …, 7, 7)
        return self.fc(x.mean((2, 3)))


def _projection(in_channels: int, channels: int, stride: int) -> nn.Sequential:
    """The identity where the sizes agree, else a 1×1 convolution (the paper's option B)."""
    if stride == 1 and in_channels == channels:
        return nn.Sequential()
    return nn.Sequential(
        nn.Conv2d(in_channels, channels, 1, stride, bias=False), nn.BatchNorm2d(channels)
    )


def _initialize(model: nn.Module) -> None:
    """He et al. (2015): variance 2 / fan-out, which keeps the size of gradients through ReLUs."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
