"""Convolution without weight sharing, against the same by torch's unfold and autograd."""

import torch
import torch.nn.functional as F
from torch import nn

from cases import REALISTIC, TEACHING, Case, randn
from course_utils.layers import LocallyConnected2d


class Unfolded(nn.Module):
    """LocallyConnected2d in torch's operations."""

    def __init__(self, *arguments, **options):
        super().__init__()
        self.layer = LocallyConnected2d(*arguments, **options)
        self.weight = nn.Parameter(self.layer.weight)
        self.bias = nn.Parameter(self.layer.bias)

    def forward(self, x):
        out, kernel_size = self.weight.shape[-2:], self.weight.shape[2:4]
        padding = [before for before, _ in self.layer.padding]
        columns = F.unfold(x, kernel_size, padding=padding, stride=self.layer.stride)
        y = torch.einsum("okp,bkp->bop", self.weight.flatten(1, 3).flatten(2), columns)
        return y.unflatten(2, out) + self.bias


def case(name, size, shape, *arguments, **options):
    return Case(
        f"LocallyConnected2d {name}",
        size,
        lambda: LocallyConnected2d(*arguments, **options),
        lambda: Unfolded(*arguments, **options),
        randn(shape),
    )


CASES = [
    case("5×5, 1 → 6", TEACHING, (64, 1, 28, 28), 1, 6, 28, 5),
    case("3×3, 64 → 64", REALISTIC, (8, 64, 14, 14), 64, 64, 14, 3, padding=1),
]
