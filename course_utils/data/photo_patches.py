"""Color patches of ten photographs that other packages carry: CIFAR-10's shape without a download.

Which photograph is a patch of 32 × 32 pixels from? From each, a window of 256 × 448 pixels is
divided into 28 blocks of 64 × 64. 20 blocks are for training, 8 for testing, and every patch lies
within one block, so no pixel is in both parts. Patches of one block overlap.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image

from course_utils.data.dataset import Dataset
from course_utils.data.images import decode, to_tensor
from course_utils.data.packages import package_file, reading

PATCH, STRIDE, BLOCK = 32, 8, 64
ROWS, COLUMNS = 4, 7  # blocks in a window
TRAINING_BLOCKS = 20  # of these 28


@dataclass(frozen=True)
class Photograph:
    """A photograph in another package.

    Attributes:
        package: the name to import it by, then the way to the file.
        pip: the name to install it by.
        top: first row of the window that patches are cut from.
        left: first column.
    """

    package: tuple[str, ...]
    pip: str
    top: int
    left: int


def _skimage(file: str, top: int, left: int) -> Photograph:
    return Photograph(("skimage", "data", file), "scikit-image", top, left)


def _sklearn(file: str, top: int, left: int) -> Photograph:
    return Photograph(("sklearn", "datasets", "images", file), "scikit-learn", top, left)


PHOTOGRAPHS = {
    "astronaut": _skimage("astronaut.png", 64, 0),
    "cat": _skimage("chelsea.png", 22, 1),
    "coffee": _skimage("coffee.png", 100, 60),
    "flower": _sklearn("flower.jpg", 90, 90),
    "galaxies": _skimage("hubble_deep_field.jpg", 300, 200),
    "officer": Photograph(
        ("matplotlib", "mpl-data", "sample_data", "grace_hopper.jpg"), "matplotlib", 60, 32
    ),
    "pagoda": _sklearn("china.jpg", 120, 40),
    "retina": _skimage("retina.jpg", 560, 100),
    "rocket": _skimage("rocket.jpg", 171, 96),
    "tissue": _skimage("ihc.png", 128, 32),
}
CLASSES = tuple(PHOTOGRAPHS)
DESCRIPTION = (
    "Photo patches: 5,000 color patches of 32 × 32 pixels for training and 2,000 for testing, cut "
    "from other places of the same ten photographs; the label is the photograph. From the packages "
    "scikit-image (Eileen Collins and the Hubble deep field, NASA, public domain; Chelsea the cat, "
    "S. van der Walt, CC0; coffee, R. Michetti, CC0; retina, M. Häggström, CC0; rocket, SpaceX, "
    "public domain; tissue, CMMI, no known restrictions), scikit-learn (pagoda and flower, flickr "
    "users danielbuechele and vultilion, CC BY 2.0) and matplotlib (Grace Hopper, US Navy, public "
    "domain)."
)


def load() -> Dataset:
    """Patches (N, 3, 32, 32) and the photograph that each is from, 500 and 200 of each."""
    parts: dict[str, list[torch.Tensor]] = {"train": [], "test": []}
    for name in CLASSES:
        image = to_tensor(photograph(name))
        for part, corners in zip(parts, patch_corners(name), strict=True):
            parts[part] += [image[:, y : y + PATCH, x : x + PATCH] for y, x in corners]
    random = np.random.RandomState(0)
    x_train, y_train = _shuffled(parts["train"], random)
    x_test, y_test = _shuffled(parts["test"], random)
    return Dataset(x_train, y_train, x_test, y_test, DESCRIPTION, CLASSES)


def photograph(name: str) -> Image.Image:
    """One of the photographs in full, in RGB: ``photograph("cat")``."""
    source = PHOTOGRAPHS[name]
    path = package_file(*source.package, pip=source.pip)
    with reading(path, pip=source.pip):
        return decode(path.read_bytes(), name=str(path)).convert("RGB")


def patch_corners(name: str) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """First row and column of every patch of a photograph: those to train and those to test on."""
    source = PHOTOGRAPHS[name]
    random = np.random.RandomState(CLASSES.index(name))
    steps = range(0, BLOCK - PATCH + 1, STRIDE)
    train: list[tuple[int, int]] = []
    test: list[tuple[int, int]] = []
    for count, block in enumerate(random.permutation(ROWS * COLUMNS).tolist()):
        row, column = divmod(block, COLUMNS)
        top, left = source.top + row * BLOCK, source.left + column * BLOCK
        part = train if count < TRAINING_BLOCKS else test
        part += [(top + dy, left + dx) for dy in steps for dx in steps]
    return train, test


def _shuffled(
    patches: list[torch.Tensor], random: np.random.RandomState
) -> tuple[torch.Tensor, torch.Tensor]:
    """Patches of one photograph after another, as one tensor in random order, and their labels."""
    order = torch.from_numpy(random.permutation(len(patches)))
    labels = torch.arange(len(CLASSES)).repeat_interleave(len(patches) // len(CLASSES))
    return torch.stack(patches)[order].float().div_(255), labels[order]
