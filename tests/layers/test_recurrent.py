"""RNN, LSTM and GRU against torch.nn and finite differences, through layers, directions, time."""

import warnings

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_utils.layers import GRU, LSTM, RNN, as_module
from course_utils.layers.module import flatten
from twins import DEVICES, DTYPES, close, compare, finite_differences, randn

KINDS = {
    "RNN tanh": (RNN, torch.nn.RNN, {}),
    "RNN relu": (RNN, torch.nn.RNN, {"nonlinearity": "relu"}),
    "LSTM": (LSTM, torch.nn.LSTM, {}),
    "GRU": (GRU, torch.nn.GRU, {}),
}
ALL = pytest.mark.parametrize("kind", KINDS)


def pair(kind, *sizes, dtype=torch.float64, device="cpu", **options):
    """A reference layer and the torch module of the same options."""
    ours, theirs, own = KINDS[kind]
    options = {**own, **options}
    torch.manual_seed(3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # dropout with one layer
        return (
            ours(*sizes, dtype=dtype, device=device, **options),
            theirs(*sizes, dtype=dtype, device=device, **options),
        )


def state(kind, *shape, dtype=torch.float64, device="cpu"):
    parts = tuple(randn(*shape, seed=s, dtype=dtype, device=device) for s in (8, 9))
    return parts if kind == "LSTM" else parts[0]


@ALL
@given(
    time=st.integers(1, 6),
    batch=st.sampled_from([None, 1, 2, 3]),
    features=st.integers(1, 4),
    hidden=st.integers(1, 4),
    layers=st.integers(1, 3),
    bias=st.booleans(),
    batch_first=st.booleans(),
    bidirectional=st.booleans(),
    with_state=st.booleans(),
)
@settings(max_examples=40, deadline=None, derandomize=True)
def test_values_and_gradients_match_torch_for_every_option(
    kind, time, batch, features, hidden, layers, bias, batch_first, bidirectional, with_state
):
    ours, theirs = pair(
        kind,
        features,
        hidden,
        num_layers=layers,
        bias=bias,
        batch_first=batch_first,
        bidirectional=bidirectional,
    )
    middle = () if batch is None else (batch,)
    x = randn(*((*middle, time) if batch_first else (time, *middle)), features)
    states = layers * (1 + bidirectional)
    inputs = (x, state(kind, states, *middle, hidden)) if with_state else (x,)
    compare(ours, theirs, *inputs)


@ALL
@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_long_sequence_matches_torch_in_every_precision(kind, dtype, device):
    ours, theirs = pair(kind, 12, 20, num_layers=2, bidirectional=True, dtype=dtype, device=device)
    x = randn(50, 7, 12, dtype=dtype, device=device)
    compare(ours, theirs, x, state(kind, 4, 7, 20, dtype=dtype, device=device))


@ALL
def test_an_empty_batch_goes_through(kind):
    ours, _ = pair(kind, 3, 4, bidirectional=True)
    y, end = ours(randn(5, 0, 3))
    assert y.shape == (5, 0, 8)
    assert all(part.shape == (2, 0, 4) for part in flatten(end))
    dx, start = ours.backward(y)
    assert dx.shape == (5, 0, 3)
    assert all(part.shape == (2, 0, 4) for part in flatten(start))
    assert not any(gradient.any() for gradient in ours.grads.values())


@ALL
@pytest.mark.parametrize("options", [{}, {"num_layers": 2, "bidirectional": True}])
def test_gradients_match_finite_differences(kind, options):
    layer, _ = pair(kind, 2, 3, **options)
    states = 4 if options else 1
    finite_differences(layer, randn(4, 2, 2), state(kind, states, 2, 3))


@ALL
@pytest.mark.parametrize("options", [{}, {"num_layers": 3, "bidirectional": True}, {"bias": False}])
def test_the_same_seed_gives_torchs_initial_values(kind, options):
    ours, theirs, own = KINDS[kind]
    torch.manual_seed(5)
    expected = theirs(7, 6, **own, **options).state_dict()
    torch.manual_seed(5)
    actual = ours(7, 6, **own, **options).state_dict()
    assert list(actual) == list(expected)
    assert all(torch.equal(actual[name], expected[name]) for name in expected)


def test_a_generator_makes_initial_values_independent_of_the_global_seed():
    first = GRU(3, 2, generator=torch.Generator().manual_seed(1))
    torch.manual_seed(99)
    second = GRU(3, 2, generator=torch.Generator().manual_seed(1))
    assert torch.equal(first.weight_hh_l0, second.weight_hh_l0)


@ALL
def test_bfloat16_forward_matches_torch(kind):
    ours, theirs = pair(kind, 6, 8, num_layers=2, dtype=torch.bfloat16)
    ours.load_state_dict(theirs.state_dict())
    x = randn(5, 3, 6, dtype=torch.bfloat16)
    y, end = ours(x)
    expected, expected_end = theirs(x)
    close(y, expected.detach(), "output", 4e-2)
    for part, wanted in zip(flatten(end), flatten(expected_end), strict=True):
        close(part, wanted.detach(), "state", 4e-2)


@ALL
@pytest.mark.parametrize("probability", [0.4, 1.0])
def test_dropout_acts_between_layers_and_draws_what_torch_draws(kind, probability):
    ours, theirs = pair(kind, 3, 5, num_layers=3, dropout=probability, bidirectional=True)

    def seeded(x):
        torch.manual_seed(11)
        return theirs(x)

    # The twin is a function here, so that both draw from the same seed.
    ours.load_state_dict(theirs.state_dict())
    forward = ours.forward

    def seeded_forward(x):
        torch.manual_seed(11)
        return forward(x)

    ours.forward = seeded_forward
    x = randn(6, 4, 3)
    y, _ = compare(ours, seeded, x)
    for name, parameter in theirs.named_parameters():
        close(ours.grads[name], parameter.grad, name)
    plain, _ = pair(kind, 3, 5, num_layers=3, bidirectional=True)
    plain.load_state_dict(theirs.state_dict())
    assert not torch.equal(y, plain(x)[0])
    assert torch.equal(ours.eval()(x)[0], plain(x)[0])
    theirs.eval().zero_grad()
    compare(ours, theirs, x)


def test_dropout_needs_two_layers():
    with pytest.warns(UserWarning, match=r"LSTM: dropout=0\.5 acts between layers"):
        layer = LSTM(2, 3, dropout=0.5)
    x = randn(4, 1, 2, dtype=torch.float32)
    assert torch.equal(layer(x)[0], layer.eval()(x)[0])


def detached(state):
    return tuple(part.detach() for part in state) if isinstance(state, tuple) else state.detach()


@ALL
def test_truncated_backpropagation_is_a_chunks_own_backward(kind):
    ours, theirs = pair(kind, 3, 4, num_layers=2)
    ours.load_state_dict(theirs.state_dict())
    memory, twin_memory = None, None
    for chunk in range(3):
        x, dy = randn(5, 2, 3, seed=chunk), randn(5, 2, 4, seed=10 + chunk)
        y, memory = ours(x, memory)
        dx, _ = ours.backward(dy)
        leaf = x.clone().requires_grad_()
        theirs.zero_grad()
        twin, twin_memory = theirs(leaf, twin_memory)
        twin_memory = detached(twin_memory)
        twin.backward(dy)
        close(y, twin.detach(), "output")
        close(dx, leaf.grad, "gradient of the chunk")
        for name, parameter in theirs.named_parameters():
            close(ours.grads[name], parameter.grad, name)


@ALL
def test_state_and_its_gradient_join_chunks_to_the_whole(kind):
    layer, _ = pair(kind, 3, 4, num_layers=2)
    x, dy = randn(8, 2, 3), randn(8, 2, 4, seed=1)
    whole, end = layer(x)
    dx, d_start = layer.backward(dy)
    first, memory = layer(x[:5])
    second, end_again = layer(x[5:], memory)
    close(torch.cat([first, second]), whole, "output")
    for a, b in zip(flatten(end_again), flatten(end), strict=True):
        close(a, b, "last state")
    dx_second, d_memory = layer.backward(dy[5:])
    layer(x[:5])
    dx_first, d_start_again = layer.backward(dy[:5], d_memory)
    close(torch.cat([dx_first, dx_second]), dx, "gradient")
    for a, b in zip(flatten(d_start_again), flatten(d_start), strict=True):
        close(a, b, "gradient of the first state")


def test_gradients_that_are_left_out_are_zero():
    layer, _ = pair("LSTM", 3, 4)
    y, (h, c) = layer(randn(5, 2, 3))
    zeros = torch.zeros_like(h)
    for part, full in (
        ((y,), (y, (zeros, zeros))),
        ((None, (h, None)), (torch.zeros_like(y), (h, zeros))),
        ((y, (None, c)), (y, (zeros, c))),
    ):
        dx, start = layer.backward(*part)
        grads = dict(layer.grads)
        dx_full, start_full = layer.backward(*full)
        for a, b in zip((dx, *start), (dx_full, *start_full), strict=True):
            assert torch.equal(a, b)
        assert all(torch.equal(grads[name], layer.grads[name]) for name in grads)
        assert dx.any()


def test_only_the_reverse_direction_sees_the_future():
    layer, _ = pair("GRU", 3, 4, bidirectional=True)
    x = randn(6, 1, 3)
    changed = x.clone()
    changed[4] += 1
    same = (layer(x)[0] == layer(changed)[0]).all(-1).squeeze(1)
    assert same.tolist() == [False] * 6
    halves = (layer(x)[0] == layer(changed)[0]).view(6, 2, 4).all(-1)
    assert halves[:, 0].tolist() == [True] * 4 + [False] * 2
    assert halves[:, 1].tolist() == [False] * 5 + [True]


@ALL
def test_as_module_carries_nested_states(kind):
    ours, theirs = pair(kind, 3, 4, num_layers=2)
    module = as_module(ours)
    module.load_state_dict(theirs.state_dict())
    results = []
    for net in (module, theirs):
        leaves = [randn(5, 2, 3).requires_grad_()]
        leaves += [t.requires_grad_() for t in flatten(state(kind, 2, 2, 4))]
        y, end = net(leaves[0], tuple(leaves[1:]) if kind == "LSTM" else leaves[1])
        loss = y.square().sum() + sum((part * part).sum() for part in flatten(end))
        # Without a state, too, and in the same graph.
        loss = loss + net(leaves[0])[0].sum()
        loss.backward()
        results.append([leaf.grad for leaf in leaves] + [p.grad for p in net.parameters()])
    for ours_, theirs_ in zip(*results, strict=True):
        close(ours_, theirs_, "gradient")


def test_wrong_inputs_are_refused_with_both_shapes():
    layer = LSTM(3, 4, num_layers=2)
    with pytest.raises(ValueError, match=r"LSTM: input \(5, 2, 7\) .* M is 3 \(weight \(16, 3\)\)"):
        layer(torch.ones(5, 2, 7))
    with pytest.raises(ValueError, match=r"\(3,\) is not"):
        layer(torch.ones(3))
    with pytest.raises(ValueError, match=r"no steps \(input \(0, 2, 3\)\)"):
        layer(torch.ones(0, 2, 3))
    with pytest.raises(ValueError, match=r"no steps \(input \(2, 0, 3\)\)"):
        LSTM(3, 4, batch_first=True)(torch.ones(2, 0, 3))
    x = torch.ones(5, 2, 3)
    with pytest.raises(TypeError, match="hx must be a tuple of 2 tensors, h and c"):
        layer(x, torch.zeros(2, 2, 4))
    with pytest.raises(ValueError, match=r"hx is \(2, 1, 4\), expected \(2, 2, 4\)"):
        layer(x, (torch.zeros(2, 1, 4), torch.zeros(2, 2, 4)))
    with pytest.raises(ValueError, match=r"hx is \(1, 2, 4\), expected \(1, 4\)"):
        RNN(3, 4)(torch.ones(5, 3), torch.zeros(1, 2, 4))
    with pytest.raises(TypeError, match="hx must be one tensor"):
        RNN(3, 4)(x, (torch.zeros(1, 2, 4),))
    with pytest.raises(TypeError, match=r"input is torch\.float64, the layer is torch\.float32"):
        layer(x.double())
    with pytest.raises(
        TypeError, match=r"hx is torch\.float64 on cpu, the layer is torch\.float32"
    ):
        RNN(3, 4)(x, torch.zeros(1, 2, 4, dtype=torch.float64))
    layer(x)
    with pytest.raises(ValueError, match=r"\(5, 2, 3\), the output had \(5, 2, 4\)"):
        layer.backward(torch.ones(5, 2, 3))
    with pytest.raises(ValueError, match=r"d_state is \(2, 2, 3\), expected \(2, 2, 4\)"):
        layer.backward(torch.ones(5, 2, 4), (torch.ones(2, 2, 3), None))


def test_wrong_options_are_refused_with_numbers():
    with pytest.raises(ValueError, match=r"GRU: sizes must be positive.*hidden_size=0"):
        GRU(3, 0)
    with pytest.raises(ValueError, match="nonlinearity is 'tanh' or 'relu', got 'sigmoid'"):
        RNN(3, 4, nonlinearity="sigmoid")
    with pytest.raises(ValueError, match=r"probability in 0 … 1, got 1\.5"):
        GRU(3, 4, dropout=1.5)
    with pytest.raises(NotImplementedError, match="LSTM: proj_size=2 is left out"):
        LSTM(3, 4, proj_size=2)
    packed = torch.nn.utils.rnn.pack_sequence([torch.ones(4, 3), torch.ones(2, 3)])
    with pytest.raises(NotImplementedError, match="packed sequences are left out"):
        GRU(3, 4)(packed)
