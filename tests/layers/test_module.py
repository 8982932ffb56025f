"""as_module: reference layers inside torch's autograd."""

import pytest
import torch

from course_utils.layers import Layer, Linear, ReLU, Sequential, as_module
from twins import close, randn


def net():
    return Sequential(Linear(4, 5), ReLU(), Sequential(Linear(5, 2))).to(torch.float64)


class Counter(Layer):
    """Nested inputs and outputs, an integer input, a missing output, a buffer that changes."""

    parameter_names = ("gain",)
    buffer_names = ("calls",)

    def __init__(self):
        super().__init__()
        self.gain, self.calls = torch.ones(3, dtype=torch.float64), torch.tensor(0)

    def forward(self, x, index, state, *, mask=None):
        h, c = state
        self.x, self.h, self.index, self.mask = x, h, index, mask
        self.calls = self.calls + self.training
        y = self.gain * x[index] * h
        return (y if mask is None else y * mask), (c + 1, None)

    def backward(self, dy, d_state):
        dc, _ = d_state
        dy = dy if self.mask is None else dy * self.mask
        picked = self.x[self.index]
        self.grads["gain"] = (dy * picked * self.h).sum(0)
        dx = torch.zeros_like(self.x).index_add(0, self.index, dy * self.gain * self.h)
        return dx, ((dy * self.gain * picked), dc)


def by_autograd(gain, x, index, state, mask=1.0):
    return gain * x[index] * state[0] * mask, state[1] + 1


def test_a_module_has_the_layers_names_values_and_gradients():
    layer = net()
    module = as_module(layer)
    assert list(module.state_dict()) == list(layer.state_dict())
    x = randn(7, 4).requires_grad_()
    y = module(x)
    torch.testing.assert_close(y, layer(x.detach()))
    y.backward(torch.ones_like(y))
    torch.testing.assert_close(x.grad, layer.backward(torch.ones_like(y)))
    for name, parameter in module.named_parameters():
        torch.testing.assert_close(parameter.grad, layer.grads[name])


def test_a_module_passes_torchs_own_gradient_check():
    module = as_module(net())
    x = randn(3, 4).requires_grad_()

    def function(x, *parameters):
        return torch.func.functional_call(module, dict(zip(names, parameters, strict=True)), x)

    names, parameters = zip(*module.named_parameters(), strict=True)
    assert torch.autograd.gradcheck(function, (x, *parameters))


def test_calls_before_the_way_back_do_not_disturb_each_other():
    module = as_module(net())
    a, b = randn(3, 4).requires_grad_(), randn(5, 4, seed=1).requires_grad_()
    (module(a).sum() + 2 * module(b).sum()).backward()
    together = a.grad.clone()
    a.grad = None
    module(a).sum().backward()
    close(together, a.grad, "gradient of the first call")


def test_nested_inputs_integers_constants_and_buffers_go_through():
    module = as_module(Counter())
    leaves = [randn(4, 3, seed=i).requires_grad_() for i in range(3)]
    x, h, c = leaves
    index = torch.tensor([1, 1, 0, 3])
    mask = torch.tensor([0.0, 1.0, 2.0], dtype=torch.float64)
    y, (c_next, nothing) = module(x, index, (h, c), mask=mask)
    assert nothing is None
    (y * y).sum().backward()
    ours = [x.grad, h.grad, c.grad, module.gain.grad]
    twins = [leaf.detach().clone().requires_grad_() for leaf in (*leaves, module.gain)]
    expected, _ = by_autograd(twins[3], twins[0], index, (twins[1], twins[2]), mask)
    (expected * expected).sum().backward()
    for ours_, twin in zip(ours[:2] + ours[3:], twins[:2] + twins[3:], strict=True):
        close(ours_, twin.grad, "gradient")
    assert not ours[2].any()
    assert torch.equal(c_next, c + 1)
    assert module.calls == 1
    module.eval()(x, index, (h, c))
    assert module.calls == 1


def test_the_layer_itself_is_left_alone():
    layer = net()
    before = {name: tensor.clone() for name, tensor in layer.state_dict().items()}
    module = as_module(layer)
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    module(randn(3, 4)).sum().backward()
    optimizer.step()
    assert not torch.equal(module.get_parameter("0.weight"), before["0.weight"])
    for name, tensor in layer.state_dict().items():
        assert torch.equal(tensor, before[name])
    with pytest.raises(AttributeError, match="call forward first"):
        layer[0].backward(randn(3, 5))


def test_an_optimizer_of_torch_trains_it_exactly_as_the_twin():
    twin = torch.nn.Sequential(torch.nn.Linear(4, 5), torch.nn.ReLU(), torch.nn.Linear(5, 2))
    twin.to(torch.float64)
    module = as_module(Sequential(Linear(4, 5), ReLU(), Linear(5, 2)).to(torch.float64))
    module.load_state_dict(twin.state_dict())
    x = randn(20, 4)
    for network in (module, twin):
        optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
        for _ in range(30):
            optimizer.zero_grad()
            network(x).square().sum().backward()
            optimizer.step()
    for name, tensor in module.state_dict().items():
        close(tensor, twin.state_dict()[name], name)
