"""The device that chapters will run on, asked for before any of them runs."""

from __future__ import annotations

import importlib.metadata


def device() -> str:
    """``cpu``, or ``cuda`` with the GPU's name: outputs made on one are not those of another."""
    if importlib.metadata.version("torch").endswith("+cpu"):
        return "cpu"  # without the two seconds that importing torch takes
    import torch

    return f"cuda {torch.cuda.get_device_name()}" if torch.cuda.is_available() else "cpu"
