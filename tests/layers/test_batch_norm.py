"""Batch normalization: both modes, running statistics, and what it is invariant to."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from course_utils.layers import BatchNorm1d, BatchNorm2d, as_module
from twins import DEVICES, DTYPES, close, compare, finite_differences, randn

shapes = st.one_of(
    st.tuples(st.integers(2, 5), st.integers(1, 4)),
    st.tuples(st.integers(1, 3), st.integers(1, 4), st.integers(2, 4)),
    st.tuples(st.integers(1, 3), st.integers(1, 4), st.integers(1, 3), st.integers(2, 3)),
)
options = st.fixed_dictionaries(
    {
        "eps": st.sampled_from([1e-5, 0.3]),
        "momentum": st.sampled_from([0.1, 0.7, None]),
        "affine": st.booleans(),
        "track_running_stats": st.booleans(),
        "bias": st.booleans(),
    }
)


def pair(shape, dtype=torch.float64, device="cpu", **options):
    """A layer of arbitrary parameters for inputs of this shape, and torch's."""
    channels = shape[1]
    ours, theirs = (
        (BatchNorm2d, nn.BatchNorm2d) if len(shape) == 4 else (BatchNorm1d, nn.BatchNorm1d)
    )
    ours, theirs = ours(channels, **options), theirs(channels, **options)
    with torch.no_grad():
        for seed, parameter in enumerate(theirs.parameters()):
            parameter.copy_(randn(channels, seed=seed + 5))
    theirs.to(device, dtype)
    ours.to(dtype).to(device).load_state_dict(theirs.state_dict())
    return ours, theirs


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", DTYPES)
@settings(max_examples=60, deadline=None, derandomize=True)
@given(shape=shapes, options=options)
def test_two_batches_of_training_and_one_of_eval_match_torch(dtype, device, shape, options):
    ours, theirs = pair(shape, dtype, device, **options)
    for seed in range(2):
        x = 2 * randn(*shape, seed=seed, dtype=dtype, device=device) + 1
        theirs.zero_grad()
        compare(ours, theirs, x)
    theirs.zero_grad()
    compare(ours.eval(), theirs.eval(), x)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("options", [{}, {"affine": False}, {"bias": False}, {"eps": 0.5}])
@pytest.mark.parametrize("shape", [(4, 3), (2, 3, 2), (2, 2, 2, 2)])
def test_gradients_match_finite_differences(shape, options, training):
    layer, _ = pair(shape, **options)
    layer(randn(*shape, seed=9))
    finite_differences(layer.train(training), randn(*shape))


@pytest.mark.parametrize("shape", [(0, 3), (2, 3, 0), (0, 3, 2, 2), (0, 3, 0, 4)])
@pytest.mark.parametrize("training", [True, False])
def test_an_empty_batch_goes_through_as_in_torch(shape, training):
    ours, theirs = pair(shape)
    compare(ours.train(training), theirs.train(training), randn(*shape))


def test_a_transposed_input_makes_no_difference():
    compare(*pair((2, 3, 4, 5)), randn(5, 4, 3, 2).permute(3, 2, 1, 0))
    compare(*pair((4, 3)), randn(3, 4).T)


@pytest.mark.parametrize("training", [True, False])
def test_bfloat16_forward_matches_torch(training):
    ours, theirs = pair((8, 3, 4, 4), torch.bfloat16)
    x = randn(8, 3, 4, 4, dtype=torch.bfloat16)
    with torch.no_grad():
        close(ours.train(training)(x), theirs.train(training)(x), "batch norm")


@pytest.mark.parametrize(
    "options", [{}, {"affine": False}, {"track_running_stats": False}, {"bias": False}]
)
def test_it_starts_as_torchs(options):
    for ours, theirs in ((BatchNorm1d, nn.BatchNorm1d), (BatchNorm2d, nn.BatchNorm2d)):
        state, wanted = ours(3, **options).state_dict(), theirs(3, **options).state_dict()
        assert list(state) == list(wanted)
        for name, tensor in wanted.items():
            assert torch.equal(state[name], tensor)
            assert state[name].dtype == tensor.dtype
    assert BatchNorm1d(3, dtype=torch.float64).running_var.dtype == torch.float64


def test_an_affine_map_of_a_channel_with_positive_factor_changes_nothing():
    h, positive, shift = randn(6, 3, 4), randn(3, 1, seed=1).exp(), 10 * randn(3, 1, seed=2)
    layer, _ = pair((6, 3, 4), eps=0)
    y = layer(h)
    dh = layer.backward(randn(6, 3, 4, seed=3))
    close(layer(positive * h + shift), y, "value")
    # The gradient of the mapped input shrinks as the input grows.
    close(layer.backward(randn(6, 3, 4, seed=3)) * positive, dh, "gradient")
    # A negative factor turns the sign around.
    plain, _ = pair((6, 3, 4), eps=0, affine=False)
    close(plain(-h), -plain(h), "value of −h")


