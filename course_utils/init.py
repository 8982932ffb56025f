r"""Initial values: random weights that neither blow up signals nor let them fade.

Each function draws a new tensor of a shape, (fan-out, fan-in) for a Linear or (out, in, height,
width) for a convolution; fan-in is the number of inputs that one output sums up, fan-out the number
of outputs that one input reaches. The same seed gives the numbers of the torch.nn.init function of
the same name, which fills a tensor in place.

Example:
    >>> layer.assign("weight", kaiming_normal(layer.weight.shape, nonlinearity="relu"))
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

Shape = Sequence[int]


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    r"""The factor by which weights have to be larger to make up for a nonlinearity.

    ReLU halves the mean square of a symmetric signal, so :math:`\sqrt 2`; leaky ReLU with slope a
    (``param``, 0.01 if not given) :math:`\sqrt{2 / (1 + a^2)}`; tanh 5/3; linear and sigmoid 1.

    Raises:
        ValueError: the nonlinearity is none of ``linear``, ``sigmoid``, ``tanh``, ``relu`` and
            ``leaky_relu``.
    """
    gains = {
        "linear": 1.0,
        "sigmoid": 1.0,
        "tanh": 5 / 3,
        "relu": math.sqrt(2),
        "leaky_relu": math.sqrt(2 / (1 + (0.01 if param is None else param) ** 2)),
    }
    if nonlinearity not in gains:
        raise ValueError(f"calculate_gain: {nonlinearity!r} is none of {sorted(gains)}")
    return gains[nonlinearity]


def uniform(
    shape: Shape,
    bound: float,
    *,
    generator: torch.Generator | None = None,
    device: torch.device | str | None = None,
    dtype: torch.dtype | None = None,
) -> Tensor:
    r"""Uniform in :math:`\pm` ``bound``: what most layers start with."""
    empty = torch.empty(shape, device=device, dtype=dtype)
    return empty.uniform_(-bound, bound, generator=generator)


def xavier_uniform(
    shape: Shape,
    gain: float = 1.0,
    *,
    generator: torch.Generator | None = None,
    device: torch.device | str | None = None,
    dtype: torch.dtype | None = None,
) -> Tensor:
    r"""Uniform in :math:`\pm g \sqrt{6 / (n_\text{in} + n_\text{out})}`; see `xavier_normal`."""
    bound = gain * math.sqrt(6 / sum(_fans(shape)))
    return uniform(shape, bound, generator=generator, device=device, dtype=dtype)


def xavier_normal(
    shape: Shape,
    gain: float = 1.0,
    *,
    generator: torch.Generator | None = None,
    device: torch.device | str | None = None,
    dtype: torch.dtype | None = None,
) -> Tensor:
    r"""Normal with variance :math:`2 g^2 / (n_\text{in} + n_\text{out})`.

    :math:`1 / n_\text{in}` keeps the variance of signals on the way forward,
    :math:`1 / n_\text{out}` that of gradients on the way back; this lies between.

    Source: Glorot and Bengio 2010.

    Raises:
        ValueError: the shape has fewer than two dimensions, or no elements.
    """
    std = gain * math.sqrt(2 / sum(_fans(shape)))
    return torch.empty(shape, device=device, dtype=dtype).normal_(0, std, generator=generator)


def kaiming_uniform(
    shape: Shape,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    *,
    generator: torch.Generator | None = None,
    device: torch.device | str | None = None,
    dtype: torch.dtype | None = None,
) -> Tensor:
    r"""Uniform in :math:`\pm g \sqrt{3 / n}`; see `kaiming_normal`."""
    bound = math.sqrt(3) * _kaiming_std(shape, a, mode, nonlinearity)
    return uniform(shape, bound, generator=generator, device=device, dtype=dtype)


def kaiming_normal(
    shape: Shape,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    *,
    generator: torch.Generator | None = None,
    device: torch.device | str | None = None,
    dtype: torch.dtype | None = None,
) -> Tensor:
    r"""Normal with variance :math:`g^2 / n`, where g is the nonlinearity's gain.

    n is the fan-in, which keeps the mean square of signals from layer to layer, or with
    ``mode="fan_out"`` the fan-out, which keeps that of gradients. a is the slope of a leaky ReLU.

    Source: He and others 2015.

    Raises:
        ValueError: ``mode`` or ``nonlinearity`` is unknown, or the shape has fewer than two
            dimensions or no elements.
    """
    std = _kaiming_std(shape, a, mode, nonlinearity)
    return torch.empty(shape, device=device, dtype=dtype).normal_(0, std, generator=generator)


def orthogonal(
    shape: Shape,
    gain: float = 1.0,
    *,
    generator: torch.Generator | None = None,
    device: torch.device | str | None = None,
    dtype: torch.dtype | None = None,
) -> Tensor:
    r"""A random rotation times the gain: :math:`W^\top W = g^2 I`, or :math:`W W^\top = g^2 I`.

    Whichever of the two is smaller holds. All lengths are kept, not only the average one, so a
    product of any number of such matrices neither vanishes nor explodes. Shapes of more than two
    dimensions are those of the matrix (out, rest).

    Source: Saxe, McClelland and Ganguli 2014.

    Raises:
        ValueError: the shape has fewer than two dimensions, or no elements.
    """
    _fans(shape)
    rows, columns = shape[0], math.prod(shape[1:])
    normal = torch.empty(rows, columns, device=device, dtype=dtype).normal_(generator=generator)
    q, r = torch.linalg.qr(normal if rows >= columns else normal.T)
    # The signs make the choice unique; without them, not all rotations would be equally likely.
    q = q * r.diagonal().sign()
    return gain * (q if rows >= columns else q.T).reshape(tuple(shape))


def _kaiming_std(shape: Shape, a: float, mode: str, nonlinearity: str) -> float:
    fans = dict(zip(("fan_in", "fan_out"), _fans(shape), strict=True))
    if mode not in fans:
        raise ValueError(f"kaiming: mode is 'fan_in' or 'fan_out', got {mode!r}")
    return calculate_gain(nonlinearity, a) / math.sqrt(fans[mode])


def _fans(shape: Shape) -> tuple[int, int]:
    """Fan-in and fan-out of a weight (out, in, …)."""
    if len(shape) < 2 or math.prod(shape) == 0:
        raise ValueError(f"a weight needs two dimensions and elements, got shape {tuple(shape)}")
    window = math.prod(shape[2:])
    return shape[1] * window, shape[0] * window
