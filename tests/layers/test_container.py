"""Residual and Flatten; Sequential is tested with the contract, in test_layers."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from course_utils.layers import Flatten, Linear, PReLU, ReLU, Residual, Sequential, Tanh, as_module
from twins import DEVICES, DTYPES, close, compare, finite_differences, randn


class Block(nn.Module):
    """The twin of Residual."""

    def __init__(self, layer, shortcut=None):
        super().__init__()
        self.layer = layer
        if shortcut is not None:
            self.shortcut = shortcut

    def forward(self, x):
        return self.layer(x) + (self.shortcut(x) if hasattr(self, "shortcut") else x)


def blocks(shortcut, dtype=torch.float64, device="cpu"):
    ours = Residual(
        Sequential(Linear(4, 5), PReLU(), Linear(5, 3 if shortcut else 4)),
        Linear(4, 3, bias=False) if shortcut else None,
    )
    theirs = Block(
        nn.Sequential(nn.Linear(4, 5), nn.PReLU(), nn.Linear(5, 3 if shortcut else 4)),
        nn.Linear(4, 3, bias=False) if shortcut else None,
    )
    return ours.to(dtype).to(device), theirs.to(device, dtype)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("batch", [(), (3,), (2, 3), (0,)])
@pytest.mark.parametrize("shortcut", [False, True])
def test_residual_matches_torch(shortcut, batch, dtype, device):
    ours, theirs = blocks(shortcut, dtype, device)
    compare(ours, theirs, randn(*batch, 4, dtype=dtype, device=device))


@pytest.mark.parametrize("shortcut", [False, True])
def test_residual_gradients_match_finite_differences(shortcut):
    ours, _ = blocks(shortcut)
    finite_differences(ours, randn(3, 4))


def test_residual_of_nothing_is_the_identity_both_ways():
    inner = Linear(4, 4, dtype=torch.float64)
    inner.load_state_dict({name: torch.zeros_like(t) for name, t in inner.state_dict().items()})
    block, x = Residual(inner), randn(3, 4)
    assert torch.equal(block(x), x)
    assert torch.equal(block.backward(x), x)


def test_the_gradient_arrives_undiminished_through_many_residual_blocks():
    def plain():
        return Sequential(Linear(8, 8), Tanh())

    for wrap, low, high in ((Residual, 0.1, 1e9), (lambda layer: layer, 0, 1e-6)):
        torch.manual_seed(0)
        net = Sequential(*(wrap(plain()) for _ in range(30)))
        net(torch.ones(1, 8))
        assert low <= net.backward(torch.ones(1, 8)).norm() < high


def test_residual_hands_on_modes_and_trains_as_a_module():
    block = Residual(Sequential(ReLU()), ReLU()).eval()
    assert block.layer[0].training is block.shortcut.training is False
    x = randn(3, 4).requires_grad_()
    assert torch.autograd.gradcheck(as_module(blocks(True)[0]), (x,))


def test_residual_refuses_what_would_broadcast_and_what_is_no_layer():
    with pytest.raises(ValueError, match=r"layer gives \(2, 1\), the way around it \(2, 4\)"):
        Residual(Linear(4, 1))(torch.ones(2, 4))
    with pytest.raises(TypeError, match="Residual: layer is a builtin_function_or_method"):
        Residual(torch.relu)
    with pytest.raises(TypeError, match="Residual: shortcut is a Linear, not a Layer"):
        Residual(ReLU(), nn.Linear(2, 2))


@pytest.mark.parametrize("dtype", [*DTYPES, torch.bfloat16])
@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    shape=st.lists(st.integers(0, 4), min_size=1, max_size=5),
    start=st.integers(-5, 4),
    end=st.integers(-5, 4),
)
def test_flatten_matches_torch_for_all_dimensions_and_refuses_the_same(dtype, shape, start, end):
    x = randn(*shape, dtype=dtype)
    try:
        x.flatten(start, end)
    except (IndexError, RuntimeError):
        given_shape = str(tuple(shape)).replace("(", r"\(").replace(")", r"\)")
        with pytest.raises(ValueError, match=rf"from {start} to {end} \(input {given_shape}\)"):
            Flatten(start, end)(x)
    else:
        compare(Flatten(start, end), nn.Flatten(start, end), x)


def test_flatten_keeps_the_batch_by_default():
    layer = Flatten()
    assert layer(randn(2, 3, 4, 5)).shape == (2, 60)
    assert layer.backward(randn(2, 60)).shape == (2, 3, 4, 5)
    compare(layer, nn.Flatten(), randn(5, 4, 3, 2).transpose(0, 3))
    finite_differences(layer, randn(2, 3, 2))
    with pytest.raises(ValueError, match=r"shape \(2, 3, 4, 5\), the output had \(2, 6\)"):
        layer.backward(randn(2, 3, 4, 5))


def test_flatten_makes_a_vector_of_a_single_number():
    layer = Flatten(0)
    assert layer(torch.tensor(3.0)).shape == (1,)
    assert layer.backward(torch.tensor([2.0])).shape == ()


def test_flatten_makes_an_image_net_end_to_end():
    net = Sequential(Flatten(), Linear(12, 2))
    twin = nn.Sequential(nn.Flatten(), nn.Linear(12, 2))
    y = compare(net, twin, randn(5, 3, 2, 2, dtype=torch.float32))
    close(as_module(net)(randn(5, 3, 2, 2, dtype=torch.float32)), y, "module")
