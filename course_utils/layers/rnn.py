"""The simple recurrent layer."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from course_utils.layers.recurrent import RNNBase, State, Weights


class RNN(RNNBase):
    r"""Elman's recurrence :math:`h_t = \phi(W_{ih} x_t + b_{ih} + W_{hh} h_{t-1} + b_{hh})`.

    :math:`\phi` is tanh or ReLU. On the way back, :math:`h_t` is asked twice: by the output of its
    own step and by the next step,

    .. math:: \frac{\partial L}{\partial h_t} = \frac{\partial L}{\partial y_t}
              + \frac{\partial L}{\partial z_{t+1}} W_{hh} \qquad
              \frac{\partial L}{\partial z_t} = \frac{\partial L}{\partial h_t} \odot \phi'(z_t)

    with z for the argument of :math:`\phi`. The slopes :math:`\phi'` are known before the loop
    starts; what remains is linear, one product with :math:`W_{hh}` in every step. That product is
    why gradients vanish or explode (Bengio, Simard and Frasconi 1994).

    Shapes: input (T, B, M), with ``batch_first`` (B, T, M), or (T, M); hx (L·D, B, H) or (L·D, H),
    zeros if left out → output (T, B, D·H), …, and the last state, shaped like hx. L is
    ``num_layers``, D the number of directions. ``backward(d_output, d_state=None)`` returns
    the gradients of input and hx.

    The state that comes out is a plain tensor: given to the next call, it carries the memory to the
    next chunk of a sequence, and each chunk's own ``backward`` is truncated backpropagation.

    All parameters start uniform in :math:`\pm 1/\sqrt H`, drawn in torch's order. Dropout acts
    between layers, in training.

    Source: Elman 1990.

    Raises:
        NotImplementedError: the input is a packed sequence.
        ValueError: a size or an option is not valid, or a shape does not fit.
        TypeError: input or hx is not of the layer's dtype or not on its device.
    """

    gates = 1

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        generator: torch.Generator | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"RNN: nonlinearity is 'tanh' or 'relu', got {nonlinearity!r}")
        self.nonlinearity = nonlinearity
        super().__init__(
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
            generator=generator,
            device=device,
            dtype=dtype,
        )

    def forward_through_time(
        self, x: Tensor, start: State, w: Weights
    ) -> tuple[State, Tensor, State]:
        phi = torch.tanh if self.nonlinearity == "tanh" else torch.relu
        (h,) = start
        # All that does not depend on the state is done for all steps at once.
        bias = None if w.bias_ih is None else w.bias_ih + w.bias_hh
        hs = [h]
        for a in F.linear(x, w.ih, bias):  # (B, H) in each step
            h = phi(torch.addmm(a, h, w.hh.T))
            hs.append(h)
        return (h,), torch.stack(hs), ()

    def backward_through_time(
        self, dy: Tensor, d_end: State, hs: Tensor, kept: State, w: Weights
    ) -> tuple[Tensor, Tensor, State]:
        h = hs[1:]  # (T, B, H)
        slope = 1 - h.square() if self.nonlinearity == "tanh" else (h > 0).to(h)
        (dh,) = d_end
        dz = []
        for dy_t, slope_t in zip(reversed(dy.unbind()), reversed(slope.unbind()), strict=True):
            dz.append((dy_t + dh) * slope_t)  # (B, H)
            dh = dz[-1] @ w.hh
        da = torch.stack(dz[::-1])
        return da, da, (dh,)
