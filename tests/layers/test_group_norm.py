"""Group normalization."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from course_utils.layers import GroupNorm, as_module
from twins import DEVICES, DTYPES, close, compare, finite_differences, randn


def pair(groups, channels, dtype=torch.float64, device="cpu", **options):
    ours, theirs = GroupNorm(groups, channels, **options), nn.GroupNorm(groups, channels, **options)
    with torch.no_grad():
        for seed, parameter in enumerate(theirs.parameters()):
            parameter.copy_(randn(channels, seed=seed + 5))
    theirs.to(device, dtype)
    ours.to(dtype).to(device).load_state_dict(theirs.state_dict())
    return ours, theirs


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", DTYPES)
@settings(max_examples=50, deadline=None, derandomize=True)
@given(
    batch=st.integers(0, 3),
    groups=st.integers(1, 3),
    in_group=st.integers(2, 3),
    positions=st.lists(st.integers(1, 3), max_size=3),
    eps=st.sampled_from([1e-5, 0.3]),
    affine=st.booleans(),
    bias=st.booleans(),
)
def test_values_and_gradients_match_torch(
    dtype, device, batch, groups, in_group, positions, eps, affine, bias
):
    channels = groups * in_group
    ours, theirs = pair(groups, channels, dtype, device, eps=eps, affine=affine, bias=bias)
    x = 2 * randn(batch, channels, *positions, dtype=dtype, device=device) + 1
    compare(ours, theirs, x)


@pytest.mark.parametrize("options", [{}, {"affine": False}, {"bias": False}])
@pytest.mark.parametrize("shape", [(2, 4), (2, 4, 2, 2)])
def test_gradients_match_finite_differences(shape, options):
    finite_differences(pair(2, 4, **options)[0], randn(*shape))


def test_a_transposed_input_makes_no_difference():
    compare(*pair(2, 4), randn(5, 3, 4, 2).permute(3, 2, 1, 0))


def test_without_positions_the_gradients_of_the_parameters_are_zero():
    layer, _ = pair(1, 2)  # torch has nan there
    assert layer.backward(layer(randn(3, 2, 0))).shape == (3, 2, 0)
    assert not layer.grads["weight"].any()
    assert not layer.grads["bias"].any()


def test_bfloat16_forward_matches_torch():
    ours, theirs = pair(2, 4, torch.bfloat16)
    x = randn(3, 4, 5, 5, dtype=torch.bfloat16)
    with torch.no_grad():
        close(ours(x), theirs(x), "group norm")


def test_it_starts_as_torchs():
    state = GroupNorm(2, 4).state_dict()
    for name, tensor in nn.GroupNorm(2, 4).state_dict().items():
        assert torch.equal(state[name], tensor)


def test_an_affine_map_of_a_whole_group_changes_nothing_of_a_single_channel_it_does():
    layer = GroupNorm(2, 4, eps=0, affine=False)
    x = randn(3, 4, 5)
    y = layer(x)
    of_group = torch.tensor([2.0, 2.0, 0.5, 0.5]).view(4, 1)
    close(layer(of_group * x + of_group), y, "scaled and shifted by groups")
    of_channel = torch.tensor([2.0, 1.0, 1.0, 1.0]).view(4, 1)
    other = layer(of_channel * x)
    assert (other - y)[:, :2].abs().max() > 0.1
    close(other[:, 2:], y[:, 2:], "the other group")


def test_nothing_depends_on_the_batch_or_the_mode():
    layer, x = pair(2, 4)[0], randn(3, 4, 5)
    y = layer(x)
    close(layer(x[:1]), y[:1], "one example")
    close(layer.eval()(x), y, "in eval")


def test_as_a_module_it_passes_torchs_gradient_check():
    module = as_module(pair(2, 4, affine=False)[0])
    assert torch.autograd.gradcheck(module, (randn(2, 4, 3).requires_grad_(),))


def test_bad_sizes_and_inputs_are_refused_with_numbers():
    with pytest.raises(ValueError, match="5 channels do not divide into 2 groups"):
        GroupNorm(2, 5)
    with pytest.raises(ValueError, match="4 channels do not divide into 0 groups"):
        GroupNorm(0, 4)
    with pytest.raises(ValueError, match="needs at least 1 channel, got 0"):
        GroupNorm(1, 0)
    for shape in ((4,), (2, 3, 4)):
        with pytest.raises(ValueError, match=r"must be \(N, 4, …\), got"):
            GroupNorm(2, 4)(torch.ones(shape))
    with pytest.raises(TypeError, match=r"torch\.float64, the layer is torch\.float32"):
        GroupNorm(2, 4)(randn(2, 4))
    layer = GroupNorm(2, 4)
    layer(torch.ones(2, 4, 3))
    with pytest.raises(ValueError, match=r"shape \(2, 4\), the output had \(2, 4, 3\)"):
        layer.backward(torch.ones(2, 4))
