"""Initial values: torch.nn.init's numbers, and what they are made for."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_utils import init
from twins import DEVICES, randn

FUNCTIONS = (
    init.xavier_uniform,
    init.xavier_normal,
    init.kaiming_uniform,
    init.kaiming_normal,
    init.orthogonal,
)
SHAPES = st.sampled_from([(3, 5), (5, 3), (4, 4), (6, 2, 3, 3), (1, 7), (2, 3, 4)])


def seeded(seed=4):
    return torch.Generator().manual_seed(seed)


def torchs(name, shape, *args, **options):
    tensor = torch.full(shape, 7.0)
    getattr(torch.nn.init, f"{name}_")(tensor, *args, **options, generator=seeded())
    return tensor


@pytest.mark.parametrize("name", ["xavier_uniform", "xavier_normal", "orthogonal"])
@given(shape=SHAPES, gain=st.sampled_from([1.0, 0.3, 5 / 3]))
@settings(max_examples=20, deadline=None, derandomize=True)
def test_the_same_seed_gives_torchs_numbers(name, shape, gain):
    ours = getattr(init, name)(shape, gain, generator=seeded())
    torch.testing.assert_close(ours, torchs(name, shape, gain))
    assert not torch.equal(ours, getattr(init, name)(shape, gain, generator=seeded(5)))


@pytest.mark.parametrize("name", ["kaiming_uniform", "kaiming_normal"])
@given(
    shape=SHAPES,
    a=st.sampled_from([0.0, 0.2, math.sqrt(5)]),
    mode=st.sampled_from(["fan_in", "fan_out"]),
    nonlinearity=st.sampled_from(["linear", "sigmoid", "tanh", "relu", "leaky_relu"]),
)
@settings(max_examples=40, deadline=None, derandomize=True)
def test_the_same_seed_gives_torchs_numbers_for_every_nonlinearity(
    name, shape, a, mode, nonlinearity
):
    ours = getattr(init, name)(shape, a, mode, nonlinearity, generator=seeded())
    torch.testing.assert_close(ours, torchs(name, shape, a, mode, nonlinearity))


def test_the_global_seed_counts_where_no_generator_is_given():
    for function in FUNCTIONS:
        torch.manual_seed(3)
        first = function((4, 3))
        second = function((4, 3))
        torch.manual_seed(3)
        assert torch.equal(first, function((4, 3)))
        assert not torch.equal(first, second)


@pytest.mark.parametrize("device", DEVICES)
def test_tensors_come_in_the_dtype_and_on_the_device_asked_for(device):
    for function in FUNCTIONS:
        generator = torch.Generator(device).manual_seed(0)
        weight = function((4, 3), generator=generator, device=device, dtype=torch.float64)
        assert (weight.dtype, weight.device.type) == (torch.float64, device)
        assert function((4, 3)).dtype == torch.float32


@pytest.mark.parametrize("nonlinearity", ["linear", "sigmoid", "tanh", "relu", "leaky_relu"])
def test_gains_are_torchs(nonlinearity):
    assert init.calculate_gain(nonlinearity) == torch.nn.init.calculate_gain(nonlinearity)


def test_the_slope_of_a_leaky_relu_changes_its_gain():
    expected = torch.nn.init.calculate_gain("leaky_relu", 0.5)
    assert init.calculate_gain("leaky_relu", 0.5) == expected != init.calculate_gain("leaky_relu")


@pytest.mark.parametrize("draw", [init.kaiming_normal, init.kaiming_uniform])
@pytest.mark.parametrize("shape", [(300, 500), (500, 300), (200, 30, 5, 5)])
def test_kaiming_has_the_variance_of_its_fan(draw, shape):
    window = math.prod(shape[2:])
    for mode, fan in (("fan_in", shape[1] * window), ("fan_out", shape[0] * window)):
        weight = draw(shape, mode=mode, nonlinearity="relu", generator=seeded())
        assert weight.var().item() == pytest.approx(2 / fan, rel=0.02)
        assert weight.mean().abs() < 4 * math.sqrt(2 / fan / weight.numel())


@pytest.mark.parametrize("draw", [init.xavier_normal, init.xavier_uniform])
@pytest.mark.parametrize("shape", [(300, 500), (500, 300), (200, 30, 5, 5)])
def test_xavier_has_the_variance_of_both_fans(draw, shape):
    window = math.prod(shape[2:])
    weight = draw(shape, gain=2.0, generator=seeded())
    assert weight.var().item() == pytest.approx(8 / ((shape[0] + shape[1]) * window), rel=0.02)


def test_kaiming_keeps_signals_through_twenty_layers_of_relu_where_xavier_loses_them():
    x = randn(200, 256, dtype=torch.float32)
    sizes = {}
    for name, draw in (
        ("kaiming", lambda s: init.kaiming_normal((256, 256), nonlinearity="relu", generator=s)),
        ("xavier", lambda s: init.xavier_normal((256, 256), generator=s)),
    ):
        h, generator = x, seeded()
        for _ in range(20):
            h = (h @ draw(generator).T).clamp(min=0)
        sizes[name] = (h.square().mean() / x.square().mean()).item()
    assert 0.1 < sizes["kaiming"] < 10
    assert sizes["xavier"] < 1e-4  # about 2^-20


@pytest.mark.parametrize("shape", [(6, 6), (8, 3), (3, 8), (4, 2, 3, 3)])
@pytest.mark.parametrize("gain", [1.0, 1.7])
def test_orthogonal_matrices_keep_lengths(shape, gain):
    weight = init.orthogonal(shape, gain, generator=seeded()).flatten(1)
    rows, columns = weight.shape
    gram = weight @ weight.T if rows <= columns else weight.T @ weight
    torch.testing.assert_close(gram, gain**2 * torch.eye(min(rows, columns)))


def test_orthogonal_matrices_are_drawn_from_all_alike():
    # Of rotations and reflections, each half; the entries' variance is 1/n. Without the signs'
    # correction the diagonal would have one sign.
    draws = torch.stack([init.orthogonal((3, 3), generator=seeded(s)) for s in range(600)])
    positive = (torch.linalg.det(draws) > 0).float().mean().item()
    assert positive == pytest.approx(0.5, abs=0.08)
    torch.testing.assert_close(draws.mean(0), torch.zeros(3, 3), atol=0.1, rtol=0)
    torch.testing.assert_close(draws.square().mean(0), torch.full((3, 3), 1 / 3), atol=0.05, rtol=0)


def test_shapes_and_names_that_make_no_sense_are_refused():
    for draw in FUNCTIONS:
        with pytest.raises(ValueError, match=r"two dimensions and elements, got shape \(5,\)"):
            draw((5,))
        with pytest.raises(ValueError, match=r"got shape \(5, 0\)"):
            draw((5, 0))
    with pytest.raises(ValueError, match="mode is 'fan_in' or 'fan_out', got 'fan'"):
        init.kaiming_uniform((3, 4), mode="fan")
    with pytest.raises(ValueError, match="'softmax' is none of"):
        init.kaiming_normal((3, 4), nonlinearity="softmax")
