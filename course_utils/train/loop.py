"""The training loop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from course_utils.errors import CourseError
from course_utils.train.batches import Data, batches, device_of, random_generators
from course_utils.train.checkpoint import Run
from course_utils.train.evaluation import BATCH_SIZE, Measure, means, modes_restored
from course_utils.train.history import History
from course_utils.train.progress import progress_line


def fit(
    model: nn.Module,
    data: Data,
    *,
    loss: Measure,
    optimizer: Optimizer,
    epochs: int,
    batch_size: int = 64,
    generator: torch.Generator | None = None,
    validation: Data | None = None,
    metric: Measure | None = None,
    scheduler: LRScheduler | None = None,
    scheduler_step: Literal["epoch", "batch"] = "epoch",
    clip_norm: float | None = None,
    patience: int | None = None,
    checkpoint: str | Path | None = None,
    resume: bool = False,
    progress: bool = True,
) -> History:
    """Train a model: in each epoch all of the data, batch by batch, then the validation data.

    Batches go to the device that the model is on. In the end the model and its parts are in the
    mode (``train()``, ``eval()``) in which they were.

    Interrupting (Ctrl-C, a notebook's stop button) ends the training without an exception: the
    epoch that was running is not in the history, ``stopped`` is ``"interrupted"``, and the model
    is usable, with the weights of that moment or, with ``patience``, of its best epoch.

    Args:
        model: any module; it is called with all tensors of a batch but the last.
        data: tensors ``(x, y)``, shuffled anew in each epoch, or an iterable of batches that can
            be gone through many times, such as a DataLoader.
        loss: ``loss(output, target)`` → scalar, the mean over the batch. For sequences with logits
            (B, T, V) it is ``lambda z, y: F.cross_entropy(z.mT, y)``.
        optimizer: made with ``model.parameters()``.
        epochs: how many in all; those before a resumed checkpoint count.
        batch_size: for tensors only; an iterable has its own.
        generator: what shuffles tensors; None takes torch's global generator.
        validation: data for ``val_loss`` and ``metric``.
        metric: such as `accuracy`, computed on the validation data.
        scheduler: its ``step()`` is called once each epoch, or once each batch with
            ``scheduler_step="batch"`` (warm-up).
        clip_norm: gradients with a larger norm, over all parameters, are scaled down to it.
        patience: stop when the validation loss has not fallen for so many epochs. Whether it
            came to that or not, the model gets the weights of its best epoch.
        checkpoint: file to write after every epoch.
        resume: go on from that file where it exists. The run ends with exactly the numbers of one
            that was never interrupted: the random generators (torch's, NumPy's, Python's and the
            loader's) are set to the saved state. The optimizer's settings are the saved ones, too.
        progress: show one line that is drawn over.

    Returns:
        The history, including the epochs before a resumed checkpoint.

    Raises:
        FloatingPointError: the loss of a batch is NaN or infinite. That batch changed no weights.
        CourseError: the checkpoint exists and ``resume`` is false, cannot be written or read, or
            belongs to something else. The file stays as it is.
        ValueError: arguments that do not go together, no data, or an iterable that is used up.

    Example:
        ``history = fit(model, (x, y), loss=F.cross_entropy, optimizer=SGD(model.parameters(),
        lr=0.1), epochs=5, validation=(x_val, y_val), metric=accuracy)``
    """
    _check(epochs, validation, metric, scheduler_step, patience, checkpoint, resume)
    train_batches = batches(data, batch_size, shuffle=True, generator=generator)
    val_batches = None if validation is None else batches(validation, BATCH_SIZE)
    measures = [loss] if metric is None else [loss, metric]
    after_batch, after_epoch = _schedules(scheduler, scheduler_step)
    run = Run(model, optimizer, scheduler, random_generators(data, generator))
    path = None if checkpoint is None else Path(checkpoint)
    if path is not None and path.exists():
        if not resume:
            raise CourseError(
                f"There is a checkpoint {path} already. Pass resume=True to go on from it, or "
                "another name to start anew; it was left as it is."
            )
        run.restore(path)
    history = run.history

    with modes_restored(model), progress_line(progress, epochs, metric) as show:
        try:
            while len(history) < epochs:
                if patience is not None and history.epochs_without_progress >= patience:
                    history.stopped = "early"
                    break
                started = time.perf_counter()
                model.train()
                train_loss = _train_epoch(
                    model, train_batches, loss, optimizer, after_batch, clip_norm, history, show
                )
                after_epoch()
                history.train_loss.append(train_loss)
                if val_batches is not None:
                    val_loss, *rest = means(model, val_batches, measures)
                    history.val_loss.append(val_loss)
                    history.metric.extend(rest)
                history.seconds.append(time.perf_counter() - started)
                if patience is not None and history.last_is_best():
                    run.keep_weights()
                if path is not None:
                    run.save(path)
        except KeyboardInterrupt:
            history.stopped = "interrupted"
            history.drop_unfinished()
        show(history, 0.0)
        if patience is not None and run.best is not None:
            model.load_state_dict(run.best)
    return history


def _train_epoch(
    model: nn.Module,
    batches: Iterable[Sequence[Tensor]],
    loss: Measure,
    optimizer: Optimizer,
    after_batch: Callable[[], None],
    clip_norm: float | None,
    history: History,
    show: Callable[[History, float], None],
) -> float:
    """Go once through the batches and return the mean loss."""
    device = device_of(model)
    epoch = len(history) + 1
    count = _length(batches)
    total, rows = 0.0, 0
    for number, batch in enumerate(batches, start=1):
        *inputs, target = (tensor.to(device) for tensor in batch)
        batch_loss = loss(model(*inputs), target)
        value = batch_loss.item()
        if not math.isfinite(value):
            raise FloatingPointError(
                f"fit: the loss is {value} in epoch {epoch}, batch {number}"
                f"{f' of {count}' if count else ''}. Most often a smaller learning rate or "
                "clip_norm helps; there may be NaN in the data, too."
            )
        optimizer.zero_grad()
        batch_loss.backward()
        if clip_norm is not None:
            nn.utils.clip_grad_norm_(model.parameters(), clip_norm)
        optimizer.step()
        after_batch()
        total += value * len(target)
        rows += len(target)
        show(history, number / count if count else 0.0)
    if rows == 0:
        raise ValueError(
            f"fit: the data gave no example in epoch {epoch}. Pass tensors, a DataLoader or a "
            "list; a generator can be gone through only once."
        )
    return total / rows


def _length(batches: Iterable[Sequence[Tensor]]) -> int | None:
    try:
        return len(batches)
    except TypeError:  # a loader of streamed data has a len() that says it has none
        return None


def _schedules(
    scheduler: LRScheduler | None, step: str
) -> tuple[Callable[[], None], Callable[[], None]]:
    """What is called after each batch and after each epoch."""

    def nothing() -> None:
        pass

    if scheduler is None:
        return nothing, nothing
    return (scheduler.step, nothing) if step == "batch" else (nothing, scheduler.step)


def _check(
    epochs: int,
    validation: Data | None,
    metric: Measure | None,
    scheduler_step: str,
    patience: int | None,
    checkpoint: str | Path | None,
    resume: bool,
) -> None:
    if epochs < 1:
        raise ValueError(f"fit: epochs must be at least 1, got {epochs}")
    if patience is not None and patience < 1:
        raise ValueError(f"fit: patience must be at least 1, got {patience}")
    if scheduler_step not in ("epoch", "batch"):
        raise ValueError(f'fit: scheduler_step must be "epoch" or "batch", got {scheduler_step!r}')
    if validation is None and (metric is not None or patience is not None):
        raise ValueError("fit: metric and patience need validation data")
    if resume and checkpoint is None:
        raise ValueError("fit: resume=True needs the checkpoint to go on from")
