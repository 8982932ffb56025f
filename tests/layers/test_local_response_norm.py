"""Local response normalization."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from course_utils.layers import LocalResponseNorm, as_module
from twins import DEVICES, DTYPES, close, compare, finite_differences, randn

options = st.fixed_dictionaries(
    {
        "size": st.integers(1, 7),
        "alpha": st.sampled_from([1e-4, 0.5, 3.0]),
        "beta": st.sampled_from([0.75, 0.5, 2.0]),
        "k": st.sampled_from([1.0, 2.0]),
    }
)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", DTYPES)
@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    batch=st.integers(0, 3),
    channels=st.integers(1, 9),
    positions=st.lists(st.integers(1, 3), min_size=1, max_size=3),
    options=options,
)
def test_values_and_gradients_match_torch(dtype, device, batch, channels, positions, options):
    x = 2 * randn(batch, channels, *positions, dtype=dtype, device=device)
    compare(LocalResponseNorm(**options), nn.LocalResponseNorm(**options), x)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 9])
def test_gradients_match_finite_differences(size):
    finite_differences(LocalResponseNorm(size, alpha=0.7, beta=0.6), randn(2, 5, 2, 1))


def test_alexnets_formula_is_met_with_its_constants():
    n, alpha, beta, k = 5, 1e-4, 0.75, 2.0
    a = 20 * randn(8, 3, 3).abs()
    expected = torch.empty_like(a)
    for i in range(8):
        window = a[max(0, i - n // 2) : min(8 - 1, i + n // 2) + 1]
        expected[i] = a[i] / (k + alpha * window.square().sum(0)) ** beta
    layer = LocalResponseNorm(n, alpha=n * alpha, beta=beta, k=k)
    close(layer(a[None])[0], expected, "formula of the paper")


def test_a_loud_neighbor_quiets_a_channel_and_a_distant_one_does_not():
    layer = LocalResponseNorm(3, alpha=1.0)
    x = torch.ones(1, 6, 1)
    loud = x.clone()
    loud[0, 5] = 100
    change = (layer(loud) - layer(x)).flatten()
    assert change[4] < -0.5
    assert not change[:4].any()
    # An even window reaches one channel further down than up.
    change = (LocalResponseNorm(2)(loud) - LocalResponseNorm(2)(x)).flatten()
    assert not change[:5].any()


def test_an_infinite_activation_stays_within_its_window():
    x = torch.ones(1, 7, 2)
    x[0, 0, 0] = torch.inf
    compare(LocalResponseNorm(3), nn.LocalResponseNorm(3), x)


def test_a_transposed_input_makes_no_difference():
    compare(LocalResponseNorm(3), nn.LocalResponseNorm(3), randn(5, 4, 3, 2).permute(3, 2, 1, 0))


def test_bfloat16_forward_matches_float32():
    x = randn(2, 8, 4, 4, dtype=torch.bfloat16)  # for which torch has none on a CPU
    expected = nn.LocalResponseNorm(5, alpha=0.3)(x.float()).bfloat16()
    close(LocalResponseNorm(5, alpha=0.3)(x), expected, "local response norm")


def test_as_a_module_it_passes_torchs_gradient_check():
    module = as_module(LocalResponseNorm(2, alpha=0.5))
    assert torch.autograd.gradcheck(module, (randn(2, 4, 3).requires_grad_(),))


def test_bad_sizes_and_inputs_are_refused_with_numbers():
    with pytest.raises(ValueError, match="size must be positive, got 0"):
        LocalResponseNorm(0)
    with pytest.raises(ValueError, match=r"must be \(B, C, \*\), got \(3, 4\)"):
        LocalResponseNorm(2)(torch.ones(3, 4))
    with pytest.raises(TypeError, match=r"floating-point numbers, got torch\.int64"):
        LocalResponseNorm(2)(torch.ones(3, 4, 5).long())
    layer = LocalResponseNorm(2)
    layer(torch.ones(3, 4, 5))
    with pytest.raises(ValueError, match=r"shape \(4, 5\), the output had \(3, 4, 5\)"):
        layer.backward(torch.ones(4, 5))
