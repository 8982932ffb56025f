"""Learning rates that change in the course of training."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

from course_utils.optim.optimizer import Optimizer


class LRScheduler:
    r"""Sets ``optimizer.lr`` to a multiple of its initial value, anew with every ``step()``.

    A subclass gives the rate after t steps in `lr_at`: a formula of t alone, so that a schedule can
    be drawn before anything is trained.

    Names and arguments are those of torch.optim.lr_scheduler, which works on torch's optimizers.
    """

    def __init__(self, optimizer: Optimizer) -> None:
        self.optimizer = optimizer
        # Kept in the optimizer: its schedules share it, and it is saved and loaded there.
        vars(optimizer).setdefault("initial_lr", optimizer.lr)
        self.last_epoch = 0
        optimizer.lr = self.lr_at(0)

    @property
    def base_lr(self) -> float:
        """The rate that the optimizer was made with."""
        return self.optimizer.initial_lr

    def lr_at(self, t: int) -> float:
        raise NotImplementedError

    def step(self) -> None:
        self.last_epoch += 1
        self.optimizer.lr = self.lr_at(self.last_epoch)

    def state_dict(self) -> dict[str, Any]:
        """What `load_state_dict` needs, together with the optimizer's own state."""
        return {"last_epoch": self.last_epoch}

    def load_state_dict(self, saved: Mapping[str, Any]) -> None:
        self.last_epoch = saved["last_epoch"]
        self.optimizer.lr = self.lr_at(self.last_epoch)


class StepLR(LRScheduler):
    r"""Multiplies the rate by gamma every S steps: :math:`\eta\,\gamma^{\lfloor t/S \rfloor}`."""

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1) -> None:
        if step_size < 1:
            raise ValueError(f"StepLR: step_size must be positive, got {step_size}")
        self.step_size, self.gamma = step_size, gamma
        super().__init__(optimizer)

    def lr_at(self, t: int) -> float:
        return self.base_lr * self.gamma ** (t // self.step_size)


class CosineAnnealingLR(LRScheduler):
    r"""Half a cosine down to ``eta_min``, after ``T_max`` steps up again the same way.

    .. math:: \eta_t = \eta_{\min} + (\eta - \eta_{\min}) \, \frac{1 + \cos(\pi t / T_{\max})}{2}

    Source: Loshchilov and Hutter 2017.
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0) -> None:
        if T_max < 1:
            raise ValueError(f"CosineAnnealingLR: T_max must be positive, got {T_max}")
        self.T_max, self.eta_min = T_max, eta_min
        super().__init__(optimizer)

    def lr_at(self, t: int) -> float:
        share = (1 + math.cos(math.pi * t / self.T_max)) / 2
        return self.eta_min + (self.base_lr - self.eta_min) * share


class LinearLR(LRScheduler):
    """Warm-up: from ``start_factor`` to ``end_factor`` times the rate in ``total_iters`` steps.

    Raises:
        ValueError: start_factor is not in (0, 1], end_factor not in [0, 1], or total_iters < 1.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
    ) -> None:
        if not 0 < start_factor <= 1 or not 0 <= end_factor <= 1 or total_iters < 1:
            raise ValueError(
                "LinearLR: needs start_factor in (0, 1], end_factor in [0, 1] and total_iters ≥ 1, "
                f"got {start_factor}, {end_factor} and {total_iters}"
            )
        self.start_factor, self.end_factor = start_factor, end_factor
        self.total_iters = total_iters
        super().__init__(optimizer)

    def lr_at(self, t: int) -> float:
        progress = min(t, self.total_iters) / self.total_iters
        return self.base_lr * (self.start_factor + (self.end_factor - self.start_factor) * progress)


class SequentialLR(LRScheduler):
    """One schedule after another; each starts from its own step 0 at its milestone.

    Example:
        >>> warmup = LinearLR(optimizer, start_factor=0.01, total_iters=100)
        >>> decay = CosineAnnealingLR(optimizer, T_max=900)
        >>> schedule = SequentialLR(optimizer, [warmup, decay], milestones=[100])

    Raises:
        ValueError: there is not one milestone between each two schedules, in rising order, or a
            schedule belongs to another optimizer.
    """

    def __init__(
        self, optimizer: Optimizer, schedulers: Sequence[LRScheduler], milestones: Sequence[int]
    ) -> None:
        if not schedulers or len(milestones) != len(schedulers) - 1:
            raise ValueError(
                f"SequentialLR: {len(schedulers)} schedules need {max(len(schedulers) - 1, 0)} "
                f"milestones, got {len(milestones)}"
            )
        if sorted(milestones) != list(milestones):
            raise ValueError(f"SequentialLR: milestones must rise, got {list(milestones)}")
        if any(scheduler.optimizer is not optimizer for scheduler in schedulers):
            raise ValueError("SequentialLR: all schedules must belong to this optimizer")
        self.schedulers, self.milestones = list(schedulers), list(milestones)
        super().__init__(optimizer)

    def lr_at(self, t: int) -> float:
        current = bisect_right(self.milestones, t)
        start = self.milestones[current - 1] if current else 0
        return self.schedulers[current].lr_at(t - start)


def linear_scaling(lr: float, batch_size: int, base_batch_size: int = 256) -> float:
    r"""Scale a rate that suits batches of one size to another: :math:`\eta\, B / B_0`.

    k times the batch takes one step where k were taken before, along about the same gradient. It
    holds for SGD, from a warm-up on and up to batches of some thousands; it is no law.

    Source: Goyal and others 2017.
    """
    return lr * batch_size / base_batch_size
