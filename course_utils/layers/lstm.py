"""Long short-term memory."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from course_utils.layers.base import only_default
from course_utils.layers.recurrent import RNNBase, State, Weights


class LSTM(RNNBase):
    r"""Long short-term memory: cells :math:`c` that gates write, keep and read.

    .. math::
        i_t &= \sigma(W_{ii} x_t + b_{ii} + W_{hi} h_{t-1} + b_{hi}) & \text{write} \\
        f_t &= \sigma(W_{if} x_t + b_{if} + W_{hf} h_{t-1} + b_{hf}) & \text{keep} \\
        g_t &= \tanh(W_{ig} x_t + b_{ig} + W_{hg} h_{t-1} + b_{hg})  & \text{what to write} \\
        o_t &= \sigma(W_{io} x_t + b_{io} + W_{ho} h_{t-1} + b_{ho}) & \text{read} \\
        c_t &= f_t \odot c_{t-1} + i_t \odot g_t \\
        h_t &= o_t \odot \tanh c_t

    The four :math:`W_{i\cdot}` lie below one another in ``weight_ih``, in this order, the
    :math:`W_{h\cdot}` in ``weight_hh``. On the way back, cells pass gradients on along their own
    road, on which the forget gate is the only factor:

    .. math:: \frac{\partial L}{\partial c_t}
              = \frac{\partial L}{\partial h_t} \odot o_t \odot (1 - \tanh^2 c_t)
              + f_{t+1} \odot \frac{\partial L}{\partial c_{t+1}}

    The arguments z of the gates get :math:`\partial L/\partial c_t` (i, f, g) or
    :math:`\partial L/\partial h_t` (o) times slopes that are known before the loop starts, and
    :math:`\partial L/\partial h_{t-1} = \partial L/\partial z_t\, W_{hh}` plus what the output of
    that step gets.

    Shapes, options, initial values, truncation and errors are those of `RNN`, except that hx and
    the state that comes out are tuples of h and c, and there is ``proj_size``, which is left out.

    Source: Hochreiter and Schmidhuber 1997; the forget gate is by Gers, Schmidhuber and
    Cummins 2000.
    """

    gates, states = 4, 2

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        *,
        generator: torch.Generator | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
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
        only_default(self, proj_size=(proj_size, 0))

    def forward_through_time(
        self, x: Tensor, start: State, w: Weights
    ) -> tuple[State, Tensor, State]:
        h, c = start
        # All that does not depend on the state is done for all steps at once.
        bias = None if w.bias_ih is None else w.bias_ih + w.bias_hh
        hs, cs, gates = [h], [c], []
        for a in F.linear(x, w.ih, bias):  # (B, 4H) in each step
            i, f, g, o = torch.addmm(a, h, w.hh.T).chunk(4, -1)  # each (B, H)
            i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
            c = torch.addcmul(i * g, f, c)
            h = o * c.tanh()
            hs.append(h)
            cs.append(c)
            gates.append((i, f, g, o))
        # i, f, g, o are (T, B, H) each, cs is (T + 1, B, H).
        kept = (torch.stack(cs), *(torch.stack(gate) for gate in zip(*gates, strict=True)))
        return (h, c), torch.stack(hs), kept

    def backward_through_time(
        self, dy: Tensor, d_end: State, hs: Tensor, kept: State, w: Weights
    ) -> tuple[Tensor, Tensor, State]:
        cs, i, f, g, o = kept
        tanh_c = cs[1:].tanh()
        dh_dc = o * (1 - tanh_c.square())
        # Slopes now; the loop turns them into gradients of z.
        slopes = (g * i * (1 - i), cs[:-1] * f * (1 - f), i * (1 - g * g), tanh_c * o * (1 - o))
        dz = torch.stack(slopes, 2)  # (T, B, 4, H)
        dh, dc = d_end
        for t in reversed(range(len(dz))):
            dh = dh + dy[t]
            dc = torch.addcmul(dc, dh, dh_dc[t])
            dz[t, :, :3] *= dc.unsqueeze(1)
            dz[t, :, 3] *= dh
            dh = dz[t].flatten(1) @ w.hh
            dc = dc * f[t]
        da = dz.flatten(2)  # (T, B, 4H)
        return da, da, (dh, dc)
