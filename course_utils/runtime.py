"""The first cell of every chapter: seeds, device, and the record of what a run used."""

from __future__ import annotations

import os
import random
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch

T = TypeVar("T")

# What this process has used since it started; `record()` gives it to whoever executes a chapter.
_downloaded_bytes = 0


@dataclass(frozen=True)
class Setup:
    """Where a notebook runs and with which seed.

    Attributes:
        seed: the seed that all random generators were set to.
        device: ``cuda`` where there is one, else ``cpu``. Tensors and modules go there with
            ``.to(setup.device)``.
    """

    seed: int
    device: torch.device

    @property
    def device_name(self) -> str:
        """The device in words, as the chapter card prints it."""
        if self.device.type == "cuda":
            return torch.cuda.get_device_name(self.device)
        return "CPU"

    def scale(self, *, cpu: T, gpu: T) -> T:
        """The size that suits the device: one source trains small on a laptop, full on a GPU."""
        return gpu if self.device.type == "cuda" else cpu

    def __repr__(self) -> str:
        threads = torch.get_num_threads()
        return (
            f"torch {torch.__version__} on {self.device_name}, "
            f"{threads} CPU thread{'s' if threads > 1 else ''}, seed {self.seed}"
        )


def setup(seed: int = 0) -> Setup:
    """Seed Python's, NumPy's and torch's generators and choose the device.

    Example:
        >>> setup(seed=0).device.type in {"cpu", "cuda"}
        True
    """
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if device.type == "cuda":
        # The same inputs give the same figures: no autotuned kernels, no TF32 rounding.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.backends.cudnn.allow_tf32 = False  # matrix products do without it by default
        torch.backends.cudnn.benchmark = False
        torch.backends.cudnn.deterministic = True
    return Setup(seed, device)


def count_download(size: int) -> None:
    """Called by `course_utils.data` with the bytes of each file that it fetched."""
    global _downloaded_bytes
    _downloaded_bytes += size


def record() -> dict[str, str | int]:
    """What this process ran on and what it fetched: the measured half of a chapter's card."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return {
        "device": Setup(0, device).device_name,
        "device_type": device.type,
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "downloaded_bytes": _downloaded_bytes,
    }
