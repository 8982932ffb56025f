"""The gated recurrent unit."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from course_utils.layers.recurrent import RNNBase, State, Weights


class GRU(RNNBase):
    r"""Gated recurrent units: one gate decides between keeping the state and replacing it.

    .. math::
        r_t &= \sigma(W_{ir} x_t + b_{ir} + W_{hr} h_{t-1} + b_{hr}) & \text{reset} \\
        z_t &= \sigma(W_{iz} x_t + b_{iz} + W_{hz} h_{t-1} + b_{hz}) & \text{keep} \\
        n_t &= \tanh(W_{in} x_t + b_{in} + r_t \odot (W_{hn} h_{t-1} + b_{hn})) & \text{new} \\
        h_t &= (1 - z_t) \odot n_t + z_t \odot h_{t-1}

    As in torch and cuDNN, r acts after the product with :math:`W_{hn}`; in the paper it acts on
    :math:`h_{t-1}` before it. The three :math:`W_{i\cdot}` lie below one another in ``weight_ih``,
    in this order, the :math:`W_{h\cdot}` in ``weight_hh``.

    On the way back, everything that enters a gate gets :math:`\partial L/\partial h_t` times a
    slope that is known before the loop starts. For n, from the input: :math:`(1 - z)(1 - n^2)`;
    from the state: r times that. :math:`h_{t-1}` gets what passed through :math:`W_{hh}`, and
    :math:`z_t \odot \partial L/\partial h_t` directly.

    Shapes, options, initial values, truncation and errors are those of `RNN`.

    Source: Cho and others 2014.
    """

    gates = 3

    def forward_through_time(
        self, x: Tensor, start: State, w: Weights
    ) -> tuple[State, Tensor, State]:
        (h,) = start
        sizes = [2 * self.hidden_size, self.hidden_size]
        hs, kept = [h], []
        # The input's share of the gates does not depend on the state: all steps at once.
        for a in F.linear(x, w.ih, w.bias_ih):  # (B, 3H) in each step
            b = F.linear(h, w.hh, w.bias_hh)
            (a_rz, a_n), (b_rz, b_n) = a.split(sizes, -1), b.split(sizes, -1)
            r, z = (a_rz + b_rz).sigmoid().chunk(2, -1)  # each (B, H)
            n = torch.addcmul(a_n, r, b_n).tanh()
            h = n + z * (h - n)
            hs.append(h)
            kept.append((r, z, n, b_n))
        return (h,), torch.stack(hs), tuple(torch.stack(k) for k in zip(*kept, strict=True))

    def backward_through_time(
        self, dy: Tensor, d_end: State, hs: Tensor, kept: State, w: Weights
    ) -> tuple[Tensor, Tensor, State]:
        r, z, n, b_n = kept  # each (T, B, H)
        to_n = (1 - z) * (1 - n.square())
        # Slopes now; the loop turns them into gradients of what enters r, z and n from the state.
        slopes = (to_n * b_n * r * (1 - r), (hs[:-1] - n) * z * (1 - z), to_n * r)
        db = torch.stack(slopes, 2)  # (T, B, 3, H)
        (dh,) = d_end
        for t in reversed(range(len(db))):
            dh = dh + dy[t]
            to_n[t] *= dh
            db[t] *= dh.unsqueeze(1)
            dh = torch.addmm(dh * z[t], db[t].flatten(1), w.hh)
        da = torch.cat([db[:, :, :2].flatten(2), to_n], -1)  # (T, B, 3H)
        return da, db.flatten(2), (dh,)
