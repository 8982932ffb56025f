"""Two experiments of chapter 07, "What networks learn", over five seeds.

Linear probes by depth of a small network, trained and untrained, on the photo patches; and what
shifting, scaling and turning digits does to networks trained with and without such changes.

    python chapters/results/networks_learn.py
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from datetime import date
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from course_utils.data import load
from course_utils.layers import (
    AdaptiveAvgPool2d,
    BatchNorm2d,
    Conv2d,
    Flatten,
    Layer,
    Linear,
    MaxPool2d,
    ReLU,
    Sequential,
)
from course_utils.losses import CrossEntropyLoss
from course_utils.optim import Adam

FILE = Path(__file__).with_suffix(".json")
SEEDS = range(5)
CELLS = (7, 5, 5, 4)  # each layer is pooled to about 800 features: 16·7², 32·5², 32·5², 48·4²
SHIFTS = (0, 1, 2, 3, 4, 5, 6, 8)  # pixels to the right
SCALES = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3, 1.4)
ANGLES = (-180, -135, -90, -60, -45, -30, -15, 0, 15, 30, 45, 60, 90, 135, 180)
WAYS = {  # how a network is trained: its kind, and how its images are changed at random
    "fully connected": ("mlp", {}),
    "convolutional": ("conv", {}),
    "shifted in training": ("conv", {"pixels": 4.0}),
    "scaled in training": ("conv", {"factor": 2.0}),
    "turned in training": ("conv", {"degrees": 180.0}),
}


def photo_net(seed: int) -> Sequential:
    """Four convolutions for patches of 32 × 32 pixels in color."""
    draws = {"generator": torch.Generator().manual_seed(seed), "bias": False}
    return Sequential(
        *(Conv2d(3, 16, 7, stride=2, padding=3, **draws), BatchNorm2d(16), ReLU()),
        *(Conv2d(16, 32, 3, padding=1, **draws), BatchNorm2d(32), ReLU(), MaxPool2d(2)),
        *(Conv2d(32, 32, 3, padding=1, **draws), BatchNorm2d(32), ReLU(), MaxPool2d(2)),
        *(Conv2d(32, 48, 3, padding=1, **draws), BatchNorm2d(48), ReLU()),
        *(AdaptiveAvgPool2d(1), Flatten(), Linear(48, 10, generator=draws["generator"])),
    )


def digit_net(seed: int, kind: str) -> Sequential:
    draws = {"generator": torch.Generator().manual_seed(seed)}
    if kind == "mlp":
        return Sequential(Flatten(), Linear(784, 64, **draws), ReLU(), Linear(64, 10, **draws))
    return Sequential(
        *(Conv2d(1, 8, 5, padding=2, **draws), ReLU(), MaxPool2d(2)),
        *(Conv2d(8, 16, 3, padding=1, **draws), ReLU(), MaxPool2d(2)),
        *(Flatten(), Linear(784, 10, **draws)),
    )


def train(
    net: Sequential,
    x: Tensor,
    y: Tensor,
    *,
    epochs: int,
    rate: float,
    seed: int,
    change: Callable[[Tensor, torch.Generator], Tensor] | None = None,
) -> Sequential:
    draws, loss, step = torch.Generator().manual_seed(seed), CrossEntropyLoss(), Adam(net, lr=rate)
    net.train()
    for _ in range(epochs):
        for rows in torch.randperm(len(x), generator=draws).split(50):
            loss(net(x[rows] if change is None else change(x[rows], draws)), y[rows])
            net.backward(loss.backward())
            step.step()
    return net.eval()


def accuracy(net: Layer, x: Tensor, y: Tensor) -> float:
    return round((net(x).argmax(1) == y).double().mean().item(), 4)


def probe(x: Tensor, y: Tensor, x_new: Tensor, y_new: Tensor, penalty: float = 100.0) -> float:
    """Accuracy on new examples of a linear classifier: least squares on standardized features."""
    mean, std = x.mean(0), x.std(0) + 1e-6
    x, x_new = ((x - mean) / std).double(), ((x_new - mean) / std).double()
    target = F.one_hot(y, 10).double()
    start = target.mean(0)
    gram = x.T @ x + penalty * torch.eye(x.shape[1], dtype=x.dtype)
    weight = torch.linalg.solve(gram, x.T @ (target - start))
    return round(((x_new @ weight + start).argmax(1) == y_new).double().mean().item(), 4)


def by_depth(net: Sequential, x: Tensor, y: Tensor, x_new: Tensor, y_new: Tensor) -> list[float]:
    """The accuracy of a probe after each of the convolutions."""
    found, cells = [], iter(CELLS)
    for layer in net.layers[:-3]:
        x, x_new = layer(x), layer(x_new)
        if isinstance(layer, ReLU):
            pool = AdaptiveAvgPool2d(next(cells))
            found.append(probe(pool(x).flatten(1), y, pool(x_new).flatten(1), y_new))
    return found


def photographs() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The photo patches, standardized by channel."""
    patches = load("photo-patches")
    mean = patches.x_train.mean((0, 2, 3), keepdim=True)
    std = patches.x_train.std((0, 2, 3), keepdim=True)
    x, x_new = ((part - mean) / std for part in (patches.x_train, patches.x_test))
    return x, patches.y_train, x_new, patches.y_test


