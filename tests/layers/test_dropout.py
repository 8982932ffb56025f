"""Dropout."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_utils.layers import Dropout, Linear, Sequential, as_module
from twins import DEVICES, DTYPES, close, compare, finite_differences, randn


def seeded(p, seed):
    """Dropout whose mask is that of torch's after ``manual_seed(seed)``, and torch's."""

    def theirs(x):
        torch.manual_seed(seed)
        return torch.nn.functional.dropout(x, p)

    return Dropout(p, generator=torch.Generator().manual_seed(seed)), theirs


@pytest.mark.parametrize("dtype", DTYPES)
@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    shape=st.lists(st.integers(0, 6), min_size=1, max_size=4),
    p=st.sampled_from([0, 0.1, 0.5, 0.9, 1]),
    seed=st.integers(0, 100),
)
def test_the_same_seed_gives_torchs_mask_value_and_gradient(dtype, shape, p, seed):
    compare(*seeded(p, seed), randn(*shape, dtype=dtype))


def test_the_global_seed_is_used_where_no_generator_is_given():
    x = randn(20, 30, dtype=torch.float32)
    torch.manual_seed(4)
    expected = torch.nn.Dropout(0.3)(x)
    torch.manual_seed(4)
    assert torch.equal(Dropout(0.3)(x), expected)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("p", [0.2, 0.8])
def test_each_element_is_dropped_or_scaled_alike_on_both_ways(p, device):
    layer = Dropout(p)
    x = torch.ones(300, 200, device=device)
    y = layer(x)
    kept = y != 0
    assert kept.float().mean().item() == pytest.approx(1 - p, abs=0.01)  # 6 standard deviations
    close(y[kept], torch.full_like(y[kept], 1 / (1 - p)), "kept elements")
    assert torch.equal(layer.backward(2 * x), 2 * y)
    assert not torch.equal(layer(x), y)


def test_gradients_match_finite_differences():
    class SameMask(Dropout):
        def forward(self, x):
            self.generator.manual_seed(0)
            return super().forward(x)

    finite_differences(SameMask(0.4, generator=torch.Generator()), randn(4, 5))


def test_the_expectation_is_the_input():
    x = randn(50)
    generator = torch.Generator().manual_seed(0)
    draws = Dropout(0.3, generator=generator)(x.expand(40_000, -1))
    deviation = (0.3 / 0.7) ** 0.5 / 40_000**0.5  # of the mean, in units of x
    assert ((draws.mean(0) - x).abs() <= 5 * deviation * x.abs()).all()


def test_the_1024_thinned_nets_of_ten_linear_units_average_to_the_net_itself():
    layer = Dropout(0.5, generator=torch.Generator().manual_seed(0))
    masks = (layer(torch.ones(40_000, 10, dtype=torch.float64)) / 2).unique(dim=0)
    assert masks.shape == (1024, 10)
    x, w = randn(10), randn(10, 3, seed=1)
    thinned = (2 * masks * x) @ w
    close(thinned.mean(0), x @ w, "average", tolerance=1e-14)


@pytest.mark.parametrize("layer", [Dropout(0.7).eval(), Dropout(0), Dropout(0).eval()])
def test_in_eval_and_for_p_zero_it_is_the_identity_and_draws_nothing(layer):
    x = randn(3, 4)
    before = torch.get_rng_state()
    assert torch.equal(layer(x), x)
    assert torch.equal(layer.backward(2 * x), 2 * x)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_last_forward_decides_what_backward_does():
    layer, x = Dropout(0.5), torch.ones(1000)
    layer(x)
    layer.eval()(x)
    assert torch.equal(layer.backward(x), x)


def test_bfloat16_forward_matches_torch():
    ours, theirs = seeded(0.4, 7)
    x = randn(40, 30, dtype=torch.bfloat16)
    close(ours(x), theirs(x), "dropout", tolerance=0.01)


def test_a_module_draws_another_mask_in_each_call_also_from_a_generator():
    layer = Sequential(Linear(4, 200), Dropout(0.5, generator=torch.Generator().manual_seed(0)))
    module = as_module(layer)
    x = torch.ones(1, 4)
    first, second = module(x), module(x)
    assert not torch.equal(first == 0, second == 0)
    # Both ways back know their own mask.
    (gradient,) = torch.autograd.grad(first.sum(), module.get_parameter("0.bias"))
    close(gradient, 2.0 * (first[0] != 0), "gradient")
    module.eval()
    assert torch.equal(module(x), module(x))


def test_bad_options_inputs_and_gradients_are_refused_with_numbers():
    for p in (-0.1, 1.5, float("nan")):
        with pytest.raises(ValueError, match=rf"0 … 1, got {p}"):
            Dropout(p)
    with pytest.raises(NotImplementedError, match="inplace=True is left out"):
        Dropout(0.5, inplace=True)
    with pytest.raises(TypeError, match=r"floating-point numbers, got torch\.int64"):
        Dropout()(torch.arange(3))
    layer = Dropout()
    layer(randn(2, 3))
    with pytest.raises(ValueError, match=r"shape \(3,\), the output had \(2, 3\)"):
        layer.backward(randn(3))
