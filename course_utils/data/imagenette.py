"""Imagenette: ten classes of ImageNet that are easy to tell apart (J. Howard, fast.ai)."""

from __future__ import annotations

import torch

from course_utils.data.archives import read_tar, read_zip
from course_utils.data.dataset import Dataset
from course_utils.data.files import PublishedFiles, locate, own_copy
from course_utils.data.images import center_crop, decode

FILES = PublishedFiles(
    folder="imagenette",
    mirrors=("https://s3.amazonaws.com/fast-ai-imageclas/",),
    hashes={"imagenette2-160.tgz": "md5:e793b78cc4c9e9a4ccc0c1155377a412"},
    size=99_000_000,
)
COPY = PublishedFiles(
    folder="imagenette",
    mirrors=(),
    hashes={
        "imagenette2_224_subset.zip": (
            "f352c3ae6bad8c1800277714c72f0771d5a8be84a9a1545e2cdec0b0677a1a99"
        )
    },
    size=10_485_273,
)
# WordNet's number of each class, its name, and its place among ImageNet's 1,000 classes.
WORDNET = {
    "n01440764": ("tench", 0),
    "n02102040": ("English springer", 217),
    "n02979186": ("cassette player", 482),
    "n03000684": ("chain saw", 491),
    "n03028079": ("church", 497),
    "n03394916": ("French horn", 566),
    "n03417042": ("garbage truck", 569),
    "n03425413": ("gas pump", 571),
    "n03445777": ("golf ball", 574),
    "n03888257": ("parachute", 701),
}
CLASSES = tuple(name for name, _ in WORDNET.values())
IMAGENET_CLASSES = tuple(index for _, index in WORDNET.values())
PATTERN = r"imagenette2(-160)?/(train|val)/n\d{8}/[^/]+\.JPEG"


def load() -> Dataset:
    """Photographs (N, 3, 160, 160), uint8, and their classes.

    ``IMAGENET_CLASSES[label]`` is the class that a network trained on ImageNet should give.
    """
    folder = own_copy(COPY, of=FILES)
    if folder is not None:
        members = read_zip(folder / "imagenette2_224_subset.zip", PATTERN, limit=2**25)
    else:
        members = read_tar(locate(FILES) / "imagenette2-160.tgz", PATTERN, limit=2**28)
    numbers = list(WORDNET)
    images = {"train": [], "val": []}
    labels = {"train": [], "val": []}
    for name, content in members.items():
        _, part, number, _ = name.split("/")
        images[part].append(center_crop(decode(content, name=name), 160))
        labels[part].append(numbers.index(number))
    return Dataset(
        x_train=torch.stack(images["train"]),
        y_train=torch.tensor(labels["train"]),
        x_test=torch.stack(images["val"]),
        y_test=torch.tensor(labels["val"]),
        description=(
            f"Imagenette{', reduced' if folder else ''}: photographs in 10 classes, the middle "
            f"scaled to 160 × 160 pixels, {len(labels['train']):,} for training and "
            f"{len(labels['val']):,} for testing (fast.ai, github.com/fastai/imagenette, "
            "Apache-2.0; the photographs are ImageNet's: non-commercial research and education)."
        ),
        classes=CLASSES,
    )
