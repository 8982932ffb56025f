"""Optimizers against torch.optim: the same path for every option, saved and resumed."""

import io

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_utils.layers import Embedding, Linear, ReLU, Sequential
from course_utils.losses import CrossEntropyLoss
from course_utils.optim import SGD, Adagrad, Adam, AdamW, RMSprop
from twins import DEVICES, close, randn

TOLERANCE = {torch.float32: 1e-6, torch.float64: 1e-12}
DTYPES = pytest.mark.parametrize("dtype", TOLERANCE)


def rate(least, largest):
    return st.sampled_from([least, (least + largest) / 3, largest])


OPTIONS = {
    SGD: st.one_of(
        st.fixed_dictionaries(
            {
                "lr": rate(0.01, 0.1),
                "momentum": rate(0.0, 0.9),
                "dampening": rate(0.0, 0.5),
                "weight_decay": rate(0.0, 0.1),
            }
        ),
        st.fixed_dictionaries(
            {
                "lr": rate(0.01, 0.1),
                "momentum": rate(0.3, 0.9),
                "weight_decay": rate(0.0, 0.1),
                "nesterov": st.just(True),
            }
        ),
    ),
    Adagrad: st.fixed_dictionaries(
        {
            "lr": rate(0.01, 0.1),
            "lr_decay": rate(0.0, 0.1),
            "weight_decay": rate(0.0, 0.1),
            "initial_accumulator_value": rate(0.0, 0.5),
            "eps": rate(1e-10, 1e-2),
        }
    ),
    RMSprop: st.fixed_dictionaries(
        {
            "lr": rate(0.001, 0.01),
            "alpha": rate(0.5, 0.99),
            "eps": rate(1e-8, 1e-2),
            "weight_decay": rate(0.0, 0.1),
            "momentum": rate(0.0, 0.9),
            "centered": st.booleans(),
        }
    ),
    Adam: st.fixed_dictionaries(
        {
            "lr": rate(0.001, 0.1),
            "betas": st.sampled_from([(0.9, 0.999), (0.5, 0.9), (0.0, 0.99)]),
            "eps": rate(1e-8, 1e-2),
            "weight_decay": rate(0.0, 0.1),
        }
    ),
}
OPTIONS[AdamW] = OPTIONS[Adam]
KINDS = pytest.mark.parametrize("kind", OPTIONS)


def follow(kind, options, dtype, steps=50, device="cpu"):
    """Give both the same gradients, which change in size and sign, and compare every step."""
    layer = Linear(3, 2).to(dtype).to(device)
    twin = [parameter.clone().requires_grad_() for _, parameter in layer.named_parameters()]
    ours, theirs = kind(layer, **options), getattr(torch.optim, kind.__name__)(twin, **options)
    for step in range(steps):
        for seed, (name, parameter) in enumerate(layer.named_parameters()):
            gradient = randn(*parameter.shape, seed=2 * step + seed, dtype=dtype, device=device)
            gradient = gradient * 10 ** (step % 5 - 3)
            layer.grads[name] = twin[seed].grad = gradient
        ours.step()
        theirs.step()
        if step > 2 and step % 10 < 9:
            continue
        for (name, parameter), wanted in zip(layer.named_parameters(), twin, strict=True):
            close(parameter, wanted.detach(), f"{name} after {step + 1} steps", TOLERANCE[dtype])
    return layer


@KINDS
@DTYPES
@given(data=st.data())
@settings(max_examples=10, deadline=None, derandomize=True)
def test_fifty_steps_are_torchs_for_every_option(kind, dtype, data):
    follow(kind, data.draw(OPTIONS[kind]), dtype)


@KINDS
@pytest.mark.parametrize("device", DEVICES)
def test_defaults_are_torchs(kind, device):
    follow(kind, {}, torch.float64, device=device)


def networks():
    torch.manual_seed(0)
    ours = Sequential(Embedding(7, 4), Linear(4, 6), ReLU(), Linear(6, 3)).to(torch.float64)
    theirs = torch.nn.Sequential(
        torch.nn.Embedding(7, 4), torch.nn.Linear(4, 6), torch.nn.ReLU(), torch.nn.Linear(6, 3)
    ).to(torch.float64)
    theirs.load_state_dict(ours.state_dict())
    return ours, theirs


@KINDS
def test_a_network_trains_as_in_torch(kind):
    ours, theirs = networks()
    tokens = torch.arange(21) % 7
    target = (tokens * 2) % 3
    options = {"lr": 0.05, "weight_decay": 0.01}
    optimizer = kind(ours, **options)
    twin = getattr(torch.optim, kind.__name__)(theirs.parameters(), **options)
    loss, losses = CrossEntropyLoss(), []
    for _ in range(50):
        losses.append(loss(ours(tokens), target).item())
        ours.backward(loss.backward())
        optimizer.step()
        twin.zero_grad()
        torch.nn.functional.cross_entropy(theirs(tokens), target).backward()
        twin.step()
    assert losses[-1] < losses[0]
    for name, wanted in theirs.state_dict().items():
        close(ours.state_dict()[name], wanted, name)


