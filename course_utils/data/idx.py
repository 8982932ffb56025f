"""The format of MNIST and Fashion-MNIST, and the data set that four such files make."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import torch

from course_utils.data.dataset import Dataset


def read_folder(folder: Path, *, description: str, classes: tuple[str, ...] = ()) -> Dataset:
    """The data set of the four files that MNIST named and Fashion-MNIST took over."""
    return Dataset(
        x_train=_images(folder / "train-images-idx3-ubyte.gz"),
        y_train=_labels(folder / "train-labels-idx1-ubyte.gz"),
        x_test=_images(folder / "t10k-images-idx3-ubyte.gz"),
        y_test=_labels(folder / "t10k-labels-idx1-ubyte.gz"),
        description=description,
        classes=classes,
    )


def _images(path: Path) -> torch.Tensor:
    return torch.from_numpy(_read(path)).flatten(1).float().div_(255)  # (N, 784)


def _labels(path: Path) -> torch.Tensor:
    return torch.from_numpy(_read(path)).long()  # (N,)


def _read(path: Path) -> np.ndarray:
    """Read LeCun's idx format: two zeros, a type byte (8: uint8), the rank, the sizes, the bytes.

    The sizes are big-endian 32-bit integers. The file's hash has been checked, so its header is
    known to be sound.
    """
    content = bytearray(gzip.decompress(path.read_bytes()))  # writable, as torch asks of an array
    rank = content[3]
    shape = np.frombuffer(content, dtype=">u4", count=rank, offset=4)
    return np.frombuffer(content, dtype=np.uint8, offset=4 + 4 * rank).reshape(shape)
