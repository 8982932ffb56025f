"""What loaders of short strings share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from course_utils.data.dataset import Strings


def lines_of(path: Path) -> list[str]:
    """The lines of a UTF-8 file, without blanks around them; empty ones are left out."""
    lines = (line.strip() for line in path.read_text(encoding="utf-8").split("\n"))
    return [line for line in lines if line]


def shuffled(data: Strings) -> Strings:
    """The same in an order that is always the same: any run of them is a fair sample."""
    order = np.random.RandomState(0).permutation(len(data.strings))
    labels = None if data.labels is None else data.labels[torch.from_numpy(order)]
    return Strings([data.strings[i] for i in order], labels, data.description, data.classes)