@KINDS
def test_parameters_and_gradients_are_replaced_and_never_changed(kind):
    layer = Linear(3, 2)
    layer.grads["weight"] = torch.ones(2, 3)
    before, gradient, bias = layer.weight, layer.grads["weight"], layer.bias
    copy = before.clone()
    optimizer = kind(layer, weight_decay=0.1)
    optimizer.step()
    first = {n: t.clone() for n, t in optimizer.state["weight"].items() if torch.is_tensor(t)}
    kept = {n: t for n, t in optimizer.state["weight"].items() if torch.is_tensor(t)}
    after_one = layer.weight
    optimizer.step()
    assert torch.equal(before, copy)
    assert torch.equal(gradient, torch.ones(2, 3))
    assert layer.weight is not after_one
    assert all(torch.equal(kept[name], first[name]) for name in first)
    assert layer.bias is bias, "a parameter without a gradient stays"


@KINDS
def test_a_saved_run_goes_on_as_if_it_had_never_stopped(kind):
    def steps(layer, optimizer, first, last):
        for step in range(first, last):
            for name, parameter in layer.named_parameters():
                layer.grads[name] = randn(*parameter.shape, seed=step)
            optimizer.step()

    options = {"lr": 0.05, "weight_decay": 0.01}
    options |= {"momentum": 0.9} if kind in (SGD, RMSprop) else {}
    layer = Linear(3, 2, dtype=torch.float64)
    begin = layer.state_dict()
    optimizer = kind(layer, **options)
    steps(layer, optimizer, 0, 5)
    file = io.BytesIO()
    torch.save({"layer": layer.state_dict(), "optimizer": optimizer.state_dict()}, file)
    steps(layer, optimizer, 5, 10)

    file.seek(0)
    saved = torch.load(file, weights_only=True)
    again = Linear(3, 2, dtype=torch.float64)
    again.load_state_dict(saved["layer"])
    resumed = kind(again)
    resumed.load_state_dict(saved["optimizer"])
    snapshot = {n: dict(s) for n, s in saved["optimizer"]["state"].items()}
    steps(again, resumed, 5, 10)
    assert torch.equal(again.weight, layer.weight)
    assert torch.equal(again.bias, layer.bias)
    assert not torch.equal(layer.weight, begin["weight"])
    assert snapshot == saved["optimizer"]["state"], "loading takes copies"
    fresh = Linear(3, 2, dtype=torch.float64)
    fresh.load_state_dict(saved["layer"])
    steps(fresh, kind(fresh, **options), 5, 10)
    if len(optimizer.state["weight"]):
        assert not torch.equal(fresh.weight, layer.weight), "the state matters"


def test_the_velocity_under_a_constant_gradient_is_a_sum_that_grows_tenfold():
    layer = Linear(1, 1, bias=False)
    optimizer = SGD(layer, lr=0.1, momentum=0.9)
    for _ in range(200):
        layer.grads["weight"] = torch.ones(1, 1)
        optimizer.step()
    assert optimizer.state["weight"]["velocity"].item() == pytest.approx(10)


def test_adams_first_step_has_the_length_of_the_rate_whatever_the_gradient():
    layer = Linear(4, 1, bias=False, dtype=torch.float64)
    before = layer.weight
    layer.grads["weight"] = torch.tensor([[1e-4, -1.0, 50.0, -1e5]], dtype=torch.float64)
    Adam(layer, lr=0.01).step()
    moved = before - layer.weight
    expected = torch.tensor([[0.01, -0.01, 0.01, -0.01]], dtype=torch.float64)
    torch.testing.assert_close(moved, expected, rtol=1e-3, atol=0)


def test_bad_options_and_states_are_refused_with_numbers():
    layer = Linear(3, 2)
    for bad, message in (
        (lambda: SGD(layer, lr=-0.1), r"SGD: lr must not be negative, got -0\.1"),
        (lambda: RMSprop(layer, alpha=-0.5), r"RMSprop: alpha must not be negative, got -0\.5"),
        (lambda: AdamW(layer, betas=(0.9, 1.0)), r"AdamW: betas must be in \[0, 1\), got .*1\.0"),
        (lambda: SGD(layer, nesterov=True), r"nesterov needs momentum .* got momentum=0\.0"),
        (lambda: SGD(layer, momentum=0.9, dampening=0.1, nesterov=True), "dampening=0.1"),
    ):
        with pytest.raises(ValueError, match=message):
            bad()
    layer.grads["weight"] = torch.ones(2, 3)
    optimizer = Adam(layer)
    optimizer.step()
    saved = optimizer.state_dict()
    with pytest.raises(ValueError, match=r"Adam: mean of weight is \(2, 3\) .* is \(2, 4\)"):
        Adam(Linear(4, 2)).load_state_dict(saved)
    with pytest.raises(
        ValueError, match=r"Adam: the state knows 'weight', which the layer has not"
    ):
        Adam(Sequential(Linear(3, 2))).load_state_dict(saved)
    with pytest.raises(ValueError, match=r"SGD: the state has no \['dampening', 'momentum'"):
        SGD(layer).load_state_dict(saved)
