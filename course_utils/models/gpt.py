"""GPT: a transformer that predicts the next token."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_utils.models.sampling import draw, evaluating


@dataclass(frozen=True)
class GPTConfig:
    """Sizes of a GPT; the defaults are those of GPT-2 small.

    Attributes:
        vocab_size: number of tokens V.
        block_size: the longest sequence that can be read.
        n_layer: number of blocks.
        n_head: attention heads in each; divides ``n_embd``.
        n_embd: width D.
        dropout: on embeddings, attention weights and what each block adds.
    """

    vocab_size: int = 50257
    block_size: int = 1024
    n_layer: int = 12
    n_head: int = 12
    n_embd: int = 768
    dropout: float = 0.1


class CausalSelfAttention(nn.Module):
    r"""Each token collects from itself and those before it: :math:`\operatorname{softmax}(QK^\top
    / \sqrt{d})\,V` with a mask, in several heads.

    Shapes: x (B, T, D) → (B, T, D).
    """

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.n_head = config.n_head
        self.dropout = config.dropout
        self.qkv = nn.Linear(config.n_embd, 3 * config.n_embd)
        self.proj = nn.Linear(config.n_embd, config.n_embd)
        self.resid_dropout = nn.Dropout(config.dropout)

    def heads(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values, each (B, heads, T, d)."""
        q, k, v = self.qkv(x).chunk(3, dim=-1)  # (B, T, D) each
        return tuple(t.unflatten(-1, (self.n_head, -1)).transpose(1, 2) for t in (q, k, v))

    def weights(self, x: Tensor) -> Tensor:
        """Who looks at whom, (B, heads, T, T): what `forward` uses but never holds in memory."""
        q, k, _ = self.heads(x)
        scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])  # (B, heads, T, T)
        future = torch.ones_like(scores, dtype=torch.bool).triu(1)
        return scores.masked_fill(future, -math.inf).softmax(-1)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.heads(x)
        dropout = self.dropout if self.training else 0.0
        y = F.scaled_dot_product_attention(q, k, v, dropout_p=dropout, is_causal=True)
        y = y.transpose(1, 2).flatten(2)  # (B, T, D)
        return self.resid_dropout(self.proj(y))


class MLP(nn.Sequential):
    """Each token for itself: four times as wide, GELU, and back."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__(
            nn.Linear(config.n_embd, 4 * config.n_embd),  # (B, T, 4D)
            nn.GELU(approximate="tanh"),  # GPT-2's version of it
            nn.Linear(4 * config.n_embd, config.n_embd),  # (B, T, D)
            nn.Dropout(config.dropout),
        )


class Block(nn.Module):
    """Attention, then the MLP; each reads a normalized copy and adds to the stream."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(config.n_embd)
        self.attn = CausalSelfAttention(config)
        self.ln_2 = nn.LayerNorm(config.n_embd)
        self.mlp = MLP(config)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class GPT(nn.Module):
    """A decoder-only transformer; with the default configuration 124,439,808 parameters.

    Input and output share one table of token vectors. GPT-3 is ``GPTConfig(block_size=2048,
    n_layer=96, n_head=96, n_embd=12288)``: 174.6 billion parameters, to be counted on torch's
    device ``meta``.

    Shapes: tokens (B, T), int64 → logits (B, T, V).

    Raises:
        ValueError: the heads do not divide the width, or a sequence is longer than ``block_size``.

    Source: A. Radford et al. Language models are unsupervised multitask learners. OpenAI, 2019;
    T. Brown et al. Language models are few-shot learners. NeurIPS 2020. Style: A. Karpathy,
    nanoGPT.
    """

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        if config.n_embd % config.n_head:
            raise ValueError(
                f"GPT: n_head={config.n_head} does not divide n_embd={config.n_embd} "
                f"(remainder {config.n_embd % config.n_head})"
            )
        self.config = config
        self.token_embedding = nn.Embedding(config.vocab_size, config.n_embd)
        self.position_embedding = nn.Embedding(config.block_size, config.n_embd)
        self.dropout = nn.Dropout(config.dropout)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.n_layer))
        self.ln_f = nn.LayerNorm(config.n_embd)
        self.head = nn.Linear(config.n_embd, config.vocab_size, bias=False)
        self.head.weight = self.token_embedding.weight
        self._initialize()

    def _initialize(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Embedding):
                nn.init.normal_(module.weight, std=0.02)
            if isinstance(module, nn.Linear) and module.bias is not None:
                nn.init.zeros_(module.bias)
        # 2·n_layer terms add up in the stream; scaled down, its variance does not grow with depth.
        for block in self.blocks:
            for last in (block.attn.proj, block.mlp[2]):
                nn.init.normal_(last.weight, std=0.02 / math.sqrt(2 * self.config.n_layer))

    def embed(self, tokens: Tensor) -> Tensor:
        """What enters the first block: token plus position, (B, T, D)."""
        length = tokens.shape[1]
        if length > self.config.block_size:
            raise ValueError(
                f"GPT: the sequence has {length} tokens, block_size is {self.config.block_size} "
                f"(tokens {tuple(tokens.shape)})"
            )
        positions = torch.arange(length, device=tokens.device)
        return self.dropout(self.token_embedding(tokens) + self.position_embedding(positions))

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.embed(tokens)  # (B, T, D)
        for block in self.blocks:
            x = block(x)
        return self.head(self.ln_f(x))  # (B, T, V)

    def attention_maps(self, tokens: Tensor) -> list[Tensor]:
        """The attention weights of each block, (B, heads, T, T): row t is where token t looks."""
        maps = []
        with evaluating(self):
            x = self.embed(tokens)
            for block in self.blocks:
                maps.append(block.attn.weights(block.ln_1(x)))
                x = block(x)
        return maps

    def generate(
        self,
        prompt: Tensor,
        length: int,
        *,
        temperature: float = 1.0,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Continue a prompt, one token at a time and without dropout.

        The model sees the last ``block_size`` tokens.

        Shapes: prompt (B, T), T ≥ 1 → (B, T + length), the prompt included.

        Raises:
            ValueError: the temperature is not positive.
        """
        tokens = prompt
        with evaluating(self):
            for _ in range(length):
                logits = self(tokens[:, -self.config.block_size :])[:, -1]  # (B, V)
                tokens = torch.cat([tokens, draw(logits, temperature, generator)], dim=1)
        return tokens
