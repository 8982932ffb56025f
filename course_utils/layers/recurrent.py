"""What recurrent layers have in common: depth, directions, layouts, and the weights' gradients."""

from __future__ import annotations

import math
import warnings
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from course_utils.layers.base import Layer, check_gradient, check_input

NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
State = tuple[Tensor, ...]  # (h,), or (h, c) in an LSTM; each (B, H)


class Weights(NamedTuple):
    """The parameters of one layer in one direction: G gates of H units, input of M features."""

    ih: Tensor  # (G·H, M)
    hh: Tensor  # (G·H, H)
    bias_ih: Tensor | None = None  # (G·H,)
    bias_hh: Tensor | None = None  # (G·H,)


class RNNBase(Layer):
    r"""Recurrences :math:`h_t = f(x_t, h_{t-1})`, stacked and in one or two directions.

    A subclass has f: `forward_through_time` and `backward_through_time` of one layer in one
    direction. The rest is here. The weights are used again in every step, so their gradients are
    sums over time. With :math:`a_t` for what enters the gates from the input and :math:`b_t` for
    what enters them from the state, one product of matrices does it for all steps together:

    .. math:: \frac{\partial L}{\partial W_{ih}}
              = \sum_t \Bigl(\frac{\partial L}{\partial a_t}\Bigr)^{\!\top} x_t \qquad
              \frac{\partial L}{\partial W_{hh}}
              = \sum_t \Bigl(\frac{\partial L}{\partial b_t}\Bigr)^{\!\top} h_{t-1}

    Source: backpropagation through time, Werbos 1990.
    """

    gates: ClassVar[int]
    states: ClassVar[int] = 1

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        generator: torch.Generator | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        kind = type(self).__name__
        if min(input_size, hidden_size, num_layers) < 1:
            raise ValueError(
                f"{kind}: sizes must be positive, got input_size={input_size}, "
                f"hidden_size={hidden_size}, num_layers={num_layers}"
            )
        if not 0 <= dropout <= 1:
            raise ValueError(f"{kind}: dropout is a probability in 0 … 1, got {dropout}")
        if dropout and num_layers == 1:
            warnings.warn(
                f"{kind}: dropout={dropout} acts between layers, and there is only one",
                stacklevel=3,
            )
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.batch_first, self.dropout = batch_first, dropout
        self.suffixes = ("", "_reverse") if bidirectional else ("",)

        bound = 1 / math.sqrt(hidden_size)
        rows = self.gates * hidden_size
        for layer in range(num_layers):
            features = len(self.suffixes) * hidden_size if layer else input_size
            shapes = ((rows, features), (rows, hidden_size), (rows,), (rows,))
            for suffix in self.suffixes:
                for name, shape in zip(NAMES if bias else NAMES[:2], shapes, strict=False):
                    tensor = torch.empty(shape, device=device, dtype=dtype)
                    setattr(self, f"{name}_l{layer}{suffix}", tensor)
                    tensor.uniform_(-bound, bound, generator=generator)
                    self.parameter_names += (f"{name}_l{layer}{suffix}",)

    def forward_through_time(
        self, x: Tensor, start: State, w: Weights
    ) -> tuple[State, Tensor, State]:
        """Run x (T, B, M) through f: the last state, h_0 … h_T (T + 1, B, H), what to keep."""
        raise NotImplementedError

    def backward_through_time(
        self, dy: Tensor, d_end: State, hs: Tensor, kept: State, w: Weights
    ) -> tuple[Tensor, Tensor, State]:
        """From the gradients of h_1 … h_T (T, B, H) and of the last state, those of a, b, start."""
        raise NotImplementedError

    def forward(self, input: Tensor, hx: Tensor | State | None = None) -> tuple[Tensor, Any]:
        x = self._check(input)  # (T, B, M)
        self.zeros = x.new_zeros(self.num_layers * len(self.suffixes), x.shape[1], self.hidden_size)
        starts = self._read_state("hx", hx)  # each (L·D, B, H)
        ends: list[State] = []
        self.runs, self.masks = [], []
        for layer in range(self.num_layers):
            outputs = []
            for suffix in self.suffixes:
                seen = x.flip(0) if suffix else x
                start = tuple(state[len(self.runs)] for state in starts)
                w = self._weights(layer, suffix)
                end, hs, kept = self.forward_through_time(seen, start, w)
                ends.append(end)
                self.runs.append((seen, hs, kept))
                outputs.append(hs[1:].flip(0) if suffix else hs[1:])
            x = torch.cat(outputs, -1) if len(outputs) > 1 else outputs[0]  # (T, B, D·H)
            self.masks.append(self._dropout_mask(x) if layer + 1 < self.num_layers else None)
            if self.masks[layer] is not None:
                x = x * self.masks[layer]
        output = self._as_given(x)
        self.output_shape = output.shape
        return output, self._as_given_state(ends)

    def backward(self, d_output: Tensor | None, d_state: Any = None) -> tuple[Tensor, Any]:
        if d_output is None:
            d_output = self.zeros.new_zeros(self.output_shape)
        check_gradient(self, d_output, self.output_shape)
        dx = self._time_first(d_output)  # (T, B, D·H)
        d_ends = self._read_state("d_state", d_state)  # each (L·D, B, H)
        d_starts: list[State] = [()] * len(self.runs)
        for layer in reversed(range(self.num_layers)):
            dy = dx if self.masks[layer] is None else dx * self.masks[layer]
            dx = 0
            for direction, dh in enumerate(dy.chunk(len(self.suffixes), -1)):
                suffix = self.suffixes[direction]
                number = layer * len(self.suffixes) + direction
                seen, hs, kept = self.runs[number]
                d_end = tuple(d[number] for d in d_ends)
                w = self._weights(layer, suffix)
                da, db, d_starts[number] = self.backward_through_time(
                    dh.flip(0) if suffix else dh, d_end, hs, kept, w
                )
                self._store_gradients(f"l{layer}{suffix}", seen, hs, da, db)
                d_seen = da @ w.ih  # (T, B, M)
                dx = dx + (d_seen.flip(0) if suffix else d_seen)
        return self._as_given(dx), self._as_given_state(d_starts)

    def _store_gradients(self, end: str, x: Tensor, hs: Tensor, da: Tensor, db: Tensor) -> None:
        a, b = da.flatten(0, 1), db.flatten(0, 1)  # (T·B, G·H)
        self.grads[f"weight_ih_{end}"] = a.T @ x.flatten(0, 1)  # (G·H, M)
        self.grads[f"weight_hh_{end}"] = b.T @ hs[:-1].flatten(0, 1)  # (G·H, H)
        if f"bias_ih_{end}" in self.parameter_names:
            self.grads[f"bias_ih_{end}"] = a.sum(0)  # (G·H,)
            self.grads[f"bias_hh_{end}"] = b.sum(0)  # (G·H,)

    def _weights(self, layer: int, suffix: str) -> Weights:
        names = [f"{name}_l{layer}{suffix}" for name in NAMES]
        return Weights(*(getattr(self, name) for name in names if name in self.parameter_names))

    def _dropout_mask(self, x: Tensor) -> Tensor | None:
        if not self.training or self.dropout == 0:
            return None
        kept = torch.empty_like(x).bernoulli_(1 - self.dropout)
        return kept / (1 - self.dropout) if self.dropout < 1 else kept

    def _check(self, input: Tensor) -> Tensor:
        kind = type(self).__name__
        if isinstance(input, PackedSequence):
            raise NotImplementedError(
                f"{kind}: packed sequences are left out here; pad the sequences instead, and leave "
                f"the padding out of the loss with ignore_index. torch.nn.{kind} has them"
            )
        if input.ndim not in (2, 3) or input.shape[-1] != self.input_size:
            raise ValueError(
                f"{kind}: input {tuple(input.shape)} is not (T, B, M), with batch_first (B, T, M), "
                f"or (T, M), where M is {self.input_size} "
                f"(weight {tuple(self.weight_ih_l0.shape)})"
            )
        check_input(self, input, self.weight_ih_l0)
        self.batched = input.ndim == 3
        x = self._time_first(input)
        if len(x) == 0:
            raise ValueError(f"{kind}: the sequence has no steps (input {tuple(input.shape)})")
        return x

    # The loops see time first and always a batch; callers see what they gave.

    def _time_first(self, x: Tensor) -> Tensor:
        if not self.batched:
            return x.unsqueeze(1)
        return x.transpose(0, 1) if self.batch_first else x

    def _as_given(self, x: Tensor) -> Tensor:
        if not self.batched:
            return x.squeeze(1)
        return x.transpose(0, 1) if self.batch_first else x

    def _read_state(self, what: str, given: Any) -> State:
        """A state, or its gradient, with a batch and zeros for what was left out."""
        kind, shape = type(self).__name__, self.zeros.shape
        if not self.batched:
            shape = torch.Size((shape[0], shape[2]))
        if given is None:
            return (self.zeros,) * self.states
        parts = given if isinstance(given, tuple) else (given,)
        if isinstance(given, tuple) != (self.states > 1) or len(parts) != self.states:
            wanted = "one tensor" if self.states == 1 else "a tuple of 2 tensors, h and c"
            raise TypeError(f"{kind}: {what} must be {wanted}")
        for part in parts:
            if part is None:
                continue
            if part.shape != shape:
                raise ValueError(
                    f"{kind}: {what} is {tuple(part.shape)}, expected {tuple(shape)}: "
                    "layers times directions, batch if the input has one, hidden_size"
                )
            if (part.dtype, part.device) != (self.zeros.dtype, self.zeros.device):
                raise TypeError(
                    f"{kind}: {what} is {part.dtype} on {part.device}, the layer is "
                    f"{self.zeros.dtype} on {self.zeros.device}"
                )
        return tuple(self.zeros if part is None else part.view_as(self.zeros) for part in parts)

    def _as_given_state(self, runs: list[State]) -> Tensor | State:
        parts = [torch.stack(part) for part in zip(*runs, strict=True)]  # each (L·D, B, H)
        parts = tuple(part if self.batched else part.squeeze(1) for part in parts)
        return parts if self.states > 1 else parts[0]
