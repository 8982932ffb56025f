"""Reference layers against their torch.nn twins and against finite differences."""

import copy

import pytest
import torch

from course_utils.layers import Layer, Linear, ReLU, Sequential
from twins import DEVICES, DTYPES, compare, finite_differences, randn


def pair(kind, dtype=torch.float64, device="cpu"):
    """A reference layer and the torch module of the same parameters."""
    torch.manual_seed(3)
    ours, theirs, features = {
        "linear": lambda: (Linear(4, 3), torch.nn.Linear(4, 3), 4),
        "linear without bias": lambda: (Linear(4, 3, False), torch.nn.Linear(4, 3, False), 4),
        "relu": lambda: (ReLU(), torch.nn.ReLU(), 4),
        "net": lambda: (
            Sequential(Linear(4, 5), ReLU(), Sequential(Linear(5, 2))),
            torch.nn.Sequential(
                torch.nn.Linear(4, 5),
                torch.nn.ReLU(),
                torch.nn.Sequential(torch.nn.Linear(5, 2)),
            ),
            4,
        ),
    }[kind]()
    theirs = theirs.to(device, dtype)
    ours = ours.to(dtype).to(device)
    ours.load_state_dict(theirs.state_dict())
    return ours, theirs, features


KINDS = ["linear", "linear without bias", "relu", "net"]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("batch", [(), (1,), (7,), (2, 3), (0,)])
@pytest.mark.parametrize("kind", KINDS)
def test_values_and_gradients_match_torch(kind, batch, dtype, device):
    ours, theirs, features = pair(kind, dtype, device)
    compare(ours, theirs, randn(*batch, features, dtype=dtype, device=device))


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_match_finite_differences(kind):
    layer, _, features = pair(kind)
    finite_differences(layer, randn(3, features))


@pytest.mark.parametrize("kind", KINDS)
def test_inputs_and_parameters_are_never_changed_in_place(kind):
    layer, _, features = pair(kind)
    x = randn(5, features)
    y = layer(x)
    dy = torch.ones_like(y)
    tensors = [x, y, dy, *layer.state_dict().values()]
    before = [t.clone() for t in tensors]
    layer.backward(dy)
    layer.load_state_dict({k: torch.zeros_like(v) for k, v in layer.state_dict().items()})
    layer(x)
    assert all(torch.equal(a, b) for a, b in zip(before, tensors, strict=True))


def test_state_dict_goes_both_ways_between_ours_and_torch():
    ours, theirs, _ = pair("net", torch.float32)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    fresh = copy.deepcopy(theirs)
    for parameter in fresh.parameters():
        torch.nn.init.zeros_(parameter)
    fresh.load_state_dict(ours.state_dict())
    x = randn(6, 4, dtype=torch.float32)
    torch.testing.assert_close(fresh(x), ours(x))


def test_loaded_tensors_are_copies_in_the_layers_own_dtype():
    layer = Linear(2, 2, dtype=torch.float64)
    state = {"weight": torch.ones(2, 2), "bias": torch.ones(2)}
    layer.load_state_dict(state)
    state["weight"][0, 0] = 5
    assert layer.weight.dtype == torch.float64
    assert layer.weight.eq(1).all()


def test_a_bad_state_is_refused_with_names_and_shapes_and_changes_nothing():
    layer = Linear(2, 3)
    before = layer.weight
    with pytest.raises(ValueError, match=r"missing \['bias'\], unknown \['gamma'\]"):
        layer.load_state_dict({"weight": torch.ones(3, 2), "gamma": torch.ones(3)})
    with pytest.raises(ValueError, match=r"bias is \(2,\) in the state .* \(3,\) in this layer"):
        layer.load_state_dict({"weight": torch.ones(3, 2), "bias": torch.ones(2)})
    assert layer.weight is before


def test_the_same_seed_gives_torchs_initial_values():
    torch.manual_seed(5)
    theirs = torch.nn.Linear(30, 20)
    torch.manual_seed(5)
    ours = Linear(30, 20)
    assert torch.equal(ours.weight, theirs.weight)
    assert torch.equal(ours.bias, theirs.bias)


