"""1,797 digits of 8 × 8 pixels, in the wheel of scikit-learn: small enough for any experiment."""

from __future__ import annotations

import numpy as np
import torch

from course_utils.data.dataset import Dataset
from course_utils.data.packages import package_file, reading
from course_utils.errors import CourseError

TEST_OF_EACH_CLASS = 36
DESCRIPTION = (
    "Digits: 1,797 handwritten digits of 8 × 8 gray levels, split into 1,437 for training and 360 "
    "for testing (E. Alpaydin, C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine "
    "Learning Repository, 1998; CC BY 4.0), from the package scikit-learn (BSD 3-Clause)."
)


def load() -> Dataset:
    """Images (N, 64) and the digits that they show; 36 of each class are for testing."""
    path = package_file("sklearn", "datasets", "data", "digits.csv.gz", pip="scikit-learn")
    with reading(path, pip="scikit-learn"):
        table = np.loadtxt(path, delimiter=",", dtype=np.uint8)  # 64 levels of 0…16, then the label
    if table.shape != (1797, 65):
        raise CourseError(f"Expected a table of shape (1797, 65) in {path}, got {table.shape}.")
    images, labels = torch.from_numpy(table[:, :-1]).float() / 16, table[:, -1]
    random = np.random.RandomState(0)
    members = [random.permutation(np.flatnonzero(labels == digit)) for digit in range(10)]
    train = random.permutation(np.concatenate([rows[TEST_OF_EACH_CLASS:] for rows in members]))
    test = random.permutation(np.concatenate([rows[:TEST_OF_EACH_CLASS] for rows in members]))
    return Dataset(
        x_train=images[train],
        y_train=torch.from_numpy(labels[train]).long(),
        x_test=images[test],
        y_test=torch.from_numpy(labels[test]).long(),
        description=DESCRIPTION,
    )
