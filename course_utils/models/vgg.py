"""VGG: deeper by small kernels only."""

from __future__ import annotations

from torch import Tensor, nn

# Convolutions before each of the five poolings: configurations A, B, D and E of Table 1.
CONVOLUTIONS = {
    11: (1, 1, 2, 2, 2),
    13: (2, 2, 2, 2, 2),
    16: (2, 2, 3, 3, 3),
    19: (2, 2, 4, 4, 4),
}
CHANNELS = (64, 128, 256, 512, 512)


class VGG(nn.Module):
    """VGG-11, 13, 16 or 19: so many layers with weights, the last three fully connected.

    Parameters with 1,000 classes: 132,863,336, 133,047,848, 138,357,544 and 143,667,240.

    Shapes: x (B, 3, 224, 224) → logits (B, num_classes).

    Raises:
        ValueError: there is no VGG of this depth.

    Source: K. Simonyan, A. Zisserman. Very deep convolutional networks for large-scale image
    recognition. ICLR 2015.
    """

    def __init__(self, depth: int = 16, num_classes: int = 1000) -> None:
        super().__init__()
        if depth not in CONVOLUTIONS:
            raise ValueError(f"VGG: depth must be one of {tuple(CONVOLUTIONS)}, got {depth}")
        layers: list[nn.Module] = []
        width = 3
        for count, channels in zip(CONVOLUTIONS[depth], CHANNELS, strict=True):
            for _ in range(count):
                layers += [nn.Conv2d(width, channels, 3, padding=1), nn.ReLU()]
                width = channels
            layers += [nn.MaxPool2d(2)]  # (B, 64, 112, 112), (B, 128, 56, 56), …
        self.features = nn.Sequential(*layers)  # (B, 512, 7, 7)
        self.classifier = nn.Sequential(
            nn.Linear(512 * 7 * 7, 4096),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(4096, 4096),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(4096, num_classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x).flatten(1))
