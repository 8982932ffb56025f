"""A recurrent net that reads and writes characters."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_utils.models.sampling import draw, evaluating

# What a recurrent layer remembers: h, or (h, c) for an LSTM.
State = Tensor | tuple[Tensor, Tensor]


class CharRNN(nn.Module):
    """Characters in, logits of the next character out.

    Args:
        vocab_size: number of characters V.
        hidden_size: width H of the recurrent layers.
        cell: ``nn.RNN``, ``nn.GRU`` or ``nn.LSTM``.
        embedding_dim: width of a learned vector for each character; None gives one-hot vectors.
        num_layers: recurrent layers on top of each other.
        dropout: between these layers.

    With one-hot input and one layer it has g·(VH + H² + 2H) + HV + V parameters, where g is the
    number of maps in the cell: 1 (RNN), 3 (GRU) or 4 (LSTM).

    Shapes: tokens (B, T), int64 → logits (B, T, V).

    Source: A. Karpathy. The unreasonable effectiveness of recurrent neural networks. 2015. LSTM:
    S. Hochreiter, J. Schmidhuber. Long short-term memory. Neural Computation 9(8), 1997. GRU:
    K. Cho et al. Learning phrase representations using RNN encoder–decoder. EMNLP 2014.
    """

    def __init__(
        self,
        vocab_size: int,
        hidden_size: int,
        *,
        cell: type[nn.RNN] | type[nn.GRU] | type[nn.LSTM] = nn.LSTM,
        embedding_dim: int | None = None,
        num_layers: int = 1,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.vocab_size = vocab_size
        self.embedding = None if embedding_dim is None else nn.Embedding(vocab_size, embedding_dim)
        self.rnn = cell(
            vocab_size if embedding_dim is None else embedding_dim,
            hidden_size,
            num_layers=num_layers,
            batch_first=True,
            dropout=dropout,
        )
        self.head = nn.Linear(hidden_size, vocab_size)

    def forward(self, tokens: Tensor) -> Tensor:
        logits, _ = self.read(tokens, None)
        return logits

    def read(self, tokens: Tensor, state: State | None) -> tuple[Tensor, State]:
        """Read on from a state (None: the start): the logits (B, T, V) and the state after them.

        Truncated backpropagation through time detaches the state and gives it to the next piece.
        """
        if self.embedding is None:
            x = F.one_hot(tokens, self.vocab_size).to(self.head.weight.dtype)  # (B, T, V)
        else:
            x = self.embedding(tokens)  # (B, T, E)
        h, state = self.rnn(x, state)  # (B, T, H)
        return self.head(h), state

    def sample(
        self,
        prompt: Tensor,
        length: int,
        *,
        temperature: float = 1.0,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Continue a prompt, one character at a time and without dropout.

        Shapes: prompt (B, T), T ≥ 1 → (B, T + length), the prompt included.

        Raises:
            ValueError: the temperature is not positive.
        """
        tokens, new, state = prompt, prompt, None
        with evaluating(self):
            for _ in range(length):
                logits, state = self.read(new, state)
                new = draw(logits[:, -1], temperature, generator)  # (B, 1)
                tokens = torch.cat([tokens, new], dim=1)
        return tokens
