"""Weight standardization of a linear layer and of a convolution."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from course_utils.layers import Layer, Linear, ReLU, WeightStandardization, as_module
from twins import DEVICES, DTYPES, close, compare, finite_differences, randn


class Convolution(Layer):
    """As little of a Conv2d as shows that a weight of four dimensions is standardized, too."""

    parameter_names = ("weight", "bias")

    def __init__(self, channels, filters, size):
        super().__init__()
        self.weight, self.bias = torch.ones(filters, channels, size, size), torch.zeros(filters)

    def forward(self, x):
        self.shape, size = x.shape[2:], self.weight.shape[-1]
        self.columns = F.unfold(x, size)
        y = self.weight.flatten(1) @ self.columns + self.bias[:, None]
        return y.unflatten(2, (x.shape[2] - size + 1, x.shape[3] - size + 1))

    def backward(self, dy):
        dy = dy.flatten(2)
        dw = (dy @ self.columns.transpose(1, 2)).sum(0)
        self.grads["weight"] = dw.view(self.weight.shape)
        self.grads["bias"] = dy.sum((0, 2))
        return F.fold(self.weight.flatten(1).T @ dy, self.shape, self.weight.shape[-1])


class Standardized(nn.Module):
    """The twin: autograd through the formula."""

    def __init__(self, layer, eps):
        super().__init__()
        self.layer, self.eps = layer, eps

    def forward(self, x):
        weight = self.layer.weight
        over = tuple(range(1, weight.ndim))
        var, mean = torch.var_mean(weight, over, correction=0, keepdim=True)
        weight = (weight - mean) / (var + self.eps).sqrt()
        function = F.linear if weight.ndim == 2 else F.conv2d
        return function(x, weight, self.layer.bias)


def pair(kind, eps=1e-5, dtype=torch.float64, device="cpu"):
    torch.manual_seed(3)
    ours, theirs = {
        "linear": lambda: (Linear(4, 3), nn.Linear(4, 3)),
        "linear without bias": lambda: (Linear(4, 3, False), nn.Linear(4, 3, bias=False)),
        "convolution": lambda: (Convolution(2, 3, 2), nn.Conv2d(2, 3, 2)),
    }[kind]()
    theirs = Standardized(theirs, eps).to(device, dtype)
    ours = WeightStandardization(ours, eps).to(dtype).to(device)
    ours.load_state_dict(theirs.state_dict())
    return ours, theirs, (5, 2, 4, 3) if kind == "convolution" else (5, 4)


each_kind = pytest.mark.parametrize("kind", ["linear", "linear without bias", "convolution"])


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("eps", [1e-5, 0.2])
@each_kind
def test_values_and_gradients_match_autograd_through_the_formula(kind, eps, dtype, device):
    ours, theirs, shape = pair(kind, eps, dtype, device)
    compare(ours, theirs, randn(*shape, dtype=dtype, device=device))


@each_kind
def test_gradients_match_finite_differences(kind):
    layer, _, shape = pair(kind)
    finite_differences(layer, randn(*shape))


@each_kind
def test_bfloat16_forward_matches_the_formula(kind):
    ours, theirs, shape = pair(kind, dtype=torch.bfloat16)
    x = randn(*shape, dtype=torch.bfloat16)
    with torch.no_grad():
        close(ours(x), theirs(x), kind)


def test_the_weight_that_is_used_has_mean_zero_and_variance_one_for_each_output():
    layer, _, _ = pair("linear", eps=0)
    layer.layer.bias = torch.zeros(3, dtype=torch.float64)
    used = layer(torch.eye(4, dtype=torch.float64)).T
    assert used.mean(1).abs().max() < 1e-15
    close(used.var(1, correction=0), torch.ones(3, dtype=torch.float64), "variance")


def test_scale_and_shift_of_an_outputs_weights_change_nothing():
    layer, _, shape = pair("convolution", eps=0)
    x = randn(*shape)
    y = layer(x)
    layer.backward(randn(*y.shape, seed=1))
    gradient = layer.grads["layer.weight"].flatten(1)
    weight = layer.layer.weight
    # Therefore the gradient is orthogonal to both directions.
    assert gradient.sum(1).abs().max() < 1e-13
    assert (gradient * weight.flatten(1)).sum(1).abs().max() < 1e-13
    layer.layer.weight = weight * torch.tensor([2.0, 3.0, 0.1]).view(3, 1, 1, 1) + 7
    close(layer(x), y, "value")


def test_the_layers_own_weight_is_in_its_place_after_each_way_and_after_an_error():
    layer, _, shape = pair("linear")
    weight = layer.layer.weight
    y = layer(randn(*shape))
    assert layer.layer.weight is weight
    layer.backward(y)
    assert layer.layer.weight is weight
    with pytest.raises(ValueError, match="input has 7 features"):
        layer(randn(2, 7))
    assert layer.layer.weight is weight


def test_it_trains_as_the_formula_as_a_module():
    ours, theirs, shape = pair("convolution")
    module, x = as_module(ours), randn(*shape)
    for network in (module, theirs):
        optimizer = torch.optim.SGD(network.parameters(), lr=0.01)
        for _ in range(4):
            optimizer.zero_grad()
            network(x).sub(1).square().mean().backward()
            optimizer.step()
    for name, tensor in theirs.state_dict().items():
        close(module.state_dict()[name], tensor, name)


def test_what_has_no_weight_is_refused():
    with pytest.raises(TypeError, match="needs a layer with a weight, got a ReLU"):
        WeightStandardization(ReLU())
    with pytest.raises(TypeError, match="needs a layer with a weight, got a Conv2d"):
        WeightStandardization(nn.Conv2d(1, 1, 1))
