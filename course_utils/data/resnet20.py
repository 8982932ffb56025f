"""A ResNet-20 that was trained on CIFAR-10 (Y. Idelbayev, after He et al., 2016)."""

from __future__ import annotations

import torch

from course_utils.data import cifar10
from course_utils.data.checkpoints import read_checkpoint
from course_utils.data.dataset import Weights
from course_utils.data.files import PublishedFiles, locate

FILES = PublishedFiles(
    folder="weights",
    mirrors=(
        "https://raw.githubusercontent.com/akamaster/pytorch_resnet_cifar10/"
        "d5489e8995e81e91ce6b1d69dcc98ad579b0b153/pretrained_models/",
    ),
    hashes={
        "resnet20-12fca82f.th": "12fca82f0bebc4135bf1f32f6e3710e61d5108578464b84fd6d7f5c1b04036c8"
    },
    size=1_099_231,
)
DESCRIPTION = (
    "ResNet-20 for CIFAR-10: 269,722 parameters, 91.73 % of the test images right by its author's "
    "count; shortcuts of kind A (every second pixel, new channels zero) (Y. Idelbayev, "
    "github.com/akamaster/pytorch_resnet_cifar10; BSD 2-Clause)."
)


def load() -> Weights:
    """The state dict, with names as in the author's network (``layer1.0.conv1.weight``)."""
    path = locate(FILES) / "resnet20-12fca82f.th"
    saved = read_checkpoint(path, mend="Replace it by the published file.")["state_dict"]
    return Weights(
        # It was saved from DataParallel, which puts "module." before every name.
        state_dict={name.removeprefix("module."): value for name, value in saved.items()},
        mean=torch.tensor([0.485, 0.456, 0.406]),
        std=torch.tensor([0.229, 0.224, 0.225]),
        description=DESCRIPTION,
        classes=cifar10.CLASSES,
    )
