"""What a training run records."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass
class History:
    """The numbers of a training run: one entry for each epoch in every list.

    Attributes:
        train_loss: mean of the batches' losses, taken while the weights were changing (and with
            dropout), so it lags behind what the weights at the end of the epoch would give.
        val_loss: loss on the validation data after the epoch; empty without such data.
        metric: the metric there; empty without one.
        seconds: duration, validation included.
        best_epoch: the epoch, from 1, with the lowest validation loss, whose weights the model has
            in the end; None without ``patience``.
        stopped: why there are fewer epochs than asked for: ``"early"``, ``"interrupted"`` or "".
    """

    train_loss: list[float] = field(default_factory=list)
    val_loss: list[float] = field(default_factory=list)
    metric: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    best_epoch: int | None = None
    stopped: Literal["", "early", "interrupted"] = ""

    def __len__(self) -> int:
        """Epochs that are complete; their duration is what is written last."""
        return len(self.seconds)

    @property
    def epochs(self) -> list[int]:
        """1, 2, 3, …: ``plt.plot(history.epochs, history.train_loss)``."""
        return list(range(1, len(self) + 1))

    @property
    def epochs_without_progress(self) -> int:
        """How many epochs ago the validation loss was lowest; 0 where nobody keeps the best."""
        return 0 if self.best_epoch is None else len(self) - self.best_epoch

    def last_is_best(self) -> bool:
        """Whether the last epoch has the lowest validation loss so far."""
        return self.best_epoch is None or self.val_loss[-1] < self.val_loss[self.best_epoch - 1]

    def drop_unfinished(self) -> None:
        """Forget what was already written of an epoch that was interrupted."""
        for values in (self.train_loss, self.val_loss, self.metric):
            del values[len(self) :]
