"""Seven ways to train EfficientNet-Lite0 for a small target: the runs behind finetuning.json.

    COURSE_DATA=… python chapters/results/finetuning.py

Every run is written to the file at once, and what is there is not run again. Each way gets the
same four learning rates to choose from, by the validation accuracy of one draw of the middle size
that is used for nothing else. Means and variances of the copied normalization layers stay those of
the source, except in `batch`; the way `scratch` has none to copy.
"""

from __future__ import annotations

import copy
import json
import math
import platform
import sys
import time
from datetime import date
from functools import cache
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_utils import data
from course_utils.data import efficientnet_lite0

PATH = Path(__file__).with_suffix(".json")
RATES = (0.0005, 0.002, 0.008, 0.03)
BATCH = 16
SEEDS = (0, 1, 2)
TUNING_SEED = 100
LOWER_BLOCKS = 11  # of 16: what `top` leaves as it is
WEIGHTS = efficientnet_lite0.load


class Target(NamedTuple):
    """A data set to move to: its images are scaled to ``pixels``, ``pool`` of them may be drawn."""

    pixels: int
    sizes: tuple[int, ...]
    pool: int
    validation: int
    test: int
    steps: int


TARGETS = {
    "hymenoptera": Target(96, (10, 40, 160), pool=160, validation=84, test=153, steps=40),
}
ARMS = {
    "last": "last layer only",
    "norm": "normalization layers and last layer",
    "top": "blocks 12–16 and last layer",
    "layered": "all layers, copied ones a tenth of the rate",
    "all": "all layers, one rate",
    "batch": "all layers, one rate, statistics of the batches",
    "scratch": "all layers, from a random start",
}


class Split(NamedTuple):
    """Images as the network wants them, and their labels."""

    x: Tensor
    y: Tensor
    kept: dict[tuple[int, bool], Tensor]  # what so many frozen layers make of them; mirrored?


@cache
def splits(name: str) -> tuple[Split, Split, Split]:
    """Pool, validation and test part of a target, the same in every run."""
    target, found = TARGETS[name], data.load(name)
    order = torch.randperm(len(found.y_train), generator=torch.Generator().manual_seed(0))
    pool, validation = order[: target.pool], order[target.pool :][: target.validation]
    test = slice(target.test)
    return (
        Split(pictures(found.x_train[pool], target.pixels), found.y_train[pool], {}),
        Split(pictures(found.x_train[validation], target.pixels), found.y_train[validation], {}),
        Split(pictures(found.x_test[test], target.pixels), found.y_test[test], {}),
    )


def pictures(x: Tensor, pixels: int) -> Tensor:
    """Photographs (N, 3, H, W), uint8, scaled to ``pixels`` and normalized as the network wants."""
    x = F.interpolate(x.float() / 255, size=(pixels, pixels), mode="bilinear", antialias=True)
    return WEIGHTS().normalize(x).contiguous(memory_format=torch.channels_last)


class Net(nn.Module):
    """EfficientNet-Lite0 in two parts: what is frozen, and what is trained."""

    def __init__(self, arm: str, classes: int, seed: int) -> None:
        super().__init__()
        self.statistics = arm in ("batch", "scratch")  # of the batches, not of the source
        net = copy.deepcopy(_pretrained())
        if arm == "scratch":
            with torch.random.fork_rng():
                torch.manual_seed(seed)
                for module in net.modules():
                    if hasattr(module, "reset_parameters"):
                        module.reset_parameters()
        for module in net.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = 0.1  # Lite0's 0.01 needs more steps than we take
        stem = nn.Sequential(net._conv_stem, net._bn0, net._swish)
        blocks = [stem, *net._blocks]
        head = nn.Sequential(net._conv_head, net._bn1, net._swish, nn.AdaptiveAvgPool2d(1))
        blocks += [nn.Sequential(*head, nn.Flatten())]
        cut = {"last": len(blocks), "top": 1 + LOWER_BLOCKS}.get(arm, 0)
        self.frozen, self.trunk = nn.Sequential(*blocks[:cut]), nn.Sequential(*blocks[cut:])
        draws = torch.Generator().manual_seed(seed)
        self.last = nn.Linear(1280, classes)
        bound = 1 / math.sqrt(1280)
        for parameter in self.last.parameters():
            parameter.data.uniform_(-bound, bound, generator=draws)
        for module in self.modules():
            norm = isinstance(module, nn.BatchNorm2d)
            for parameter in module.parameters(recurse=False):
                parameter.requires_grad = arm != "norm" or norm or module is self.last
        self.frozen.requires_grad_(False)

    def train(self, mode: bool = True) -> Net:
        super().train(mode)
        self.frozen.eval()
        for module in self.trunk.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.train(mode and self.statistics)
        return self

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.trunk(x))

    @torch.no_grad()
    def keep(self, split: Split, mirrored: bool) -> Tensor:
        """What the frozen part gives for each image, or for its mirror image; computed once."""
        key = (len(self.frozen), mirrored)
        if key not in split.kept:
            self.eval()
            parts = [x.flip(3) if mirrored else x for x in split.x.split(64)]
            split.kept[key] = torch.cat([self.frozen(x) for x in parts])
        return split.kept[key]


