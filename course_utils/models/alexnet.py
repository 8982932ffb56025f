"""AlexNet, the network that won the ImageNet challenge of 2012."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection

from torch import Tensor, nn

REMOVABLE = (3, 4, 6, 7)


class AlexNet(nn.Module):
    """AlexNet: 60,965,224 parameters, 58,631,144 of them in the three fully connected layers.

    It was split over two GPUs. Each held half of every layer's channels, and conv2, conv4 and
    conv5 saw the half on their own GPU only: two groups. Other versions are
    ``groups=1`` (nothing is split: 62,378,344) and
    ``channels=(64, 192, 384, 256, 256), groups=1`` (one GPU, Krizhevsky 2014: 61,100,840).

    ``without`` takes out layers, numbered 1 to 8, to see what they are worth. Only layers 3, 4, 6
    and 7 can go: the first and the last are the net's ends, and 2 and 5 are pooled.

    Shapes: x (B, 3, 227, 227) → logits (B, num_classes). The paper writes 224, but only from 227
    pixels does a kernel of 11 with stride 4 and no padding make its 55 × 55 positions.

    Raises:
        ValueError: ``without`` names a layer that has to stay, or ``groups`` does not divide the
            channels.

    Source: A. Krizhevsky, I. Sutskever, G. Hinton. ImageNet classification with deep convolutional
    neural networks. NIPS 2012. One GPU: A. Krizhevsky. One weird trick for parallelizing
    convolutional neural networks. arXiv:1404.5997, 2014. Layers taken out: M. Zeiler, R. Fergus.
    Visualizing and understanding convolutional networks. ECCV 2014, Table 3.
    """

    def __init__(
        self,
        num_classes: int = 1000,
        *,
        channels: tuple[int, int, int, int, int] = (96, 256, 384, 384, 256),
        groups: int = 2,
        without: Collection[int] = (),
    ) -> None:
        super().__init__()
        if not set(without) <= set(REMOVABLE):
            raise ValueError(
                f"AlexNet: of layers 1 to 8 only {REMOVABLE} can be taken out, got without="
                f"{tuple(without)}"
            )
        c1, c2, c3, c4, c5 = channels
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        layers["conv1"] = nn.Conv2d(3, c1, 11, stride=4)  # (B, 96, 55, 55)
        layers["relu1"] = nn.ReLU()
        layers["norm1"] = _response_norm()
        layers["pool1"] = _overlapping_pool()  # (B, 96, 27, 27)
        layers["conv2"] = nn.Conv2d(c1, c2, 5, padding=2, groups=groups)  # (B, 256, 27, 27)
        layers["relu2"] = nn.ReLU()
        layers["norm2"] = _response_norm()
        layers["pool2"] = _overlapping_pool()  # (B, 256, 13, 13)
        width = c2
        if 3 not in without:  # the one convolution that saw both GPUs
            layers["conv3"] = nn.Conv2d(width, c3, 3, padding=1)  # (B, 384, 13, 13)
            layers["relu3"] = nn.ReLU()
            width = c3
        if 4 not in without:
            layers["conv4"] = nn.Conv2d(width, c4, 3, padding=1, groups=groups)
            layers["relu4"] = nn.ReLU()  # (B, 384, 13, 13)
            width = c4
        layers["conv5"] = nn.Conv2d(width, c5, 3, padding=1, groups=groups)  # (B, 256, 13, 13)
        layers["relu5"] = nn.ReLU()
        layers["pool5"] = _overlapping_pool()  # (B, 256, 6, 6)
        self.features = nn.Sequential(layers)

        layers = OrderedDict()
        width = c5 * 6 * 6
        for number in (6, 7):
            if number not in without:
                layers[f"drop{number}"] = nn.Dropout(0.5)
                layers[f"fc{number}"] = nn.Linear(width, 4096)  # (B, 4096)
                layers[f"relu{number}"] = nn.ReLU()
                width = 4096
        layers["fc8"] = nn.Linear(width, num_classes)  # (B, 1000)
        self.classifier = nn.Sequential(layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x).flatten(1))


def _response_norm() -> nn.LocalResponseNorm:
    # torch divides alpha by the size of the window, the paper (alpha = 1e-4) does not.
    return nn.LocalResponseNorm(size=5, alpha=5e-4, beta=0.75, k=2.0)


def _overlapping_pool() -> nn.MaxPool2d:
    return nn.MaxPool2d(kernel_size=3, stride=2)