def test_training_gives_mean_zero_and_variance_one_over_the_batch_and_positions():
    y = BatchNorm2d(3, eps=0, dtype=torch.float64)(5 * randn(4, 3, 5, 5) + 2)
    assert y.mean((0, 2, 3)).abs().max() < 1e-14
    close(y.var((0, 2, 3), correction=0), torch.ones(3, dtype=torch.float64), "variance")


def test_running_statistics_follow_the_mean_and_the_unbiased_variance():
    layer = BatchNorm1d(2, momentum=0.3, dtype=torch.float64)
    x = randn(5, 2, 4) + 3
    layer(x)
    close(layer.running_mean, 0.3 * x.mean((0, 2)), "mean")
    close(layer.running_var, 0.7 + 0.3 * x.var((0, 2), correction=1), "variance")
    assert layer.num_batches_tracked == 1


def test_without_momentum_they_are_the_averages_of_all_batches():
    layer = BatchNorm1d(2, momentum=None, dtype=torch.float64)
    batches = [randn(5, 2, seed=seed) for seed in range(7)]
    for x in batches:
        layer(x)
    close(layer.running_mean, torch.stack([x.mean(0) for x in batches]).mean(0), "mean")
    close(layer.running_var, torch.stack([x.var(0) for x in batches]).mean(0), "variance")


def test_in_eval_an_output_does_not_depend_on_the_rest_of_its_batch():
    layer, x = BatchNorm1d(3, dtype=torch.float64), randn(8, 3)
    in_training = layer(x)
    assert not torch.allclose(layer(x[:4]), in_training[:4])
    layer.eval()
    close(layer(x[:1]), layer(x)[:1], "first example")
    before = layer.running_mean
    layer(x + 5)
    assert layer.running_mean is before


def test_loaded_running_statistics_are_what_eval_uses():
    layer = BatchNorm1d(1, eps=0).eval()
    layer.running_mean, layer.running_var = torch.tensor([2.0]), torch.tensor([25.0])
    assert torch.equal(layer(torch.tensor([[7.0], [-3.0]])), torch.tensor([[1.0], [-1.0]]))
    assert torch.equal(layer.backward(torch.ones(2, 1)), torch.full((2, 1), 0.2))


def test_a_module_trains_and_tracks_as_torchs():
    module, twin = as_module(BatchNorm1d(3)), nn.BatchNorm1d(3)
    for network in (module, twin):
        optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
        for seed in range(4):
            x = randn(20, 3, seed=seed, dtype=torch.float32)
            optimizer.zero_grad()
            (network(x) - x).square().mean().backward()
            optimizer.step()
    for name, tensor in twin.state_dict().items():
        close(module.state_dict()[name], tensor, name)
    assert module.num_batches_tracked == 4


def test_bad_sizes_and_inputs_are_refused_with_numbers():
    with pytest.raises(ValueError, match="BatchNorm2d: needs at least 1 channel, got 0"):
        BatchNorm2d(0)
    with pytest.raises(ValueError, match=r"must be \(B, C, H, W\), got \(2, 3\)"):
        BatchNorm2d(3)(torch.ones(2, 3))
    with pytest.raises(ValueError, match=r"must be \(B, C\) or \(B, C, T\), got \(2, 3, 4, 4\)"):
        BatchNorm1d(3)(torch.ones(2, 3, 4, 4))
    with pytest.raises(
        ValueError, match=r"input has 4 channels, num_features is 3 \(input \(2, 4\)"
    ):
        BatchNorm1d(3)(torch.ones(2, 4))
    for options in ({}, {"affine": False}):
        with pytest.raises(TypeError, match=r"torch\.float64, the layer is torch\.float32"):
            BatchNorm1d(3, **options)(randn(2, 3))
    with pytest.raises(TypeError, match=r"floating-point numbers, got torch\.int64"):
        BatchNorm1d(3, affine=False, track_running_stats=False)(torch.ones(2, 3).long())
    layer = BatchNorm1d(3)
    layer(randn(2, 3, dtype=torch.float32))
    with pytest.raises(ValueError, match=r"shape \(3,\), the output had \(2, 3\)"):
        layer.backward(torch.ones(3))


def test_one_number_in_each_channel_is_refused_unless_running_statistics_are_used():
    for shape in ((1, 3), (1, 3, 1)):
        with pytest.raises(ValueError, match=r"a single number .* no variance \(input \(1, 3"):
            BatchNorm1d(3)(torch.ones(shape))
    with pytest.raises(ValueError, match="a single number"):
        BatchNorm1d(3, track_running_stats=False).eval()(torch.ones(1, 3))
    assert BatchNorm1d(3).eval()(torch.ones(1, 3)).shape == (1, 3)
