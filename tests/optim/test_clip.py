"""Clipping gradients, against torch.nn.utils."""

import pytest
import torch

from course_utils.layers import Linear, ReLU, Sequential
from course_utils.optim import SGD, clip_grad_norm_, clip_grad_value_
from twins import close, randn


def after_backward():
    """A network of layers in layers and its twin, with the same gradients."""
    net = Sequential(Linear(3, 4), Sequential(ReLU(), Linear(4, 2))).to(torch.float64)
    net(randn(5, 3))
    net.backward(randn(5, 2, seed=1))
    twin = [parameter.clone().requires_grad_() for _, parameter in net.named_parameters()]
    for leaf, (name, _) in zip(twin, net.named_parameters(), strict=True):
        leaf.grad = net.grads[name].clone()
    return net, twin


@pytest.mark.parametrize("norm_type", [1.0, 2.0, 3.5, float("inf")])
@pytest.mark.parametrize("max_norm", [1e-3, 0.5, 1e6])
def test_the_norm_is_clipped_as_in_torch(norm_type, max_norm):
    net, twin = after_backward()
    total = clip_grad_norm_(net, max_norm, norm_type)
    expected = torch.nn.utils.clip_grad_norm_(twin, max_norm, norm_type)
    close(total, expected, "norm before")
    for leaf, (name, _) in zip(twin, net.named_parameters(), strict=True):
        close(net.grads[name], leaf.grad, name)
    again = clip_grad_norm_(net, max_norm, norm_type)
    assert again <= max_norm * (1 + 1e-12) or max_norm == 1e6


@pytest.mark.parametrize("clip_value", [0.01, 0.5, 1e6])
def test_values_are_clipped_as_in_torch(clip_value):
    net, twin = after_backward()
    clip_grad_value_(net, clip_value)
    torch.nn.utils.clip_grad_value_(twin, clip_value)
    for leaf, (name, _) in zip(twin, net.named_parameters(), strict=True):
        assert torch.equal(net.grads[name], leaf.grad)


def test_the_optimizer_sees_the_clipped_gradient_and_the_old_tensors_stay():
    net, _ = after_backward()
    name = "1.1.weight"
    gradient, before = net.grads[name], dict(net.named_parameters())[name]
    copy = gradient.clone()
    total = clip_grad_norm_(net, 0.25)
    SGD(net, lr=1.0).step()
    assert torch.equal(gradient, copy)
    after = dict(net.named_parameters())[name]
    torch.testing.assert_close(before - after, copy * 0.25 / total, rtol=1e-4, atol=0)


def test_without_gradients_there_is_nothing_to_clip():
    net = Sequential(Linear(3, 2))
    assert clip_grad_norm_(net, 1.0) == 0
    clip_grad_value_(net, 1.0)
    assert net.grads == {}