@cache
def _pretrained() -> nn.Module:
    net = efficientnet_lite0.network(WEIGHTS())
    net._global_params = net._global_params._replace(drop_connect_rate=0.0)
    return net.to(memory_format=torch.channels_last)


def run(
    name: str, arm: str, size: int, seed: int, rate: float, *, steps: int | None = None
) -> tuple[Net, float]:
    """Train once; returns the network and the CPU seconds that it took."""
    target, (pool, _, _) = TARGETS[name], splits(name)
    steps = steps or target.steps
    classes = int(pool.y.max()) + 1
    started = time.process_time()
    net = Net(arm, classes, seed)
    # The same number of images of each class, other images with each seed.
    draws = torch.Generator().manual_seed(seed)
    order = torch.randperm(target.pool, generator=draws)
    rows = torch.cat([order[pool.y[order] == k][: size // classes] for k in range(classes)])
    x, y = torch.stack([net.keep(pool, False), net.keep(pool, True)]), pool.y
    new = list(net.last.parameters())
    copied = [p for p in net.trunk.parameters() if p.requires_grad]
    mild = rate / 10 if arm == "layered" else rate
    groups = [{"params": new, "lr": rate}] + ([{"params": copied, "lr": mild}] if copied else [])
    optimizer = torch.optim.SGD(groups, momentum=0.9)
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    net.train()
    batches: list[Tensor] = []
    for _ in range(steps):
        if not batches:
            shuffled = rows[torch.randperm(len(rows), generator=draws)]
            batches = [b for b in shuffled.split(BATCH) if len(b) > 1]
        batch = batches.pop()
        mirrored = torch.randint(2, (len(batch),), generator=draws)
        loss = F.cross_entropy(net(x[mirrored, batch]), y[batch])
        if not loss.isfinite():
            break
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        cosine.step()
    return net, time.process_time() - started


@torch.no_grad()
def accuracy(net: Net, split: Split) -> float:
    """Share of right answers, images as they are."""
    net.eval()
    answers = torch.cat([net(part).argmax(1) for part in net.keep(split, False).split(64)])
    return (answers == split.y).double().mean().item()


def trained_parameters(arm: str, classes: int) -> int:
    """How many numbers an arm may change."""
    return sum(p.numel() for p in Net(arm, classes, 0).parameters() if p.requires_grad)


def main(names: list[str]) -> None:
    torch.set_num_threads(1)
    saved = json.loads(PATH.read_text()) if PATH.exists() else {"tuning": [], "runs": []}
    saved |= {
        "what": "EfficientNet-Lite0 trained for a small target in seven ways",
        "command": f"COURSE_DATA=… python chapters/results/{Path(__file__).name} "
        + " ".join(TARGETS),
        "device": f"{platform.machine()} CPU, one thread, torch {torch.__version__}",
        "date": date.today().isoformat(),
        "rates": RATES,
        "batch": BATCH,
        "arms": ARMS,
    }
    saved.setdefault("targets", {})

    def save() -> None:
        lines = json.dumps(saved, indent=1, ensure_ascii=False)
        PATH.write_text(lines + "\n", encoding="utf-8")

    def known(kind: str, **key) -> dict | None:
        return next((r for r in saved[kind] if all(r[k] == v for k, v in key.items())), None)

    def measure(name: str, arm: str, size: int, seed: int, **options) -> None:
        tried = [r for r in saved["tuning"] if (r["target"], r["arm"]) == (name, arm)]
        rate = max(tried, key=lambda r: (r["validation"], -r["rate"]))["rate"]
        key = {"target": name, "arm": arm, "size": size, "seed": seed}
        key["steps"] = options.get("steps") or TARGETS[name].steps
        if not known("runs", **key):
            net, seconds = run(name, arm, size, seed, rate, **options)
            test = accuracy(net, splits(name)[2])
            saved["runs"].append(
                key | {"rate": rate, "accuracy": round(test, 4), "seconds": round(seconds, 1)}
            )
            save()
            print(key, rate, f"{test:.3f} {seconds:.1f} s", flush=True)

    for name in names:
        target = TARGETS[name]
        pool, validation, _ = splits(name)
        classes = int(pool.y.max()) + 1
        saved["targets"][name] = target._asdict() | {
            "classes": classes,
            "parameters": {arm: trained_parameters(arm, classes) for arm in ARMS},
        }
        for arm in ARMS:
            for rate in RATES:
                key = {"target": name, "arm": arm, "rate": rate}
                if not known("tuning", **key):
                    net, _ = run(name, arm, target.sizes[1], TUNING_SEED, rate)
                    right = accuracy(net, validation)
                    saved["tuning"].append(key | {"validation": round(right, 4)})
                    save()
                    print(key, f"{right:.3f}", flush=True)
        for seed in SEEDS:
            for arm in ARMS:
                for size in target.sizes:
                    measure(name, arm, size, seed)
        # Does the random start only lack time?
        for seed in SEEDS[:2]:
            measure(name, "scratch", target.sizes[-1], seed, steps=5 * target.steps)


if __name__ == "__main__":
    main(sys.argv[1:] or list(TARGETS))