def test_a_generator_makes_initial_values_independent_of_the_global_seed():
    first = Linear(3, 2, generator=torch.Generator().manual_seed(1))
    torch.manual_seed(99)
    second = Linear(3, 2, generator=torch.Generator().manual_seed(1))
    assert torch.equal(first.weight, second.weight)


def test_relu_has_slope_zero_at_zero_and_keeps_nan_as_torch():
    x = torch.tensor([-1.0, 0.0, 2.0, float("nan")])
    dy = torch.tensor([float("inf"), 1.0, 1.0, 1.0])
    theirs = x.clone().requires_grad_()
    y = torch.relu(theirs)
    y.backward(dy)
    layer = ReLU()
    torch.testing.assert_close(layer(x), y.detach(), equal_nan=True)
    torch.testing.assert_close(layer.backward(dy), theirs.grad)


def test_bfloat16_forward_matches_torch():
    ours, theirs, features = pair("net", torch.bfloat16)
    x = randn(4, features, dtype=torch.bfloat16)
    torch.testing.assert_close(ours(x), theirs(x).detach())


def test_wrong_shapes_are_refused_with_both_shapes():
    layer = Linear(4, 3)
    with pytest.raises(ValueError, match=r"input has 5 .* expects 4 .*\(8, 5\).*\(3, 4\)"):
        layer(torch.ones(8, 5))
    layer(torch.ones(8, 4))
    with pytest.raises(ValueError, match=r"\(8, 4\), the output had \(8, 3\)"):
        layer.backward(torch.ones(8, 4))
    relu = ReLU()
    relu(torch.ones(8, 3))
    with pytest.raises(ValueError, match=r"\(3,\), the output had \(8, 3\)"):
        relu.backward(torch.ones(3))


def test_backward_before_forward_says_so():
    with pytest.raises(AttributeError, match=r"Linear has no 'x'.*call forward first"):
        Linear(4, 3).backward(torch.ones(2, 3))


def test_options_left_out_are_refused_by_name():
    with pytest.raises(NotImplementedError, match="ReLU: inplace=True is left out"):
        ReLU(inplace=True)
    with pytest.raises(TypeError, match="argument 1 is a builtin"):
        Sequential(ReLU(), torch.relu)
    with pytest.raises(ValueError, match="in_features=0"):
        Linear(0, 3)


def test_train_and_eval_reach_the_innermost_layer():
    net = Sequential(Sequential(ReLU()))
    net.eval()
    assert net[0][0].training is False
    net.train()
    assert net[0][0].training is True


class Scaler(Layer):
    """A layer with several inputs, a buffer, a counter and a child: what later layers need."""

    parameter_names = ("gain",)
    buffer_names = ("mean", "count")

    def __init__(self):
        super().__init__()
        self.gain, self.mean, self.count = torch.ones(2), torch.zeros(2), torch.tensor(0)
        self.proj = Linear(2, 2)

    def forward(self, a, b):
        self.a, self.b = a, b
        return self.gain * self.proj(a) + b

    def backward(self, dy):
        self.grads["gain"] = (dy * self.proj(self.a)).sum(0)
        return self.proj.backward(dy * self.gain), dy


def test_the_contract_carries_buffers_children_and_several_inputs():
    layer = Scaler()
    names = ["gain", "mean", "count", "proj.weight", "proj.bias"]
    assert list(layer.state_dict()) == names
    layer.to(torch.float64)
    assert layer.mean.dtype == layer.proj.weight.dtype == torch.float64
    assert layer.count.dtype == torch.int64
    a, b = randn(3, 2, dtype=torch.float64), randn(3, 2, seed=1, dtype=torch.float64)
    da, db = layer.backward(torch.ones_like(layer(a, b)))
    assert da.shape == db.shape == (3, 2)
    assert set(layer.grads) == {"gain", "proj.weight", "proj.bias"}


def test_a_layer_prints_its_shapes():
    net = Sequential(Linear(4, 3), ReLU())
    assert repr(net) == "Sequential(0: Linear(weight (3, 4), bias (3,)), 1: ReLU())"
