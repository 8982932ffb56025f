"""Optimizers, learning-rate schedules and clipping for reference layers, as in torch.optim."""

from course_utils.optim.adaptive import Adagrad, Adam, AdamW, RMSprop
from course_utils.optim.clip import clip_grad_norm_, clip_grad_value_
from course_utils.optim.lr_scheduler import (
    CosineAnnealingLR,
    LinearLR,
    LRScheduler,
    SequentialLR,
    StepLR,
    linear_scaling,
)
from course_utils.optim.optimizer import Optimizer
from course_utils.optim.sgd import SGD

__all__ = [
    "SGD",
    "Adagrad",
    "Adam",
    "AdamW",
    "CosineAnnealingLR",
    "LRScheduler",
    "LinearLR",
    "Optimizer",
    "RMSprop",
    "SequentialLR",
    "StepLR",
    "clip_grad_norm_",
    "clip_grad_value_",
    "linear_scaling",
]
