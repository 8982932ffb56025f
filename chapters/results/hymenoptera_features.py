"""What EfficientNet-Lite0 sees in 397 photographs of ants and bees: makes hymenoptera_features.npz.

    COURSE_DATA=… python chapters/results/hymenoptera_features.py

The last feature maps (1280, 7, 7), averaged over their 49 places, as one byte each: a share of
``scale``. The photographs themselves are not in the file.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from course_utils import data
from course_utils.data import efficientnet_lite0

PATH = Path(__file__).with_suffix(".npz")
SCALE = 6.0  # ReLU6 lets no more through


@torch.inference_mode()
def features(photographs: Tensor) -> Tensor:
    """Photographs (N, 3, 224, 224), uint8 → features (N, 1280)."""
    weights = efficientnet_lite0.load()
    net = efficientnet_lite0.network(weights)
    parts = []
    for photos in photographs.split(16):
        x = weights.normalize(photos.float() / 255)
        maps = net.extract_features(x)  # (16, 1280, 7, 7)
        parts.append(maps.mean((2, 3)))
    return torch.cat(parts)


def main() -> None:
    torch.set_num_threads(1)
    found = data.load("hymenoptera")
    train, test = features(found.x_train), features(found.x_test)
    np.savez_compressed(
        PATH,
        scale=SCALE,
        x_train=(train / SCALE * 255).round().byte().numpy(),
        y_train=found.y_train.byte().numpy(),
        x_test=(test / SCALE * 255).round().byte().numpy(),
        y_test=found.y_test.byte().numpy(),
    )


if __name__ == "__main__":
    main()