def untrained(seed: int, x: Tensor) -> Sequential:
    """A network at its start, its normalizations set by the data."""
    net = photo_net(seed)
    for layer in net.layers:
        if isinstance(layer, BatchNorm2d):
            layer.momentum = None  # the mean over all batches seen: here one
    net.train()
    net(x[:500])
    return net.eval()


def moved(
    x: Tensor,
    *,
    right: Tensor | float = 0.0,
    down: Tensor | float = 0.0,
    factor: Tensor | float = 1.0,
    degrees: Tensor | float = 0.0,
) -> Tensor:
    """Images (B, 1, H, W) shifted by pixels, enlarged, turned counterclockwise; each or all."""
    one = torch.ones(len(x))
    angle, size = torch.deg2rad(one * degrees), one * factor
    cos, sin = angle.cos() / size, angle.sin() / size
    dx, dy = (-2 * one * pixels / x.shape[-1] for pixels in (right, down))
    where = torch.stack([cos, -sin, dx, sin, cos, dy], 1).view(-1, 2, 3)
    grid = F.affine_grid(where, list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, align_corners=False)


def changed_at_random(
    pixels: float = 0.0, factor: float = 1.0, degrees: float = 0.0
) -> Callable[[Tensor, torch.Generator], Tensor]:
    """Shifts up to ``pixels``, sizes from 1/``factor`` to ``factor``, turns up to ``degrees``."""

    def change(x: Tensor, draws: torch.Generator) -> Tensor:
        a, b, c, d = 2 * torch.rand(4, len(x), generator=draws) - 1
        log = math.log(factor)
        return moved(
            x, right=pixels * a, down=pixels * b, factor=(log * c).exp(), degrees=degrees * d
        )

    return change


def digits() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    both = load("mnist-5k")
    x, x_new = (part.reshape(-1, 1, 28, 28) for part in (both.x_train, both.x_test))
    return x, both.y_train, x_new, both.y_test


def digit_reader(way: str, seed: int, x: Tensor, y: Tensor) -> Sequential:
    kind, changes = WAYS[way]
    change = changed_at_random(**changes) if changes else None
    rate = 1e-3 if kind == "mlp" else 3e-3
    return train(digit_net(seed, kind), x, y, epochs=10, rate=rate, seed=seed, change=change)


def curves(net: Layer, x: Tensor, y: Tensor) -> dict[str, list[float]]:
    return {
        "shift": [accuracy(net, moved(x, right=float(s)), y) for s in SHIFTS],
        "scale": [accuracy(net, moved(x, factor=s), y) for s in SCALES],
        "rotation": [accuracy(net, moved(x, degrees=float(a)), y) for a in ANGLES],
    }


def main() -> None:
    torch.set_num_threads(1)
    x, y, x_new, y_new = photographs()
    pixels = AdaptiveAvgPool2d(16)
    probes: dict = {
        "pixels": probe(pixels(x).flatten(1), y, pixels(x_new).flatten(1), y_new),
        "trained": [],
        "untrained": [],
    }
    for seed in SEEDS:
        probes["untrained"].append(by_depth(untrained(seed, x), x, y, x_new, y_new))
        net = train(photo_net(seed), x, y, epochs=6, rate=2e-3, seed=seed)
        probes["trained"].append(by_depth(net, x, y, x_new, y_new))
        print("probes", seed, probes["untrained"][-1], probes["trained"][-1], flush=True)
    x, y, x_new, y_new = digits()
    reading: dict = {way: [] for way in WAYS}
    for way in WAYS:
        for seed in SEEDS:
            reading[way].append(curves(digit_reader(way, seed, x, y), x_new, y_new))
        print(way, reading[way][0], flush=True)
    record = {
        "what": "accuracy: linear probes on photo-patches by depth; mnist-5k's test digits, moved",
        "command": "python chapters/results/networks_learn.py",
        "device": "CPU, one thread",
        "torch": torch.__version__,
        "date": date.today().isoformat(),
        "probes": probes,
        "shifts": SHIFTS,
        "scales": SCALES,
        "angles": ANGLES,
        "digits": reading,
    }
    FILE.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
