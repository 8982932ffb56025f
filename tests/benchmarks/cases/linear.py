"""The affine layer, as in chapter 03's network and in a transformer's feed-forward part."""

from torch import nn

from cases import REALISTIC, TEACHING, Case, randn
from course_utils.layers import Linear

CASES = [
    Case(
        "Linear",
        TEACHING,
        lambda: Linear(784, 100),
        lambda: nn.Linear(784, 100),
        randn((64, 784)),
    ),
    Case(
        "Linear",
        REALISTIC,
        lambda: Linear(768, 3072),
        lambda: nn.Linear(768, 3072),
        randn((8, 128, 768)),
    ),
]
