"""Ants and bees: so few photographs that only a pretrained network learns to tell them apart.

The set of PyTorch's tutorial on transfer learning. Its publisher states no hash, so it is never
downloaded for you.
"""

from __future__ import annotations

import torch

from course_utils.data.archives import read_zip
from course_utils.data.dataset import Dataset
from course_utils.data.files import PublishedFiles, locate, own_copy
from course_utils.data.images import center_crop, decode
from course_utils.errors import CourseError

FILES = PublishedFiles(
    folder="hymenoptera",
    mirrors=("https://download.pytorch.org/tutorial/",),
    hashes={"hymenoptera_data.zip": None},
    size=47_000_000,
)
COPY = PublishedFiles(
    folder="hymenoptera",
    mirrors=(),
    hashes={
        "hymenoptera_256.zip": "daa52f813ddb9a0037afa2b02c7dce1127c132cb1e80fa15f58c05e174593496"
    },
    size=9_127_212,
)
CLASSES = ("ant", "bee")
COUNTS = {"train": (123, 121), "val": (70, 83)}
DESCRIPTION = (
    "Hymenoptera: photographs of ants and bees, the middle scaled to 224 × 224 pixels, 244 for "
    "training and 153 for testing (PyTorch's transfer-learning tutorial; a part of ImageNet, whose "
    "terms are non-commercial research and education)."
)


def load() -> Dataset:
    """Photographs (N, 3, 224, 224), uint8, and whether they show an ant (0) or a bee (1)."""
    folder = own_copy(COPY, of=FILES)
    if folder is not None:
        path = folder / "hymenoptera_256.zip"
    else:
        path = locate(FILES) / "hymenoptera_data.zip"
    # The one picture that is no JPEG, a .gif that says that there is no picture, is left out.
    pattern = r"hymenoptera_data/(train|val)/(ants|bees)/[^/]+\.jpe?g"
    members = read_zip(path, pattern, limit=2**27)
    tensors = []
    for part, expected in COUNTS.items():
        images, labels = [], []
        for name, content in members.items():
            if f"/{part}/" in name:
                images.append(center_crop(decode(content, name=name), 224, fraction=224 / 256))
                labels.append("/bees/" in name)
        y = torch.tensor(labels).long()
        found = tuple(y.bincount(minlength=2).tolist())
        if found != expected:
            raise CourseError(
                f"{path} is not the published file: {found} photographs of ants and bees in "
                f"{part}/, expected {expected}."
            )
        tensors += [torch.stack(images), y]
    x_train, y_train, x_test, y_test = tensors
    return Dataset(x_train, y_train, x_test, y_test, DESCRIPTION, CLASSES)
