"""A training run in a file, so that it can go on as if it had never stopped."""

from __future__ import annotations

import io
import os
import random
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from course_utils.errors import CourseError
from course_utils.train.batches import device_of
from course_utils.train.history import History

# Stands in every checkpoint, so that another file of tensors is not taken for one.
WHAT = "course_utils.train, version 1"


class Run:
    """Everything that the rest of a training run depends on, and its way to a file and back.

    Attributes:
        history: what was recorded so far.
        best: the state of the model in its best epoch, once `keep_weights` was called.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: Optimizer,
        scheduler: LRScheduler | None,
        generators: list[torch.Generator],
    ) -> None:
        self.model, self.optimizer, self.scheduler = model, optimizer, scheduler
        self.generators, self.device = generators, device_of(model)
        self.history = History()
        self.best: dict[str, Tensor] | None = None

    def keep_weights(self) -> None:
        """Remember this epoch's weights as the best."""
        self.best = {name: t.detach().clone() for name, t in self.model.state_dict().items()}
        self.history.best_epoch = len(self.history)

    def save(self, path: Path) -> None:
        """Write beside the file, then rename: at every moment there is a file that is whole.

        Raises:
            CourseError: the file cannot be written.
        """
        buffer = io.BytesIO()
        torch.save(self._state(), buffer)
        unfinished = path.with_name(path.name + ".part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with unfinished.open("wb") as file:
                file.write(buffer.getbuffer())
                file.flush()
                os.fsync(file.fileno())
            os.replace(unfinished, path)
        except OSError as error:
            unfinished.unlink(missing_ok=True)
            raise CourseError(
                f"The checkpoint {path} could not be written after epoch {len(self.history)} "
                f"({error.strerror}). Whatever was there before still is. Make room or choose "
                "another place."
            ) from error

    def restore(self, path: Path) -> None:
        """Take everything over from a file; where it does not fit, nothing is changed.

        Raises:
            CourseError: the file is damaged, is no checkpoint, or is one of something else.
        """
        saved = _read(path)
        try:
            _check_fits(saved, self._state())
            self.optimizer.load_state_dict(saved["optimizer"])
        except (KeyError, TypeError, ValueError) as error:
            raise CourseError(
                f"The checkpoint {path} belongs to another training run: {error}. Build model, "
                "optimizer and scheduler as they were then, or choose another name for this run."
            ) from error
        self.model.load_state_dict(saved["model"])
        if self.scheduler is not None:
            self.scheduler.load_state_dict(saved["scheduler"])
        self.history = History(**saved["history"])
        self.best = saved["best"]
        _set_random_state(saved["random"], self.generators, self.device)

    def _state(self) -> dict[str, Any]:
        return {
            "what": WHAT,
            "classes": [type(self.optimizer).__name__, type(self.scheduler).__name__],
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": None if self.scheduler is None else self.scheduler.state_dict(),
            "history": asdict(self.history),
            "best": self.best,
            "random": _random_state(self.generators, self.device),
        }


def _read(path: Path) -> dict[str, Any]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on odd files torch warns before it gives up
            # As data: nothing in it is run.
            saved = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever a damaged or foreign file makes of the reader
        raise CourseError(
            f"The checkpoint {path} cannot be read ({type(error).__name__}): it is damaged, or "
            "holds more than tensors. Move it away to start anew, or choose another name."
        ) from None
    if not isinstance(saved, dict) or saved.get("what") != WHAT:
        raise CourseError(
            f"{path} is no checkpoint of this training loop. Choose another name; it was left as "
            "it is."
        )
    return saved


def _check_fits(saved: dict[str, Any], own: dict[str, Any]) -> None:
    if saved["classes"] != own["classes"]:
        theirs, ours = (" with ".join(each["classes"]) for each in (saved, own))
        raise ValueError(f"it was trained by {theirs}, this one by {ours}")
    theirs, ours = saved["model"], own["model"]
    if theirs.keys() != ours.keys():
        names = sorted(theirs.keys() ^ ours.keys())
        raise ValueError(f"only one of the two models has {', '.join(names[:3])}")
    for name, tensor in ours.items():
        if theirs[name].shape != tensor.shape:
            raise ValueError(
                f"{name} is {tuple(theirs[name].shape)} there, {tuple(tensor.shape)} here"
            )
    if len(saved["random"]["generators"]) != len(own["random"]["generators"]):
        raise ValueError("its data were shuffled by another kind of random generator")


def _random_state(generators: list[torch.Generator], device: torch.device) -> dict[str, Any]:
    """In tensors and plain Python values, which can be loaded without running anything."""
    kind, keys, *rest = np.random.get_state()
    return {
        "python": random.getstate(),
        "numpy": [kind, keys.tolist(), *rest],
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state(device) if device.type == "cuda" else None,
        "generators": [generator.get_state() for generator in generators],
    }


def _set_random_state(
    state: dict[str, Any], generators: list[torch.Generator], device: torch.device
) -> None:
    random.setstate(state["python"])
    kind, keys, *rest = state["numpy"]
    np.random.set_state((kind, np.array(keys, dtype=np.uint32), *rest))
    torch.set_rng_state(state["torch"])
    if device.type == "cuda" and state["cuda"] is not None:
        torch.cuda.set_rng_state(state["cuda"], device)
    for generator, saved in zip(generators, state["generators"], strict=True):
        generator.set_state(saved)
