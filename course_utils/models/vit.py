"""The vision transformer: an image is a sequence of patches."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class EncoderBlock(nn.Module):
    """Self-attention among all patches, then an MLP for each; both beside a shortcut.

    Shapes: x (B, T, D) → (B, T, D).
    """

    def __init__(self, dim: int, heads: int, mlp_dim: int, dropout: float) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(dim, eps=1e-6)
        self.attention = nn.MultiheadAttention(dim, heads, dropout=dropout, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.ln_2 = nn.LayerNorm(dim, eps=1e-6)
        self.mlp = nn.Sequential(
            nn.Linear(dim, mlp_dim),  # (B, T, mlp_dim)
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(mlp_dim, dim),  # (B, T, D)
            nn.Dropout(dropout),
        )

    def forward(self, x: Tensor) -> Tensor:
        y = self.ln_1(x)
        y, _ = self.attention(y, y, y, need_weights=False)
        x = x + self.dropout(y)
        return x + self.mlp(self.ln_2(x))


class ViT(nn.Module):
    """The vision transformer; the defaults are ViT-B/16: 86,567,656 parameters.

    ViT-L/16 is ``ViT(dim=1024, depth=24, heads=16, mlp_dim=4096)``, 304,326,632 parameters, and
    ViT-H/14 is ``ViT(patch_size=14, dim=1280, depth=32, heads=16, mlp_dim=5120)``, 632,045,800.

    Args:
        image_size: height and width of the images; a multiple of ``patch_size``.
        patch_size: height and width P of a patch.
        in_channels: channels C of the images.
        num_classes: number of classes K.
        dim: width D of a token.
        depth: number of blocks.
        heads: attention heads in each; divides ``dim``.
        mlp_dim: width of the MLPs' hidden layer.
        dropout: on embeddings, attention weights and inside the MLPs.

    Shapes: x (B, C, H, W) → logits (B, K).

    Raises:
        ValueError: the patches do not tile the image, or the images have another size.

    Source: A. Dosovitskiy et al. An image is worth 16×16 words: transformers for image recognition
    at scale. ICLR 2021.
    """

    def __init__(
        self,
        *,
        image_size: int = 224,
        patch_size: int = 16,
        in_channels: int = 3,
        num_classes: int = 1000,
        dim: int = 768,
        depth: int = 12,
        heads: int = 12,
        mlp_dim: int = 3072,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if image_size % patch_size:
            raise ValueError(
                f"ViT: patches of {patch_size} pixels do not tile images of {image_size} "
                f"(remainder {image_size % patch_size})"
            )
        self.image_size = image_size
        patches = (image_size // patch_size) ** 2
        # Cut into patches and map each to D numbers: a convolution whose stride is its size.
        self.patch_embedding = nn.Conv2d(in_channels, dim, patch_size, stride=patch_size)
        self.class_token = nn.Parameter(torch.zeros(1, 1, dim))
        self.position_embedding = nn.Parameter(0.02 * torch.randn(1, patches + 1, dim))
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.Sequential(
            *(EncoderBlock(dim, heads, mlp_dim, dropout) for _ in range(depth))
        )
        self.ln = nn.LayerNorm(dim, eps=1e-6)
        self.head = nn.Linear(dim, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[-2:] != (self.image_size, self.image_size):
            raise ValueError(
                f"ViT: images are {x.shape[-2]} × {x.shape[-1]}, this model was made for "
                f"{self.image_size} × {self.image_size} (input {tuple(x.shape)})"
            )
        x = self.patch_embedding(x)  # (B, D, H/P, W/P)
        x = x.flatten(2).transpose(1, 2)  # (B, HW/P², D)
        x = torch.cat([self.class_token.expand(len(x), -1, -1), x], dim=1)  # (B, HW/P² + 1, D)
        x = self.blocks(self.dropout(x + self.position_embedding))
        return self.head(self.ln(x[:, 0]))  # (B, K)
