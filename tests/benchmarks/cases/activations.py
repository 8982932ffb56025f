"""Activations in a small network's hidden layer and in a transformer's feed-forward part."""

from functools import partial

from torch import nn
from torch.nn import functional as F

from cases import REALISTIC, TEACHING, Case, randn
from course_utils.layers import (
    ELU,
    GELU,
    LeakyReLU,
    LogSoftmax,
    PReLU,
    ReLU,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)

SIZES = {TEACHING: randn((64, 100)), REALISTIC: randn((32, 128, 3072))}
PAIRS = {
    "ReLU": (ReLU, nn.ReLU),
    "LeakyReLU": (LeakyReLU, nn.LeakyReLU),
    "ELU": (ELU, nn.ELU),
    "Sigmoid": (Sigmoid, nn.Sigmoid),
    "Tanh": (Tanh, nn.Tanh),
    "Softplus": (Softplus, nn.Softplus),
    "SiLU": (SiLU, nn.SiLU),
    "GELU": (GELU, nn.GELU),
    "GELU tanh": (partial(GELU, "tanh"), partial(nn.GELU, "tanh")),
    "GELU sigmoid": (partial(GELU, "sigmoid"), lambda: lambda x: x * F.sigmoid(1.702 * x)),
}

CASES = [
    Case(name, size, ours, theirs, inputs)
    for name, (ours, theirs) in PAIRS.items()
    for size, inputs in SIZES.items()
]
# One slope for each channel, as in the paper's networks of convolutions.
CASES += [
    Case("PReLU", TEACHING, PReLU, nn.PReLU, randn((64, 100))),
    Case("PReLU 64", REALISTIC, partial(PReLU, 64), partial(nn.PReLU, 64), randn((32, 64, 56, 56))),
]
# Ten classes; then the scores of attention, and the words of a language model.
CASES += [
    Case("Softmax", TEACHING, partial(Softmax, -1), partial(nn.Softmax, -1), randn((64, 10))),
    Case(
        "Softmax",
        REALISTIC,
        partial(Softmax, -1),
        partial(nn.Softmax, -1),
        randn((8, 12, 256, 256)),
    ),
    Case(
        "LogSoftmax",
        TEACHING,
        partial(LogSoftmax, -1),
        partial(nn.LogSoftmax, -1),
        randn((64, 10)),
    ),
    Case(
        "LogSoftmax",
        REALISTIC,
        partial(LogSoftmax, -1),
        partial(nn.LogSoftmax, -1),
        randn((256, 30_000)),
    ),
]
