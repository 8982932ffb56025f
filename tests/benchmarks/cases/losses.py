"""Losses on ten digits, on a vocabulary, and on scores of two classes."""

import torch
from torch import nn

from cases import REALISTIC, TEACHING, Case, randn
from course_utils.losses import (
    CrossEntropyLoss,
    HingeLoss,
    MSELoss,
    NLLLoss,
    PerceptronLoss,
)


def classes(count, *shape):
    return {"target": torch.randint(count, shape, generator=torch.Generator().manual_seed(0))}


def log_probabilities(*shape):
    return lambda: (randn(shape)()[0].log_softmax(1),)


def signs(*shape):
    return {"target": 2.0 * classes(2, *shape)["target"] - 1}


def margin(size):
    loss = nn.MarginRankingLoss(size)
    return lambda: lambda input, target: loss(input, torch.zeros_like(input), target)


CASES = [
    Case(
        "MSELoss", TEACHING, MSELoss, nn.MSELoss, randn((64, 10)), {"target": torch.zeros(64, 10)}
    ),
    Case(
        "MSELoss",
        REALISTIC,
        MSELoss,
        nn.MSELoss,
        randn((64, 3, 64, 64)),
        {"target": torch.zeros(64, 3, 64, 64)},
    ),
    *(
        Case(f"{ours.__name__}{name}", size, ours, theirs, inputs, options)
        for ours, theirs, draw in (
            (CrossEntropyLoss, nn.CrossEntropyLoss, randn),
            (NLLLoss, nn.NLLLoss, lambda shape: log_probabilities(*shape)),
        )
        for name, size, inputs, options in (
            ("", TEACHING, draw((64, 10)), classes(10, 64)),
            (" vocabulary", REALISTIC, draw((512, 32000)), classes(32000, 512)),
            (" of pixels", REALISTIC, draw((8, 21, 64, 64)), classes(21, 8, 64, 64)),
        )
    ),
    Case("HingeLoss", TEACHING, HingeLoss, margin(1.0), randn((64,)), signs(64)),
    Case("HingeLoss", REALISTIC, HingeLoss, margin(1.0), randn((100000,)), signs(100000)),
    Case("PerceptronLoss", TEACHING, PerceptronLoss, margin(0.0), randn((64,)), signs(64)),
    Case("PerceptronLoss", REALISTIC, PerceptronLoss, margin(0.0), randn((100000,)), signs(100000)),
]
