"""Instance normalization."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from course_utils.layers import InstanceNorm2d, as_module
from twins import DEVICES, DTYPES, close, compare, finite_differences, randn

shapes = st.one_of(
    st.tuples(st.integers(1, 3), st.integers(1, 4), st.integers(1, 3), st.integers(2, 3)),
    st.tuples(st.integers(1, 4), st.integers(2, 3), st.integers(1, 3)),
)
options = st.fixed_dictionaries(
    {
        "eps": st.sampled_from([1e-5, 0.3]),
        "momentum": st.sampled_from([0.1, 0.7]),
        "affine": st.booleans(),
        "track_running_stats": st.booleans(),
        "bias": st.booleans(),
    }
)


def pair(channels, dtype=torch.float64, device="cpu", **options):
    ours, theirs = InstanceNorm2d(channels, **options), nn.InstanceNorm2d(channels, **options)
    with torch.no_grad():
        for seed, parameter in enumerate(theirs.parameters()):
            parameter.copy_(randn(channels, seed=seed + 5))
    theirs.to(device, dtype)
    ours.to(dtype).to(device).load_state_dict(theirs.state_dict())
    return ours, theirs


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", DTYPES)
@settings(max_examples=50, deadline=None, derandomize=True)
@given(shape=shapes, options=options)
def test_training_and_eval_match_torch(dtype, device, shape, options):
    ours, theirs = pair(shape[-3], dtype, device, **options)
    for seed in range(2):
        x = 2 * randn(*shape, seed=seed, dtype=dtype, device=device) + 1
        theirs.zero_grad()
        compare(ours, theirs, x)
    theirs.zero_grad()
    compare(ours.eval(), theirs.eval(), x)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("options", [{}, {"affine": True, "track_running_stats": True}])
@pytest.mark.parametrize("shape", [(2, 2, 2, 2), (2, 3, 2)])
def test_gradients_match_finite_differences(shape, options, training):
    layer, _ = pair(2, **options)
    layer(randn(*shape, seed=9))
    finite_differences(layer.train(training), randn(*shape))


def test_an_empty_batch_goes_through_and_leaves_the_running_statistics_alone():
    compare(*pair(3), torch.ones(0, 3, 2, 2, dtype=torch.float64))
    layer = InstanceNorm2d(3, affine=True, track_running_stats=True)
    assert layer.backward(layer(torch.ones(0, 3, 2, 2))).shape == (0, 3, 2, 2)
    assert torch.equal(layer.running_mean, torch.zeros(3))
    assert torch.equal(layer.running_var, torch.ones(3))


def test_bfloat16_forward_matches_torch():
    ours, theirs = pair(3, torch.bfloat16, affine=True)
    x = randn(2, 3, 8, 8, dtype=torch.bfloat16)
    with torch.no_grad():
        close(ours(x), theirs(x), "instance norm")


def test_it_starts_as_torchs_without_parameters_unless_asked():
    assert InstanceNorm2d(3).state_dict() == {}
    ours, theirs = (
        layer(3, affine=True, track_running_stats=True)
        for layer in (InstanceNorm2d, nn.InstanceNorm2d)
    )
    state = ours.state_dict()
    assert list(state) == list(theirs.state_dict())
    assert all(torch.equal(state[name], tensor) for name, tensor in theirs.state_dict().items())


def test_no_image_depends_on_another_and_contrast_of_each_is_taken_away():
    layer = InstanceNorm2d(3, eps=0)
    x = randn(4, 3, 5, 5)
    y = layer(x)
    close(layer(x[1:2]), y[1:2], "one image")
    close(layer(x[1]), y[1], "one image without a batch")
    contrast = randn(4, 3, 1, 1, seed=1).exp()
    close(layer(contrast * x + contrast), y, "other contrast and brightness")
    close(layer.eval()(x), y, "in eval")


def test_running_statistics_are_averages_over_the_images():
    layer = InstanceNorm2d(3, momentum=0.5, track_running_stats=True, dtype=torch.float64)
    x = randn(4, 3, 5, 5) + 1
    layer(x)
    close(layer.running_mean, 0.5 * x.mean((2, 3)).mean(0), "mean")
    close(layer.running_var, 0.5 + 0.5 * x.var((2, 3)).mean(0), "variance")


def test_as_a_module_it_passes_torchs_gradient_check():
    module = as_module(pair(2)[0])
    assert torch.autograd.gradcheck(module, (randn(2, 2, 3, 3).requires_grad_(),))


def test_bad_inputs_are_refused_with_numbers():
    with pytest.raises(ValueError, match=r"\(N, C, H, W\) or \(C, H, W\), got \(2, 3\)"):
        InstanceNorm2d(3)(torch.ones(2, 3))
    with pytest.raises(ValueError, match=r"input has 4 channels, num_features is 3"):
        InstanceNorm2d(3)(torch.ones(4, 5, 5))
    for layer in (InstanceNorm2d(3), InstanceNorm2d(3).eval()):
        with pytest.raises(ValueError, match=r"a single number .* \(input \(2, 3, 1, 1\)\)"):
            layer(torch.ones(2, 3, 1, 1))
    with pytest.raises(NotImplementedError, match="momentum=None is left out"):
        InstanceNorm2d(3, momentum=None)
    layer = InstanceNorm2d(3)
    layer(torch.ones(3, 4, 4))
    for shape in ((1, 3, 4, 4), (3, 4)):
        with pytest.raises(ValueError, match="the output had"):
            layer.backward(torch.ones(shape))
    layer(torch.ones(1, 3, 4, 4))
    with pytest.raises(ValueError, match="the output had"):
        layer.backward(torch.ones(3, 4, 4))
