"""Softmax and LogSoftmax."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from course_utils.layers import LogSoftmax, Softmax, as_module
from twins import DEVICES, DTYPES, close, compare, finite_differences, randn

KINDS = {"Softmax": (Softmax, nn.Softmax), "LogSoftmax": (LogSoftmax, nn.LogSoftmax)}
each_kind = pytest.mark.parametrize("kind", KINDS)


@st.composite
def shapes_with_dims(draw):
    """A shape and one of its dimensions, counted from either end, with elements along it."""
    shape = draw(st.lists(st.integers(0, 5), min_size=1, max_size=4))
    dim = draw(st.integers(-len(shape), len(shape) - 1))
    shape[dim] = max(shape[dim], 1)
    return shape, dim


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", DTYPES)
@each_kind
@settings(max_examples=40, deadline=None, derandomize=True)
@given(case=shapes_with_dims(), scale=st.sampled_from([1, 30]))
def test_values_and_gradients_match_torch(kind, dtype, device, case, scale):
    (shape, dim), (ours, theirs) = case, KINDS[kind]
    compare(ours(dim), theirs(dim), scale * randn(*shape, dtype=dtype, device=device))


@each_kind
def test_a_single_number_is_a_distribution_of_its_own(kind):
    ours, theirs = KINDS[kind]
    for dim in (0, -1):
        layer = ours(dim)
        close(layer(torch.tensor(3.0)), theirs(dim)(torch.tensor(3.0)), "value")
        assert layer.backward(torch.tensor(2.0)) == 0


@each_kind
@pytest.mark.parametrize("dim", [0, 1, -1])
def test_gradients_match_finite_differences(kind, dim):
    finite_differences(KINDS[kind][0](dim), randn(3, 4, 2))


@each_kind
def test_bfloat16_forward_matches_torch(kind):
    ours, theirs = KINDS[kind]
    x = randn(30, 10, dtype=torch.bfloat16)
    close(ours(-1)(x), theirs(-1)(x), kind, tolerance=0.02)


@each_kind
def test_adding_a_constant_to_all_logits_changes_nothing(kind):
    layer, x = KINDS[kind][0](-1), randn(5, 7)
    y, dx = layer(x), layer.backward(randn(5, 7, seed=1))
    shift = 100 * randn(5, 1, seed=2)
    close(layer(x + shift), y, "value")
    close(layer.backward(randn(5, 7, seed=1)), dx, "gradient")
    # So the gradient has no part along that direction.
    assert dx.sum(-1).abs().max() < 1e-14


def test_huge_logits_do_not_overflow():
    x = torch.tensor([1000.0, 1001.0, 1002.0])
    expected = pytest.approx([0.0900, 0.2447, 0.6652], abs=1e-4)
    assert Softmax(0)(x).tolist() == expected
    assert Softmax(0)(-x).flip(0).tolist() == expected
    for kind in KINDS.values():
        compare(kind[0](0), kind[1](0), torch.tensor([3e38, -3e38, 3e38, 0.0]))


@each_kind
def test_infinities_and_nan_give_what_torch_gives(kind):
    ours, theirs = KINDS[kind]
    inf, nan = torch.inf, torch.nan
    rows = [[-inf, 1, 2], [inf, 1, 2], [-inf, -inf, -inf], [nan, 1, 2], [1, 2, 3]]
    compare(ours(-1), theirs(-1), torch.tensor(rows))


def test_log_softmax_keeps_what_the_logarithm_of_softmax_loses():
    x = torch.tensor([0.0, 200.0])
    assert Softmax(0)(x).log()[0] == -torch.inf
    assert LogSoftmax(0)(x)[0] == -200


def test_the_jacobian_is_never_formed():
    numbers = 200_000  # its square, in float32, is 160 GB
    layer = Softmax(-1)
    y = layer(torch.zeros(1, numbers))
    close(y.sum(), torch.tensor(1.0), "sum", tolerance=1e-5)
    assert layer.backward(torch.ones_like(y)).abs().max() < 1e-9


def test_softmax_as_a_module_has_torchs_gradient():
    x = randn(4, 3).requires_grad_()
    assert torch.autograd.gradcheck(as_module(Softmax(0)), (x,))


@each_kind
def test_bad_dimensions_inputs_and_gradients_are_refused(kind):
    make = KINDS[kind][0]
    with pytest.raises(NotImplementedError, match=f"{kind}: dim=None is left out"):
        make()
    for dim in (2, -3):
        with pytest.raises(ValueError, match=rf"along dimension {dim} \(input \(2, 3\)\)"):
            make(dim)(randn(2, 3))
    with pytest.raises(ValueError, match=r"no elements along dimension 1 \(input \(2, 0\)\)"):
        make(1)(randn(2, 0))
    with pytest.raises(TypeError, match=r"floating-point numbers, got torch\.int64"):
        make(0)(torch.arange(3))
    layer = make(0)
    layer(randn(2, 3))
    with pytest.raises(ValueError, match=r"shape \(3,\), the output had \(2, 3\)"):
        layer.backward(randn(3))
