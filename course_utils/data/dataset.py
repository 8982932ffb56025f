"""What every loader of image data returns."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, eq=False)
class Dataset:
    """A labeled data set, split into a part to train on and a part to test on.

    Attributes:
        x_train: inputs (N, D), float32 in [0, 1].
        y_train: labels (N,), int64.
        x_test: inputs (N', D), float32 in [0, 1].
        y_test: labels (N',), int64.
        description: what the data is, where it comes from, and its license.
    """

    x_train: Tensor
    y_train: Tensor
    x_test: Tensor
    y_test: Tensor
    description: str

    def __repr__(self) -> str:
        # The default would print four tensors where a reader wants their shapes.
        return (
            f"{self.description}\n"
            f"x_train {tuple(self.x_train.shape)}, y_train {tuple(self.y_train.shape)}, "
            f"x_test {tuple(self.x_test.shape)}, y_test {tuple(self.y_test.shape)}"
        )
