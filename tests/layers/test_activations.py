"""Activation functions against torch.nn, finite differences, and what is known of them."""

from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from course_utils.layers import (
    ELU,
    GELU,
    LeakyReLU,
    PReLU,
    ReLU,
    Sigmoid,
    SiLU,
    Softplus,
    Tanh,
    as_module,
)
from twins import DEVICES, DTYPES, close, compare, finite_differences, randn


def sigmoid_gelu(x):
    return x * torch.sigmoid(1.702 * x)


PAIRS = {
    "relu": (ReLU, nn.ReLU),
    "leaky relu": (LeakyReLU, nn.LeakyReLU),
    "leaky relu 0.3": (partial(LeakyReLU, 0.3), partial(nn.LeakyReLU, 0.3)),
    "leaky relu -2": (partial(LeakyReLU, -2.0), partial(nn.LeakyReLU, -2.0)),
    "elu": (ELU, nn.ELU),
    "elu 0.4": (partial(ELU, 0.4), partial(nn.ELU, 0.4)),
    "sigmoid": (Sigmoid, nn.Sigmoid),
    "tanh": (Tanh, nn.Tanh),
    "softplus": (Softplus, nn.Softplus),
    "softplus 3": (partial(Softplus, 3.0), partial(nn.Softplus, 3.0)),
    "softplus -2": (partial(Softplus, -2.0), partial(nn.Softplus, -2.0)),
    "softplus above 1": (partial(Softplus, 1.5, 1.0), partial(nn.Softplus, 1.5, 1.0)),
    "silu": (SiLU, nn.SiLU),
    "gelu": (GELU, nn.GELU),
    "gelu tanh": (partial(GELU, "tanh"), partial(nn.GELU, "tanh")),
    "gelu sigmoid": (partial(GELU, "sigmoid"), lambda: sigmoid_gelu),
    "prelu": (PReLU, nn.PReLU),
    "prelu 0.7": (partial(PReLU, init=0.7), partial(nn.PReLU, init=0.7)),
}
each_pair = pytest.mark.parametrize("name", PAIRS)


def pair(name, dtype=torch.float64, device="cpu"):
    ours, theirs = (make() for make in PAIRS[name])
    if isinstance(theirs, nn.Module):
        theirs.to(device, dtype)
    return ours.to(dtype).to(device), theirs


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", DTYPES)
@each_pair
@settings(max_examples=12, deadline=None, derandomize=True)
@given(
    shape=st.lists(st.integers(0, 5), min_size=1, max_size=4), scale=st.sampled_from([0.1, 3, 30])
)
def test_values_and_gradients_match_torch(name, dtype, device, shape, scale):
    compare(*pair(name, dtype, device), scale * randn(*shape, dtype=dtype, device=device))


@each_pair
def test_a_single_number_without_dimensions_goes_through(name):
    layer, twin = pair(name)
    x = torch.tensor(-0.7, dtype=torch.float64, requires_grad=True)
    y = twin(x)
    y.backward(torch.tensor(2.0))
    close(layer(x.detach()), y.detach(), "value")
    close(layer.backward(torch.tensor(2.0, dtype=torch.float64)), x.grad, "gradient")
    assert layer.grads.keys() == layer.state_dict().keys()


@each_pair
def test_gradients_match_finite_differences(name):
    layer, _ = pair(name)
    if name != "softplus above 1":  # the threshold is a jump, too low there to go unnoticed
        finite_differences(layer, 2 * randn(5, 4))


@each_pair
def test_a_transposed_input_makes_no_difference(name):
    ours, theirs = pair(name)
    compare(ours, theirs, randn(3, 4, 5).transpose(0, 2))


@each_pair
def test_bfloat16_forward_matches_torch(name):
    ours, theirs = pair(name, torch.bfloat16)
    x = 3 * randn(50, 40, dtype=torch.bfloat16)
    with torch.no_grad():
        close(ours(x), theirs(x), name, tolerance=0.01)


@each_pair
def test_extreme_numbers_give_what_torch_gives(name):
    extreme = [0.0, -0.0, 1e-30, -1e-30, 90.0, -90.0, 1e4, -1e4, torch.nan]
    if "gelu" not in name:  # its values in torch depend on which vector instructions there are
        extreme += [1e30, -1e30, torch.inf, -torch.inf]
    compare(*pair(name, torch.float32), torch.tensor(extreme))


