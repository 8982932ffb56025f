"""Layer normalization."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from course_utils.layers import LayerNorm, as_module
from twins import DEVICES, DTYPES, close, compare, finite_differences, randn

OPTIONS = [{}, {"bias": False}, {"elementwise_affine": False}, {"eps": 0.3}]


def pair(shape, dtype=torch.float64, device="cpu", **options):
    ours, theirs = LayerNorm(shape, **options), nn.LayerNorm(shape, **options)
    with torch.no_grad():
        for seed, parameter in enumerate(theirs.parameters()):
            parameter.copy_(randn(*parameter.shape, seed=seed + 5))
    theirs.to(device, dtype)
    ours.to(dtype).to(device).load_state_dict(theirs.state_dict())
    return ours, theirs


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", DTYPES)
@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    batch=st.lists(st.integers(0, 4), max_size=3),
    shape=st.lists(st.integers(1, 4), min_size=1, max_size=3).filter(lambda s: max(s) > 1),
    options=st.sampled_from(OPTIONS),
)
def test_values_and_gradients_match_torch(dtype, device, batch, shape, options):
    ours, theirs = pair(shape, dtype, device, **options)
    compare(ours, theirs, 2 * randn(*batch, *shape, dtype=dtype, device=device) + 1)


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("shape", [4, (2, 3)])
def test_gradients_match_finite_differences(shape, options):
    finite_differences(pair(shape, **options)[0], randn(2, 4) if shape == 4 else randn(2, 2, 2, 3))


def test_a_transposed_input_makes_no_difference():
    compare(*pair((3, 4)), randn(4, 3, 5).permute(2, 1, 0))


def test_bfloat16_forward_matches_torch():
    ours, theirs = pair(16, torch.bfloat16)
    x = randn(10, 16, dtype=torch.bfloat16)
    with torch.no_grad():
        close(ours(x), theirs(x), "layer norm")


@pytest.mark.parametrize("shape", [3, (2, 3), [4]])
def test_it_starts_as_torchs(shape):
    for options in OPTIONS:
        state, wanted = LayerNorm(shape, **options).state_dict(), nn.LayerNorm(shape, **options)
        assert list(state) == list(wanted.state_dict())
        assert all(torch.equal(state[name], t) for name, t in wanted.state_dict().items())


def test_a_shift_and_a_positive_factor_of_a_token_change_nothing():
    layer, x = pair(6, eps=0)[0], randn(5, 6)
    y = layer(x)
    factor, shift = randn(5, 1, seed=1).exp(), 10 * randn(5, 1, seed=2)
    close(layer(factor * x + shift), y, "value")
    # Therefore the gradient is orthogonal to both directions.
    layer(x)
    dx = layer.backward(randn(5, 6, seed=3))
    assert dx.sum(-1).abs().max() < 1e-13
    assert (dx * x).sum(-1).abs().max() < 1e-13


def test_of_single_features_it_is_not_invariant():
    layer, x = LayerNorm(6), randn(5, 6)
    layer.to(torch.float64)
    one = torch.eye(6, dtype=torch.float64)[0]
    assert (layer(x + 3 * one) - layer(x)).abs().max() > 0.1


def test_nothing_depends_on_the_batch_or_the_mode():
    layer, x = pair(6)[0], randn(2, 5, 6)
    y = layer(x)
    close(layer(x[1, 2]), y[1, 2], "one token")
    close(layer.eval()(x), y, "in eval")


def test_a_single_feature_gives_the_bias():
    ours, theirs = pair(1)
    assert torch.equal(ours(randn(3, 1)), ours.bias.expand(3, 1))
    compare(ours, theirs, randn(3, 1))


def test_a_constant_token_gives_the_bias_and_finite_gradients():
    ours, theirs = pair(4)
    compare(ours, theirs, torch.full((2, 4), 3.0, dtype=torch.float64), tolerance=1e-9)
    assert torch.equal(ours(torch.full((2, 4), 3.0, dtype=torch.float64))[0], ours.bias)


def test_it_trains_as_torchs_as_a_module():
    module, twin = as_module(LayerNorm(3)), nn.LayerNorm(3)
    x = randn(20, 3, dtype=torch.float32)
    for network in (module, twin):
        optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
        for _ in range(4):
            optimizer.zero_grad()
            (network(x) - x).square().mean().backward()
            optimizer.step()
    for name, tensor in twin.state_dict().items():
        close(module.state_dict()[name], tensor, name)


def test_bad_sizes_and_inputs_are_refused_with_numbers():
    for shape in (0, (), (3, 0), -1):
        with pytest.raises(ValueError, match="must be positive, got normalized_shape="):
            LayerNorm(shape)
    with pytest.raises(ValueError, match=r"input \(2, 3\) does not end in normalized_shape \(4,\)"):
        LayerNorm(4)(torch.ones(2, 3))
    with pytest.raises(ValueError, match=r"input \(3,\) does not end in normalized_shape \(2, 3\)"):
        LayerNorm((2, 3))(torch.ones(3))
    with pytest.raises(TypeError, match=r"torch\.float64, the layer is torch\.float32"):
        LayerNorm(4)(randn(2, 4))
    layer = LayerNorm(4)
    layer(torch.ones(2, 4))
    with pytest.raises(ValueError, match=r"shape \(4,\), the output had \(2, 4\)"):
        layer.backward(torch.ones(4))
