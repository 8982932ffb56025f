"""What a model is worth on data that it is not trained on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from course_utils.train.batches import Data, batches, device_of

# (output, target) → a scalar, the mean over the batch: a loss or a metric.
Measure = Callable[[Tensor, Tensor], Tensor]

BATCH_SIZE = 256


def accuracy(logits: Tensor, target: Tensor) -> Tensor:
    """The share of examples whose largest logit is that of the right class.

    Shapes: logits (*, K), target (*) of class numbers → scalar.

    Raises:
        ValueError: the shapes do not belong together (torch would broadcast and compare anyway).
    """
    if logits.shape[:-1] != target.shape:
        raise ValueError(
            f"accuracy: logits are {tuple(logits.shape)}, so target must be "
            f"{tuple(logits.shape[:-1])}, got {tuple(target.shape)}"
        )
    return (logits.argmax(-1) == target).float().mean()


def evaluate(
    model: nn.Module, data: Data, metric: Measure, *, batch_size: int = BATCH_SIZE
) -> float:
    """The mean of a metric, or of a loss, over all examples, the model in evaluation mode.

    Each batch counts by its number of rows, so that their size makes no difference. Afterwards the
    model and its parts are in the mode (``train()``, ``eval()``) in which they were.

    Raises:
        ValueError: there are no data, or the tensors differ in their number of rows.

    Example:
        ``evaluate(model, (x_test, y_test), accuracy)``
    """
    return means(model, batches(data, batch_size), [metric])[0]


@torch.inference_mode()
def means(
    model: nn.Module, batches: Iterable[Sequence[Tensor]], measures: Sequence[Measure]
) -> list[float]:
    """The mean of several measures, with one pass through the model."""
    device = device_of(model)
    totals, rows = [0.0] * len(measures), 0
    with modes_restored(model):
        model.eval()
        for batch in batches:
            *inputs, target = (tensor.to(device) for tensor in batch)
            output = model(*inputs)
            for i, measure in enumerate(measures):
                totals[i] += float(measure(output, target)) * len(target)
            rows += len(target)
    if rows == 0:
        raise ValueError("evaluate: the data gave no example")
    return [total / rows for total in totals]


@contextmanager
def modes_restored(model: nn.Module) -> Iterator[None]:
    """Put each module back into its own mode: a part may be frozen while the rest trains."""
    modes = [(module, module.training) for module in model.modules()]
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training
