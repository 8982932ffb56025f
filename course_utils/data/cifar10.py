"""CIFAR-10: small color photographs of ten kinds of animals and vehicles (Krizhevsky, 2009)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from course_utils.data.archives import read_tar
from course_utils.data.dataset import Dataset
from course_utils.data.files import PublishedFiles, locate, own_copy

ARCHIVE = "cifar-10-binary.tar.gz"  # the one of the three published forms that holds no pickle
FILES = PublishedFiles(
    folder="cifar10",
    mirrors=("https://www.cs.toronto.edu/~kriz/",),
    hashes={ARCHIVE: "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"},
    size=170_052_171,
)
COPY = PublishedFiles(
    folder="cifar10",
    mirrors=(),
    hashes={
        "cifar10_jpeg_subset.npz": (
            "3deba6871b778865aeeea7f901e0a43bc3b20dbe8297bc7ac3e26f6021105ecf"
        )
    },
    size=28_512_449,
)
CLASSES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)
SOURCE = (
    "(A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009; states no "
    "license and asks to be cited)."
)
RECORD = 1 + 3 * 32 * 32  # a label, then the red, the green and the blue plane


def load() -> Dataset:
    """Images (N, 3, 32, 32) and their classes."""
    folder = own_copy(COPY, of=FILES)
    if folder is not None:
        return _read_copy(folder / "cifar10_jpeg_subset.npz")
    members = read_tar(
        locate(FILES) / ARCHIVE, r".*/(data_batch_[1-5]|test_batch)\.bin", limit=2**28
    )
    train = [content for name, content in members.items() if "data_batch" in name]
    test = [content for name, content in members.items() if "test_batch" in name]
    x_train, y_train = _records(train)
    x_test, y_test = _records(test)
    description = (
        f"CIFAR-10: {len(y_train) + len(y_test):,} color photographs of 32 × 32 pixels in 10 "
        f"classes, {len(y_train):,} for training and {len(y_test):,} for testing {SOURCE}"
    )
    return Dataset(x_train, y_train, x_test, y_test, description, CLASSES)


def _records(batches: list[bytes]) -> tuple[torch.Tensor, torch.Tensor]:
    table = np.frombuffer(b"".join(batches), dtype=np.uint8).reshape(-1, RECORD)
    images = torch.tensor(table[:, 1:]).float().div_(255)
    return images.reshape(-1, 3, 32, 32), torch.tensor(table[:, 0]).long()


def _read_copy(path: Path) -> Dataset:
    """8,000 and 2,000 of the images, which somebody had saved as JPEG: a little blurred."""
    with np.load(path, allow_pickle=False) as arrays:
        x_train, y_train, x_test, y_test = (
            torch.from_numpy(arrays[name]) for name in ("x_train", "y_train", "x_test", "y_test")
        )
    return Dataset(
        x_train=x_train.permute(0, 3, 1, 2).float().div_(255),
        y_train=y_train.long(),
        x_test=x_test.permute(0, 3, 1, 2).float().div_(255),
        y_test=y_test.long(),
        description=(
            "CIFAR-10, reduced: 8,000 color photographs of 32 × 32 pixels for training and 2,000 "
            f"for testing, saved as JPEG, which lost some detail {SOURCE}"
        ),
        classes=CLASSES,
    )
