"""Looking up characters, words and positions."""

import torch
from torch import nn

from cases import REALISTIC, TEACHING, Case, randn
from course_utils.layers import Embedding, PositionalEmbedding, PositionalEncoding


def numbers(rows, *shape):
    return lambda: (torch.randint(rows, shape, generator=torch.Generator().manual_seed(0)),)


class Positions(nn.Module):
    """The twin of PositionalEmbedding, with its parameter's name."""

    def __init__(self, positions, width):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(positions, width))

    def forward(self, x):
        return x + self.weight[: x.shape[-2]]


class Waves(nn.Module):
    """The twin of PositionalEncoding, with its buffer's name."""

    def __init__(self, width, positions):
        super().__init__()
        self.register_buffer("pe", torch.zeros(positions, width))

    def forward(self, x):
        return x + self.pe[: x.shape[-2]]


CASES = [
    Case(
        "Embedding",
        TEACHING,
        lambda: Embedding(65, 64),
        lambda: nn.Embedding(65, 64),
        numbers(65, 32, 32),
    ),
    Case(
        "Embedding",
        REALISTIC,
        lambda: Embedding(50257, 768, padding_idx=0),
        lambda: nn.Embedding(50257, 768, padding_idx=0),
        numbers(50257, 4, 1024),
    ),
    Case(
        "PositionalEmbedding",
        TEACHING,
        lambda: PositionalEmbedding(64, 64),
        lambda: Positions(64, 64),
        randn((32, 32, 64)),
    ),
    Case(
        "PositionalEmbedding",
        REALISTIC,
        lambda: PositionalEmbedding(1024, 768),
        lambda: Positions(1024, 768),
        randn((4, 1024, 768)),
    ),
    Case(
        "PositionalEncoding",
        TEACHING,
        lambda: PositionalEncoding(64, 512),
        lambda: Waves(64, 512),
        randn((32, 32, 64)),
    ),
    Case(
        "PositionalEncoding",
        REALISTIC,
        lambda: PositionalEncoding(512),
        lambda: Waves(512, 5000),
        randn((32, 256, 512)),
    ),
]