@pytest.mark.parametrize("dtype", DTYPES)
@settings(max_examples=20, deadline=None, derandomize=True)
@given(
    channels=st.integers(1, 4),
    batch=st.integers(0, 3),
    rest=st.lists(st.integers(1, 3), max_size=3),
)
def test_prelu_has_a_slope_for_each_channel(dtype, channels, batch, rest):
    theirs = nn.PReLU(channels, dtype=dtype)
    with torch.no_grad():
        theirs.weight.copy_(torch.arange(1, channels + 1) / 3)
    ours = PReLU(channels, dtype=dtype)
    compare(ours, theirs, randn(batch, channels, *rest, dtype=dtype))
    if batch and dtype == torch.float64:
        finite_differences(ours, randn(batch, channels, *rest))


def test_prelu_starts_as_torchs():
    assert torch.equal(PReLU().weight, nn.PReLU().weight)
    assert torch.equal(PReLU(3, 0.1).weight, nn.PReLU(3, 0.1).weight)
    assert PReLU(dtype=torch.float64).weight.dtype == torch.float64


def test_prelu_learns_as_torchs_as_a_module():
    module, twin = as_module(PReLU(3)), nn.PReLU(3)
    x = randn(20, 3, dtype=torch.float32)
    for network in (module, twin):
        optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
        for _ in range(5):
            optimizer.zero_grad()
            (network(x) - x).square().mean().backward()
            optimizer.step()
    close(module.weight, twin.weight, "slopes")
    assert twin.weight.min() > 0.3


def test_the_derivative_at_zero_is_torchs():
    for name in ("relu", "leaky relu 0.3", "prelu 0.7", "elu 0.4"):
        ours, theirs = pair(name)
        compare(ours, theirs, torch.zeros(3, dtype=torch.float64))


def test_gelus_approximations_are_as_good_as_published():
    x = torch.linspace(-6, 6, 12001, dtype=torch.float64)
    exact = GELU()(x)
    tanh, sigmoid = (GELU(name)(x) for name in ("tanh", "sigmoid"))
    assert (tanh - exact).abs().max() == pytest.approx(4.7e-4, rel=0.02)
    assert (sigmoid - exact).abs().max() == pytest.approx(0.0203, rel=0.01)


def test_gelu_has_a_minimum_and_elu_has_none():
    x = torch.linspace(-5, 5, 10001, dtype=torch.float64)
    y = GELU()(x)
    assert x[y.argmin()].item() == pytest.approx(-0.7518, abs=1e-3)
    assert y.min().item() == pytest.approx(-0.1700, abs=1e-4)
    assert ELU()(x).diff().min() > 0


def test_tanh_is_a_scaled_and_shifted_sigmoid():
    x = randn(1000)
    close(Tanh()(x), 2 * Sigmoid()(2 * x) - 1, "tanh", tolerance=1e-15)


def test_softplus_does_not_overflow():
    x = torch.tensor([-1e4, 0.0, 1e4])
    layer = Softplus()
    assert torch.equal(layer(x), torch.tensor([0.0, 2.0, 1e4]).where(x != 0, torch.tensor(2).log()))
    assert torch.equal(layer.backward(torch.ones(3)), torch.tensor([0.0, 0.5, 1.0]))


@each_pair
def test_a_gradient_of_another_shape_is_refused(name):
    layer, _ = pair(name)
    layer(randn(3, 4))
    with pytest.raises(ValueError, match=r"shape \(4,\), the output had \(3, 4\)"):
        layer.backward(randn(4))


@pytest.mark.parametrize("name", [name for name in PAIRS if name != "relu"])
def test_integers_are_refused(name):
    layer, _ = pair(name)
    with pytest.raises(TypeError, match=r"floating-point numbers, got torch\.int64"):
        layer(torch.arange(3))


def test_bad_options_and_inputs_are_refused_with_numbers():
    for kind in (ReLU, LeakyReLU, ELU, SiLU):
        with pytest.raises(NotImplementedError, match=f"{kind.__name__}: inplace=True is left out"):
            kind(inplace=True)
    with pytest.raises(ValueError, match="'none', 'tanh' or 'sigmoid', got 'erf'"):
        GELU("erf")
    with pytest.raises(ValueError, match="beta must not be 0"):
        Softplus(beta=0)
    with pytest.raises(ValueError, match="must be positive, got 0"):
        PReLU(0)
    with pytest.raises(
        ValueError, match=r"2 channels, weight has 3 slopes \(input \(5, 2\), weight \(3,\)\)"
    ):
        PReLU(3)(randn(5, 2, dtype=torch.float32))
    with pytest.raises(ValueError, match=r"1 channels, weight has 3 slopes \(input \(3,\)"):
        PReLU(3)(randn(3, dtype=torch.float32))
    with pytest.raises(TypeError, match=r"input is torch\.float64, the layer is torch\.float32"):
        PReLU()(randn(3))
