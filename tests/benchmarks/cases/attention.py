"""Attention and the layers around it, as in a chapter's small model, GPT-2 small and ViT-B/16."""

import torch
import torch.nn.functional as F
from torch import nn

from cases import REALISTIC, TEACHING, Case, randn
from course_utils.layers import (
    MultiheadAttention,
    PatchEmbedding,
    ScaledDotProductAttention,
    TransformerDecoderLayer,
    TransformerEncoderLayer,
)


class ConvolutionOfPatches(nn.Conv2d):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x).flatten(-2).mT


CASES = [
    Case(
        "ScaledDotProductAttention",
        TEACHING,
        ScaledDotProductAttention,
        lambda: F.scaled_dot_product_attention,
        randn(*[(32, 4, 32, 16)] * 3),
    ),
    Case(
        "ScaledDotProductAttention",
        REALISTIC,
        ScaledDotProductAttention,
        lambda: F.scaled_dot_product_attention,
        randn(*[(8, 12, 128, 64)] * 3),
    ),
    Case(
        "ScaledDotProductAttention causal",
        REALISTIC,
        ScaledDotProductAttention,
        lambda: F.scaled_dot_product_attention,
        randn(*[(8, 12, 128, 64)] * 3),
        {"is_causal": True},
    ),
    Case(
        "ScaledDotProductAttention causal, 1024 tokens",
        REALISTIC,
        ScaledDotProductAttention,
        lambda: F.scaled_dot_product_attention,
        randn(*[(1, 12, 1024, 64)] * 3),
        {"is_causal": True},
    ),
    Case(
        "MultiheadAttention",
        TEACHING,
        lambda: MultiheadAttention(64, 4, batch_first=True),
        lambda: nn.MultiheadAttention(64, 4, batch_first=True),
        randn(*[(32, 32, 64)] * 3),
    ),
    Case(
        "MultiheadAttention masked, no weights",
        TEACHING,
        lambda: MultiheadAttention(64, 4, batch_first=True),
        lambda: nn.MultiheadAttention(64, 4, batch_first=True),
        randn(*[(32, 32, 64)] * 3),
        {"attn_mask": torch.ones(32, 32, dtype=torch.bool).triu(1), "need_weights": False},
    ),
    Case(
        "MultiheadAttention",
        REALISTIC,
        lambda: MultiheadAttention(768, 12, batch_first=True),
        lambda: nn.MultiheadAttention(768, 12, batch_first=True),
        randn(*[(8, 128, 768)] * 3),
    ),
    Case(
        "MultiheadAttention no weights",
        REALISTIC,
        lambda: MultiheadAttention(768, 12, batch_first=True),
        lambda: nn.MultiheadAttention(768, 12, batch_first=True),
        randn(*[(8, 128, 768)] * 3),
        {"need_weights": False},
    ),
    Case(
        "TransformerEncoderLayer",
        TEACHING,
        lambda: TransformerEncoderLayer(64, 4, 256, batch_first=True),
        lambda: nn.TransformerEncoderLayer(64, 4, 256, batch_first=True),
        randn((32, 32, 64)),
    ),
    Case(
        "TransformerEncoderLayer",
        REALISTIC,
        lambda: TransformerEncoderLayer(512, 8),
        lambda: nn.TransformerEncoderLayer(512, 8),
        randn((64, 8, 512)),
    ),
    Case(
        "TransformerEncoderLayer norm_first, gelu",
        REALISTIC,
        lambda: TransformerEncoderLayer(768, 12, 3072, 0.1, "gelu", 1e-5, True, True),
        lambda: nn.TransformerEncoderLayer(768, 12, 3072, 0.1, "gelu", 1e-5, True, True),
        randn((4, 128, 768)),
    ),
    Case(
        "TransformerDecoderLayer",
        TEACHING,
        lambda: TransformerDecoderLayer(64, 4, 256, batch_first=True),
        lambda: nn.TransformerDecoderLayer(64, 4, 256, batch_first=True),
        randn((32, 16, 64), (32, 32, 64)),
    ),
    Case(
        "TransformerDecoderLayer",
        REALISTIC,
        lambda: TransformerDecoderLayer(512, 8),
        lambda: nn.TransformerDecoderLayer(512, 8),
        randn((64, 8, 512), (64, 8, 512)),
    ),
    Case(
        "PatchEmbedding",
        TEACHING,
        lambda: PatchEmbedding(1, 64, 7),
        lambda: ConvolutionOfPatches(1, 64, 7, stride=7),
        randn((64, 1, 28, 28)),
    ),
    Case(
        "PatchEmbedding",
        REALISTIC,
        lambda: PatchEmbedding(3, 768, 16),
        lambda: ConvolutionOfPatches(3, 768, 16, stride=16),
        randn((8, 3, 224, 224)),
    ),
]
